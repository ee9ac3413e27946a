"""Numba functions for the operations, around the kernel that the registry has for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from numba import types
from numba.extending import overload
from pytensor.link.numba.dispatch.basic import (
    default_hash_key_from_props,
    numba_njit,
    register_funcify_and_cache_key,
    tuple_setitem,
)

from nncore.errors import KernelError
from nncore.ops.base import ImplementedOp
from nncore.ops.conv import Conv, ConvGradFilters, ConvGradInput
from nncore.ops.geometry import ConvGeometry, Geometry, Shape
from nncore.ops.pool import Pool, PoolGradGrad, PoolGradInput

__all__: list[str] = []


def _require(result, like, expected, operands, fault):
    """Raise unless a kernel returned an array of the expected shape, and of the type of another."""
    raise NotImplementedError


@overload(_require, prefer_literal=True)
def _compiled_require(result, like, expected, operands, fault):
    message = fault.literal_value
    if not isinstance(result, types.Array) or (result.ndim, result.dtype) != (
        len(expected),
        like.dtype,
    ):
        raise KernelError(
            f"{message} something of Numba's type {result} instead of an array of {len(expected)} "
            f"axes and type {like.dtype}."
        )

    def require(result, like, expected, operands, fault):
        if result.shape != expected:
            raise KernelError(message, result.shape, expected, operands)

    return require


def _lengths(geometry: Geometry) -> Callable[..., Any]:
    """The length of a result along an axis, for the operands' lengths."""
    strides, axes = geometry.stride, range(geometry.ndim)
    if isinstance(geometry, ConvGeometry):
        # (n + slope * (taps - 1) + offset) // stride + 1, with the pad that a word stands for.
        words = {"full": 2, "same": 1}
        pad = geometry.pad
        reach = words[pad] - 1 if isinstance(pad, str) else -1
        slopes = tuple(geometry.dilation[i] * reach for i in axes)
        offsets = tuple((0 if isinstance(pad, str) else sum(pad[i])) - 1 for i in axes)

        @numba_njit
        def convolved(x_shape, w_shape, i):
            n = x_shape[2 + i] + slopes[i] * (w_shape[2 + i] - 1) + offsets[i]
            return n // strides[i] + 1

        return convolved
    windows, ignore_border = geometry.window, geometry.ignore_border
    befores = tuple(before for before, _ in geometry.pad)
    afters = tuple(after for _, after in geometry.pad)

    @numba_njit
    def pooled(x_shape, w_shape, i):
        over = x_shape[2 + i] + befores[i] + afters[i] - windows[i]
        if ignore_border:
            return over // strides[i] + 1
        last = (x_shape[2 + i] + befores[i] - 1) // strides[i] + 1
        return min(max(0, -(-over // strides[i])) + 1, last)

    return pooled


def _output(geometry: Geometry) -> Callable[..., Any]:
    """The shape of the output, for the shapes of the operands."""
    ndim, length = geometry.ndim, _lengths(geometry)
    is_conv = isinstance(geometry, ConvGeometry)

    @numba_njit
    def output(x_shape, w_shape):
        shape = x_shape
        if is_conv:
            shape = tuple_setitem(shape, 1, w_shape[0])
        for i in range(ndim):
            shape = tuple_setitem(shape, 2 + i, length(x_shape, w_shape, i))
        return shape

    return output


def _transposed_shape(op: ConvGradInput) -> Callable[..., Any]:
    """The shape of the result of a transposed convolution, for the shapes of its operands."""
    # Length along an axis: (n - 1) * stride + slope * (taps - 1) + offset.
    assert op.output_padding is not None
    axes = []
    for i in range(op.ndim):
        crop = {"full": 2, "same": 1}.get(op.pad, 0) if isinstance(op.pad, str) else 0
        pads = 0 if isinstance(op.pad, str) else sum(op.pad[i])
        slope = op.dilation[i] * (1 - crop)
        axes.append((op.stride[i], slope, 1 - pads + op.output_padding[i]))
    groups, ndim = op.groups, op.ndim
    strides, slopes, offsets = (tuple(axis[k] for axis in axes) for k in range(3))

    @numba_njit
    def transposed(w_shape, y_shape):
        shape = tuple_setitem(y_shape, 1, w_shape[1] * groups)
        for i in range(ndim):
            n = (y_shape[2 + i] - 1) * strides[i] + slopes[i] * (w_shape[2 + i] - 1) + offsets[i]
            if n < 1:
                raise ValueError(
                    "conv_transpose: no output; use less padding, a larger filter or a larger input"
                )
            shape = tuple_setitem(shape, 2 + i, n)
        return shape

    return transposed


def _apply(op: ImplementedOp, geometry: Geometry, kernel: Any, fault: str) -> Callable[..., Any]:
    """The operation around a kernel, with a check of what the kernel returns."""
    if isinstance(op, ConvGradInput) and op.output_padding is not None:
        transposed_shape = _transposed_shape(op)

        @numba_njit
        def transposed(w, y):
            shape = transposed_shape(w.shape, y.shape)
            result = kernel(w, y, shape)
            _require(result, w, shape, (w.shape, y.shape), fault)
            return result

        return transposed
    if isinstance(op, ConvGradInput | ConvGradFilters):

        @numba_njit
        def gradient(x, y, like):
            result = kernel(x, y, like.shape)
            _require(result, x, like.shape, (x.shape, y.shape), fault)
            return result

        return gradient
    if isinstance(op, PoolGradInput):

        @numba_njit
        def pool_gradient(x, y):
            result = kernel(x, y)
            _require(result, x, x.shape, (x.shape, y.shape), fault)
            return result

        return pool_gradient
    output = _output(geometry)
    if isinstance(op, Pool):

        @numba_njit
        def pool(x):
            result = kernel(x)
            _require(result, x, output(x.shape, x.shape), (x.shape,), fault)
            return result

        return pool

    @numba_njit
    def of_two(x, y):
        result = kernel(x, y)
        _require(result, x, output(x.shape, y.shape), (x.shape, y.shape), fault)
        return result

    return of_two


def _without_sizes(geometry: Geometry) -> Geometry:
    """The part of a geometry that is the same in every graph that shares a compiled function."""
    unknown: Shape = (None,) * len(geometry.input_shape)
    if isinstance(geometry, ConvGeometry):
        return replace(geometry, input_shape=unknown, filters_shape=unknown)
    return replace(geometry, input_shape=unknown)


@register_funcify_and_cache_key(Conv)
@register_funcify_and_cache_key(ConvGradInput)
@register_funcify_and_cache_key(ConvGradFilters)
@register_funcify_and_cache_key(Pool)
@register_funcify_and_cache_key(PoolGradInput)
@register_funcify_and_cache_key(PoolGradGrad)
def _funcify(op: ImplementedOp, node: Any = None, **kwargs: Any) -> tuple[Callable[..., Any], str]:
    implementation, kernel = op.link(node, "numba")
    geometry = op.geometry(node)
    fault = op.fault(implementation, _without_sizes(geometry))
    # Two distributions may give their implementations one name and version.
    owner = f"{type(implementation).__module__}.{type(implementation).__qualname__}"
    key = f"{owner} {implementation.cache_key(op.direction, geometry)} {fault}"
    return _apply(op, geometry, kernel, fault), default_hash_key_from_props(op, kernel=key)
