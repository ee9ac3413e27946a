"""Says which implementations nncore has, and why one cannot be used here."""

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
            answer = registry.availability(implementation)
            reason = "" if answer else answer.reason
            found += [
                {"kind": kind, "backend": backend, "name": name, "reason": reason}
                for backend in backends
                if backend in implementation.backends
            ]
    return {"implementations": found}, {}
