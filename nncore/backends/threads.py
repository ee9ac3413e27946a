"""Keeps two pools of threads from getting in each other's way."""

from __future__ import annotations

import contextlib
from typing import Any

import threadpoolctl

__all__ = ["one_pool"]


def one_pool(function: Any) -> contextlib.AbstractContextManager[Any]:
    """Let BLAS use one thread while a function runs whose convolutions use Numba's.

    After each product the threads of OpenBLAS spin for a while, waiting for the next; on a
    machine of few cores they take these from Numba's threads. A function without convolution or
    pooling keeps all of BLAS.

    Parameters
    ----------
    function : callable
        What will be called; if it is a compiled PyTensor function, or holds one as ``function``,
        its graph decides.

    Returns
    -------
    context manager
        To be entered around the calls.
    """
    from pytensor.link.numba.linker import NumbaLinker

    from nncore.ops.base import ImplementedOp

    maker = getattr(getattr(function, "function", function), "maker", None)
    if maker is None or not isinstance(maker.linker, NumbaLinker):
        return contextlib.nullcontext()
    if not any(isinstance(node.op, ImplementedOp) for node in maker.fgraph.apply_nodes):
        return contextlib.nullcontext()
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")
