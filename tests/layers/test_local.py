from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import init, layers
from nncore.backends import get_mode
from nncore.layers import Conv2DLayer, InputLayer, LocallyConnected2DLayer, get_output

rng = np.random.default_rng(0)


def reference(x, w, stride, pads, dilation, flip, channelwise):
    """One product of a patch with the filters of its place after the other."""
    x = np.pad(x.astype("float64"), [(0, 0), (0, 0), *pads])
    if flip:
        w = w[..., ::-1, ::-1, :, :]
    height, width, rows, columns = w.shape[-4:]
    result = np.zeros((len(x), w.shape[0], rows, columns))
    for row, column in np.ndindex(rows, columns):
        top, left = row * stride[0], column * stride[1]
        bottom = top + (height - 1) * dilation + 1
        right = left + (width - 1) * dilation + 1
        patch = x[:, :, top:bottom:dilation, left:right:dilation]
        filters = w[..., row, column]
        pattern = "bcij,cij->bc" if channelwise else "bcij,fcij->bf"
        result[:, :, row, column] = np.einsum(pattern, patch, filters)
    return result


CASES = [
    ({"filter_size": 3}, (1, 1), [(1, 1), (1, 1)]),
    ({"filter_size": (2, 3), "flip_filters": False}, (1, 1), [(0, 1), (1, 1)]),
    ({"filter_size": 3, "channelwise": True}, (1, 1), [(1, 1), (1, 1)]),
    ({"filter_size": (1, 2), "channelwise": True, "flip_filters": False}, (1, 1), [(0, 0), (0, 1)]),
    ({"filter_size": 3, "pad": "valid", "stride": (2, 1)}, (2, 1), [(0, 0), (0, 0)]),
    ({"filter_size": 2, "pad": [(1, 0), 2], "stride": 3}, (3, 3), [(1, 0), (2, 2)]),
    ({"filter_size": 2, "pad": "full", "dilation": 2, "untie_biases": True}, (1, 1), [(2, 2)] * 2),
]


@pytest.mark.parametrize(("options", "stride", "pads"), CASES)
@pytest.mark.parametrize("typed", [True, False])
def test_every_position_has_its_own_filters(options, stride, pads, typed, fast):
    channelwise = options.get("channelwise", False)
    shape = (None, 3, 5, 6)
    variable = pt.tensor(dtype="float32", shape=shape if typed else (None,) * 4)
    filters = 3 if channelwise else 4
    layer = LocallyConnected2DLayer(
        InputLayer(shape, variable), filters, b=init.Normal(1.0), nonlinearity=pt.tanh, **options
    )
    x = rng.normal(size=(2, 3, 5, 6)).astype("float32")
    result = pytensor.function([variable], get_output(layer), mode=fast)(x)
    w, b = layer.W.get_value(), layer.b.get_value()
    dilation, flip = options.get("dilation", 1), options.get("flip_filters", True)
    linear = reference(x, w, stride, pads, dilation, flip, channelwise)
    if "untie_biases" not in options:
        b = b[:, None, None]
    assert result.dtype == "float32"
    assert layer.output_shape == (None, *result.shape[1:])
    np.testing.assert_allclose(result, np.tanh(linear + b), rtol=1e-4, atol=1e-5)


def test_the_same_filters_everywhere_make_a_convolution(fast):
    source = InputLayer((2, 3, 5, 6))
    plain = Conv2DLayer(source, 4, 3, pad="same")
    everywhere = np.broadcast_to(plain.W.get_value()[..., None, None], (4, 3, 3, 3, 5, 6))
    local = LocallyConnected2DLayer(source, 4, 3, W=everywhere, b=plain.b)
    x = rng.normal(size=(2, 3, 5, 6)).astype("float32")
    both = pytensor.function([source.input_var], get_output([plain, local]), mode=fast)(x)
    np.testing.assert_allclose(*both, rtol=1e-4, atol=1e-5)
    assert isinstance(local, Conv2DLayer)
    assert layers.local.LocallyConnected2DLayer is LocallyConnected2DLayer


@pytest.mark.parametrize("channelwise", [True, False])
def test_gradients_agree_with_finite_differences(channelwise, fast):
    shape = (3, 2, 3, 4, 5) if channelwise else (3, 3, 2, 3, 4, 5)
    w = pytensor.shared(rng.normal(size=shape))
    source = InputLayer((2, 3, 4, 5), pt.tensor4("x", dtype="float64"))
    layer = LocallyConnected2DLayer(
        source, 3, (2, 3), W=w, b=None, nonlinearity=None, channelwise=channelwise
    )
    loss = (get_output(layer) ** 2).sum()
    gradients = pytensor.grad(loss, [source.input_var, w])
    function = pytensor.function([source.input_var], [loss, *gradients], mode=fast)
    x, filters = rng.normal(size=(2, 3, 4, 5)), w.get_value()
    along_x, along_w = rng.normal(size=x.shape), rng.normal(size=filters.shape)
    _, by_x, by_w = function(x)
    ends = []
    for step in (1e-5, -1e-5):
        w.set_value(filters + step * along_w)
        ends.append(function(x + step * along_x)[0])
    slope = (by_x * along_x).sum() + (by_w * along_w).sum()
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-6)


def test_the_scale_of_the_filters_is_that_of_a_convolution():
    layer = LocallyConnected2DLayer((None, 3, 8, 8), 5, (2, 3))
    assert layer.get_W_fans() == (3 * 6, 5 * 6)
    assert LocallyConnected2DLayer((None, 3, 8, 8), 3, 2, channelwise=True).get_W_fans() == (4, 4)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((None, 3, None, 8), {}, r"'l'.*rows and columns must be fixed.*\(None, 3, None, 8\)"),
        ((None, 3, 8, 8), {"channelwise": True}, "num_filters=4.*3 channels"),
        ((None, 4, 8, 8), {"num_groups": 2}, "num_groups.*channelwise=True"),
        ((None, 3, 8, 8), {"convolution": len}, "convolution"),
        ((None, 3, 2, 8), {"pad": 0}, "leaves no output"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        LocallyConnected2DLayer(shape, 4, 3, name="l", **options)


@pytest.mark.jax
@pytest.mark.parametrize("channelwise", [True, False])
def test_values_and_gradients_under_jax_are_those_of_the_reference(channelwise, fast):
    pytest.importorskip("jax")
    source = InputLayer((None, 3, 4, 5))
    layer = LocallyConnected2DLayer(source, 3, (2, 3), channelwise=channelwise)
    output = get_output(layer)
    outputs = [output, *pytensor.grad((output**2).mean(), [source.input_var, layer.W, layer.b])]
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    expected = pytensor.function([source.input_var], outputs, mode=fast)(x)
    found = pytensor.function([source.input_var], outputs, mode=get_mode("jax"))(x)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == "float32"
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
