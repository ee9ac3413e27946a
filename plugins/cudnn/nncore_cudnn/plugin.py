"""What the entry point names: the plugin's hooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nncore.hookspecs import Implementation, hookimpl

__all__ = ["nncore_contract", "nncore_implementations", "nncore_layers"]

nncore_contract = 1


@hookimpl
def nncore_implementations() -> Iterable[Implementation]:
    """The implementation ``cudnn`` of convolution and of pooling."""
    from nncore_cudnn.implementation import CuDNNConvolution, CuDNNPooling

    return [CuDNNConvolution(), CuDNNPooling()]


@hookimpl
def nncore_layers() -> dict[str, Any]:
    """The layers and the function of Lasagne's ``dnn`` module."""
    from nncore_cudnn import layers

    return {name: getattr(layers, name) for name in layers.__all__}
