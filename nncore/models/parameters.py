"""Values of parameters from files, such as those that were published for Lasagne's networks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from nncore import layers
from nncore.errors import ModelFileError
from nncore.models._pickles import Refused, load_arrays_from_pickle

__all__ = ["load_parameters", "read_parameters"]

#: Where a dict in a pickle has the list of values.
KEYS = ("param values", "param_values", "values", "params", "parameters")

_ZIP = b"PK\x03\x04"


def _in_order(arrays: Mapping[str, np.ndarray], path: Path) -> list[np.ndarray]:
    """List arrays by the numbers in their names."""
    numbers = {int(found[1]): name for name in arrays
               if (found := re.fullmatch(r"(?:arr_)?(\d{1,9})", name))}  # fmt: skip
    if sorted(numbers) != list(range(len(arrays))):
        some = ", ".join(map(repr, list(arrays)[:5])) or "none"
        raise ModelFileError(
            f"{path}: the arrays must be named arr_0, arr_1, and so on, as numpy.savez(path, "
            f"*values) does it, or in a safetensors file by their parameters; their names are "
            f"{some}{', ...' if len(arrays) > 5 else ''}."
        )
    return [arrays[numbers[index]] for index in range(len(arrays))]


def _from_pickle(path: Path) -> tuple[list[Any], dict[str, Any]]:
    try:
        with path.open("rb") as file:
            content = load_arrays_from_pickle(file)
    except Refused as error:
        raise ModelFileError(
            f"{path} is a pickle that holds {error}, which is not read, because pickles can run "
            "any program: only NumPy arrays of numbers and texts in lists, tuples and dicts are. "
            "If you trust the file, convert it to .npz with the program that wrote it."
        ) from None
    except OSError:
        raise
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise ModelFileError(
            f"{path} is damaged, cut short or no file of parameters ({type(error).__name__}: "
            f"{error}). Known are .npz, .safetensors and pickles of arrays."
        ) from error
    rest: dict[str, Any] = {}
    if isinstance(content, dict):
        found = [key for key in KEYS if key in content]
        if len(found) != 1:
            raise ModelFileError(
                f"{path}: the dict has the keys {', '.join(map(repr, content)) or 'none'}; just "
                f"one of {', '.join(map(repr, KEYS))} must be there, with the list of values."
            )
        rest = {key: value for key, value in content.items() if key != found[0]}
        content = content[found[0]]
    if not isinstance(content, list | tuple) or not all(
        isinstance(value, np.ndarray | int | float) for value in content
    ):
        raise ModelFileError(
            f"{path} holds no list of arrays, as get_all_param_values() gives it, but "
            f"{type(content).__name__}."
        )
    return [np.asarray(value) for value in content], rest


def _named_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.numpy.load_file(path)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except OSError:
        raise
    except Exception as error:  # zlib.error, BadZipFile, SafetensorError, ...
        raise ModelFileError(
            f"{path} is damaged, cut short or has what is no array of numbers ({error}). Get it "
            "anew."
        ) from error


def _read(path: Path) -> tuple[dict[str, np.ndarray] | list[np.ndarray], dict[str, Any]]:
    """Read arrays by name, or as a list, and what else there is."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
        if path.suffix == ".safetensors" or start == _ZIP:
            return _named_arrays(path), {}
        return _from_pickle(path)
    except FileNotFoundError as error:
        raise ModelFileError(f"{path} cannot be read: there is no such file.") from error
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}.") from error


def read_parameters(path: str | Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Read a list of values of parameters from a file.

    Parameters
    ----------
    path : str or pathlib.Path
        A file as described at :func:`load_parameters`; arrays in it must be in a list, or have
        numbered names.

    Returns
    -------
    values : list of arrays
        The values, in their order.
    rest : dict
        What else the file has, such as ``"mean image"`` and ``"synset words"``.

    Raises
    ------
    nncore.errors.ModelFileError
        If the file cannot be read, or has something that is not admitted.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from nncore.models import read_parameters
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "values.npz")
    ...     np.savez(path, np.zeros((3, 2)), np.ones(2))
    ...     values, rest = read_parameters(path)
    >>> [value.shape for value in values], rest
    ([(3, 2), (2,)], {})
    """
    path = Path(path)
    arrays, rest = _read(path)
    return (_in_order(arrays, path) if isinstance(arrays, dict) else arrays), rest


def load_parameters(layer: Any, path: str | Path, **tags: bool) -> dict[str, Any]:
    """Give a network the values that a file has for its parameters.

    Parameters
    ----------
    layer : Layer, list of Layer or dict of Layer
        The output layer or layers; of a dict, as the functions of :mod:`nncore.models` give it,
        all layers.
    path : str or pathlib.Path
        A file with the list that :func:`nncore.layers.get_all_param_values` gives: a ``.npz`` file
        made by ``numpy.savez(path, *values)``; a ``.safetensors`` file with arrays named
        ``arr_0``, ``arr_1``, ... or by the parameters' names; or a pickle, by Python 2 or 3, of a
        list of arrays or of a dict with the list under ``"param values"`` or ``"values"``. From
        pickles, nothing but arrays of numbers and texts in plain containers is read, and nothing
        in them is run.
    **tags : bool
        Which parameters the values are for, as for :func:`nncore.layers.get_all_params`. Default:
        all.

    Returns
    -------
    dict
        What else the file has, such as ``"mean image"`` and ``"synset words"``.

    Raises
    ------
    nncore.errors.ModelFileError
        If the file cannot be read, has something that is not admitted, or the number of values or
        a shape is wrong. Then no parameter is changed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.models import load_parameters
    >>> network = DenseLayer(InputLayer((None, 3)), 2)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "values.npz")
    ...     np.savez(path, np.zeros((3, 2)), np.ones(2))
    ...     load_parameters(network, path)
    {}
    >>> network.b.get_value()
    array([1., 1.], dtype=float32)
    """
    path = Path(path)
    outputs: Any = list(layer.values()) if isinstance(layer, Mapping) else layer
    arrays, rest = _read(path)
    params = layers.get_all_params(outputs, **tags)
    names = [param.name for param in params]
    values: Sequence[Any]
    if not isinstance(arrays, dict):
        values = arrays
    elif set(names) == set(arrays) and len(names) == len(arrays):
        values = [arrays[name] for name in names]
    else:
        values = _in_order(arrays, path)
    try:
        layers.set_all_param_values(outputs, values, **tags)
    except ValueError as error:
        raise ModelFileError(f"{path} does not fit the network: {error}") from error
    return rest
