"""The core's own implementations: a plain reference, Numba and JAX."""

from __future__ import annotations

from nncore.hookspecs import Implementation
from nncore.ops.kernels.jax import JAXConvolution, JAXPooling
from nncore.ops.kernels.numba import NumbaConvolution, NumbaPooling
from nncore.ops.kernels.reference import ReferenceConvolution, ReferencePooling

__all__ = ["implementations"]


def implementations() -> tuple[Implementation, ...]:
    """One of each.

    Returns
    -------
    tuple of nncore.hookspecs.Implementation
        What the core registers.
    """
    return (
        ReferenceConvolution(),
        ReferencePooling(),
        NumbaConvolution(),
        NumbaPooling(),
        JAXConvolution(),
        JAXPooling(),
    )
