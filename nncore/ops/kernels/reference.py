"""Convolution and pooling in plain NumPy: the oracle that every other kernel is compared with.

It is written for clarity, and accumulates in float64.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.hookspecs import Implementation
from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry

__all__ = ["ReferenceConvolution", "ReferencePooling"]

Array = NDArray[Any]


def _taps(
    geometry: ConvGeometry, x_shape: tuple[int, ...], w_shape: tuple[int, ...]
) -> tuple[tuple[int, ...], list[tuple[Any, Any]]]:
    """Shape of the padded input, and index and seen part of the input for each filter tap."""
    size = tuple(w_shape[2:])
    pads = geometry.pads(size)
    padded = tuple(n + sum(p) for n, p in zip(x_shape[2:], pads, strict=True))
    output = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(padded, size, geometry.stride, geometry.dilation, strict=True)
    ]
    taps = []
    for tap in itertools.product(*map(range, size)):
        slices = tuple(
            slice(d * t, d * t + s * (n - 1) + 1, s)
            for t, n, s, d in zip(tap, output, geometry.stride, geometry.dilation, strict=True)
        )
        index = tuple(k - 1 - t for k, t in zip(size, tap, strict=True)) if geometry.flip else tap
        taps.append(((..., *index), (..., *slices)))
    return padded, taps


def _pad(x: Array, pads: tuple[tuple[int, int], ...]) -> Array:
    return np.pad(x.astype(np.float64), ((0, 0), (0, 0), *pads))


def _unpad(x: Array, pads: tuple[tuple[int, int], ...]) -> Array:
    inner: Any = (slice(a, n - b) for n, (a, b) in zip(x.shape[2:], pads, strict=True))
    return x[(..., *inner)]


def _grouped(x: Array, groups: int) -> Array:
    return x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])


def _flat(x: Array, axes: int) -> Array:
    """Make all axes after the first ones one, also in an empty array."""
    return x.reshape(*x.shape[:axes], math.prod(x.shape[axes:]))


def _conv_forward(geometry: ConvGeometry, x: Array, w: Array) -> Array:
    g = geometry.groups
    _, taps = _taps(geometry, x.shape, w.shape)
    padded = _pad(x, geometry.pads(w.shape[2:]))
    filters = w.astype(np.float64).reshape(g, w.shape[0] // g, *w.shape[1:])
    y: Any = 0.0
    for index, slices in taps:
        seen = _grouped(padded[slices], g)
        y = y + np.einsum("ngc...,gfc->ngf...", seen, filters[index])
    return y.reshape(x.shape[0], w.shape[0], *y.shape[3:]).astype(x.dtype)


def _conv_grad_input(
    geometry: ConvGeometry, w: Array, gy: Array, x_shape: tuple[int, ...]
) -> Array:
    g = geometry.groups
    padded, taps = _taps(geometry, x_shape, w.shape)
    gx = np.zeros((gy.shape[0], x_shape[1], *padded))
    filters = w.astype(np.float64).reshape(g, w.shape[0] // g, *w.shape[1:])
    for index, slices in taps:
        part = np.einsum("ngf...,gfc->ngc...", _grouped(gy, g), filters[index])
        gx[slices] += part.reshape(gy.shape[0], x_shape[1], *part.shape[3:])
    return _unpad(gx, geometry.pads(w.shape[2:])).astype(w.dtype)


def _conv_grad_filters(
    geometry: ConvGeometry, x: Array, gy: Array, w_shape: tuple[int, ...]
) -> Array:
    g = geometry.groups
    _, taps = _taps(geometry, x.shape, w_shape)
    padded = _pad(x, geometry.pads(tuple(w_shape[2:])))
    gw = np.empty((g, w_shape[0] // g, *w_shape[1:]))
    for index, slices in taps:
        seen = _grouped(padded[slices], g)
        # An ellipsis cannot be summed over, so the spatial axes become one.
        grads = _flat(_grouped(gy.astype(np.float64), g), 3)
        gw[index] = np.einsum("ngcp,ngfp->gfc", _flat(seen, 3), grads)
    return gw.reshape(w_shape).astype(x.dtype)


class ReferenceConvolution(Implementation):
    """Convolution in NumPy, one filter tap at a time."""

    name = "reference"
    kind = "conv"
    backends = ("python",)
    rank = 0

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        functions: dict[str, Callable[..., Array]] = {
            "forward": _conv_forward,
            "grad_input": _conv_grad_input,
            "grad_filters": _conv_grad_filters,
        }
        return partial(functions[direction], geometry)


def _windows(geometry: PoolGeometry, shape: tuple[int, ...]) -> Any:
    """For each output position: its index, the part of the input it sees, and its full size."""
    axes = []
    lengths = geometry.output_lengths(tuple(shape[2:]))
    for n, length, size, step, (before, after) in zip(
        shape[2:], lengths, geometry.window, geometry.stride, geometry.pad, strict=True
    ):
        axis = []
        for i in range(length):
            start = i * step - before
            # Windows are cut off at the end of the padding, which itself counts.
            stop = min(start + size, n + after)
            axis.append((i, slice(max(start, 0), min(stop, n)), stop - start))
        axes.append(axis)
    for position in itertools.product(*axes):
        index, seen, sizes = zip(*position, strict=True)
        yield (..., *index), (..., *seen), int(np.prod(sizes))


def _divisor(geometry: PoolGeometry, seen: Array, size: int) -> int:
    if geometry.mode == "sum":
        return 1
    return size if geometry.mode == "average_inc_pad" else int(np.prod(seen.shape[2:]))


def _winner(seen: Array) -> Array:
    """Row-major index of the first maximum of every window; a NaN wins."""
    return np.argmax(_flat(seen, 2), axis=2)


def _pool_forward(geometry: PoolGeometry, x: Array) -> Array:
    if geometry.mode == "max":
        return _pool_grad_grad(geometry, x, x)
    y = np.empty((*x.shape[:2], *geometry.output_lengths(x.shape[2:])), x.dtype)
    for index, window, size in _windows(geometry, x.shape):
        seen = x[window]
        total = seen.astype(np.float64).sum(axis=tuple(range(2, x.ndim)))
        y[index] = total / _divisor(geometry, seen, size)
    return y


def _pool_grad_input(geometry: PoolGeometry, x: Array, gy: Array) -> Array:
    gx = np.zeros(x.shape)
    n, c = np.ogrid[: x.shape[0], : x.shape[1]]
    for index, window, size in _windows(geometry, x.shape):
        seen, grad = x[window], gy[index].astype(np.float64)
        if geometry.mode == "max":
            place = np.unravel_index(_winner(seen), seen.shape[2:])
            starts = (s.start for s in window[1:])
            where = tuple(p + start for p, start in zip(place, starts, strict=True))
            gx[(n, c, *where)] += grad
        else:
            share = grad / _divisor(geometry, seen, size)
            gx[window] += share.reshape(*share.shape, *(1,) * geometry.ndim)
    return gx.astype(x.dtype)


def _pool_grad_grad(geometry: PoolGeometry, x: Array, values: Array) -> Array:
    y = np.empty((*x.shape[:2], *geometry.output_lengths(x.shape[2:])), x.dtype)
    for index, window, _ in _windows(geometry, x.shape):
        place = _winner(x[window])[..., None]
        y[index] = np.take_along_axis(_flat(values[window], 2), place, axis=2)[..., 0]
    return y


class ReferencePooling(Implementation):
    """Pooling in NumPy, one window at a time."""

    name = "reference"
    kind = "pool"
    backends = ("python",)
    rank = 0

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        functions: dict[str, Callable[..., Array]] = {
            "forward": _pool_forward,
            "grad_input": _pool_grad_input,
            "grad_grad": _pool_grad_grad,
        }
        return partial(functions[direction], geometry)
