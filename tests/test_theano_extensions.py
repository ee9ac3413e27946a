from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import signal

from nncore.theano_extensions import conv, padding

rng = np.random.default_rng(0)
FUNCTIONS = [getattr(conv, name) for name in conv.__all__]


def reference(x, w, pad, stride, flip):
    x = np.pad(x.astype("float64"), [(0, 0), (0, 0), (pad, pad)])
    combine = np.convolve if flip else (lambda a, b, mode: signal.correlate(a, b, mode))
    full = [
        [sum(combine(a, b, "valid") for a, b in zip(one, f, strict=True)) for f in w] for one in x
    ]
    return np.array(full)[:, :, ::stride]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_all_one_dimensional_convolutions_agree_with_numpy(function, flip, stride, fast):
    x, w = rng.normal(size=(2, 3, 14)).astype("f"), rng.normal(size=(4, 3, 6)).astype("f")
    variable = pt.tensor3("x", dtype="float32")
    output = function(
        variable, w, (None, 3, None), (4, 3, 6), subsample=(stride,), filter_flip=flip
    )
    result = pytensor.function([variable], output, mode=fast)(x)
    assert result.dtype == "float32"
    np.testing.assert_allclose(result, reference(x, w, 0, stride, flip), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("mode", "pad"), [("full", 3), ("half", 2), (1, 1), ((1,), 1)])
def test_border_modes_of_theano_are_understood(mode, pad, fast):
    x, w = rng.normal(size=(2, 3, 9)), rng.normal(size=(4, 3, 4))
    for filters, shape in ((w, None), (pt.as_tensor(w), None), (pt.tensor3("w"), (4, 3, 4))):
        inputs = [filters] if shape else []
        output = conv.conv1d_sc(x, filters, filter_shape=shape, border_mode=mode)
        result = pytensor.function(inputs, output, mode=fast)(*([w.astype("f")] if shape else []))
        np.testing.assert_allclose(result, reference(x, w, pad, 1, True), rtol=1e-4, atol=1e-5)


def test_half_a_filter_of_unknown_length_is_refused():
    with pytest.raises(ValueError, match="filter_shape"):
        conv.conv1d_mc0(pt.tensor3(), pt.tensor3(), border_mode="half")


def test_groups_of_channels_see_only_each_other(fast):
    x, w = rng.normal(size=(2, 4, 9)), rng.normal(size=(6, 2, 3))
    for function in (conv.conv1d_mc0, conv.conv1d_mc1):
        result = function(x, w, num_groups=2).eval(mode=fast)
        parts = [
            reference(x[:, 2 * g : 2 * g + 2], w[3 * g : 3 * g + 3], 0, 1, True) for g in (0, 1)
        ]
        np.testing.assert_allclose(result, np.concatenate(parts, axis=1), rtol=1e-6)


def test_the_convolution_without_stride_is_the_one_that_was_given(fast):
    calls = []

    def implementation(input, filters, image_shape, filter_shape, **options):
        calls.append((image_shape, filter_shape, options))
        return conv.conv1d_sc(input, filters, image_shape, filter_shape, **options)

    x, w = rng.normal(size=(2, 3, 9)), rng.normal(size=(4, 3, 4))
    output = conv.conv1d_unstrided(
        x, w, x.shape, w.shape, subsample=(2,), implementation=implementation
    )
    np.testing.assert_allclose(output.eval(mode=fast), reference(x, w, 0, 2, True), rtol=1e-4)
    assert calls == [((2, 6, 4), (4, 6, 2), {"border_mode": "valid", "filter_flip": False})]


def test_what_needs_a_stride_or_padding_is_refused_by_the_one_without():
    x, w = np.ones((1, 1, 9)), np.ones((1, 1, 4))
    with pytest.raises(ValueError, match="multiple of the stride"):
        conv.conv1d_unstrided(x, w, x.shape, w.shape, subsample=(3,))
    with pytest.raises(ValueError, match="border_mode='full'"):
        conv.conv1d_unstrided(x, w, x.shape, w.shape, border_mode="full")


@pytest.mark.parametrize("width", [1, (2, 0), [(1, 2), 3]])
def test_padding_agrees_with_numpy(width, fast):
    x = rng.normal(size=(3, 4, 5)).astype("float32")
    each = (width, width) if isinstance(width, int) else width
    pairs = [one if isinstance(one, tuple) else (one, one) for one in each]
    variable = pt.tensor3("x", dtype="float32")
    output = padding.pad(variable, width, val=7)
    expected = np.pad(x, [(0, 0), *pairs], constant_values=7)
    result = pytensor.function([variable], output, mode=fast)(x)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == "float32"
    with pytest.raises(ValueError, match="pad: width"):
        padding.pad(variable, -1)
