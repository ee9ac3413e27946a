from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import toposort

import nncore.random
from nncore import init
from nncore.backends import get_mode
from nncore.feedback import feedback_alignment
from nncore.layers import (
    Conv2DLayer,
    DenseLayer,
    DropoutLayer,
    EmbeddingLayer,
    InputLayer,
    MaxPool2DLayer,
    NINLayer,
    batch_norm,
    get_all_layers,
    get_all_params,
    get_output,
)
from nncore.nonlinearities import softmax, tanh
from nncore.objectives import categorical_crossentropy, squared_error
from nncore.regularization import l2, regularize_network_params
from nncore.updates import adam, nesterov_momentum
from nncore.utils import collect_shared_vars

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def mlp():
    network = InputLayer((None, 6))
    for units in (5, 4):
        network = DenseLayer(network, units, W=init.Normal(0.5), b=init.Normal(0.1))
        network.nonlinearity = tanh
    return DenseLayer(network, 3, W=init.Normal(0.5), nonlinearity=softmax)


def loss_of(network, targets, **options):
    return categorical_crossentropy(get_output(network, **options), targets).mean()


def convolutional():
    network = InputLayer((None, 2, 8, 8))
    network = Conv2DLayer(network, 4, 3, nonlinearity=tanh)
    network = batch_norm(Conv2DLayer(network, 6, 3, num_groups=2, pad=1, stride=2))
    network = MaxPool2DLayer(NINLayer(network, 5), 2, ignore_border=False)
    return DenseLayer(network, 3, nonlinearity=softmax)


def test_the_gradients_are_those_of_a_backward_pass_through_the_feedback_matrices(fast):
    network = mlp()
    params = get_all_params(network)
    W2, W3 = params[2], params[4]
    B2, B3 = normal(5, 4), normal(4, 3)
    t = pt.ivector("t")
    penalty = 0.01 * regularize_network_params(network, l2)
    grads = feedback_alignment(
        loss_of(network, t) + penalty, network, params, feedback={W2: B2, W3: B3}
    )
    x, labels = normal(7, 6), rng.integers(0, 3, 7).astype("int32")
    inputs = [network.input_layer.input_layer.input_layer.input_var, t]
    found = pytensor.function(inputs, grads, mode=fast)(x, labels)

    v1, c1, v2, c2, v3, c3 = (p.get_value().astype("float64") for p in params)
    h1 = np.tanh(x @ v1 + c1)
    h2 = np.tanh(h1 @ v2 + c2)
    z = np.exp(h2 @ v3 + c3)
    error = (z / z.sum(axis=1, keepdims=True) - np.eye(3)[labels]) / 7
    error2 = (error @ B3.T) * (1 - h2**2)
    error1 = (error2 @ B2.T) * (1 - h1**2)
    expected = [
        x.T @ error1 + 0.02 * v1,
        error1.sum(axis=0),
        h1.T @ error2 + 0.02 * v2,
        error2.sum(axis=0),
        h2.T @ error + 0.02 * v3,
        error.sum(axis=0),
    ]
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
        assert one.dtype == "float32"


@pytest.mark.parametrize(
    ("build", "shape"), [(mlp, (7, 6)), (convolutional, (7, 2, 8, 8))], ids=["mlp", "convolutional"]
)
def test_with_the_weights_as_feedback_it_is_backpropagation(build, shape, fast):
    network = build()
    params = get_all_params(network, trainable=True)
    weights = [param for param in params if param.ndim >= 2]
    t = pt.ivector("t")
    loss = loss_of(network, t)
    aligned = feedback_alignment(loss, network, params, {w: w for w in weights[1:]})
    usual = pt.grad(loss, params)
    inputs = [get_all_layers(network)[0].input_var, t]
    f = pytensor.function(inputs, [*aligned, *usual], mode=fast)
    results = f(normal(*shape), rng.integers(0, 3, 7).astype("int32"))
    for one, two in zip(results[: len(params)], results[len(params) :], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-6)


def test_a_convolutions_error_goes_back_through_the_feedback_filters(fast):
    first = Conv2DLayer(InputLayer((2, 1, 6, 6)), 3, 3, nonlinearity=None, b=None)
    network = Conv2DLayer(first, 2, 3, nonlinearity=None, b=None, flip_filters=False)
    target = normal(2, 2, 2, 2)
    loss = (get_output(network) * target).sum()
    B = normal(2, 3, 3, 3)
    grad = feedback_alignment(loss, network, [first.W], {network.W: B})[0]
    x = normal(2, 1, 6, 6)
    found = pytensor.function([first.input_layer.input_var], grad, mode=fast)(x)

    back = np.zeros((2, 3, 4, 4))
    for i in range(2):
        for j in range(2):
            back[:, :, i : i + 3, j : j + 3] += np.einsum("nf,fcrs->ncrs", target[:, :, i, j], B)
    expected = np.zeros((3, 1, 3, 3))
    for i in range(3):
        for j in range(3):
            window = x[:, :, i : i + 4, j : j + 4]
            expected[:, :, 2 - i, 2 - j] = np.einsum("nfrs,ncrs->fc", back, window)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_weights_outside_of_the_dict_keep_backpropagation(fast):
    network = mlp()
    params = get_all_params(network)
    t = pt.ivector("t")
    loss = loss_of(network, t)
    last = network.W
    aligned = feedback_alignment(loss, network, params, {last: normal(4, 3)})
    f = pytensor.function(
        [get_all_layers(network)[0].input_var, t],
        [aligned[4], pt.grad(loss, last), aligned[0], pt.grad(loss, params[0])],
        mode=fast,
    )
    one, two, first, usual = f(normal(7, 6), rng.integers(0, 3, 7).astype("int32"))
    np.testing.assert_allclose(one, two, rtol=1e-5)
    assert np.abs(first - usual).max() > 1e-3


def test_every_weight_above_the_first_gets_fixed_feedback_of_its_name():
    network = convolutional()
    params = get_all_params(network, trainable=True)
    grads = feedback_alignment(loss_of(network, pt.ivector()), network, params)
    fixed = [v for v in collect_shared_vars(grads) if v.name and "feedback" in v.name]
    assert len(grads) == len(params)
    weights = [param for param in params if param.ndim >= 2][1:]
    assert sorted((v.name, v.type.shape) for v in fixed) == sorted(
        (f"{w.name}.feedback", w.type.shape) for w in weights
    )
    updates = adam(grads, params)
    assert not set(fixed) & set(updates)


def test_nothing_of_its_own_is_left_in_the_graph():
    network = mlp()
    grads = feedback_alignment(loss_of(network, pt.ivector()), network)
    names = {type(node.op).__module__ for node in toposort(grads)}
    assert "nncore.feedback" not in names


def test_dropout_draws_the_same_numbers_forth_and_back(fast):
    hidden = DenseLayer(InputLayer((None, 6)), 50, b=init.Constant(1.0), W=init.Constant(0.0))
    network = DenseLayer(DropoutLayer(hidden), 1, nonlinearity=None)
    output = get_output(network)
    grads = feedback_alignment(output.sum(), network, [hidden.b, network.W])
    f = pytensor.function([hidden.input_layer.input_var], grads, mode=fast)
    db, dW = f(normal(1, 6))
    np.testing.assert_array_equal(db != 0, dW[:, 0] != 0)
    assert 0 < (db != 0).sum() < 50


def train(mode, steps):
    state = np.random.RandomState(3)
    nncore.random.set_rng(state)
    try:
        network = mlp()
        t = pt.ivector("t")
        loss = loss_of(network, t)
        params = get_all_params(network, trainable=True)
        grads = feedback_alignment(loss, network, params)
    finally:
        nncore.random.set_rng(np.random)
    updates = nesterov_momentum(grads, params, learning_rate=0.1)
    inputs = [get_all_layers(network)[0].input_var, t]
    step = pytensor.function(inputs, loss, updates=updates, mode=mode)
    x = state.normal(size=(60, 6)).astype("float32")
    labels = x[:, :3].argmax(axis=1).astype("int32")
    return [float(step(x, labels)) for _ in range(steps)]


def test_it_learns(fast):
    losses = train(fast, 100)
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("backend", ["numba", pytest.param("jax", marks=pytest.mark.jax)])
def test_the_backends_agree(backend, fast):
    if backend == "jax":
        pytest.importorskip("jax")
    np.testing.assert_allclose(train(get_mode(backend), 5), train(fast, 5), rtol=1e-4)


def test_a_weight_without_a_place_for_feedback_is_refused():
    embedded = EmbeddingLayer(InputLayer((None,), pt.ivector()), 10, 4, name="words")
    network = DenseLayer(DenseLayer(embedded, 3, name="hidden"), 1, name="out")
    loss = get_output(network).mean()
    with pytest.raises(ValueError, match=r"words.W cannot have feedback.*hidden.W, out.W"):
        feedback_alignment(loss, network, feedback={embedded.W: init.Normal()})


def test_a_network_of_one_layer_has_nothing_to_align():
    network = DenseLayer(InputLayer((None, 3)), 2)
    with pytest.raises(ValueError, match="nothing for feedback alignment to do"):
        feedback_alignment(get_output(network).mean(), network)


def test_feedback_of_another_shape_is_refused():
    network = mlp()
    loss = squared_error(get_output(network), 0.0).mean()
    with pytest.raises(ValueError, match=r"W.feedback.*shape \(3, 4\), should be \(4, 3\)"):
        feedback_alignment(loss, network, feedback={network.W: normal(3, 4)})
