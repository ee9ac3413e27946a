"""Numba functions for the operations, around the kernel that the registry has for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor.link.numba.dispatch.basic import (
    default_hash_key_from_props,
    numba_njit,
    register_funcify_and_cache_key,
)

from nncore.ops.base import ImplementedOp
from nncore.ops.conv import Conv, ConvGradFilters, ConvGradInput
from nncore.ops.pool import Pool, PoolGradGrad, PoolGradInput

__all__: list[str] = []


def _plain(op: Any, kernel: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(op, Pool):

        @numba_njit
        def pool(x):
            return kernel(x)

        return pool

    @numba_njit
    def apply(x, y):
        return kernel(x, y)

    return apply


def _with_shape(op: Any, kernel: Callable[..., Any]) -> Callable[..., Any]:
    @numba_njit
    def apply(x, y, like):
        return kernel(x, y, like.shape)

    return apply


def _transposed(op: ConvGradInput, kernel: Callable[..., Any]) -> Callable[..., Any]:
    # Length along an axis: (n - 1) * stride + slope * (taps - 1) + offset.
    assert op.output_padding is not None
    axes = []
    for i in range(op.ndim):
        crop = {"full": 2, "same": 1}.get(op.pad, 0) if isinstance(op.pad, str) else 0
        pads = 0 if isinstance(op.pad, str) else sum(op.pad[i])
        slope = op.dilation[i] * (1 - crop)
        axes.append((op.stride[i], slope, 1 - pads + op.output_padding[i]))
    groups = op.groups
    strides, slopes, offsets = (tuple(axis[k] for axis in axes) for k in range(3))

    @numba_njit
    def length(w, y, i):
        n = (y.shape[2 + i] - 1) * strides[i] + slopes[i] * (w.shape[2 + i] - 1) + offsets[i]
        if n < 1:
            raise ValueError(
                "conv_transpose: no output; use less padding, a larger filter or a larger input"
            )
        return n

    if op.ndim == 1:

        @numba_njit
        def transposed1(w, y):
            return kernel(w, y, (y.shape[0], w.shape[1] * groups, length(w, y, 0)))

        return transposed1
    if op.ndim == 2:

        @numba_njit
        def transposed2(w, y):
            shape = (y.shape[0], w.shape[1] * groups, length(w, y, 0), length(w, y, 1))
            return kernel(w, y, shape)

        return transposed2

    @numba_njit
    def transposed3(w, y):
        lengths = (length(w, y, 0), length(w, y, 1), length(w, y, 2))
        return kernel(w, y, (y.shape[0], w.shape[1] * groups, *lengths))

    return transposed3


@register_funcify_and_cache_key(Conv)
@register_funcify_and_cache_key(ConvGradInput)
@register_funcify_and_cache_key(ConvGradFilters)
@register_funcify_and_cache_key(Pool)
@register_funcify_and_cache_key(PoolGradInput)
@register_funcify_and_cache_key(PoolGradGrad)
def _funcify(op: ImplementedOp, node: Any = None, **kwargs: Any) -> tuple[Callable[..., Any], str]:
    implementation, kernel = op.link(node, "numba")
    # Two distributions may give their implementations one name and version.
    owner = f"{type(implementation).__module__}.{type(implementation).__qualname__}"
    key = f"{owner} {implementation.cache_key(op.direction, op.geometry(node))}"
    if isinstance(op, ConvGradInput) and op.output_padding is not None:
        function = _transposed(op, kernel)
    elif isinstance(op, ConvGradInput | ConvGradFilters):
        function = _with_shape(op, kernel)
    else:
        function = _plain(op, kernel)
    return function, default_hash_key_from_props(op, kernel=key)
