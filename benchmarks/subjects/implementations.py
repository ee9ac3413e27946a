"""Says which implementations nncore has, and why one cannot be used here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from nncore import registry


def prepare(
    case: dict[str, Any],
    threads: int,
    wanted: list[str] | None = None,
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """Ask those that are wanted (all)."""
    backends = ["numba", "jax"] if importlib.util.find_spec("jax") else ["numba"]
    found = []
    known = set()
    for kind in ("conv", "pool"):
        for name in registry.names(kind):
            implementation = registry.get(kind, name)
            if "jax" in implementation.backends:
                known.add(name)
            if wanted and name not in wanted:
                continue
            answer = registry.availability(implementation)
            reason = "" if answer else answer.reason
            found += [
                {"kind": kind, "backend": backend, "name": name, "reason": reason}
                for backend in backends
                if backend in implementation.backends
            ]
    return {"implementations": found, "for_jax": sorted(known)}, {}
