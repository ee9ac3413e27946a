"""Equilibrated gradient descent."""

from __future__ import annotations

import copy

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import layers, objectives
from nncore import updates as up

CURVATURE = np.array([1000.0, 1.0, -0.5, 0.01])


def make(dtype="float64"):
    return pytensor.shared(np.array([1.0, -2.0, 0.5, 3.0], dtype=dtype), name="w")


def quadratic(w):
    return (0.5 * CURVATURE.astype(w.type.dtype) * pt.sqr(w)).sum()


def generator_of(updates):
    from nncore.training.functions import random_streams

    (generator,) = random_streams(updates.values())
    return generator.get_value(borrow=False)


def test_ten_steps_are_those_of_the_formula_in_numpy(fast):
    w = make()
    with pytensor.config.change_flags(floatX="float64"):
        updates = up.esgd(quadratic(w), [w], learning_rate=0.05, rho=0.8, epsilon=1e-3, seed=5)
        drawn = copy.deepcopy(generator_of(updates))
        step = pytensor.function([], [], updates=updates, mode=fast)
        expected, average = w.get_value(), 0.0
        for t in range(1, 11):
            v = drawn.normal(size=4)
            average = 0.8 * average + 0.2 * (CURVATURE * v) ** 2
            scale = np.sqrt(average / (1 - 0.8**t) + 1e-3)
            expected = expected - 0.05 * CURVATURE * expected / scale
            step()
    np.testing.assert_allclose(w.get_value(), expected, rtol=1e-10)


def test_coordinates_of_any_curvature_are_left_at_one_speed_as_the_paper_promises(fast):
    # By E[(Hv)^2] = H^2, the step is near to lr * sign(H) * w, whatever the size of H.
    w = make()
    start = w.get_value()
    updates = up.esgd(quadratic(w), [w], learning_rate=0.01, rho=0.99, seed=1)
    step = pytensor.function([], [], updates=updates, mode=fast)
    for _ in range(200):
        step()
    ratio = w.get_value() / start
    convex = np.array([True, True, False, True])
    # One speed to within the noise of the estimate; where the curvature is negative, away.
    assert ratio[convex] == pytest.approx(np.exp(-2.0), rel=0.35)
    assert ratio[~convex] > 2


def test_given_gradients_are_descended_along_with_the_curvature_of_the_loss(fast):
    w, other = make(), make()
    loss = quadratic(w)
    clipped = up.clip_by_value(up.get_or_compute_grads(loss, [w]), 1.0)
    updates = up.esgd(loss, [w], learning_rate=0.1, grads=clipped, seed=2)
    plain = up.esgd(quadratic(other), [other], learning_rate=0.1, seed=2)
    moved = pytensor.function([], updates[w] - w, mode=fast)()
    whole = pytensor.function([], plain[other] - other, mode=fast)()
    gradient = CURVATURE * w.get_value()
    np.testing.assert_allclose(moved, whole * np.clip(gradient, -1, 1) / gradient, rtol=1e-6)


def test_gradients_instead_of_a_loss_are_refused():
    w = make()
    with pytest.raises(TypeError, match=r"esgd needs the loss.*not list"):
        up.esgd([w], [w])


def test_everything_has_the_dtype_of_the_parameter():
    w = make("float32")
    updates = up.esgd(quadratic(w), [w], learning_rate=np.float64(0.1))
    assert {value.type.dtype for value in updates.values()} == {"float32"}


def test_a_network_with_a_hidden_layer_and_dropout_trains(fast):
    net = layers.InputLayer((None, 2))
    net = layers.DropoutLayer(layers.DenseLayer(net, 8, nonlinearity=pt.tanh), 0.1)
    net = layers.DenseLayer(net, 1, nonlinearity=None)
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    y = (x[:, :1] * x[:, 1:]).astype("float32")
    loss = objectives.squared_error(layers.get_output(net, x), y).mean()
    params = layers.get_all_params(net, trainable=True)
    step = pytensor.function([], loss, updates=up.esgd(loss, params, 0.05, seed=0), mode=fast)
    losses = [float(step()) for _ in range(300)]
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:20])
