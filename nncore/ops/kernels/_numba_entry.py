"""Compiled kernels behind C entry points, so that graphs call them without containing them.

Numba links what a function calls into the function, at every level of PyTensor's nested
functions, and optimizes it again each time: a graph with a few convolutions took 44 s to compile.
A kernel behind an address is compiled once for each data type, and kept on disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numba
from numba import types

__all__ = ["entry_point", "num_threads"]

# A parallel kernel that comes from a cache on disk crashes unless Numba's threads were started.
numba.get_num_threads()

#: Numba's number of threads, for compiled code. Its own function for that holds an address, and
#: what uses it cannot be kept on disk; this is the symbol that its parallel loops use.
num_threads = types.ExternalFunction("get_num_threads", types.intp())

_lock = threading.Lock()
_functions: dict[str, tuple[Any, Any]] = {}


def entry_point(function: Callable[..., None], dtype: str, arrays: int, version: int) -> Any:
    """Compile a function of pointers and give it a symbol that compiled graphs can refer to.

    Parameters
    ----------
    function : callable
        A module-level function of `arrays` pointers to `dtype`, then a pointer to 64-bit
        integers, that returns nothing and raises nothing.
    dtype : str
        ``"float32"`` or ``"float64"``.
    arrays : int
        How many arrays it takes.
    version : int
        Part of the symbol, so that graphs compiled for another version do not find it.

    Returns
    -------
    numba.types.ExternalFunction
        To be called from compiled code with ``array.ctypes`` for each pointer.
    """
    symbol = f"{function.__module__}.{function.__name__}.{dtype}.{version}"
    with _lock:
        if symbol not in _functions:
            pointer = types.CPointer(getattr(types, dtype))
            signature = types.void(*(pointer,) * arrays, types.CPointer(types.int64))
            compiled = numba.cfunc(signature, cache=True)(function)
            llvmlite.binding.add_symbol(symbol, compiled.address)
            # The compiled function has to stay alive as long as its address may be called.
            _functions[symbol] = compiled, types.ExternalFunction(symbol, signature)
        return _functions[symbol][1]
