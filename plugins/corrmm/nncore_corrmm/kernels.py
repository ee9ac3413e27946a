"""The kernels, which are traced by JAX: patches times filters, a piece at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from nncore.ops.geometry import ConvGeometry
from nncore_corrmm.pieces import piece_sizes

__all__ = ["forward", "grad_filters", "grad_input"]


class _Work:
    """The sizes of one convolution, known while it is traced.

    A matrix of patches has a row for each channel and tap, and a column for each item and
    position of the output. Its axes are (group, channel and tap, item and position), so that the
    products with the filters are plain matrix products and nothing has to be transposed.
    """

    def __init__(
        self, geometry: ConvGeometry, x: tuple[int, ...], w: tuple[int, ...], dtype: Any, limit: int
    ) -> None:
        self.geometry = geometry
        self.groups = geometry.groups
        self.batch, self.channels, *_ = x
        self.filters, self.fan_in, *taps = w
        self.taps = tuple(taps)
        self.rows = self.fan_in * math.prod(taps)
        self.pads = geometry.pads(self.taps)
        padded = (n + sum(pad) for n, pad in zip(x[2:], self.pads, strict=True))
        self.lengths = tuple(
            (n - dilation * (taps - 1) - 1) // stride + 1
            for n, taps, stride, dilation in zip(
                padded, self.taps, geometry.stride, geometry.dilation, strict=True
            )
        )
        # Products of half precision are summed up in single precision.
        self.total = jnp.promote_types(dtype, jnp.float32)
        column = self.channels * math.prod(taps) * self.total.itemsize
        self.items, *sizes = piece_sizes((self.batch, *self.lengths), column, limit)
        self.sizes = tuple(sizes)

    def pad(self, x: Any) -> Any:
        """Items with zeros around them, as (channel, item, *spatial)."""
        padded = lax.pad(
            x, x.dtype.type(0), [(0, 0, 0), (0, 0, 0), *((a, b, 0) for a, b in self.pads)]
        )
        return jnp.swapaxes(padded, 0, 1)

    def unpad(self, x: Any) -> Any:
        """The reverse of :meth:`pad`."""
        inner = (slice(a, n - b) for n, (a, b) in zip(x.shape[2:], self.pads, strict=True))
        return jnp.swapaxes(x[(..., *inner)], 0, 1)

    def window(self, piece: tuple[tuple[Any, int], ...]) -> tuple[list[Any], list[int]]:
        """Where the part of the padded input lies that a piece of the output sees."""
        starts = [start * s for (start, _), s in zip(piece, self.geometry.stride, strict=True)]
        lengths = [
            (size - 1) * stride + dilation * (taps - 1) + 1
            for (_, size), stride, dilation, taps in zip(
                piece, self.geometry.stride, self.geometry.dilation, self.taps, strict=True
            )
        ]
        return starts, lengths

    def patches(self, sizes: tuple[int, ...], window: Any) -> Any:
        """What each tap sees of a window: (channel, tap, item, *sizes)."""
        head, stride = window.shape[:2], self.geometry.stride
        reach = [(n - 1) * step + 1 for n, step in zip(sizes, stride, strict=True)]

        # XLA would hold stacked views twice, and take longer.
        def one(tap: Any, patches: Any) -> Any:
            starts = [
                dilation * index
                for dilation, index in zip(
                    self.geometry.dilation, jnp.unravel_index(tap, self.taps), strict=True
                )
            ]
            seen = lax.dynamic_slice(window, (0, 0, *starts), (*head, *reach))
            seen = lax.slice(seen, (0,) * seen.ndim, seen.shape, (1, 1, *stride))
            return lax.dynamic_update_slice_in_dim(patches, seen[:, None], tap, 1)

        count = math.prod(self.taps)
        nothing = jnp.zeros((head[0], count, head[1], *sizes), window.dtype)
        return lax.fori_loop(0, count, one, nothing)

    def spread(self, patches: Any, lengths: list[int]) -> Any:
        """The transposed of :meth:`patches`: the sum of what all taps give to a window."""
        sizes = patches.shape[3:]
        starts = itertools.product(
            *(range(0, d * k, d) for d, k in zip(self.geometry.dilation, self.taps, strict=True))
        )
        total: Any = 0.0
        # XLA makes one loop over the window out of this, which is why it is no loop over the taps.
        for tap, start in enumerate(starts):
            config = [
                (at, length - at - (n - 1) * step - 1, step - 1)
                for at, length, n, step in zip(
                    start, lengths, sizes, self.geometry.stride, strict=True
                )
            ]
            shifted = lax.pad(
                patches[:, tap], patches.dtype.type(0), [(0, 0, 0), (0, 0, 0), *config]
            )
            total = total + shifted
        return total

    def columns(self, padded: Any, piece: tuple[tuple[Any, int], ...]) -> Any:
        """The matrix of patches for a piece of the output."""
        starts, lengths = self.window(piece)
        window = lax.dynamic_slice(padded, (0, 0, *starts), (*padded.shape[:2], *lengths))
        return self.matrix(self.patches(tuple(size for _, size in piece), window))

    def matrix(self, values: Any) -> Any:
        """Values of the output or of patches, as a matrix for each group."""
        rows = values.shape[0] // self.groups
        if values.ndim > len(self.taps) + 2:
            rows *= values.shape[1]
        return values.reshape(self.groups, rows, -1)

    def filter_matrix(self, w: Any) -> Any:
        """The filters as a matrix for each group."""
        return self.turned(w).reshape(self.groups, self.filters // self.groups, self.rows)

    def turned(self, w: Any) -> Any:
        """The filters as they lie on the input."""
        return jnp.flip(w, tuple(range(2, w.ndim))) if self.geometry.flip else w

    def product(self, left: Any, right: Any, summed: tuple[int, int]) -> Any:
        """Product of two matrices for each group, summed over an axis of each."""
        return lax.dot_general(
            left,
            right,
            (((summed[0],), (summed[1],)), ((0,), (0,))),
            precision=lax.Precision.HIGHEST,
            preferred_element_type=self.total,
        )

    def part(self, y: Any, start: Any, count: int, piece: tuple[tuple[Any, int], ...]) -> Any:
        """A piece of the output or of its gradient, as a matrix for each group."""
        starts, sizes = zip(*piece, strict=True)
        part = lax.dynamic_slice(y, (start, 0, *starts), (count, y.shape[1], *sizes))
        return self.matrix(jnp.swapaxes(part, 0, 1))


def _fold(total: int, size: int, step: Callable[[Any, int, Any], Any], carry: Any) -> Any:
    """Apply ``step(start, size, carry)`` to one piece of an axis after the other."""
    whole, rest = divmod(total, size)
    if whole == 1:
        carry = step(0, size, carry)
    elif whole:
        carry = lax.fori_loop(0, whole, lambda i, c: step(i * size, size, c), carry)
    return step(whole * size, rest, carry) if rest else carry


def _fold_all(
    lengths: tuple[int, ...],
    sizes: tuple[int, ...],
    step: Callable[[tuple[tuple[Any, int], ...], Any], Any],
    carry: Any,
) -> Any:
    """Apply ``step(piece, carry)`` to the pieces of several axes."""
    if not lengths:
        return step((), carry)

    def inner(start: Any, size: int, carry: Any) -> Any:
        def deeper(piece: tuple[tuple[Any, int], ...], carry: Any) -> Any:
            return step(((start, size), *piece), carry)

        return _fold_all(lengths[1:], sizes[1:], deeper, carry)

    return _fold(lengths[0], sizes[0], inner, carry)


def forward(geometry: ConvGeometry, limit: int, x: Any, w: Any) -> Any:
    """Convolve an input with filters.

    Parameters
    ----------
    geometry : nncore.ops.geometry.ConvGeometry
        What to compute.
    limit : int
        Largest size of a matrix of patches, in bytes.
    x : jax.Array
        Shape ``(batch, channels, *spatial)``.
    w : jax.Array
        Shape ``(num_filters, channels // groups, *filter_size)``.

    Returns
    -------
    jax.Array
        Shape ``(batch, num_filters, *output)``.
    """
    work = _Work(geometry, x.shape, w.shape, x.dtype, limit)
    filters = work.filter_matrix(w)

    def items(start: Any, count: int, y: Any) -> Any:
        padded = work.pad(lax.dynamic_slice_in_dim(x, start, count))

        def step(piece: tuple[tuple[Any, int], ...], y: Any) -> Any:
            starts, sizes = zip(*piece, strict=True)
            product = work.product(filters, work.columns(padded, piece), (2, 1))
            values = product.reshape(work.filters, count, *sizes).astype(x.dtype)
            return lax.dynamic_update_slice(y, jnp.swapaxes(values, 0, 1), (start, 0, *starts))

        return _fold_all(work.lengths, work.sizes, step, y)

    y = jnp.zeros((work.batch, work.filters, *work.lengths), x.dtype)
    return _fold(work.batch, work.items, items, y)


def grad_input(geometry: ConvGeometry, limit: int, w: Any, gy: Any, shape: tuple[int, ...]) -> Any:
    """Differentiate a convolution by its input.

    Parameters
    ----------
    geometry, limit
        As for :func:`forward`.
    w : jax.Array
        The filters.
    gy : jax.Array
        Gradient by the output.
    shape : tuple of int
        Shape of the input.

    Returns
    -------
    jax.Array
        Gradient by the input.
    """
    work = _Work(geometry, shape, w.shape, w.dtype, limit)
    filters = work.filter_matrix(w)

    def items(start: Any, count: int, gx: Any) -> Any:
        def step(piece: tuple[tuple[Any, int], ...], padded: Any) -> Any:
            sizes = tuple(size for _, size in piece)
            columns = work.product(filters, work.part(gy, start, count, piece), (1, 1))
            starts, lengths = work.window(piece)
            seen = work.spread(columns.reshape(work.channels, -1, count, *sizes), lengths)
            before = lax.dynamic_slice(padded, (0, 0, *starts), seen.shape)
            return lax.dynamic_update_slice(padded, before + seen, (0, 0, *starts))

        padded = (n + sum(pad) for n, pad in zip(shape[2:], work.pads, strict=True))
        nothing = jnp.zeros((work.channels, count, *padded), work.total)
        summed = _fold_all(work.lengths, work.sizes, step, nothing)
        return lax.dynamic_update_slice_in_dim(gx, work.unpad(summed).astype(w.dtype), start, 0)

    return _fold(work.batch, work.items, items, jnp.zeros(shape, w.dtype))


def grad_filters(
    geometry: ConvGeometry, limit: int, x: Any, gy: Any, shape: tuple[int, ...]
) -> Any:
    """Differentiate a convolution by its filters.

    Parameters
    ----------
    geometry, limit
        As for :func:`forward`.
    x : jax.Array
        The input.
    gy : jax.Array
        Gradient by the output.
    shape : tuple of int
        Shape of the filters.

    Returns
    -------
    jax.Array
        Gradient by the filters.
    """
    work = _Work(geometry, x.shape, shape, x.dtype, limit)

    def items(start: Any, count: int, gw: Any) -> Any:
        padded = work.pad(lax.dynamic_slice_in_dim(x, start, count))

        def step(piece: tuple[tuple[Any, int], ...], gw: Any) -> Any:
            grads = work.part(gy, start, count, piece)
            return gw + work.product(grads, work.columns(padded, piece), (2, 2))

        return _fold_all(work.lengths, work.sizes, step, gw)

    nothing = jnp.zeros((work.groups, work.filters // work.groups, work.rows), work.total)
    gw = _fold(work.batch, work.items, items, nothing)
    return work.turned(gw.reshape(shape)).astype(x.dtype)
