from __future__ import annotations

import itertools

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import nncore
from nncore import layers
from nncore.backends import get_mode
from nncore.layers import (
    Conv2DLayer,
    DilatedConv2DLayer,
    InputLayer,
    TransposedConv2DLayer,
    TransposedConv3DLayer,
    get_output,
)

rng = np.random.default_rng(0)
LAYERS = {2: TransposedConv2DLayer, 3: TransposedConv3DLayer}


def scatter(x, w, stride, crop, dilation, groups, flip, extra):
    """Add each element times the filters to the output, at the element's place."""
    n = x.ndim - 2
    if not flip:
        # A correlation over the spread-out input puts down the filters turned round.
        w = w[(..., *[slice(None, None, -1)] * n)]
    lengths = [
        (size - 1) * s + (k - 1) * d + 1 + e
        for size, s, k, d, e in zip(x.shape[2:], stride, w.shape[2:], dilation, extra, strict=True)
    ]
    fan_in, fan_out = x.shape[1] // groups, w.shape[1]
    result = np.zeros((len(x), fan_out * groups, *lengths))
    for channel in range(x.shape[1]):
        first = channel // fan_in * fan_out
        for place in itertools.product(*map(range, x.shape[2:])):
            for tap in itertools.product(*map(range, w.shape[2:])):
                at = tuple(
                    p * s + t * d for p, s, t, d in zip(place, stride, tap, dilation, strict=True)
                )
                values = x[(slice(None), channel, *place)]
                for f in range(fan_out):
                    result[(slice(None), first + f, *at)] += values * w[(channel, f, *tap)]
    inner = [
        slice(before, size - after) for (before, after), size in zip(crop, lengths, strict=True)
    ]
    return result[(..., *inner)]


NONE = (0, 0, 0)
ONES = (1, 1, 1)
CASES = [
    (2, {"filter_size": 3}, ONES, [NONE] * 2, NONE),
    (2, {"filter_size": (3, 2), "stride": (2, 3)}, (2, 3), [NONE] * 2, NONE),
    (2, {"filter_size": 3, "stride": 2, "crop": (1, 0)}, (2, 2), [(1, 1), (0, 0)], NONE),
    (2, {"filter_size": 3, "crop": "full"}, ONES, [(2, 2)] * 2, NONE),
    (2, {"filter_size": (3, 5), "crop": "same"}, ONES, [(1, 1), (2, 2)], NONE),
    (2, {"filter_size": 2, "crop": "same", "stride": 2}, (2, 2), [(0, 1)] * 2, NONE),
    (2, {"filter_size": 3, "crop": "valid", "flip_filters": True}, ONES, [NONE] * 2, NONE),
    (2, {"filter_size": 3, "crop": [(2, 0), 1], "stride": 2}, (2, 2), [(2, 0), (1, 1)], NONE),
    (2, {"filter_size": 2, "num_groups": 2, "stride": 2}, (2, 2), [NONE] * 2, NONE),
    (2, {"filter_size": 2, "dilation": (2, 1), "crop": 1}, ONES, [(1, 1)] * 2, NONE),
    (2, {"filter_size": 3, "stride": 2, "output_size": (9, 8)}, (2, 2), [NONE] * 2, (0, 1)),
    (2, {"filter_size": 3, "stride": 3, "output_size": (None, 11)}, (3, 3), [NONE] * 2, (0, 2)),
    (2, {"filter_size": 1, "stride": 2, "untie_biases": True}, (2, 2), [NONE] * 2, NONE),
    (3, {"filter_size": 2, "stride": (1, 2, 1)}, (1, 2, 1), [NONE] * 3, NONE),
    (3, {"filter_size": (1, 2, 3), "crop": (0, 1, 1)}, ONES, [(0, 0), (1, 1), (1, 1)], NONE),
    (3, {"filter_size": 2, "stride": 2, "output_size": (9, 6, 6)}, (2,) * 3, [NONE] * 3, (1, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("n", "options", "stride", "crop", "extra"), CASES)
@pytest.mark.parametrize("known", [True, False])
def test_every_element_puts_down_the_filters(n, options, stride, crop, extra, known, fast):
    spatial = (4, 3, 3)[:n]
    if options.get("untie_biases") and not known:
        return
    layer = LAYERS[n](
        InputLayer((None, 4, *(spatial if known else (None,) * n))),
        6,
        b=nncore.init.Normal(1.0),
        nonlinearity=nncore.nonlinearities.tanh,
        **options,
    )
    x = rng.normal(size=(2, 4, *spatial)).astype("float32")
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    w, b = layer.W.get_value(), layer.b.get_value()
    pairs = [pair[:2] for pair in crop]
    groups, flip = options.get("num_groups", 1), options.get("flip_filters", False)
    linear = scatter(x, w, stride[:n], pairs, layer.dilation, groups, flip, extra[:n])
    if "untie_biases" not in options:
        b = b.reshape(6, *[1] * n)
    assert result.dtype == "float32"
    np.testing.assert_allclose(result, np.tanh(linear + b), rtol=1e-4, atol=1e-5)
    promised = layer.output_shape
    assert all(p in (None, size) for p, size in zip(promised, result.shape, strict=True))
    assert (None in promised[2:]) == (not known and None in (options.get("output_size") or [None]))


@pytest.mark.parametrize("kind", ["vector", "scalars", "scalar"])
def test_the_output_size_can_be_an_expression(kind, fast):
    size = pt.lvector("size") if kind == "vector" else pt.lscalar("size")
    given = (9, size) if kind == "scalars" else size
    layer = TransposedConv2DLayer(
        InputLayer((None, 2, 4, 4)), 3, 3, stride=2, output_size=given, nonlinearity=None
    )
    expected = {"vector": (None, None), "scalars": (9, None), "scalar": (None, None)}
    assert layer.output_shape == (None, 3, *expected[kind])
    function = pytensor.function([layer.input_layer.input_var, size], get_output(layer), mode=fast)
    x = rng.normal(size=(2, 2, 4, 4)).astype("float32")
    values = {
        "vector": (np.array([9, 10]), (9, 10)),
        "scalars": (10, (9, 10)),
        "scalar": (10, (10, 10)),
    }
    value, sizes = values[kind]
    result = function(x, value)
    linear = scatter(
        x, layer.W.get_value(), (2, 2), [(0, 0)] * 2, (1, 1), 1, False, [s - 9 for s in sizes]
    )
    np.testing.assert_allclose(result, linear, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="ConvGradInput"):
        function(x, np.array([9, 12]) if kind == "vector" else 12)


@pytest.mark.parametrize("output_size", [None, (9, 10)])
def test_gradients_agree_with_finite_differences(output_size, fast):
    x = InputLayer((2, 2, 4, 4), input_var=pt.tensor4("x", dtype="float64"))
    w = pytensor.shared(rng.normal(size=(2, 3, 3, 3)), name="W")
    layer = TransposedConv2DLayer(
        x, 3, 3, 2, crop=0, W=w, b=None, nonlinearity=pt.tanh, output_size=output_size
    )
    loss = (get_output(layer) ** 2).sum()
    both = [x.input_var, layer.W]
    function = pytensor.function([x.input_var], [loss, *pytensor.grad(loss, both)], mode=fast)
    value = rng.normal(size=(2, 2, 4, 4))
    _, by_x, by_w = function(value)
    direction, step = rng.normal(size=value.shape), 1e-5
    slope = (function(value + step * direction)[0] - function(value - step * direction)[0]) / 2
    np.testing.assert_allclose((by_x * direction).sum(), slope / step, rtol=1e-6)
    filters, direction = w.get_value(), rng.normal(size=w.get_value().shape)
    ends = []
    for sign in (1, -1):
        w.set_value(filters + sign * step * direction)
        ends.append(function(value)[0])
    np.testing.assert_allclose((by_w * direction).sum(), (ends[0] - ends[1]) / 2 / step, rtol=1e-6)


def test_it_is_the_transposed_of_the_convolution_with_the_same_geometry(fast):
    """The scalar products <Cx, y> and <x, Ty> are equal."""
    geometry = {"filter_size": (3, 2), "stride": 2, "nonlinearity": None, "b": None}
    down = Conv2DLayer(InputLayer((2, 3, 8, 7)), 4, pad=1, **geometry)
    up = TransposedConv2DLayer(
        InputLayer(down.output_shape), 3, crop=1, W=down.W, output_size=(8, 7), **geometry
    )
    x, y = (rng.normal(size=layer.input_shape).astype("float32") for layer in (down, up))
    cx = pytensor.function([down.input_layer.input_var], get_output(down), mode=fast)(x)
    ty = pytensor.function([up.input_layer.input_var], get_output(up), mode=fast)(y)
    assert ty.shape == x.shape
    np.testing.assert_allclose((cx * y).sum(), (x * ty).sum(), rtol=1e-4)


def test_the_filters_have_the_input_channels_first():
    layer = TransposedConv3DLayer((None, 6, 4, 4, 4), 4, (1, 2, 3), num_groups=2)
    assert layer.get_W_shape() == layer.W.get_value().shape == (6, 2, 1, 2, 3)
    assert layer.crop == (0, 0, 0)
    assert layers.Deconv2DLayer is TransposedConv2DLayer
    assert layers.Deconv3DLayer is TransposedConv3DLayer
    assert layers.conv.TransposedConv2DLayer is TransposedConv2DLayer


def test_an_unknown_word_for_the_crop_is_refused():
    with pytest.raises(TypeError, match=r"crop='half'.*'valid', 'same', 'full'"):
        TransposedConv2DLayer((None, 3, 4, 4), 2, 3, crop="half")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": 5}, r"'up': crop=\(5, 5\) leaves no output on spatial axis 0.*Crop less"),
        ({"crop": -1}, "crop=-1"),
        ({"output_size": 12, "stride": 2}, "it can be 9 to 10"),
        ({"output_size": (9, 8), "stride": 2}, "axis 1.*it can be 9 to 10"),
        ({"output_size": (9, 9, 9)}, "output_size"),
        ({"output_size": 0}, "output_size=0"),
        ({"output_size": pt.matrix()}, "output_size"),
        ({"num_groups": 3}, "num_groups=3 must divide"),
        ({"untie_biases": True, "output_size": pt.lvector()}, "untie_biases"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TransposedConv2DLayer((None, 4, 4, 4), 6, 3, name="up", **options)


def test_the_implementation_is_remembered():
    layer = TransposedConv2DLayer((None, 4, 4, 4), 6, 3, implementation="numba")
    assert layer.implementation == "numba"
    assert layer.convolve(pt.tensor4()).owner.op.implementation == "numba"
    layer = TransposedConv2DLayer((None, 4, 4, 4), 6, 3, output_size=6, implementation="numba")
    assert layer.convolve(pt.tensor4()).owner.op.implementation == "numba"
    with nncore.using(conv="reference"):
        assert DilatedConv2DLayer((None, 4, 4, 4), 6, 3).implementation == "reference"
    with pytest.raises(nncore.errors.UnknownNameError, match="nubma"):
        DilatedConv2DLayer((None, 4, 4, 4), 6, 3, implementation="nubma")


def correlate(x, w, dilation):
    """Dilated correlation with filters (channels, filters, rows, columns)."""
    rows, columns = ((x.shape[2 + i] - (w.shape[2 + i] - 1) * dilation[i]) for i in range(2))
    result = np.zeros((len(x), w.shape[1], rows, columns))
    for i, j in np.ndindex(*w.shape[2:]):
        top, left = i * dilation[0], j * dilation[1]
        part = x[:, :, top : top + rows, left : left + columns]
        result += np.einsum("bcij,cf->bfij", part, w[:, :, i, j])
    return result


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dilation", [1, (2, 3)])
def test_a_dilated_convolution_correlates_with_distant_taps(groups, dilation, fast):
    layer = DilatedConv2DLayer(
        InputLayer((None, 4, 8, 9)), 6, (3, 2), dilation, num_groups=groups, nonlinearity=None
    )
    x = rng.normal(size=(2, 4, 8, 9)).astype("float32")
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    w = layer.W.get_value()
    assert w.shape == layer.get_W_shape() == (4, 6 // groups, 3, 2)
    spread = (dilation, dilation) if dilation == 1 else dilation
    parts = [
        correlate(a, b, spread)
        for a, b in zip(np.split(x, groups, axis=1), np.split(w, groups, axis=0), strict=True)
    ]
    np.testing.assert_allclose(result, np.concatenate(parts, axis=1), rtol=1e-4, atol=1e-5)
    assert layer.output_shape == (None, *result.shape[1:])


def test_a_dilated_convolution_has_no_padding_and_no_flip():
    with pytest.raises(NotImplementedError, match=r"DilatedConv2DLayer 'd'.*pad=1.*PadLayer"):
        DilatedConv2DLayer((None, 3, 8, 8), 2, 3, pad=1, name="d")
    with pytest.raises(NotImplementedError, match=r"flip_filters=True.*Conv2DLayer"):
        DilatedConv2DLayer((None, 3, 8, 8), 2, 3, flip_filters=True)
    assert DilatedConv2DLayer((None, 3, 8, 8), 2, 3, pad="valid").pad == (0, 0)


def _gradients(layer):
    loss = (get_output(layer) ** 2).mean()
    return pytensor.grad(loss, [layer.input_layer.input_var, *layer.get_params()])


@pytest.mark.jax
@pytest.mark.parametrize(
    "make",
    [
        lambda x: TransposedConv2DLayer(x, 4, 3, stride=2, crop=1, num_groups=2),
        lambda x: TransposedConv2DLayer(x, 4, 3, stride=2, output_size=(10, None)),
        lambda x: DilatedConv2DLayer(x, 4, 3, dilation=(1, 2), num_groups=2),
    ],
)
@pytest.mark.parametrize("shape", [(None, 2, 4, 6), (None, 2, None, None)])
def test_values_and_gradients_under_jax_are_those_of_the_reference(make, shape, fast):
    pytest.importorskip("jax")
    layer = make(InputLayer(shape))
    outputs = [get_output(layer), *_gradients(layer)]
    x = rng.normal(size=(3, 2, 4, 6)).astype("float32")
    inputs = [layer.input_layer.input_var]
    expected = pytensor.function(inputs, outputs, mode=fast)(x)
    found = pytensor.function(inputs, outputs, mode=get_mode("jax"))(x)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == "float32"
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
