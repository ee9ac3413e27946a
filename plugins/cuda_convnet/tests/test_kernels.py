"""The kernels, called through XLA, beside NumPy: their own code, on the CPU and on a GPU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nncore import registry
from nncore.ops.geometry import ConvGeometry, PoolGeometry

jax = pytest.importorskip("jax")
pytestmark = [pytest.mark.jax, pytest.mark.usefixtures("on_each")]


def conv_geometry(x, w, stride=1, pad=0, flip=False, dtype="float32", options=()):
    pads = ((pad, pad),) * 2
    return ConvGeometry(x, w, (stride, stride), pads, (1, 1), 1, flip, dtype, options)


def pool_geometry(x, window, stride, pad=((0, 0), (0, 0)), ignore=False, dtype="float32"):
    return PoolGeometry(x, window, stride, pad, "max", ignore, dtype)


def kernels(g):
    """Our function and NumPy's for a direction of a geometry."""
    kind = "conv" if isinstance(g, ConvGeometry) else "pool"
    ours, reference = (registry.get(kind, name) for name in ("cuda_convnet", "reference"))
    assert ours.supports(g), ours.supports(g).reason
    return lambda d: (ours.kernel("jax", d, g), reference.kernel("python", d, g))


def conv_operands(g, seed=0):
    rng = np.random.default_rng(seed)
    shapes = g.input_shape, g.filters_shape, g.output_shape()
    return [rng.standard_normal(shape).astype(g.dtype) for shape in shapes]


def check_conv(g, close):
    pair, (x, w, gy) = kernels(g), conv_operands(g)

    @jax.jit
    def together(x, w, gy):
        return (
            pair("forward")[0](x, w),
            pair("grad_input")[0](w, gy, x.shape),
            pair("grad_filters")[0](x, gy, w.shape),
        )

    y, gx, gw = together(x, w, gy)
    close(y, pair("forward")[1](x, w))
    close(gx, pair("grad_input")[1](w, gy, x.shape))
    close(gw, pair("grad_filters")[1](x, gy, w.shape))


@st.composite
def conv_geometries(draw):
    taps, stride, pad = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(0, 4))
    least = max(1, taps - 2 * pad)
    rows, columns = (draw(st.integers(least, least + 7)) for _ in range(2))
    channels = draw(st.sampled_from([1, 2, 3, 4, 8, 12, 36, 68]))
    # One for each height of a block's tile, and some that do not fill it.
    filters = draw(st.sampled_from([16, 32, 48, 64, 80, 144]))
    batch = draw(st.sampled_from([1, 3, 4, 7, 8, 20, 36]))
    g = conv_geometry(
        (batch, channels, rows, columns), (filters, channels, taps, taps), stride, pad
    )
    positions = g.output_shape()[2] * g.output_shape()[3]
    divisors = [d for d in range(1, positions + 1) if positions % d == 0]
    sums = draw(st.sampled_from([None, 0, "auto", *divisors]))
    return replace(g, flip=draw(st.booleans()), options=(("partial_sum", sums),))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(g=conv_geometries())
# A batch of 128, which makes a tile one position; a height of 128, which only floats in fours have.
@example(g=conv_geometry((128, 4, 5, 4), (144, 4, 3, 3), 1, 1, True))
@example(g=conv_geometry((4, 132, 4, 3), (16, 132, 3, 3), 2, 1))
# Several tiles along each axis of the product.
@example(g=conv_geometry((64, 20, 9, 8), (272, 20, 3, 3), 1, 1))
# Strides beyond the filter and the input leave elements that no output sees.
@example(g=conv_geometry((4, 3, 9, 2), (16, 3, 1, 1), 4))
def test_convolutions_and_their_gradients_are_those_of_numpy(close, g):
    check_conv(g, close)


@pytest.mark.parametrize("batch", [5, 8], ids=["one by one", "in fours"])
def test_float64_keeps_its_precision(close, batch):
    with jax.enable_x64(True):
        check_conv(conv_geometry((batch, 12, 7, 6), (80, 12, 3, 3), 2, 1, True, "float64"), close)
        check_pool(pool_geometry((batch, 3, 7, 8), (3, 2), (2, 1), dtype="float64"), close)


@pytest.mark.parametrize("sums", [None, 0, 1, 6, "auto"])
def test_every_partial_sum_gives_the_same_gradient(close, sums):
    g = conv_geometry((8, 4, 5, 8), (16, 4, 3, 3), 1, 0, False, "float32", (("partial_sum", sums),))
    check_conv(g, close)


def test_gradients_are_the_same_to_the_last_bit_each_time():
    g = conv_geometry((8, 4, 9, 8), (16, 4, 3, 3), 1, 1)
    pair, (x, _, gy) = kernels(g), conv_operands(g)
    function = jax.jit(lambda x, gy: pair("grad_filters")[0](x, gy, g.filters_shape))
    np.testing.assert_array_equal(function(x, gy), function(x, gy))


def test_a_partial_sum_is_refused_at_run_time_if_it_does_not_divide_the_output():
    open_ = conv_geometry((None, 4, None, None), (16, 4, 3, 3), options=(("partial_sum", 5),))
    pair = kernels(open_)
    x, _, gy = conv_operands(conv_geometry((4, 4, 5, 6), (16, 4, 3, 3)))
    with pytest.raises(ValueError, match=r"partial_sum=5 does not divide the 12 positions.*1, 2,"):
        pair("grad_filters")[0](x, gy, (16, 4, 3, 3))


def test_the_transposed_convolution_may_be_longer_than_the_shortest(close):
    g = conv_geometry((8, 4, None, None), (16, 4, 3, 3), 3)
    ours, reference = kernels(g)("grad_input")
    _, w, gy = conv_operands(replace(g, input_shape=(8, 4, 9, 9)))
    for rows, columns in ((9, 9), (11, 10)):
        shape = (8, 4, rows, columns)
        actual = jax.jit(lambda w, gy, shape=shape: ours(w, gy, shape))(w, gy)
        close(actual, reference(w, gy, shape))


def test_numbers_that_are_none_come_out_where_numpy_has_them(close):
    g = conv_geometry((4, 4, 6, 6), (16, 4, 3, 3), 1, 1)
    pair, (x, w, _) = kernels(g), conv_operands(g)
    x[1, 2, 3, 4] = np.nan
    ours, reference = pair("forward")
    close(jax.jit(ours)(x, w), reference(x, w))


def test_a_batch_without_images_is_computed_without_a_kernel(close):
    check_conv(conv_geometry((0, 3, 6, 6), (16, 3, 3, 3)), close)
    check_pool(pool_geometry((0, 3, 6, 6), (2, 2), (2, 2)), close)


def check_pool(g, close, seed=0):
    rng = np.random.default_rng(seed)
    # Ties, infinities and NaN.
    x = rng.integers(-2, 3, g.input_shape).astype(g.dtype)
    x[rng.random(x.shape) < 0.2] = -np.inf
    x[rng.random(x.shape) < 0.05] = np.nan
    gy, values = (
        rng.standard_normal(shape).astype(g.dtype) for shape in (g.output_shape(), x.shape)
    )
    pair = kernels(g)

    @jax.jit
    def together(x, gy, values):
        return (
            pair("forward")[0](x),
            pair("grad_input")[0](x, gy),
            pair("grad_grad")[0](x, values),
        )

    y, gx, taken = together(x, gy, values)
    close(y, pair("forward")[1](x))
    close(gx, pair("grad_input")[1](x, gy))
    close(taken, pair("grad_grad")[1](x, values))


@st.composite
def pool_geometries(draw):
    window, stride, pads, lengths = [], [], [], []
    ignore = draw(st.booleans())
    for _ in range(2):
        k = draw(st.integers(1, 4))
        pad = (draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1)))
        least = max(1, k - sum(pad)) if ignore else 1
        window.append(k)
        stride.append(draw(st.integers(1, 5)))
        pads.append(pad)
        lengths.append(draw(st.integers(least, least + 7)))
    batch = draw(st.sampled_from([1, 3, 4, 8, 20]))
    shape = (batch, draw(st.integers(1, 3)), *lengths)
    return pool_geometry(shape, tuple(window), tuple(stride), tuple(pads), ignore)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(g=pool_geometries())
# More windows than one block has threads.
@example(g=pool_geometry((20, 3, 9, 10), (3, 3), (2, 2)))
def test_maximum_pooling_and_its_derivatives_are_those_of_numpy(close, g):
    check_pool(g, close)
