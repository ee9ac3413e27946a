"""The implementations for Numba; the compiled code is in modules that import Numba themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncore.hookspecs import AVAILABLE, Availability, Implementation, unavailable
from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry

__all__ = ["NumbaConvolution", "NumbaPooling"]


def _supports(geometry: Geometry) -> Availability:
    if geometry.dtype == "float16":
        return unavailable("Numba computes in float32 and float64 only")
    return AVAILABLE


def _lifted(values: tuple[Any, ...], filler: Any) -> tuple[Any, ...]:
    """Three spatial axes, the missing ones first."""
    return (filler,) * (3 - len(values)) + tuple(values)


class NumbaConvolution(Implementation):
    """A register-tiled matrix product without a matrix of patches, on all cores."""

    name = "numba"
    kind = "conv"
    backends = ("numba",)
    rank = 10
    version = 3

    def supports(self, geometry: Geometry) -> Availability:
        """Whether the data type is one that Numba computes in."""
        return _supports(geometry)

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        from nncore.ops.kernels import _numba_conv

        assert isinstance(geometry, ConvGeometry)
        ndim = geometry.ndim
        if isinstance(geometry.pad, str):
            # The filter size is known at run time only: -1 stands for 'same', -2 for 'full'.
            pads = ((-1, -1) if geometry.pad == "same" else (-2, -2),) * ndim
        else:
            pads = geometry.pad
        return _numba_conv.build(
            direction,
            geometry.dtype,
            self.version,
            ndim,
            _lifted(geometry.stride, 1),
            _lifted(tuple(p[0] for p in pads), 0),
            _lifted(tuple(p[1] for p in pads), 0),
            _lifted(geometry.dilation, 1),
            geometry.groups,
            geometry.flip,
        )


class NumbaPooling(Implementation):
    """Pooling in parallel over batch and channels."""

    name = "numba"
    kind = "pool"
    backends = ("numba",)
    rank = 10
    version = 3

    def supports(self, geometry: Geometry) -> Availability:
        """Whether the data type is one that Numba computes in."""
        return _supports(geometry)

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        from nncore.ops.kernels import _numba_pool

        assert isinstance(geometry, PoolGeometry)
        return _numba_pool.build(
            direction,
            geometry.dtype,
            self.version,
            geometry.ndim,
            _lifted(geometry.window, 1),
            _lifted(geometry.stride, 1),
            _lifted(tuple(p[0] for p in geometry.pad), 0),
            _lifted(tuple(p[1] for p in geometry.pad), 0),
            geometry.mode,
            geometry.ignore_border,
        )
