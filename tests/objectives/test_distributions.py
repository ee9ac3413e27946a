"""Losses between distributions, against formulas in NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import special, stats

from nncore import objectives as ob
from nncore.nonlinearities import softmax

RNG = np.random.default_rng(0)
P = special.softmax(RNG.normal(size=(5, 4)), axis=1)
T = special.softmax(RNG.normal(size=(5, 4)), axis=1)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(4, 3)) + 1
MEAN, TARGETS = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
VARIANCE = RNG.uniform(0.1, 2, size=(5, 3))


def mmd(x, y, widths):
    def mean(a, b, width):
        return np.mean([[np.exp(-((p - q) ** 2).sum() / width) for q in b] for p in a])

    return sum(mean(x, x, w) + mean(y, y, w) - 2 * mean(x, y, w) for w in widths)


def gll(mean, targets, variance, epsilon):
    return np.array(
        [
            -stats.multivariate_normal(m, np.diag(v + epsilon)).logpdf(t)
            for m, t, v in zip(mean, targets, np.broadcast_to(variance, mean.shape), strict=True)
        ]
    )


CASES = {
    "kl": (ob.kullback_leibler, lambda p, t: special.rel_entr(t, p).sum(axis=1), P, T),
    "kl of a softmax": (
        lambda x, t: ob.kullback_leibler(softmax(x), t),
        lambda x, t: special.rel_entr(t, special.softmax(x, axis=1)).sum(axis=1),
        RNG.normal(size=(5, 4)),
        T,
    ),
    "mmd": (ob.maximum_mean_discrepancy, lambda x, y: mmd(x, y, [1]), X, Y),
    "mmd with two bandwidths": (
        lambda x, y: ob.maximum_mean_discrepancy(x, y, (0.5, 4)),
        lambda x, y: mmd(x, y, [0.5, 4]),
        X,
        Y,
    ),
    "mmd with a kernel of one's own": (
        lambda x, y: ob.maximum_mean_discrepancy(x, y, lambda a, b: pt.dot(a, b.T)),
        lambda x, y: ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum(),
        X,
        Y,
    ),
    "gll by the mean": (
        lambda m, t: ob.gaussian_log_likelihood(m, t, VARIANCE),
        lambda m, t: gll(m, t, VARIANCE, 1e-3),
        MEAN,
        TARGETS,
    ),
    "gll by the covariance": (
        lambda v, t: ob.gaussian_log_likelihood(MEAN, t, v, epsilon=0.01),
        lambda v, t: gll(MEAN, t, v, 0.01),
        VARIANCE,
        TARGETS,
    ),
    "gll with multiples of the identity": (
        lambda v, t: ob.gaussian_log_likelihood(MEAN, t, v, epsilon=0.0),
        lambda v, t: gll(MEAN, t, v, 0.0),
        VARIANCE[:, :1],
        TARGETS,
    ),
    "mae": (ob.absolute_error, lambda a, b: np.abs(a - b), MEAN, TARGETS),
    "hinge": (
        ob.hinge,
        lambda p, t: p.max(axis=1) - p[np.arange(5), t],
        MEAN,
        np.array([0, 2, 1, 1, 0]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_loss_is_its_formula_and_its_gradient_the_slope(name, fast):
    loss, formula, first, second = CASES[name]
    with pytensor.config.change_flags(floatX="float64"):
        a = pt.tensor("a", dtype="float64", shape=tuple(1 if n == 1 else None for n in first.shape))
        values = loss(a, pt.constant(second))
        gradient = pytensor.grad(values.sum(), a)
        result, grad = pytensor.function([a], [values, gradient], mode=fast)(first)
    np.testing.assert_allclose(result, formula(first, second), rtol=1e-7, atol=1e-12)
    direction = RNG.normal(size=first.shape)
    ends = [np.sum(formula(first + s * 1e-6 * direction, second)) for s in (1, -1)]
    assert (grad * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    loss, _, first, second = CASES[name]
    if "gll" in name:
        return
    small = pt.constant(first.astype("float32"))
    assert loss(small, pt.constant(second)).dtype == "float32"


def test_a_target_probability_of_zero_adds_nothing(fast):
    values = ob.kullback_leibler([[0.5, 0.5]], [[1.0, 0.0]]).eval(mode=fast)
    np.testing.assert_allclose(values, [np.log(2)], rtol=1e-6)


def test_the_likelihood_of_many_dimensions_has_the_sum_of_the_logarithms(fast):
    # The logarithm of the sum would grow with the logarithm of the dimensions only.
    losses = [
        ob.gaussian_log_likelihood(np.zeros((1, n)), np.zeros((1, n)), np.full((1, n), 3.0), 0.0)
        for n in (1, 10)
    ]
    one, ten = (float(loss.eval(mode=fast)[0]) for loss in losses)
    assert ten == pytest.approx(10 * one, rel=1e-6)


@pytest.mark.parametrize("kernel", [0, -1, (1, 0), ()])
def test_a_bandwidth_of_nothing_is_refused(kernel):
    with pytest.raises(ValueError, match="bandwidths greater than 0"):
        ob.maximum_mean_discrepancy([[0.0]], [[0.0]], kernel)
