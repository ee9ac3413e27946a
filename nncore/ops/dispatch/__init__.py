"""Connects the operations with PyTensor's backends when a backend is first used.

Numba and JAX are heavy, and JAX is optional, so neither is imported before a graph is compiled
for it. PyTensor runs the rewrites that carry a linker's name before that linker asks for its
dispatch functions, which makes a rewrite the right moment to register ours.
"""

from __future__ import annotations

import importlib
from typing import Any

from pytensor.compile.mode import optdb
from pytensor.graph.rewriting.basic import GraphRewriter

__all__: list[str] = []


class _Loader(GraphRewriter):
    """Imports the dispatch functions for a backend; changes no graph."""

    def __init__(self, backend: str) -> None:
        super().__init__()
        self.backend = backend

    def add_requirements(self, fgraph: Any) -> None:
        """Need nothing."""

    def apply(self, fgraph: Any, *args: Any, **kwargs: Any) -> None:
        """Import the dispatch functions."""
        importlib.import_module(f"nncore.ops.dispatch.{self.backend}")


for _backend in ("numba", "jax"):
    optdb.register(f"nncore_{_backend}_dispatch", _Loader(_backend), _backend, position=0.01)
