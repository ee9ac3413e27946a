"""What nncore finds by the entry point; its import is quick and needs neither JAX nor a GPU."""

from __future__ import annotations

from typing import Any

from nncore.hookspecs import Implementation, hookimpl
from shelfmade.fft import FourierConvolution
from shelfmade.init import TruncatedNormal
from shelfmade.layers import SqueezeExciteLayer

__all__: list[str] = []

nncore_contract = 1


@hookimpl
def nncore_layers() -> dict[str, Any]:
    """The layer."""
    return {"SqueezeExciteLayer": SqueezeExciteLayer}


@hookimpl
def nncore_initializers() -> dict[str, Any]:
    """The initializer."""
    return {"TruncatedNormal": TruncatedNormal}


@hookimpl
def nncore_implementations() -> list[Implementation]:
    """The convolution."""
    return [FourierConvolution()]
