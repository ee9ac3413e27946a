"""Says which implementations nncore has, and why one cannot be used here."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

from nncore import registry


def prepare(
    case: dict[str, Any], threads: int, probe_timeout: float | None = None
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    if probe_timeout is not None:
        os.environ["NNCORE_PROBE_TIMEOUT"] = str(probe_timeout)
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
