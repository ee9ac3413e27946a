"""Convolutions in the form that XLA hands over to cuDNN; traced by JAX.

XLA's rewriter for GPUs takes a convolution for a gradient by the input if the filters are reversed
on all axes, and for a gradient by the filters if the stride has become a dilation. These are the
forms in which JAX transposes a convolution.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from nncore.ops.geometry import ConvGeometry

__all__ = ["forward", "grad_filters", "grad_input"]

_AXES = {1: "NCW", 2: "NCHW", 3: "NCDHW"}

_PRECISIONS = {
    "float32": lax.Precision.HIGHEST,
    "tf32": lax.Precision.HIGH,
    "bfloat16": lax.Precision.DEFAULT,
}


def _compute_dtype(compute: str, dtype: Any) -> Any:
    """The type of the operands; a choice of precision is for single precision alone."""
    return jnp.bfloat16 if compute == "bfloat16" and dtype == jnp.float32 else dtype


def _convolve(geometry: ConvGeometry, compute: str, x: Any, w: Any) -> Any:
    """Cross-correlation, the convolution of cuDNN."""
    layout = _AXES[geometry.ndim]
    single = x.dtype in (jnp.float32, jnp.bfloat16)
    return lax.conv_general_dilated(
        x,
        w,
        window_strides=geometry.stride,
        padding=geometry.pads(w.shape[2:]),
        rhs_dilation=geometry.dilation,
        dimension_numbers=(layout, layout.replace("NC", "OI"), layout),
        feature_group_count=geometry.groups,
        precision=_PRECISIONS[compute] if single else lax.Precision.HIGHEST,
    )


def _turned(geometry: ConvGeometry, w: Any) -> Any:
    """Filters or their gradient, as they lie on the input."""
    return lax.rev(w, tuple(range(2, w.ndim))) if geometry.flip else w


def _filters(geometry: ConvGeometry, w: Any) -> Any:
    """Filters as they lie on the input.

    The barrier keeps XLA from taking a forward convolution, whose filters are reversed, for a
    gradient, and from undoing the reversal by which it knows a gradient.
    """
    return lax.optimization_barrier(_turned(geometry, w)) if geometry.flip else w


def forward(geometry: ConvGeometry, compute: str, x: Any, w: Any) -> Any:
    """Convolve an input with filters.

    Parameters
    ----------
    geometry : nncore.ops.geometry.ConvGeometry
        What to compute.
    compute : str
        ``"float32"``, ``"tf32"`` or ``"bfloat16"``.
    x : jax.Array
        Shape ``(batch, channels, *spatial)``.
    w : jax.Array
        Shape ``(num_filters, channels // groups, *filter_size)``.

    Returns
    -------
    jax.Array
        Shape ``(batch, num_filters, *output)``, of the type of `x`.
    """
    dtype = _compute_dtype(compute, x.dtype)
    y = _convolve(geometry, compute, x.astype(dtype), _filters(geometry, w.astype(dtype)))
    return y.astype(x.dtype)


def grad_input(
    geometry: ConvGeometry, compute: str, w: Any, gy: Any, shape: tuple[int, ...]
) -> Any:
    """Differentiate a convolution by its input.

    Parameters
    ----------
    geometry, compute
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
    dtype = _compute_dtype(compute, gy.dtype)
    filters = _filters(geometry, w.astype(dtype))
    (gx,) = jax.linear_transpose(
        lambda x: _convolve(geometry, compute, x, filters), jax.ShapeDtypeStruct(shape, dtype)
    )(gy.astype(dtype))
    return gx.astype(gy.dtype)


def grad_filters(
    geometry: ConvGeometry, compute: str, x: Any, gy: Any, shape: tuple[int, ...]
) -> Any:
    """Differentiate a convolution by its filters.

    Parameters
    ----------
    geometry, compute
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
    dtype = _compute_dtype(compute, gy.dtype)
    seen = x.astype(dtype)
    (gw,) = jax.linear_transpose(
        lambda w: _convolve(geometry, compute, seen, w), jax.ShapeDtypeStruct(shape, dtype)
    )(gy.astype(dtype))
    return _turned(geometry, gw.astype(gy.dtype))
