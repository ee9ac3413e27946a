"""What the entry point names: the plugin's hooks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nncore.hookspecs import Implementation, hookimpl

__all__ = ["nncore_contract", "nncore_implementations", "nncore_layers"]

nncore_contract = 1


@hookimpl
def nncore_implementations() -> Iterable[Implementation]:
    """The implementation ``corrmm``."""
    from nncore_corrmm.implementation import CorrMMConvolution

    return [CorrMMConvolution()]


@hookimpl
def nncore_layers() -> dict[str, Any]:
    """The layer ``Conv2DMM``."""
    from nncore_corrmm.layers import Conv2DMMLayer

    return {"Conv2DMM": Conv2DMMLayer}
