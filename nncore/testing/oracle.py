"""Convolution and pooling by explicit loops, written for nothing but to be right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry

__all__ = ["conv", "expected", "explicit", "pool"]

Array = NDArray[Any]


def explicit(pad: Any, taps: Any, dilation: Any) -> tuple[tuple[int, int], ...]:
    """Zeros before and after each axis.

    Parameters
    ----------
    pad : tuple of (int, int), or str
        As in :class:`nncore.ops.geometry.ConvGeometry`.
    taps, dilation : tuple of int
        One for each spatial axis.

    Returns
    -------
    tuple of (int, int)
        One pair for each spatial axis.
    """
    if not isinstance(pad, str):
        return tuple(pad)
    reach = [(k - 1) * d for k, d in zip(taps, dilation, strict=True)]
    return tuple((r, r) if pad == "full" else (r // 2, r - r // 2) for r in reach)


def conv(g: ConvGeometry, x: Array, w: Array, gy: Array | None = None) -> Any:
    """Output of a convolution; with `gy`, also the gradients by input and by filters.

    Parameters
    ----------
    g : nncore.ops.geometry.ConvGeometry
        What to compute; its sizes are not looked at.
    x, w : array
        Input and filters.
    gy : array, optional
        Gradient of the output.

    Returns
    -------
    array or tuple of array
        In float64.
    """
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
                s * i + d * k for s, i, d, k in zip(g.stride, place, g.dilation, tap, strict=True)
            ]
            weight = (
                tuple(k - 1 - t for k, t in zip(w.shape[2:], tap, strict=True)) if g.flip else tap
            )
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
    inner: Any = (slice(a, a + n) for (a, _), n in zip(pads, x.shape[2:], strict=True))
    return y, gx[(..., *inner)], gw


def _pool_starts(length: int, k: int, s: int, before: int, after: int, ignore: bool) -> list[int]:
    """Where the windows along an axis begin, counted from the input's first element."""
    starts = range(-before, length if not ignore else length + after - k + 1, s)
    if ignore:
        return list(starts)
    if length + after + before > k:
        # A window that begins beyond the last one that was needed to reach the end is left out.
        return [i for i in starts if i == -before or i - s + k < length + after]
    return list(starts[:1])


def pool(
    g: PoolGeometry, x: Array, gy: Array | None = None, values: Array | None = None
) -> tuple[Array, Array, Array]:
    """Output of pooling, the input's gradient, and what `values` has where the maxima are.

    Parameters
    ----------
    g : nncore.ops.geometry.PoolGeometry
        What to compute; its sizes are not looked at.
    x : array
        Input.
    gy : array, optional
        Gradient of the output. Without it, the input's gradient is zero.
    values : array, optional
        What to take from, of the input's shape.

    Returns
    -------
    tuple of array
        In float64.
    """
    starts = [
        _pool_starts(n, k, s, before, after, g.ignore_border)
        for n, k, s, (before, after) in zip(x.shape[2:], g.window, g.stride, g.pad, strict=True)
    ]
    y = np.zeros((*x.shape[:2], *map(len, starts)))
    taken, gx = y.copy(), np.zeros(x.shape)
    for n, c, *place in np.ndindex(*y.shape):
        cells, size = [], 1
        for i, axis, length, k, (_, after) in zip(
            place, starts, x.shape[2:], g.window, g.pad, strict=True
        ):
            window = range(axis[i], min(axis[i] + k, length + after))
            size *= len(window)
            cells.append([j for j in window if 0 <= j < length])
        inside = [
            (n, c, *(axis[i] for axis, i in zip(cells, index, strict=True)))
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


def expected(g: Geometry, operands: tuple[Array, Array, Array]) -> dict[str, Array]:
    """What every direction has to give.

    Parameters
    ----------
    g : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        What to compute.
    operands : tuple of array
        Those of :func:`nncore.testing.values.operands`.

    Returns
    -------
    dict of array
        In float64, by direction.
    """
    if isinstance(g, ConvGeometry):
        x, w, gy = operands
        return dict(zip(("forward", "grad_input", "grad_filters"), conv(g, x, w, gy), strict=True))
    y, gx, taken = pool(g, *operands)
    linear = {"forward": y, "grad_input": gx}
    return {**linear, "grad_grad": taken} if g.mode == "max" else linear
