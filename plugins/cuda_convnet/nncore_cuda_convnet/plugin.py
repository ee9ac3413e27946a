"""What the plugin registers with nncore; nothing heavy is imported before it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nncore.hookspecs import Implementation, hookimpl

__all__ = ["nncore_contract", "nncore_implementations", "nncore_layers"]

nncore_contract = 1


@hookimpl
def nncore_implementations() -> Iterable[Implementation]:
    """The implementation ``cuda_convnet`` of convolution and of pooling."""
    from nncore_cuda_convnet.implementations import CudaConvnetConvolution, CudaConvnetPooling

    return (CudaConvnetConvolution(), CudaConvnetPooling())


@hookimpl
def nncore_layers() -> dict[str, Any]:
    """The layers, and the two short names of those that shuffle axes."""
    from nncore_cuda_convnet import layers

    return {name: getattr(layers, name) for name in layers.__all__}
