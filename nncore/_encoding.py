"""Values as plain JSON, and back.

Nonlinearities are written as their names in :mod:`nncore.registry`, and functions of PyTensor as
names from a fixed list, so that reading runs no code but the constructors of nonlinearities.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from nncore import registry
from nncore.errors import ModelFileError

__all__ = ["FUNCTIONS", "MAX_ARRAY_SIZE", "Unencodable", "decode", "encode"]

#: The functions of ``pytensor.tensor`` that a model file may name.
FUNCTIONS = (
    "abs", "add", "cos", "exp", "log", "max", "maximum", "mean", "min", "minimum", "mul", "neg",
    "prod", "sigmoid", "sin", "softplus", "sqr", "sqrt", "std", "sub", "sum", "tanh", "true_div",
    "var",
)  # fmt: skip

#: Arrays with more elements than this are refused: JSON is not their place.
MAX_ARRAY_SIZE = 4096


class Unencodable(Exception):
    """Why a value has no place in a model file."""


def encode(value: Any, special: Callable[[Any], Any] | None = None) -> Any:
    """Turn a value into what JSON can hold, so that :func:`decode` gives it back.

    Parameters
    ----------
    value : object
        None, a bool, int, float, str, list, tuple, dict, slice, Ellipsis, NumPy scalar, small
        array or dtype, a registered nonlinearity, or a function of PyTensor that has a name here.
    special : callable, optional
        Asked first about every value; it returns the encoded form or None.

    Returns
    -------
    object
        Plain JSON. A dict with a key that begins with ``$`` stands for what JSON does not have.

    Raises
    ------
    Unencodable
        For any other value; the message continues "... is".

    Examples
    --------
    >>> from nncore._encoding import decode, encode
    >>> encode({"stride": (2, 2)})
    {'stride': {'$tuple': [2, 2]}}
    >>> decode(encode({"stride": (2, 2)}))
    {'stride': (2, 2)}
    """
    found = special(value) if special is not None else None
    if found is not None:
        return found
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, list):
        return [encode(item, special) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [encode(item, special) for item in value]}
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: encode(item, special) for key, item in value.items()}
        pairs = value.items()
        return {"$dict": [[encode(key, special), encode(item, special)] for key, item in pairs]}
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return {"$slice": [encode(part, special) for part in parts]}
    if value is Ellipsis:
        return {"$ellipsis": True}
    if isinstance(value, np.ndarray | np.generic):
        return _encode_array(np.asarray(value))
    if isinstance(value, np.dtype):
        return {"$dtype": value.str}
    if isinstance(value, Variable):
        raise Unencodable("a symbolic expression, which a model file does not hold")
    if callable(value):
        return _encode_callable(value, special)
    raise Unencodable(f"of the type {type(value).__name__}, which a model file does not hold")


def _encode_array(value: np.ndarray) -> dict[str, Any]:
    if value.dtype.kind not in "biufU":
        raise Unencodable(f"an array of dtype {value.dtype}, which a model file does not hold")
    if value.size > MAX_ARRAY_SIZE:
        raise Unencodable(
            f"an array of {value.size} elements; the architecture holds at most {MAX_ARRAY_SIZE}. "
            "Make it a parameter with add_param(..., trainable=False)"
        )
    flat = [encode(item) for item in value.ravel().tolist()]
    return {"$array": flat, "dtype": value.dtype.str, "shape": list(value.shape)}


def _encode_callable(value: Any, special: Callable[[Any], Any] | None) -> dict[str, Any]:
    name = registry.name_of("nonlinearity", value)
    if name is not None:
        return {"$nonlinearity": name}
    name = registry.name_of("nonlinearity", type(value))
    if name is not None:
        arguments = [p for p in inspect.signature(type(value)).parameters if hasattr(value, p)]
        params = {p: encode(getattr(value, p), special) for p in arguments}
        return {"$nonlinearity": name, "params": params}
    for name in FUNCTIONS:
        if value is getattr(pt, name):
            return {"$function": name}
    raise Unencodable(
        "a function that is registered nowhere, and a model file holds no code. Use one of "
        "nncore.nonlinearities or register it in a plugin (hook nncore_nonlinearities)"
    )


def decode(value: Any, special: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Give back what :func:`encode` was given.

    Parameters
    ----------
    value : object
        Plain JSON.
    special : callable, optional
        Asked about every dict with a key that begins with ``$``; it returns a value or
        NotImplemented.

    Returns
    -------
    object
        The value.

    Raises
    ------
    nncore.errors.ModelFileError
        If a dict stands for nothing known.

    Examples
    --------
    >>> from nncore._encoding import decode
    >>> decode({"$nonlinearity": "LeakyRectify", "params": {"leakiness": 0.2}})
    LeakyRectify(leakiness=0.2)
    """
    if isinstance(value, list):
        return [decode(item, special) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), None)
    if tag is None:
        return {key: decode(item, special) for key, item in value.items()}
    if special is not None:
        found = special(value)
        if found is not NotImplemented:
            return found
    content = value[tag]
    match tag:
        case "$tuple":
            return tuple(decode(item, special) for item in content)
        case "$dict":
            return {decode(key, special): decode(item, special) for key, item in content}
        case "$slice":
            return slice(*(decode(part, special) for part in content))
        case "$float":
            return float(content)
        case "$ellipsis":
            return Ellipsis
        case "$dtype":
            return np.dtype(content)
        case "$array":
            array = np.array([decode(item) for item in content], dtype=value["dtype"])
            array = array.reshape(value["shape"])
            return array if array.ndim else array[()]
        case "$nonlinearity":
            found = registry.get("nonlinearity", content)
            if "params" not in value:
                return found
            return found(**{k: decode(v, special) for k, v in value["params"].items()})
        case "$function" if content in FUNCTIONS:
            return getattr(pt, content)
    raise ModelFileError(
        f"{value!r} stands for nothing that this version of nncore knows; the file is damaged or "
        "was not written by nncore."
    )
