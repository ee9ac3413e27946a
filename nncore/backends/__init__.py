"""Compilation modes for the backends that nncore runs on."""

from __future__ import annotations

import importlib.util

from pytensor.compile.mode import NUMBA, Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery

from nncore.errors import NNCoreError, UnknownNameError, did_you_mean

__all__ = ["BACKENDS", "BackendUnavailable", "get_mode"]

#: Names that ``backend=`` accepts; ``"python"`` is the slow one for debugging.
BACKENDS = ("numba", "jax", "python")


class BackendUnavailable(NNCoreError, RuntimeError):
    """A backend whose library is not installed."""


def get_mode(backend: str = "numba") -> Mode:
    """The PyTensor compilation mode for a backend.

    Parameters
    ----------
    backend : str
        ``"numba"``, ``"jax"`` (parameters stay on the device, and what is updated is donated) or
        ``"python"``. Default: ``"numba"``.

    Returns
    -------
    pytensor.compile.mode.Mode
        For ``pytensor.function(..., mode=...)``.

    Raises
    ------
    nncore.errors.UnknownNameError
        If there is no such backend.
    BackendUnavailable
        If JAX is asked for and not installed.

    Examples
    --------
    >>> import pytensor, pytensor.tensor as pt
    >>> from nncore.backends import get_mode
    >>> x = pt.vector("x")
    >>> double = pytensor.function([x], 2 * x, mode=get_mode("python"))
    >>> double([1.0, 2.0])
    array([2., 4.], dtype=float32)
    """
    if backend == "numba":
        return NUMBA
    if backend == "jax":
        if importlib.util.find_spec("jax") is None:
            raise BackendUnavailable(
                "the jax backend needs JAX, which is not installed; "
                "pip install 'nncore-pytensor[jax]' (or [cuda12], [cuda13]), or use "
                "backend='numba'."
            )
        from nncore.backends.jax import ResidentJAXLinker

        return Mode(ResidentJAXLinker(), RewriteDatabaseQuery(include=["fast_run", "jax"]))
    if backend == "python":
        return Mode(linker="py", optimizer=None)
    hint = did_you_mean(str(backend), BACKENDS)
    raise UnknownNameError(
        f"{backend!r} is not a known backend.{hint} Known: {', '.join(BACKENDS)}."
    )
