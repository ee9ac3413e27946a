"""The implementations that the plugin registers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nncore.devices import cuda
from nncore.hookspecs import Availability, Implementation
from nncore.ops.geometry import ConvGeometry, Geometry
from nncore.ops.kernels.jax import JAXPooling
from nncore_cudnn.compute import check_compute, compute

__all__ = ["CuDNNConvolution", "CuDNNPooling"]


class CuDNNConvolution(Implementation):
    """Convolution by cuDNN, through XLA.

    Of an operation's options it knows ``compute``, the precision for single-precision operands.
    """

    name = "cudnn"
    kind = "conv"
    backends = ("jax",)
    devices = ("cuda",)
    rank = 30

    def availability(self) -> Availability:
        """Whether there is an NVIDIA GPU that JAX can use."""
        return cuda()

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction, with the precision that is chosen now."""
        from nncore_cudnn import kernels

        assert isinstance(geometry, ConvGeometry)
        functions: dict[str, Callable[..., Any]] = {
            "forward": kernels.forward,
            "grad_input": kernels.grad_input,
            "grad_filters": kernels.grad_filters,
        }
        return partial(functions[direction], geometry, _precision(geometry))

    def cache_key(self, direction: str, geometry: Geometry) -> str:
        """The name, the version and the precision."""
        return f"{super().cache_key(direction, geometry)}/{_precision(geometry)}"


class CuDNNPooling(JAXPooling):
    """Pooling beside cuDNN's convolutions: views of the input that XLA fuses into one kernel.

    XLA has no way to cuDNN's pooling, and its own for gradients of windows scatters.
    """

    name = "cudnn"
    devices = ("cuda",)
    rank = 30

    def availability(self) -> Availability:
        """Whether there is an NVIDIA GPU that JAX can use."""
        return cuda()


def _precision(geometry: Geometry) -> str:
    """The precision for an operation: its own, or else the process's."""
    assert isinstance(geometry, ConvGeometry)
    own = dict(geometry.options).get("compute")
    return compute() if own is None else check_compute(own)
