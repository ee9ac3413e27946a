"""The implementation that the plugin registers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nncore.devices import jax_available
from nncore.hookspecs import Availability, Implementation
from nncore.ops.geometry import ConvGeometry, Geometry
from nncore_corrmm.workspace import check_max_workspace, max_workspace

__all__ = ["CorrMMConvolution"]


class CorrMMConvolution(Implementation):
    """Convolution as a matrix of patches times the filters, a bounded piece at a time.

    It runs wherever JAX runs, on the CPU of a machine without a GPU, too. Of an operation's
    options it knows ``max_workspace``, the largest size of a matrix of patches in bytes.
    """

    name = "corrmm"
    kind = "conv"
    backends = ("jax",)
    devices = ("cpu", "cuda")
    # Below the core's: XLA's own convolution is faster, and this one is for when it is not.
    rank = 5

    def availability(self) -> Availability:
        """Whether JAX is installed."""
        return jax_available()

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction, with the bound that is in force now."""
        from nncore_corrmm import kernels

        assert isinstance(geometry, ConvGeometry)
        functions: dict[str, Callable[..., Any]] = {
            "forward": kernels.forward,
            "grad_input": kernels.grad_input,
            "grad_filters": kernels.grad_filters,
        }
        return partial(functions[direction], geometry, _bound(geometry))

    def cache_key(self, direction: str, geometry: Geometry) -> str:
        """The name, the version and the bound."""
        return f"{super().cache_key(direction, geometry)}/{_bound(geometry)}"


def _bound(geometry: Geometry) -> int:
    """The bound for an operation: its own, or else the process's."""
    assert isinstance(geometry, ConvGeometry)
    own = dict(geometry.options).get("max_workspace")
    return max_workspace() if own is None else check_max_workspace(own)
