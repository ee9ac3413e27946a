from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import init
from nncore.layers import (
    BiasLayer,
    DenseLayer,
    ExpressionLayer,
    InputLayer,
    NonlinearityLayer,
    ParametricRectifierLayer,
    RandomizedRectifierLayer,
    ScaleLayer,
    get_all_layers,
    get_all_params,
    get_output,
    prelu,
    rrelu,
    standardize,
)
from nncore.nonlinearities import identity, tanh

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 3, 4)).astype("float32")


def apply(layer, x, fast, **options):
    bottom = get_all_layers(layer)[0]
    result = pytensor.function([bottom.input_var], get_output(layer, **options), mode=fast)(x)
    assert result.dtype == "float32"
    return result


def test_nonlinearity_layer_applies_a_function(fast):
    layer = NonlinearityLayer(InputLayer((None, 3, 4)), tanh)
    np.testing.assert_allclose(apply(layer, X, fast), np.tanh(X), rtol=1e-5)
    assert NonlinearityLayer((None, 3), None).nonlinearity is identity


AXES = [
    ("auto", (3,), (1, 3, 1)),
    ("all", (), (1, 1, 1)),
    (0, (3, 4), (1, 3, 4)),
    ((0, 1), (4,), (1, 1, 4)),
    ((-1, 0), (3,), (1, 3, 1)),
]


@pytest.mark.parametrize(("axes", "shape", "wide"), AXES)
def test_bias_and_scale_are_shared_along_axes(axes, shape, wide, fast):
    bottom = InputLayer((None, 3, 4))
    bias = BiasLayer(bottom, init.Normal(1.0), axes)
    scale = ScaleLayer(bottom, init.Normal(1.0), axes)
    b, s = bias.b.get_value(), scale.scales.get_value()
    assert b.shape == s.shape == shape
    np.testing.assert_allclose(apply(bias, X, fast), X + b.reshape(wide), rtol=1e-5)
    np.testing.assert_allclose(apply(scale, X, fast), X * s.reshape(wide), rtol=1e-5)
    assert bias.get_params(regularizable=True) == []
    assert scale.get_params(trainable=True) == [scale.scales]


def test_bias_layer_without_bias_does_nothing():
    layer = BiasLayer(InputLayer((None, None)), None)
    assert get_output(layer) is layer.input_layer.input_var


@pytest.mark.parametrize("cls", [BiasLayer, ScaleLayer, ParametricRectifierLayer])
def test_parameters_need_axes_of_fixed_size(cls):
    with pytest.raises(ValueError, match=rf"{cls.__name__} 'l' needs fixed sizes"):
        cls((None, None, 4), name="l")
    with pytest.raises(ValueError, match="shared_axes='some' is not known"):
        cls((None, 3), shared_axes="some")
    with pytest.raises(ValueError, match=r"shared_axes=\(2,\) must be among the 2 axes"):
        cls((None, 3), shared_axes=(2,))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda v: v,
        lambda v: v.tolist(),
        lambda v: pytensor.shared(v.astype("float32")),
        lambda v: lambda shape: v.reshape(shape),
    ],
)
def test_standardize_subtracts_and_divides(wrap, fast):
    offset, scale = np.array([1.0, 2, 3]), np.array([0.5, 1, 2])
    layer = standardize(InputLayer((None, 3, 4)), wrap(offset), wrap(scale))
    expected = (X - offset[:, None]) / scale[:, None]
    np.testing.assert_allclose(apply(layer, X, fast), expected, rtol=1e-5, atol=1e-6)
    assert len(get_all_params(layer)) == 2
    assert get_all_params(layer, trainable=True) == []
    assert get_all_params(layer, regularizable=True) == []


def test_expression_layer_keeps_the_shape_unless_told(fast):
    bottom = InputLayer((None, 3, 4))
    layer = ExpressionLayer(bottom, lambda x: x**2)
    assert layer.output_shape == (None, 3, 4)
    np.testing.assert_allclose(apply(layer, X, fast), X**2, rtol=1e-5)

    def total(x):
        return x.sum(axis=-1)

    assert ExpressionLayer(bottom, total, output_shape=[None, 3]).output_shape == (None, 3)
    assert ExpressionLayer(bottom, total, lambda shape: shape[:-1]).output_shape == (None, 3)
    assert ExpressionLayer(bottom, total, "auto").output_shape == (None, 3)


def test_expression_layer_finds_shapes_automatically():
    layer = ExpressionLayer((2, 3, 4), lambda x: x.sum(1).dimshuffle(1, "x", 0), "auto")
    assert layer.output_shape == (4, 1, 2)
    assert ExpressionLayer((None, 3), lambda x: x[:, :2], "auto").output_shape == (None, 2)
    with pytest.raises(ValueError, match="output_shape='guess' is not known"):
        ExpressionLayer((None, 3), pt.exp, "guess")


@pytest.mark.parametrize(("axes", "shape", "wide"), AXES)
def test_parametric_rectifier_has_a_slope_below_zero(axes, shape, wide, fast):
    layer = ParametricRectifierLayer(InputLayer((None, 3, 4)), init.Normal(1.0), axes)
    alpha = layer.alpha.get_value()
    assert alpha.shape == shape
    expected = np.where(X > 0, X, X * alpha.reshape(wide))
    np.testing.assert_allclose(apply(layer, X, fast), expected, rtol=1e-5)


@pytest.mark.parametrize("function", [prelu, rrelu])
def test_rectifiers_replace_a_nonlinearity(function):
    dense = DenseLayer((None, 3), 2, nonlinearity=tanh)
    top = function(dense, name="top")
    assert top.input_layer is dense
    assert dense.nonlinearity is identity
    assert top.name == "top"
    function(InputLayer((None, 3)))


@pytest.mark.parametrize("shape", [(None, 30, 40), (200, 30, 40)])
def test_randomized_rectifier_draws_its_slopes_between_its_limits(shape, fast):
    x = np.full((200, 30, 40), -1, "float32")
    layer = RandomizedRectifierLayer(InputLayer(shape), 0.2, 0.6, shared_axes=())
    slopes = -apply(layer, x, fast)
    assert slopes.min() >= 0.2
    assert slopes.max() <= 0.6
    assert abs(slopes.mean() - 0.4) < 0.002
    np.testing.assert_allclose(slopes.std(), 0.4 / np.sqrt(12), rtol=0.01)
    np.testing.assert_array_equal(apply(layer, -x, fast), -x)


def test_randomized_rectifier_shares_slopes_along_axes(fast):
    x = np.full((2, 3, 4), -1, "float32")
    result = apply(RandomizedRectifierLayer(InputLayer((None, 3, 4))), x, fast)
    assert (result == result[:1, :, :1]).all()
    assert len(np.unique(result)) == 3
    result = apply(RandomizedRectifierLayer(InputLayer((None, 3, 4)), shared_axes="all"), x, fast)
    assert len(np.unique(result)) == 1


def test_randomized_rectifier_takes_the_mean_slope_when_deterministic(fast):
    layer = RandomizedRectifierLayer(InputLayer((None, 3, 4)), 0.2, 0.6)
    expected = np.where(X > 0, X, 0.4 * X)
    np.testing.assert_allclose(apply(layer, X, fast, deterministic=True), expected, rtol=1e-5)
    same = RandomizedRectifierLayer(InputLayer((None, 3, 4)), 0.4, 0.4)
    np.testing.assert_allclose(apply(same, X, fast), expected, rtol=1e-5)


def test_randomized_rectifier_refuses_limits_in_the_wrong_order():
    with pytest.raises(ValueError, match=r"lower=0\.9 must not be greater than upper=0\.1"):
        RandomizedRectifierLayer((None, 3), 0.9, 0.1)
