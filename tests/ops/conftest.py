"""Convolution and pooling by explicit loops, and geometries to compare them on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import strategies as st

from nncore.ops.geometry import POOL_MODES, ConvGeometry, PoolGeometry


def explicit(pad, taps, dilation):
    """Zeros before and after each axis."""
    if not isinstance(pad, str):
        return pad
    reach = [(k - 1) * d for k, d in zip(taps, dilation, strict=True)]
    return tuple((r, r) if pad == "full" else (r // 2, r - r // 2) for r in reach)


def conv(g, x, w, gy=None):
    """Output of a convolution; with `gy`, also the gradients by input and by filters."""
    pads = explicit(g.pad, w.shape[2:], g.dilation)
    x, w = x.astype("float64"), w.astype("float64")
    padded = np.pad(x, ((0, 0), (0, 0), *pads))
    lengths = [
        len(range(0, n - (k - 1) * d, s))
        for n, k, d, s in zip(padded.shape[2:], w.shape[2:], g.dilation, g.stride, strict=True)
    ]
    y = np.zeros((len(x), len(w), *lengths))
    gx, gw = np.zeros_like(padded), np.zeros_like(w)
    fan_in, fan_out = w.shape[1], len(w) // g.groups
    for place in np.ndindex(*lengths):
        for tap in np.ndindex(*w.shape[2:]):
            at = [
                s * i + d * k for s, i, d, k in zip(g.stride, place, g.dilation, tap, strict=False)
            ]
            weight = [k - 1 - t for k, t in zip(w.shape[2:], tap, strict=False)] if g.flip else tap
            for group in range(g.groups):
                channels = slice(group * fan_in, (group + 1) * fan_in)
                filters = slice(group * fan_out, (group + 1) * fan_out)
                seen, taken = (
                    padded[(slice(None), channels, *at)],
                    w[(filters, slice(None), *weight)],
                )
                y[(slice(None), filters, *place)] += seen @ taken.T
                if gy is not None:
                    grad = gy[(slice(None), filters, *place)].astype("float64")
                    gx[(slice(None), channels, *at)] += grad @ taken
                    gw[(filters, slice(None), *weight)] += grad.T @ seen
    if gy is None:
        return y
    return (
        y,
        gx[(..., *(slice(a, a + n) for (a, _), n in zip(pads, x.shape[2:], strict=False)))],
        gw,
    )


def pool(g, x, gy=None, values=None):
    """Output of pooling, the input's gradient, and what `values` has where the maxima are."""
    lengths = []
    for n, k, s, (before, after) in zip(x.shape[2:], g.window, g.stride, g.pad, strict=True):
        starts = range(-before, n if not g.ignore_border else n + after - k + 1, s)
        if not g.ignore_border and n + after + before > k:
            # A window that begins beyond the last one that was needed to reach the end is left out.
            starts = [i for i in starts if i == -before or i - s + k < n + after]
        elif not g.ignore_border:
            starts = starts[:1]
        lengths.append(len(starts))
    y = np.zeros((*x.shape[:2], *lengths))
    taken, gx = y.copy(), np.zeros(x.shape)
    for n, c, *place in np.ndindex(*y.shape):
        cells, size = [], 1
        for i, length, k, s, (before, after) in zip(
            place, x.shape[2:], g.window, g.stride, g.pad, strict=True
        ):
            window = range(i * s - before, min(i * s - before + k, length + after))
            size *= len(window)
            cells.append([j for j in window if 0 <= j < length])
        inside = [
            (n, c, *(axis[i] for axis, i in zip(cells, index, strict=False)))
            for index in np.ndindex(*map(len, cells))
        ]
        numbers = [float(x[cell]) for cell in inside]
        here = (n, c, *place)
        if g.mode == "max":
            nans = [i for i, number in enumerate(numbers) if number != number]
            best = inside[nans[0] if nans else numbers.index(max(numbers))]
            y[here] = x[best]
            if gy is not None:
                gx[best] += gy[here]
            if values is not None:
                taken[here] = values[best]
            continue
        share = {"sum": 1, "average_inc_pad": size, "average_exc_pad": len(inside)}[g.mode]
        y[here] = sum(numbers) / share
        if gy is not None:
            for cell in inside:
                gx[cell] += gy[here] / share
    return y, gx, taken


@st.composite
def conv_geometries(draw, dtype="float32", words=True, wide=False):
    ndim = draw(st.integers(1, 3))
    few = st.integers(1, 3)
    groups = draw(few)
    fan_in = draw(st.sampled_from([1, 2, 3, 7] if wide else [1, 2, 3]))
    fan_out = draw(st.sampled_from([1, 2, 7, 9, 17] if wide else [1, 2, 3]))
    batch = draw(st.sampled_from([0, 1, 2, 3, 5] if wide else [0, 1, 2]))
    taps = draw(st.tuples(*[st.integers(1, 4 if ndim < 3 else 2)] * ndim))
    stride, dilation = draw(st.tuples(*[few] * ndim)), draw(st.tuples(*[few] * ndim))
    number = st.integers(0, 3)
    pad = draw(st.tuples(*[st.tuples(number, number)] * ndim) | st.sampled_from(["same", "full"]))
    pads = explicit(pad, taps, dilation)
    if not words:
        pad = pads
    lengths = []
    for k, d, p in zip(taps, dilation, pads, strict=True):
        least = max(1, (k - 1) * d + 1 - sum(p))
        lengths.append(draw(st.integers(least, least + {1: 70 if wide else 9, 2: 8, 3: 3}[ndim])))
    return ConvGeometry(
        (batch, fan_in * groups, *lengths),
        (fan_out * groups, fan_in, *taps),
        stride,
        pad,
        dilation,
        groups,
        draw(st.booleans()),
        dtype,
    )


@st.composite
def pool_geometries(draw, dtype="float32", mode=None):
    ndim = draw(st.integers(1, 3))
    window = draw(st.tuples(*[st.integers(1, 4 if ndim < 3 else 3)] * ndim))
    stride = draw(st.tuples(*[st.integers(1, 5)] * ndim))
    pad = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in window)
    ignore = draw(st.booleans())
    lengths = []
    for k, p in zip(window, pad, strict=True):
        least = max(1, k - sum(p)) if ignore else 1
        lengths.append(draw(st.integers(least, least + (6 if ndim < 3 else 3))))
    shape = (draw(st.integers(0, 2)), draw(st.integers(1, 2)), *lengths)
    mode = mode or draw(st.sampled_from(POOL_MODES))
    return PoolGeometry(shape, window, stride, pad, mode, ignore, dtype)


def conv_values(g, seed=0):
    rng = np.random.default_rng(seed)
    x, w = (rng.standard_normal(shape) for shape in (g.input_shape, g.filters_shape))
    gy = rng.standard_normal(conv(g, x, w).shape)
    return tuple(value.astype(g.dtype) for value in (x, w, gy))


def pool_values(g, seed=0, special=True):
    """Values with ties, and with infinities and NaN for a maximum."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, g.input_shape).astype(g.dtype)
    if g.mode == "max" and special:
        x[rng.random(x.shape) < 0.2] = -np.inf
        x[rng.random(x.shape) < 0.05] = np.nan
    gy = rng.standard_normal(pool(g, x)[0].shape).astype(g.dtype)
    return x, gy, rng.standard_normal(x.shape).astype(g.dtype)


def close(actual, expected, dtype="float32"):
    """Equal to rounding, which grows with what was summed up."""
    assert actual.dtype == dtype
    tolerance = 3e-5 if dtype == "float32" else 1e-11
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(1.0, finite.max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * scale)


@pytest.fixture(scope="session")
def oracle():
    return SimpleNamespace(
        conv=conv,
        pool=pool,
        conv_geometries=conv_geometries,
        pool_geometries=pool_geometries,
        conv_values=conv_values,
        pool_values=pool_values,
        close=close,
    )
