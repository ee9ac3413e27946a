"""Rules on a quadratic and on Rosenbrock's function, as their papers describe them."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import updates as up


def rosenbrock(w):
    return pt.sqr(1 - w[0]) + 100 * pt.sqr(w[1] - pt.sqr(w[0]))


def path(rule, function, steps, fast, start=(-1.2, 1.0), **options):
    w = pytensor.shared(np.array(start), name="w")
    with pytensor.config.change_flags(floatX="float64"):
        loss = function(w)
        step = pytensor.function([], loss, updates=rule(loss, [w], **options), mode=fast)
        losses = [float(step()) for _ in range(steps)]
    return np.array(losses), w.get_value()


#: Settings, steps, and what the value falls below on the way from 24.2 to 0, at (1, 1).
SETTINGS = {
    "sgd": ({"learning_rate": 1e-3}, 3000, 0.2),
    "momentum": ({"learning_rate": 1e-3, "momentum": 0.9}, 3000, 1e-3),
    "nesterov_momentum": ({"learning_rate": 1e-3, "momentum": 0.9}, 3000, 1e-3),
    "adagrad": ({"learning_rate": 0.5}, 3000, 0.2),
    "rmsprop": ({"learning_rate": 1e-3}, 4000, 0.1),
    "adadelta": ({"learning_rate": 1.0, "epsilon": 1e-4}, 3000, 2.0),
    "adam": ({"learning_rate": 0.02}, 3000, 1e-3),
    "adamax": ({"learning_rate": 0.1}, 3000, 1e-3),
    "amsgrad": ({"learning_rate": 0.05}, 3000, 1e-2),
    "rprop": ({"learning_rate": 0.01}, 3000, 1e-4),
    "esgd": ({"learning_rate": 0.1, "rho": 0.999, "seed": 3}, 3000, 2.5),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_curved_valley_is_followed_towards_its_end(name, fast):
    options, steps, bound = SETTINGS[name]
    losses, _ = path(getattr(up, name), rosenbrock, steps, fast, **options)
    assert losses[0] == pytest.approx(24.2)
    assert losses[-1] < bound


def test_gradient_descent_contracts_a_quadratic_by_its_eigenvalues(fast):
    curvature = np.array([1.0, 8.0])

    def quadratic(w):
        return 0.5 * (curvature * pt.sqr(w)).sum()

    _, w = path(up.sgd, quadratic, 20, fast, start=(1.0, 1.0), learning_rate=0.1)
    np.testing.assert_allclose(w, (1 - 0.1 * curvature) ** 20, rtol=1e-10)
    losses, _ = path(up.sgd, quadratic, 50, fast, start=(1.0, 1.0), learning_rate=0.26)
    assert losses[-1] > losses[0], "a rate above 2 / 8 diverges"


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_only_the_signs_of_gradients_matter_to_rprop(scale, fast):
    _, plain = path(up.rprop, rosenbrock, 100, fast)
    _, scaled = path(up.rprop, lambda w: scale * rosenbrock(w), 100, fast)
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)


@pytest.mark.parametrize("name", ["adam", "adamax", "amsgrad"])
def test_the_first_step_has_the_size_of_the_learning_rate(name, fast):
    start = np.array([-1.2, 1.0])
    _, w = path(getattr(up, name), rosenbrock, 1, fast, learning_rate=0.01)
    np.testing.assert_allclose(np.abs(w - start), 0.01, rtol=1e-6)
