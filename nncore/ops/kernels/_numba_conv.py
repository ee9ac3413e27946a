"""Convolution as matrix products without a matrix of patches, on three spatial axes.

Each direction is a product over *positions*: the places of the output, numbered through the whole
batch. What the filters see at a position lies, in the padded input, at an offset that belongs to
the position plus an offset that belongs to the filter's element; so a panel of operands for the
register tile of :mod:`._numba_tile` is read through two short lists of offsets, and stride,
dilation, padding and groups are matters of these lists alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nncore.ops.kernels._numba_entry import entry_point, num_threads
from nncore.ops.kernels._numba_pool import lifters
from nncore.ops.kernels._numba_tile import tile, tile_columns, tile_rows

__all__ = ["build"]

#: Bytes of packed operands in a block: what fits into a core's second-level cache.
_BLOCK = 192 << 10

#: Multiplications that one thread does in about the time that it takes to wake the others.
_ALONE = 4_000_000

#: Positions that are looked at together: if they are neighbours in memory, they are copied at once.
_CHUNK = 8


@numba.njit(cache=True)
def _resolved(pad, taps, dilation, after):
    """The zeros on one side of an axis, where -1 stands for 'same' and -2 for 'full'."""
    if pad >= 0:
        return pad
    total = (taps - 1) * dilation
    if pad == -2:
        return total
    return total - total // 2 if after else total // 2


@numba.njit(cache=True)
def _sizes(x_shape, w_shape, stride, before, after, dilation, groups):
    """The zeros before each axis, and the output's lengths."""
    if x_shape[1] != w_shape[1] * groups or w_shape[0] % groups != 0:
        raise ValueError(
            "conv: the number of input channels must be groups times the second size of the "
            "filters, and the number of filters a multiple of groups"
        )
    if min(w_shape[2], w_shape[3], w_shape[4]) < 1:
        raise ValueError("conv: a filter must have at least one tap on each spatial axis")
    b0 = _resolved(before[0], w_shape[2], dilation[0], False)
    b1 = _resolved(before[1], w_shape[3], dilation[1], False)
    b2 = _resolved(before[2], w_shape[4], dilation[2], False)
    a0 = _resolved(after[0], w_shape[2], dilation[0], True)
    a1 = _resolved(after[1], w_shape[3], dilation[1], True)
    a2 = _resolved(after[2], w_shape[4], dilation[2], True)
    od = (x_shape[2] + b0 + a0 - dilation[0] * (w_shape[2] - 1) - 1) // stride[0] + 1
    oh = (x_shape[3] + b1 + a1 - dilation[1] * (w_shape[3] - 1) - 1) // stride[1] + 1
    ow = (x_shape[4] + b2 + a2 - dilation[2] * (w_shape[4] - 1) - 1) // stride[2] + 1
    if min(od, oh, ow) < 1:
        raise ValueError(
            "conv: no output, the dilated filter is longer than the padded input on a spatial "
            "axis; use a smaller filter, more padding or a larger input"
        )
    return (b0, b1, b2), (od, oh, ow)


@numba.njit(cache=True)
def _three(sizes, k):
    return sizes[k], sizes[k + 1], sizes[k + 2]


# The integers that go with the arrays: batch, groups, channels and filters per group, whether the
# filters are turned round, input lengths, taps, output lengths, stride, zeros before, dilation.
_INTEGERS = 23


@numba.njit(cache=True)
def _padded_lengths(x, s):
    """Lengths of the padded input: as far as the filters reach, and at least the input's own."""
    taps, out = _three(s, 8), _three(s, 11)
    stride, before, dilation = _three(s, 14), _three(s, 17), _three(s, 20)
    d = max(before[0] + x.shape[2], (out[0] - 1) * stride[0] + (taps[0] - 1) * dilation[0] + 1)
    h = max(before[1] + x.shape[3], (out[1] - 1) * stride[1] + (taps[1] - 1) * dilation[1] + 1)
    w = max(before[2] + x.shape[4], (out[2] - 1) * stride[2] + (taps[2] - 1) * dilation[2] + 1)
    return d, h, w


@numba.njit(cache=True)
def _copy_middle(plane, padded, s, inwards):
    """Copy between a plane and the middle of a padded one; what is around the middle is zero."""
    nd, nh, nw = plane.shape
    b0, b1, b2 = s[17], s[18], s[19]
    if inwards:
        padded[:] = 0
    for d in range(nd):
        for h in range(nh):
            line, middle = plane[d, h], padded[b0 + d, b1 + h, b2 : b2 + nw]
            if inwards:
                for w in range(nw):
                    middle[w] = line[w]
            else:
                for w in range(nw):
                    line[w] = middle[w]


@numba.njit(parallel=True, cache=True)
def _copy_all(x, padded, s, inwards):
    """Pad every plane of the input, or crop every plane of a padded gradient."""
    channels = x.shape[1]
    if x.size < _ALONE:
        for job in range(x.shape[0] * channels):
            n = job // channels
            _copy_middle(x[n, job - n * channels], padded[n, job - n * channels], s, inwards)
    else:
        for job in numba.prange(x.shape[0] * channels):
            n = job // channels
            _copy_middle(x[n, job - n * channels], padded[n, job - n * channels], s, inwards)


@numba.njit(cache=True)
def _position_offsets(q0, q1, count, shape, s, seen, made, near):
    """For the positions ``q0 <= q < q1``: where they begin in the padded input and in the output.

    The lists are filled up to `count` with the last position. ``near[i]`` says whether chunk ``i``
    of the positions are neighbours in the input.
    """
    out, stride = _three(s, 11), _three(s, 14)
    _, channels, nd, nh, nw = shape
    places = out[0] * out[1] * out[2]
    filters = s[1] * s[3]
    n = q0 // places
    rest = q0 - n * places
    a = rest // (out[1] * out[2])
    rest -= a * out[1] * out[2]
    b = rest // out[2]
    c = rest - b * out[2]
    for k in range(count):
        start = ((n * channels * nd + a * stride[0]) * nh + b * stride[1]) * nw + c * stride[2]
        seen[k] = np.uint64(start)
        made[k] = np.uint64(n * filters * places + (a * out[1] + b) * out[2] + c)
        if q0 + k + 1 < q1:
            c += 1
            if c == out[2]:
                c = 0
                b += 1
                if b == out[1]:
                    b = 0
                    a += 1
                    if a == out[0]:
                        a = 0
                        n += 1
    for i in range(count // _CHUNK):
        near[i] = 1
        for k in range(i * _CHUNK, (i + 1) * _CHUNK - 1):
            if seen[k + 1] != seen[k] + np.uint64(1):
                near[i] = 0


@numba.njit(cache=True)
def _element_offsets(group, shape, s, elements):
    """Where the elements of a group's filters look, relative to a position."""
    channels, flip, taps, dilation = s[2], s[4] == 1, _three(s, 8), _three(s, 20)
    _, _, nd, nh, nw = shape
    count = taps[0] * taps[1] * taps[2]
    for k in range(channels * count):
        channel = group * channels + k // count
        tap = k % count
        if flip:
            tap = count - 1 - tap
        d = (tap // (taps[1] * taps[2])) * dilation[0]
        h = (tap // taps[2] % taps[1]) * dilation[1]
        w = tap % taps[2] * dilation[2]
        elements[k] = np.uint64(((channel * nd + d) * nh + h) * nw + w)


@numba.njit(cache=True)
def _pack_rows(matrix, rows, packed):
    """``packed[panel, k, r] = matrix[panel * rows + r, k]``, with zeros for rows beyond it."""
    count, depth = matrix.shape
    for panel in range(-(-count // rows)):
        for r in range(rows):
            i = panel * rows + r
            base = panel * depth * rows + r
            if i < count:
                for k in range(depth):
                    packed[base + k * rows] = matrix[i, k]
            else:
                for k in range(depth):
                    packed[base + k * rows] = 0


@numba.njit(cache=True)
def _read(flat, starts, seen, near, columns, panel):
    """``panel[k, j] = flat[starts[k] + seen[j]]``."""
    for k in range(len(starts)):
        start = starts[k]
        row = panel[k * columns : (k + 1) * columns]
        for i in range(columns // _CHUNK):
            part = row[i * _CHUNK : (i + 1) * _CHUNK]
            if near[i] == 1:
                first = start + seen[i * _CHUNK]
                for j in range(_CHUNK):
                    part[j] = flat[first + np.uint64(j)]
            else:
                places = seen[i * _CHUNK : (i + 1) * _CHUNK]
                for j in range(_CHUNK):
                    part[j] = flat[start + places[j]]
        # Narrow vector registers make tiles that are not a whole number of chunks.
        for j in range(columns // _CHUNK * _CHUNK, columns):
            row[j] = flat[start + seen[j]]


@numba.njit(cache=True)
def _add(flat, starts, seen, near, columns, width, panel):
    """``flat[starts[k] + seen[j]] += panel[k, j]`` for ``j < width``."""
    for k in range(len(starts)):
        start = starts[k]
        row = panel[k * columns : (k + 1) * columns]
        for i in range(-(-width // _CHUNK)):
            stop = min(_CHUNK, width - i * _CHUNK)
            part = row[i * _CHUNK : (i + 1) * _CHUNK]
            if near[i] == 1 and stop == _CHUNK:
                first = start + seen[i * _CHUNK]
                for j in range(_CHUNK):
                    flat[first + np.uint64(j)] += part[j]
            else:
                places = seen[i * _CHUNK : (i + 1) * _CHUNK]
                for j in range(stop):
                    flat[start + places[j]] += part[j]


@numba.njit(cache=True)
def _threads(s):
    """How many threads are worth their start for the work of a direction."""
    places, taps = s[0] * s[11] * s[12] * s[13], s[8] * s[9] * s[10]
    return 1 if places * taps * s[1] * s[2] * s[3] < _ALONE else num_threads()


@numba.njit(parallel=True, cache=True)
def _forward(x, w, y, s):
    groups, filters = s[1], s[3]
    rows = tile_rows(y)
    packed = np.empty((groups, -(-filters // rows) * rows * w.shape[1]), x.dtype)
    for group in range(groups):
        _pack_rows(w[group * filters : (group + 1) * filters], rows, packed[group])
    threads = _threads(s)
    if threads == 1:
        _forward_share(0, 1, x, packed, y, s)
    else:
        for thread in numba.prange(threads):
            _forward_share(thread, threads, x, packed, y, s)


@numba.njit(cache=True)
def _forward_share(thread, threads, x, packed, y, s):
    groups, filters, places = s[1], s[3], y.shape[2]
    rows, columns = tile_rows(y), tile_columns(y)
    depth = s[2] * s[8] * s[9] * s[10]
    total = y.shape[0] * places
    panels = -(-total // columns)
    source, target = x.reshape(-1), y.reshape(-1)
    patches = np.empty(depth * columns, x.dtype)
    corner = np.empty(rows * columns, x.dtype)
    seen, made = np.empty(columns, np.uint64), np.empty(columns, np.uint64)
    near = np.empty(columns // _CHUNK + 1, np.int64)
    elements = np.empty((groups, depth), np.uint64)
    for group in range(groups):
        _element_offsets(group, x.shape, s, elements[group])
    for number in range(thread * panels // threads, (thread + 1) * panels // threads):
        q0 = number * columns
        width = min(columns, total - q0)
        _position_offsets(q0, q0 + width, columns, x.shape, s, seen, made, near)
        # A tile is written in one piece if its positions are of one sample.
        whole = width == columns and q0 % places + columns <= places
        for group in range(groups):
            _read(source, elements[group], seen, near, columns, patches)
            for f0 in range(0, filters, rows):
                height = min(rows, filters - f0)
                line = (group * filters + f0) * places
                if whole and height == rows:
                    at = np.int64(made[0]) + line
                    tile(packed[group], f0 * depth, patches, 0, target, at, places, depth, False)
                    continue
                tile(packed[group], f0 * depth, patches, 0, corner, 0, columns, depth, False)
                for i in range(height):
                    at_line = np.uint64(line + i * places)
                    part = corner[i * columns : i * columns + width]
                    for j in range(width):
                        target[at_line + made[j]] = part[j]


@numba.njit(parallel=True, cache=True)
def _grad_input(w, gy, gx, s):
    groups, filters = s[1], s[3]
    rows = tile_rows(gx)
    packed = np.empty((groups, -(-w.shape[1] // rows) * rows * filters), gx.dtype)
    for group in range(groups):
        transposed = np.ascontiguousarray(w[group * filters : (group + 1) * filters].T)
        _pack_rows(transposed, rows, packed[group])
    threads = _threads(s)
    if threads == 1:
        _grad_input_share(0, 1, packed, gy, gx, s)
    else:
        for thread in numba.prange(threads):
            _grad_input_share(thread, threads, packed, gy, gx, s)


@numba.njit(cache=True)
def _grad_input_share(thread, threads, packed, gy, gx, s):
    groups, filters, places = s[1], s[3], gy.shape[2]
    rows, columns = tile_rows(gx), tile_columns(gx)
    fan_in = s[2] * s[8] * s[9] * s[10]
    source, target = gy.reshape(-1), gx.reshape(-1)
    grads = np.empty(filters * columns, gx.dtype)
    sums = np.empty((fan_in + rows) * columns, gx.dtype)
    seen, made = np.empty(columns, np.uint64), np.empty(columns, np.uint64)
    near = np.empty(columns // _CHUNK + 1, np.int64)
    # Neighbours in the output are not recorded: a gather of so few rows does not matter.
    apart = np.zeros(columns // _CHUNK + 1, np.int64)
    lines = np.empty(filters, np.uint64)
    elements = np.empty((groups, fan_in), np.uint64)
    for group in range(groups):
        _element_offsets(group, gx.shape, s, elements[group])
    # Whole samples to each thread, since neighbouring positions add to the same elements.
    first = thread * gx.shape[0] // threads
    last = (thread + 1) * gx.shape[0] // threads
    for n in range(first, last):
        gx[n] = 0
    for q0 in range(first * places, last * places, columns):
        width = min(columns, last * places - q0)
        _position_offsets(q0, q0 + width, columns, gx.shape, s, seen, made, near)
        for group in range(groups):
            for f in range(filters):
                lines[f] = np.uint64((group * filters + f) * places)
            _read(source, lines, made, apart, columns, grads)
            for k0 in range(0, fan_in, rows):
                tile(
                    packed[group],
                    k0 * filters,
                    grads,
                    0,
                    sums,
                    k0 * columns,
                    columns,
                    filters,
                    False,
                )
            _add(target, elements[group], seen, near, columns, width, sums)


@numba.njit(parallel=True, cache=True)
def _grad_filters(x, gy, gw, s):
    groups, filters, fan_in = s[1], s[3], gw.shape[1]
    rows, columns = tile_rows(gw), tile_columns(gw)
    high, wide = -(-filters // rows) * rows, -(-fan_in // columns) * columns
    threads = _threads(s)
    parts = np.zeros((threads, groups, high * wide), gw.dtype)
    if threads == 1:
        _grad_filters_share(0, 1, x, gy, parts, s)
    else:
        for thread in numba.prange(threads):
            _grad_filters_share(thread, threads, x, gy, parts, s)
    for f in range(groups * filters):
        group = f // filters
        base = (f - group * filters) * wide
        for k in range(fan_in):
            # The order of the threads is fixed, so the result does not change between runs.
            value = parts[0, group, base + k]
            for thread in range(1, threads):
                value += parts[thread, group, base + k]
            gw[f, k] = value


@numba.njit(cache=True)
def _grad_filters_share(thread, threads, x, gy, parts, s):
    groups, filters, places = s[1], s[3], gy.shape[2]
    rows, columns = tile_rows(x), tile_columns(x)
    fan_in = s[2] * s[8] * s[9] * s[10]
    high, wide = -(-filters // rows) * rows, -(-fan_in // columns) * columns
    total = gy.shape[0] * places
    block = min(512, max(32, _BLOCK // ((high + wide) * x.itemsize))) // _CHUNK * _CHUNK
    source, outputs = x.reshape(-1), gy.reshape(-1)
    grads = np.zeros(high * block, x.dtype)
    patches = np.zeros(wide * block, x.dtype)
    seen, made = np.empty(block, np.uint64), np.empty(block, np.uint64)
    near = np.empty(block // _CHUNK + 1, np.int64)
    elements = np.empty((groups, fan_in), np.uint64)
    for group in range(groups):
        _element_offsets(group, x.shape, s, elements[group])
    last = (thread + 1) * total // threads
    for q0 in range(thread * total // threads, last, block):
        length = min(block, last - q0)
        _position_offsets(q0, q0 + length, length, x.shape, s, seen, made, near)
        for group in range(groups):
            for f in range(filters):
                line = np.uint64((group * filters + f) * places)
                column = grads[f // rows * length * rows + f % rows :]
                for q in range(length):
                    column[q * rows] = outputs[line + made[q]]
            for k0 in range(0, wide, columns):
                width = min(columns, fan_in - k0)
                starts = elements[group, k0 : k0 + width]
                for q in range(length):
                    place = seen[q]
                    row = patches[k0 * length + q * columns : k0 * length + (q + 1) * columns]
                    for j in range(width):
                        row[j] = source[place + starts[j]]
            for k0 in range(0, wide, columns):
                for i0 in range(0, high, rows):
                    tile(
                        grads,
                        i0 * length,
                        patches,
                        k0 * length,
                        parts[thread, group],
                        i0 * wide + k0,
                        wide,
                        length,
                        True,
                    )


@numba.njit(cache=True)
def _arrays(x_, w_, y_, s):
    batch, groups, channels, filters = s[0], s[1], s[2], s[3]
    x = numba.carray(x_, (batch, groups * channels, s[5], s[6], s[7]))
    w = numba.carray(w_, (groups * filters, channels * s[8] * s[9] * s[10]))
    y = numba.carray(y_, (batch, groups * filters, s[11] * s[12] * s[13]))
    return x, w, y


@numba.njit(cache=True)
def _with_padding(x, s):
    """The padded input; the input itself if there is nothing to add."""
    d, h, w = _padded_lengths(x, s)
    if d == x.shape[2] and h == x.shape[3] and w == x.shape[4]:
        return x
    padded = np.empty((x.shape[0], x.shape[1], d, h, w), x.dtype)
    _copy_all(x, padded, s, True)
    return padded


def _forward_entry(x_, w_, y_, sizes):
    s = numba.carray(sizes, _INTEGERS)
    x, w, y = _arrays(x_, w_, y_, s)
    _forward(_with_padding(x, s), w, y, s)


def _grad_input_entry(w_, gy_, gx_, sizes):
    s = numba.carray(sizes, _INTEGERS)
    gx, w, gy = _arrays(gx_, w_, gy_, s)
    d, h, v = _padded_lengths(gx, s)
    if d == gx.shape[2] and h == gx.shape[3] and v == gx.shape[4]:
        _grad_input(w, gy, gx, s)
    else:
        padded = np.empty((gx.shape[0], gx.shape[1], d, h, v), gx.dtype)
        _grad_input(w, gy, padded, s)
        _copy_all(gx, padded, s, False)


def _grad_filters_entry(x_, gy_, gw_, sizes):
    s = numba.carray(sizes, _INTEGERS)
    x, gw, gy = _arrays(x_, gw_, gy_, s)
    _grad_filters(_with_padding(x, s), gy, gw, s)


def build(
    direction: str,
    dtype: str,
    version: int,
    ndim: int,
    stride: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    flip: bool,
) -> Callable[..., Any]:
    """The kernel for a direction, with the geometry bound.

    Parameters
    ----------
    direction : str
        ``"forward"``, ``"grad_input"`` or ``"grad_filters"``.
    dtype : str
        ``"float32"`` or ``"float64"``.
    version : int
        The implementation's.
    ndim : int
        Number of spatial axes of the arrays.
    stride, before, after, dilation : tuple of int
        One for each of three axes; -1 and -2 as a pad stand for 'same' and 'full'.
    groups : int
        Number of groups.
    flip : bool
        Whether the filters are turned round.

    Returns
    -------
    callable
        A function that Numba can call.
    """
    up, down = lifters(ndim)

    @numba.njit
    def lifted(shape):
        if len(shape) == 3:
            return (shape[0], shape[1], 1, 1, shape[2])
        if len(shape) == 4:
            return (shape[0], shape[1], 1, shape[2], shape[3])
        return shape

    @numba.njit
    def geometry(x_shape, w_shape):
        pads, out = _sizes(x_shape, w_shape, stride, before, after, dilation, groups)
        sizes = np.empty(_INTEGERS, np.int64)
        sizes[0], sizes[1], sizes[2] = x_shape[0], groups, w_shape[1]
        sizes[3], sizes[4] = w_shape[0] // groups, flip
        for k in range(3):
            sizes[5 + k] = x_shape[2 + k]
            sizes[8 + k] = w_shape[2 + k]
            sizes[11 + k] = out[k]
            sizes[14 + k] = stride[k]
            sizes[17 + k] = pads[k]
            sizes[20 + k] = dilation[k]
        return sizes, (x_shape[0], w_shape[0], out[0], out[1], out[2])

    if direction == "forward":
        forward_entry = entry_point(_forward_entry, dtype, 3, version)

        @numba.njit
        def forward(x, w):
            x5, w5 = up(x), up(w)
            sizes, shape = geometry(x5.shape, w5.shape)
            y = np.zeros(shape, x5.dtype)
            if y.size > 0 and w5.size > 0:
                forward_entry(x5.ctypes, w5.ctypes, y.ctypes, sizes.ctypes)
            return down(y)

        return forward
    if direction == "grad_input":
        grad_input_entry = entry_point(_grad_input_entry, dtype, 3, version)

        @numba.njit
        def grad_input(w, gy, x_shape):
            w5, gy5, shape = up(w), up(gy), lifted(x_shape)
            sizes, y_shape = geometry(shape, w5.shape)
            if gy5.shape != y_shape:
                raise ValueError(
                    "conv: the gradient's shape is not that of the convolution's output"
                )
            gx = np.zeros(shape, w5.dtype)
            if gx.size > 0 and w5.size > 0:
                grad_input_entry(w5.ctypes, gy5.ctypes, gx.ctypes, sizes.ctypes)
            return down(gx)

        return grad_input
    grad_filters_entry = entry_point(_grad_filters_entry, dtype, 3, version)

    @numba.njit
    def grad_filters(x, gy, w_shape):
        x5, gy5, shape = up(x), up(gy), lifted(w_shape)
        sizes, y_shape = geometry(x5.shape, shape)
        if gy5.shape != y_shape:
            raise ValueError("conv: the gradient's shape is not that of the convolution's output")
        gw = np.zeros(shape, x5.dtype)
        if gw.size > 0 and gy5.size > 0:
            grad_filters_entry(x5.ctypes, gy5.ctypes, gw.ctypes, sizes.ctypes)
        return down(gw)

    return grad_filters
