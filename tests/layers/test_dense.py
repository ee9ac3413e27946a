from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import init
from nncore.backends import get_mode
from nncore.layers import DenseLayer, InputLayer, NINLayer, get_output
from nncore.nonlinearities import identity, tanh

rng = np.random.default_rng(0)


def apply(layer, x, fast):
    f = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)
    result = f(x)
    assert result.dtype == "float32"
    assert all(
        known in (None, size) for known, size in zip(layer.output_shape, result.shape, strict=True)
    )
    return result


@pytest.mark.parametrize(
    ("shape", "leading", "expected"),
    [
        ((4, 3), 1, "ij,jk->ik"),
        ((4, 2, 3), 2, "aij,jk->aik"),
        ((4, 2, 3), -1, "aij,jk->aik"),
        ((5, 4, 2, 3), 3, "abij,jk->abik"),
        ((3,), 0, "i,ij->j"),
    ],
)
def test_dense_layer_multiplies_and_adds(shape, leading, expected, fast):
    W = rng.normal(size=(3, 6)).astype("float32")
    b = rng.normal(size=6).astype("float32")
    x = rng.normal(size=shape).astype("float32")
    given = (None, *shape[1:]) if len(shape) > 1 else shape
    layer = DenseLayer(InputLayer(given), 6, W, b, tanh, leading)
    np.testing.assert_allclose(
        apply(layer, x, fast), np.tanh(np.einsum(expected, x, W) + b), rtol=1e-5, atol=1e-6
    )


def test_dense_layer_flattens_trailing_axes(fast):
    x = rng.normal(size=(5, 2, 3, 4)).astype("float32")
    for leading, rows in ((1, 24), (2, 12), (-2, 12)):
        layer = DenseLayer(InputLayer((None, 2, 3, 4)), 2, b=None, num_leading_axes=leading)
        assert layer.W.get_value().shape == (rows, 2)
        flat = x.reshape(*x.shape[: leading if leading > 0 else 2], rows)
        expected = np.maximum(flat @ layer.W.get_value(), 0)
        np.testing.assert_allclose(apply(layer, x, fast), expected, rtol=1e-5, atol=1e-6)


def test_dense_layers_bias_can_be_left_out_and_is_not_regularizable():
    assert DenseLayer((None, 3), 2, b=None).b is None
    layer = DenseLayer((None, 3), 2)
    assert layer.get_params(regularizable=True) == [layer.W]
    assert layer.get_params(trainable=True) == [layer.W, layer.b]
    assert DenseLayer((None, 3), 2, nonlinearity=None).nonlinearity is identity


def test_dense_layers_share_weights():
    first = DenseLayer((None, 3), 3)
    second = DenseLayer((None, 3), 3, W=first.W, b=first.b)
    assert second.W is first.W
    assert second.b is first.b


@pytest.mark.parametrize("leading", [2, 5, -3])
def test_dense_layer_refuses_a_number_of_leading_axes_out_of_range(leading):
    with pytest.raises(ValueError, match=r"DenseLayer 'd'.*num_leading_axes"):
        DenseLayer((None, 3), 2, num_leading_axes=leading, name="d")


def test_dense_layer_refuses_to_flatten_an_unknown_size():
    with pytest.raises(ValueError, match=r"DenseLayer.*must give a fixed size"):
        DenseLayer((None, 3, None), 2)


@pytest.mark.parametrize("units", [0, -1, 2.5, None, "3"])
def test_the_number_of_units_must_be_a_positive_integer(units):
    for cls in (DenseLayer, NINLayer):
        with pytest.raises(ValueError, match="num_units must be a positive integer"):
            cls((None, 3, 4), units)


@pytest.mark.parametrize("spatial", [(), (4,), (4, 5), (2, 4, 5)])
@pytest.mark.parametrize("untie", [False, True])
def test_nin_layer_is_a_dense_layer_at_every_position(spatial, untie, fast):
    x = rng.normal(size=(2, 3, *spatial)).astype("float32")
    layer = NINLayer(
        InputLayer((None, 3, *spatial)), 6, untie, b=init.Normal(1.0), nonlinearity=tanh
    )
    b = layer.b.get_value()
    assert b.shape == ((6, *spatial) if untie else (6,))
    product = np.einsum("nc...,cf->nf...", x, layer.W.get_value())
    b = b if untie else b.reshape(6, *[1] * len(spatial))
    np.testing.assert_allclose(apply(layer, x, fast), np.tanh(product + b), rtol=1e-5, atol=1e-6)


def test_nin_layer_without_bias(fast):
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    layer = NINLayer(InputLayer((None, 3, None)), 6, b=None, nonlinearity=None)
    assert layer.output_shape == (None, 6, None)
    expected = np.einsum("nci,cf->nfi", x, layer.W.get_value())
    np.testing.assert_allclose(apply(layer, x, fast), expected, rtol=1e-5, atol=1e-6)


def test_nin_layer_needs_fixed_sizes_where_it_has_parameters():
    with pytest.raises(ValueError, match=r"NINLayer.*fixed number of channels"):
        NINLayer((2, None, 3), 4)
    with pytest.raises(ValueError, match=r"untie_biases=True needs fixed spatial sizes"):
        NINLayer((2, 3, None), 4, untie_biases=True)


@pytest.mark.jax
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_dense_layers_compile_with_jax():
    pytest.importorskip("jax")
    x = rng.normal(size=(5, 2, 3, 4)).astype("float32")
    bottom = InputLayer((None, 2, 3, 4), pt.tensor4(dtype="float32"))
    for top in (
        DenseLayer(bottom, 2),
        DenseLayer(bottom, 2, num_leading_axes=2),
        DenseLayer(bottom, 2, num_leading_axes=-1),
        NINLayer(bottom, 2),
    ):
        cost = get_output(top).sum()
        outputs = [cost, *pytensor.grad(cost, top.get_params())]
        mine = pytensor.function([bottom.input_var], outputs, mode=get_mode("jax"))(x)
        reference = pytensor.function([bottom.input_var], outputs, mode="FAST_COMPILE")(x)
        for a, b in zip(mine, reference, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
