"""Nonlinearities."""

from __future__ import annotations

import importlib.util
import inspect
import pickle

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import special

from nncore import nonlinearities as nl

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772

REFERENCES = {
    "sigmoid": (nl.sigmoid, special.expit),
    "softmax": (nl.softmax, lambda x: special.softmax(x, axis=-1)),
    "tanh": (nl.tanh, np.tanh),
    "scaled_tanh": (nl.ScaledTanH(2 / 3, 1.7159), lambda x: 1.7159 * np.tanh(2 / 3 * x)),
    "rectify": (nl.rectify, lambda x: np.maximum(x, 0)),
    "leaky_rectify": (nl.leaky_rectify, lambda x: np.maximum(x, 0.01 * x)),
    "very_leaky_rectify": (nl.very_leaky_rectify, lambda x: np.maximum(x, x / 3)),
    "elu": (nl.elu, lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)),
    "clip": (nl.Clip(-0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5)),
    "clip above": (nl.Clip(None, 0.5), lambda x: np.minimum(x, 0.5)),
    "norm mean": (nl.Normalize("mean"), lambda x: x - x.mean(-1, keepdims=True)),
    "norm max": (nl.Normalize("max"), lambda x: x / (abs(x).max(-1, keepdims=True) + 1e-6)),
    "norm std": (nl.Normalize("std"), lambda x: x / np.sqrt(x.var(-1, keepdims=True) + 1e-12)),
    "norm z": (
        nl.Normalize("z"),
        lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12),
    ),
    "compose": (
        nl.Compose([nl.Normalize("mean"), nl.tanh]),
        lambda x: np.tanh(x - x.mean(-1, keepdims=True)),
    ),
    "selu": (
        nl.selu,
        lambda x: SCALE * np.where(x > 0, x, ALPHA * (np.exp(np.minimum(x, 0)) - 1)),
    ),
    "softplus": (nl.softplus, lambda x: np.logaddexp(0, x)),
    "linear": (nl.linear, lambda x: x),
}

VALUES = np.array([[-3.0, -1.0, -0.1], [0.2, 1.0, 4.0]])

by_name = pytest.mark.parametrize("name", REFERENCES)


@by_name
def test_the_output_is_the_formula_and_keeps_float32(name, fast):
    function, reference = REFERENCES[name]
    x = pt.fmatrix("x")
    output = function(x)
    assert output.type.dtype == "float32"
    result = pytensor.function([x], output, mode=fast)(VALUES.astype("float32"))
    np.testing.assert_allclose(result, reference(VALUES), rtol=2e-5, atol=1e-6)


@by_name
def test_the_gradient_is_the_slope(name, fast):
    function, reference = REFERENCES[name]
    x = pt.dmatrix("x")
    weights = np.arange(1.0, 7.0).reshape(2, 3)
    grad = pytensor.function([x], pt.grad((function(x) * weights).sum(), x), mode=fast)(VALUES)
    for index in np.ndindex(VALUES.shape):
        step = np.zeros_like(VALUES)
        step[index] = 1e-6
        slope = ((reference(VALUES + step) - reference(VALUES - step)) * weights).sum() / 2e-6
        assert grad[index] == pytest.approx(slope, rel=1e-5, abs=1e-6)


@by_name
def test_values_and_gradients_stay_finite_far_out(name, fast):
    function, _ = REFERENCES[name]
    x = pt.fvector("x")
    output = function(x)
    far = np.array([-1e4, -100, 0, 100, 1e4], "float32")
    for result in pytensor.function([x], [output, pt.grad(output.sum(), x)], mode=fast)(far):
        assert np.isfinite(result).all()


@pytest.mark.parametrize("name", ["rectify", "leaky_rectify", "elu", "selu"])
@pytest.mark.parametrize("backend", ["py", "NUMBA"])
def test_nan_stays_visible(name, backend, fast):
    x = pt.fvector("x")
    mode = fast if backend == "py" else backend
    f = pytensor.function([x], REFERENCES[name][0](x), mode=mode)
    assert np.isnan(f(np.array([np.nan, 1], "float32"))).tolist() == [True, False]


def test_the_derivative_of_the_rectifier_at_zero_is_zero(fast):
    x = pt.fvector("x")
    grad = pytensor.function([x], pt.grad(nl.rectify(x).sum(), x), mode=fast)
    assert grad(np.zeros(1, "float32")) == 0


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_softmax_normalizes_the_last_axis(ndim, fast):
    x = pt.TensorType("float32", shape=(None,) * ndim)("x")
    value = np.random.RandomState(0).randn(*(2, 3, 4)[-ndim:]).astype("float32")
    result = pytensor.function([x], nl.softmax(x), mode=fast)(value)
    np.testing.assert_allclose(result, special.softmax(value, axis=-1), rtol=1e-5)


def test_softmax_needs_an_axis():
    with pytest.raises(ValueError, match="at least one axis"):
        nl.softmax(pt.scalar())


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
@pytest.mark.jax
def test_values_and_gradients_under_jax_are_those_of_python(fast):
    x = pt.fmatrix("x")
    outputs = [function(x) for function, _ in REFERENCES.values()]
    outputs += [pt.grad(pt.sqr(output).sum(), x) for output in outputs]
    value = VALUES.astype("float32")
    expected = pytensor.function([x], outputs, mode=fast)(value)
    for a, b in zip(pytensor.function([x], outputs, mode="JAX")(value), expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "other"),
    [
        (lambda: nl.LeakyRectify(0.2), nl.LeakyRectify(0.3)),
        (lambda: nl.ScaledTanH(2, 3), nl.ScaledTanH(2, 4)),
        (lambda: nl.SELU(2, 3), nl.SELU(3, 2)),
        (lambda: nl.Clip(0, 2), nl.Clip(0, None)),
        (lambda: nl.Normalize("z"), nl.Normalize("std")),
        (lambda: nl.Compose((nl.Normalize("z"), nl.Clip())), nl.Compose((nl.Clip(),))),
    ],
)
def test_parameters_decide_equality_and_survive_pickling(make, other):
    one = make()
    copy = pickle.loads(pickle.dumps(one))
    assert copy == one == make()
    assert hash(copy) == hash(one)
    assert one != other
    assert eval(repr(one), vars(nl)) == one


def test_classes_decide_equality_too():
    assert nl.ScaledTanH(2, 3) != nl.SELU(2, 3)
    assert nl.LeakyRectify(1 / 3) == nl.very_leaky_rectify


def test_a_numpy_parameter_does_not_widen_the_output():
    for function in (nl.LeakyRectify(np.float64(0.3)), nl.SELU(np.float64(2), np.float64(3))):
        assert function(pt.fmatrix()).type.dtype == "float32"


def test_a_symbolic_parameter_can_be_learned(fast):
    alpha = pytensor.shared(np.float32(0.5))
    loss = nl.LeakyRectify(alpha)(pt.constant(np.array([-2, 3], "float32"))).sum()
    assert pytensor.function([], pt.grad(loss, alpha), mode=fast)() == -2


def test_the_other_names_are_the_same_objects():
    assert nl.ScaledTanh is nl.ScaledTanH
    assert nl.identity is nl.linear


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_nonlinearity_keeps_the_floating_point_type(dtype):
    x = pt.matrix(dtype=dtype)
    arguments = {"Normalize": ("z",), "Compose": ([nl.tanh, nl.elu],)}
    for name in nl.__all__:
        function = getattr(nl, name)
        function = function(*arguments.get(name, ())) if inspect.isclass(function) else function
        assert function(x).dtype == dtype, name


def test_limits_and_kinds_of_normalization_are_checked():
    with pytest.raises(ValueError, match="low=2 must not exceed high=1"):
        nl.Clip(2, 1)
    with pytest.raises(ValueError, match="by='mode' must be one of 'mean', 'max', 'std' and 'z'"):
        nl.Normalize("mode")


@pytest.mark.parametrize("by", ["mean", "max", "std", "z"])
def test_equal_activations_have_a_finite_normalization_and_gradient(by, fast):
    x = pt.fmatrix()
    output = nl.Normalize(by)(x)
    f = pytensor.function([x], [output, pt.grad(output[0, 0], x)], mode=fast)
    assert all(np.isfinite(v).all() for v in f(np.full((1, 3), 2, "float32")))
