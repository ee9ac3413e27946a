"""Says which implementations nncore has here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from nncore import registry


def prepare(
    case: dict[str, Any], threads: int
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    backends = ["numba", "jax"] if importlib.util.find_spec("jax") else ["numba"]
    found = []
    for kind in ("conv", "pool"):
        for name in registry.names(kind):
            implementation = registry.get(kind, name)
            if registry.availability(implementation):
                found += [
                    {"kind": kind, "backend": backend, "name": name}
                    for backend in backends
                    if backend in implementation.backends
                ]
    return {"implementations": found}, {}
