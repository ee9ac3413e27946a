"""Convolution by matrix products with bounded memory: a plugin of nncore."""

from __future__ import annotations

from nncore_corrmm.layers import Conv2DMMLayer as Conv2DMMLayer
from nncore_corrmm.workspace import max_workspace as max_workspace
from nncore_corrmm.workspace import set_max_workspace as set_max_workspace

__all__ = ["Conv2DMMLayer", "max_workspace", "set_max_workspace"]
