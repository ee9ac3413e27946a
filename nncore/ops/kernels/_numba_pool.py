"""Pooling kernels on three spatial axes, compiled by Numba once for each data type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nncore.ops.kernels._numba_entry import entry_point

__all__ = ["build", "lifters"]

#: Elements that one thread pools in about the time that it takes to wake the others.
_ALONE = 50_000

_MODES = {"sum": 0, "average_inc_pad": 1, "average_exc_pad": 2}


@numba.njit(cache=True)
def _length(n, size, step, before, after, ignore_border):
    total = n + before + after
    if ignore_border:
        return (total - size) // step + 1
    length = max(0, -((size - total) // step)) + 1
    return min(length, (n + before - 1) // step + 1)


@numba.njit(cache=True)
def _lengths(shape, window, stride, before, after, ignore_border):
    d = _length(shape[2], window[0], stride[0], before[0], after[0], ignore_border)
    h = _length(shape[3], window[1], stride[1], before[1], after[1], ignore_border)
    w = _length(shape[4], window[2], stride[2], before[2], after[2], ignore_border)
    if min(d, h, w) < 1 or min(shape[2], shape[3], shape[4]) < 1:
        raise ValueError(
            "pool: no output, the window does not fit into the input; use a smaller window, more "
            "padding, ignore_border=False or a larger input"
        )
    return d, h, w


@numba.njit(cache=True)
def _winners(plane, a, b, window, stride, before, best, place):
    """Maxima of a row of windows, and their flat indices in the plane.

    The first maximum in row-major order wins, and a NaN wins over everything. The taps are the
    outer loop, so that the inner one runs over a row without a branch.
    """
    nd, nh, nw = plane.shape
    step = stride[2]
    for j in range(len(place)):
        place[j] = -1
    for d in range(
        max(0, a * stride[0] - before[0]), min(nd, a * stride[0] - before[0] + window[0])
    ):
        for h in range(
            max(0, b * stride[1] - before[1]), min(nh, b * stride[1] - before[1] + window[1])
        ):
            line = plane[d, h]
            first = (d * nh + h) * nw
            for w in range(window[2]):
                start = w - before[2]
                lo = 0 if start >= 0 else (step - 1 - start) // step
                hi = min(len(place), max(lo, (nw - start + step - 1) // step))
                if hi <= lo:
                    continue
                values = line[start + lo * step :: step]
                maxima, places = best[lo:hi], place[lo:hi]
                at = first + start + lo * step
                for j in range(hi - lo):
                    value, old = values[j], maxima[j]
                    better = (places[j] < 0) | (value > old) | ((value != value) & (old == old))
                    maxima[j] = value if better else old
                    places[j] = at + j * step if better else places[j]


@numba.njit(cache=True)
def _max_plane(flat, source, target, window, stride, before):
    od, oh, ow = target.shape
    best, place = np.empty(ow, flat.dtype), np.empty(ow, np.int64)
    values = source.reshape(-1)
    for a in range(od):
        for b in range(oh):
            _winners(flat, a, b, window, stride, before, best, place)
            line = target[a, b]
            for c in range(ow):
                line[c] = values[place[c]]


@numba.njit(parallel=True, cache=True)
def _max(flat, source, target, window, stride, before):
    if flat.size < _ALONE:
        for i in range(len(flat)):
            _max_plane(flat[i], source[i], target[i], window, stride, before)
    else:
        for i in numba.prange(len(flat)):
            _max_plane(flat[i], source[i], target[i], window, stride, before)


@numba.njit(cache=True)
def _max_grad_plane(flat, source, target, window, stride, before):
    od, oh, ow = source.shape
    best, place = np.empty(ow, flat.dtype), np.empty(ow, np.int64)
    grads = target.reshape(-1)
    grads[:] = 0
    for a in range(od):
        for b in range(oh):
            _winners(flat, a, b, window, stride, before, best, place)
            line = source[a, b]
            for c in range(ow):
                grads[place[c]] += line[c]


@numba.njit(parallel=True, cache=True)
def _max_grad(flat, source, target, window, stride, before):
    if flat.size < _ALONE:
        for i in range(len(flat)):
            _max_grad_plane(flat[i], source[i], target[i], window, stride, before)
    else:
        for i in numba.prange(len(flat)):
            _max_grad_plane(flat[i], source[i], target[i], window, stride, before)


@numba.njit(cache=True)
def _share(mode, a, b, c, inside, shape, window, stride, before, after):
    """What the sum over a window is divided by."""
    if mode == 0:
        return 1
    if mode == 2:
        return inside
    size = 1
    for k, place in enumerate((a, b, c)):
        start = place * stride[k] - before[k]
        size *= min(start + window[k], shape[k] + after[k]) - start
    return size


@numba.njit(cache=True)
def _linear_plane(flat, target, window, stride, before, after, mode):
    nd, nh, nw = flat.shape
    od, oh, ow = target.shape
    for a in range(od):
        d0 = a * stride[0] - before[0]
        d1 = min(d0 + window[0], nd)
        d0 = max(d0, 0)
        for b in range(oh):
            h0 = b * stride[1] - before[1]
            h1 = min(h0 + window[1], nh)
            h0 = max(h0, 0)
            for c in range(ow):
                w0 = c * stride[2] - before[2]
                w1 = min(w0 + window[2], nw)
                w0 = max(w0, 0)
                total = 0.0
                for d in range(d0, d1):
                    for h in range(h0, h1):
                        for w in range(w0, w1):
                            total += flat[d, h, w]
                inside = (d1 - d0) * (h1 - h0) * (w1 - w0)
                share = _share(mode, a, b, c, inside, flat.shape, window, stride, before, after)
                target[a, b, c] = total / share


@numba.njit(parallel=True, cache=True)
def _linear(flat, target, window, stride, before, after, mode):
    if flat.size < _ALONE:
        for i in range(len(flat)):
            _linear_plane(flat[i], target[i], window, stride, before, after, mode)
    else:
        for i in numba.prange(len(flat)):
            _linear_plane(flat[i], target[i], window, stride, before, after, mode)


@numba.njit(cache=True)
def _linear_grad_plane(source, target, window, stride, before, after, mode):
    nd, nh, nw = target.shape
    od, oh, ow = source.shape
    target[:] = 0
    for a in range(od):
        d0 = a * stride[0] - before[0]
        d1 = min(d0 + window[0], nd)
        d0 = max(d0, 0)
        for b in range(oh):
            h0 = b * stride[1] - before[1]
            h1 = min(h0 + window[1], nh)
            h0 = max(h0, 0)
            for c in range(ow):
                w0 = c * stride[2] - before[2]
                w1 = min(w0 + window[2], nw)
                w0 = max(w0, 0)
                inside = (d1 - d0) * (h1 - h0) * (w1 - w0)
                share = _share(mode, a, b, c, inside, target.shape, window, stride, before, after)
                part = source.dtype.type(source[a, b, c] / share)
                for d in range(d0, d1):
                    for h in range(h0, h1):
                        for w in range(w0, w1):
                            target[d, h, w] += part


@numba.njit(parallel=True, cache=True)
def _linear_grad(source, target, window, stride, before, after, mode):
    if target.size < _ALONE:
        for i in range(len(source)):
            _linear_grad_plane(source[i], target[i], window, stride, before, after, mode)
    else:
        for i in numba.prange(len(source)):
            _linear_grad_plane(source[i], target[i], window, stride, before, after, mode)


# The integers that go with the arrays: planes, input and output lengths, window, stride, zeros
# before and after, mode.
@numba.njit(cache=True)
def _three(sizes, k):
    return sizes[k], sizes[k + 1], sizes[k + 2]


def _max_entry(x, values, y, sizes):
    s = numba.carray(sizes, 20)
    flat = numba.carray(x, (s[0], s[1], s[2], s[3]))
    source = numba.carray(values, (s[0], s[1], s[2], s[3]))
    target = numba.carray(y, (s[0], s[4], s[5], s[6]))
    _max(flat, source, target, _three(s, 7), _three(s, 10), _three(s, 13))


def _max_grad_entry(x, gy, gx, sizes):
    s = numba.carray(sizes, 20)
    flat = numba.carray(x, (s[0], s[1], s[2], s[3]))
    source = numba.carray(gy, (s[0], s[4], s[5], s[6]))
    target = numba.carray(gx, (s[0], s[1], s[2], s[3]))
    _max_grad(flat, source, target, _three(s, 7), _three(s, 10), _three(s, 13))


def _linear_entry(x, y, sizes):
    s = numba.carray(sizes, 20)
    flat = numba.carray(x, (s[0], s[1], s[2], s[3]))
    target = numba.carray(y, (s[0], s[4], s[5], s[6]))
    _linear(flat, target, _three(s, 7), _three(s, 10), _three(s, 13), _three(s, 16), s[19])


def _linear_grad_entry(gy, gx, sizes):
    s = numba.carray(sizes, 20)
    source = numba.carray(gy, (s[0], s[4], s[5], s[6]))
    target = numba.carray(gx, (s[0], s[1], s[2], s[3]))
    _linear_grad(source, target, _three(s, 7), _three(s, 10), _three(s, 13), _three(s, 16), s[19])


def lifters(ndim: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions that give an array three spatial axes, and that take the added ones away.

    Parameters
    ----------
    ndim : int
        Number of spatial axes.

    Returns
    -------
    up, down : callable
        Compiled functions; the first makes the array contiguous.
    """
    if ndim == 1:

        @numba.njit
        def up1(x):
            n, c, w = x.shape
            return np.ascontiguousarray(x).reshape((n, c, 1, 1, w))

        @numba.njit
        def down1(x):
            n, c, _, _, w = x.shape
            return x.reshape((n, c, w))

        return up1, down1
    if ndim == 2:

        @numba.njit
        def up2(x):
            n, c, h, w = x.shape
            return np.ascontiguousarray(x).reshape((n, c, 1, h, w))

        @numba.njit
        def down2(x):
            n, c, _, h, w = x.shape
            return x.reshape((n, c, h, w))

        return up2, down2

    @numba.njit
    def up3(x):
        return np.ascontiguousarray(x)

    @numba.njit
    def down3(x):
        return x

    return up3, down3


def build(
    direction: str,
    dtype: str,
    version: int,
    ndim: int,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    mode: str,
    ignore_border: bool,
) -> Callable[..., Any]:
    """The kernel for a direction, with the geometry bound.

    Parameters
    ----------
    direction : str
        ``"forward"``, ``"grad_input"`` or ``"grad_grad"``.
    dtype : str
        ``"float32"`` or ``"float64"``.
    version : int
        The implementation's.
    ndim : int
        Number of spatial axes of the arrays.
    window, stride, before, after : tuple of int
        One for each of three axes.
    mode : str
        As for :func:`nncore.ops.pool`.
    ignore_border : bool
        As for :func:`nncore.ops.pool`.

    Returns
    -------
    callable
        A function that Numba can call.
    """
    up, down = lifters(ndim)
    code = _MODES.get(mode, -1)
    is_max = mode == "max"
    geometry = (*window, *stride, *before, *after, code)

    @numba.njit
    def numbers(x_shape, y_shape):
        sizes = np.empty(20, np.int64)
        sizes[0] = x_shape[0] * x_shape[1]
        for k in range(3):
            sizes[1 + k] = x_shape[2 + k]
            sizes[4 + k] = y_shape[2 + k]
        for k, value in enumerate(geometry):
            sizes[7 + k] = value
        return sizes

    @numba.njit
    def empty_output(x):
        d, h, w = _lengths(x.shape, window, stride, before, after, ignore_border)
        return np.empty((x.shape[0], x.shape[1], d, h, w), x.dtype)

    @numba.njit
    def check(x, gy):
        d, h, w = _lengths(x.shape, window, stride, before, after, ignore_border)
        if gy.shape != (x.shape[0], x.shape[1], d, h, w):
            raise ValueError("pool: the gradient's shape is not that of the pool's output")

    if direction == "grad_input" and is_max:
        max_grad = entry_point(_max_grad_entry, dtype, 3, version)

        @numba.njit
        def grad_of_maximum(x, gy):
            x5, gy5 = up(x), up(gy)
            check(x5, gy5)
            gx = np.empty_like(x5)
            sizes = numbers(x5.shape, gy5.shape)
            max_grad(x5.ctypes, gy5.ctypes, gx.ctypes, sizes.ctypes)
            return down(gx)

        return grad_of_maximum
    if direction == "grad_input":
        linear_grad = entry_point(_linear_grad_entry, dtype, 2, version)

        @numba.njit
        def grad_of_average(x, gy):
            x5, gy5 = up(x), up(gy)
            check(x5, gy5)
            gx = np.empty_like(x5)
            sizes = numbers(x5.shape, gy5.shape)
            linear_grad(gy5.ctypes, gx.ctypes, sizes.ctypes)
            return down(gx)

        return grad_of_average
    if not is_max:
        linear = entry_point(_linear_entry, dtype, 2, version)

        @numba.njit
        def average(x):
            x5 = up(x)
            y = empty_output(x5)
            sizes = numbers(x5.shape, y.shape)
            linear(x5.ctypes, y.ctypes, sizes.ctypes)
            return down(y)

        return average
    take = entry_point(_max_entry, dtype, 3, version)

    @numba.njit
    def maximum_of(x, values):
        x5, values5 = up(x), up(values)
        if values5.shape != x5.shape:
            raise ValueError("pool: the tensor to take from has not the shape of the pool's input")
        y = empty_output(x5)
        sizes = numbers(x5.shape, y.shape)
        take(x5.ctypes, values5.ctypes, y.ctypes, sizes.ctypes)
        return down(y)

    if direction == "grad_grad":
        return maximum_of

    @numba.njit
    def maximum(x):
        return maximum_of(x, x)

    return maximum
