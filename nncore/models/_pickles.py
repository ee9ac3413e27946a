"""Reads arrays from pickles without running anything that a pickle asks for.

A pickle is a program: it names functions of any module, and has them called. Here no name leads to
the real thing. The few names that a pickle of NumPy arrays needs lead to stand-ins, which do no
more than keep what they are given; afterwards arrays are made of it. Any other name is refused
before anything is done with it.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn

import numpy as np

__all__ = ["Refused", "load_arrays_from_pickle"]

#: Kinds of numbers and texts that an array may hold.
_KINDS = "biufSU"


class Refused(Exception):
    """What a pickle holds is not admitted; the message says what, to end a sentence."""


class _DType:
    """Stands in for a ``numpy.dtype``."""

    def __init__(self, spec: Any, *flags: Any) -> None:
        if not isinstance(spec, str) or spec[:1] not in _KINDS or not spec[1:].isdigit():
            raise Refused(f"an array of type {spec!r}")
        self.spec = spec
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        _, order, subarray, names, fields, *_ = state
        if order not in ("<", ">", "=", "|") or (subarray, names, fields) != (None, None, None):
            raise Refused("an array of a structured type")
        self.order = order

    def real(self) -> np.dtype[Any]:
        return np.dtype(self.order.replace("|", "=") + self.spec)


class _Array:
    """Stands in for a ``numpy.ndarray``."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, columns_first, data = state
        self.fill(data, dtype, shape, "F" if columns_first else "C")

    def fill(self, data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
        if isinstance(data, str):  # bytes written by Python 2
            data = data.encode("latin1")
        if not isinstance(data, bytes | bytearray) or not isinstance(dtype, _DType):
            raise Refused("an array of objects")
        if not isinstance(shape, tuple) or any(not isinstance(n, int) or n < 0 for n in shape):
            raise Refused("an array without a shape")
        real = dtype.real()
        if len(data) != math.prod(shape) * real.itemsize or order not in ("C", "F"):
            raise Refused("an array whose size does not fit its shape")
        value = np.frombuffer(data, real).reshape(shape, order=order)
        self.value = value.astype(real.newbyteorder("="))
        return self


class _Name:
    """Stands in for what a pickle names: it can be called if it has a function, and no more."""

    __slots__ = ("_function",)
    _function: Callable[..., Any] | None

    def __init__(self, function: Callable[..., Any] | None) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *args: Any) -> Any:
        if self._function is None:
            raise Refused("a call of what is no function")
        return self._function(*args)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise Refused("an assignment to an attribute")

    def __setstate__(self, state: Any) -> NoReturn:
        raise Refused("an assignment to attributes")


def _reconstruct(subtype: Any, shape: Any, kind: Any) -> _Array:
    if subtype is not _NDARRAY:
        raise Refused("an array of a class of its own")
    return _Array()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    return _Array().fill(data, dtype, shape, order)


def _scalar(dtype: Any, data: Any) -> _Array:
    return _Array().fill(data, dtype, (), "C")


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused(f"a text in the encoding {encoding!r}")
    return text.encode("latin1")


def _empty_bytes() -> bytes:
    return b""


def _ordered(items: Any = ()) -> dict[Any, Any]:
    return dict(items)


_NDARRAY = _Name(None)
_NAMES = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Name(_DType),
    ("_codecs", "encode"): _Name(_encode),
    ("builtins", "bytes"): _Name(_empty_bytes),
    ("__builtin__", "bytes"): _Name(_empty_bytes),
    ("collections", "OrderedDict"): _Name(_ordered),
    # NumPy 2 calls its module _core.
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Name(_reconstruct)
       for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Name(_scalar) for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Name(_from_buffer)
       for core in ("core", "_core")},
}  # fmt: skip


class _Unpickler(pickle.Unpickler):
    """Finds stand-ins only."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise Refused(f"the name {module}.{name}") from None

    def persistent_load(self, pid: Any) -> NoReturn:
        raise Refused("a reference to an object outside of it")


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """Put arrays in the place of their stand-ins."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    if id(value) in done:
        # A container that is being read still is there as None.
        if done[id(value)] is None:
            raise Refused("a container that holds itself")
        return done[id(value)]
    done[id(value)] = None
    result: Any
    if isinstance(value, _Array):
        if value.value is None:
            raise Refused("an array without values")
        result = value.value
    elif type(value) in (list, tuple):
        result = [_plain(one, done) for one in value]
        if isinstance(value, tuple):
            result = tuple(result)
    elif type(value) is dict:
        result = {key: _plain(one, done) for key, one in value.items() if isinstance(key, str)}
        if len(result) != len(value):
            raise Refused("a dict whose keys are not texts")
    else:
        raise Refused(
            f"a value that is no array, number, text or container ({type(value).__name__})"
        )
    done[id(value)] = result
    return result


def load_arrays_from_pickle(file: BinaryIO) -> Any:
    """Read lists, tuples, dicts, numbers, texts and arrays.

    Parameters
    ----------
    file : binary file
        Where to read; pickles of Python 2 and 3, with arrays of any version of NumPy.

    Returns
    -------
    object
        The content.

    Raises
    ------
    Refused
        If there is anything else in the pickle.
    Exception
        Whatever reading a damaged pickle raises.
    """
    # Python 2 wrote bytes where the data of arrays are, and latin1 keeps each of them.
    return _plain(_Unpickler(file, encoding="latin1").load(), {})
