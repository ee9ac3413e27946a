"""Models and arrays on disk: values in safetensors files, architectures in JSON.

A model is two files side by side, ``<stem>.safetensors`` with the values of all parameters and
``<stem>.json`` with the layers. Neither holds code, and reading them runs none but the
constructors of registered layers. Checksums tell an altered file and two files that do not belong
together.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from nncore._architecture import decode_network, encode_network
from nncore._atomic import atomic_write, write_bytes_atomic
from nncore._encoding import Unencodable, decode, encode
from nncore._version import __version__
from nncore.errors import ModelFileError

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "LoadedModel",
    "load_arrays",
    "load_model",
    "save_arrays",
    "save_model",
]

#: What the JSON file says that it is.
FORMAT = "nncore-model"

#: The newest format that this version writes and reads.
FORMAT_VERSION = 1

_CHECKSUM = "nncore.sha256"


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model from disk.

    Parameters
    ----------
    layer : Layer
        The output layer.
    metadata : dict
        What was given to :func:`save_model`.
    """

    layer: Any
    metadata: dict[str, Any]


def _paths(path: str | Path) -> tuple[Path, Path]:
    """Name the JSON file and the file of values."""
    path = Path(path)
    stem = path.stem if path.suffix in (".safetensors", ".json") else path.name
    return path.with_name(f"{stem}.json"), path.with_name(f"{stem}.safetensors")


@contextlib.contextmanager
def _reported(path: Path, verb: str) -> Iterator[None]:
    """Turn an error of the operating system into a message."""
    try:
        yield
    except FileNotFoundError as error:
        what = "the directory does not exist" if verb == "written" else "there is no such file"
        raise ModelFileError(f"{path} cannot be {verb}: {what}.") from error
    except OSError as error:
        kept = " What was there before is unchanged." if verb == "written" else ""
        reason = error.strerror or error
        raise ModelFileError(f"{path} cannot be {verb}: {reason}.{kept}") from error


def _pack(arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """Write arrays in the safetensors format, with a checksum over all of it in the metadata."""
    ready = {}
    for key, value in arrays.items():
        array = np.asarray(value, order="C")
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise ModelFileError(
                f"the array {key!r} has dtype {array.dtype}, which cannot be saved. Allowed are "
                "bool, integers and floats of at most 64 bits."
            )
        ready[key] = array.astype(array.dtype.newbyteorder("="), copy=False)
    checksum = {_CHECKSUM: _digest(ready, metadata)}
    return safetensors.numpy.save(ready, {**metadata, **checksum})


def _unpack(data: bytes, path: Path) -> dict[str, np.ndarray]:
    try:
        return safetensors.numpy.load(data)
    except Exception as error:  # SafetensorError, and others for types that NumPy lacks
        raise ModelFileError(
            f"{path} is damaged, cut short or not a safetensors file ({error}). Get it anew."
        ) from error


def _canonical(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def _sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a document the checksum over all the rest of it."""
    content = {key: value for key, value in document.items() if key != "checksum"}
    return {**content, "checksum": hashlib.sha256(_canonical(content)).hexdigest()}


def save_model(layer: Any, path: str | Path, metadata: Mapping[str, Any] | None = None) -> None:
    """Save a network: its layers, the values of all its parameters, and what else is given.

    Both files are written whole or not at all. If the machine stops between the two renamings, the
    files do not belong together, and :func:`load_model` says so.

    Parameters
    ----------
    layer : Layer
        The output layer.
    path : str or pathlib.Path
        Path of the two files, without or with the suffix ``.safetensors`` or ``.json``.
    metadata : dict, optional
        Whatever else belongs to the model, such as the names of the classes: None, bools,
        numbers, texts, lists, tuples and dicts of these, small NumPy arrays.

    Raises
    ------
    nncore.errors.ModelFileError
        If the network has something that a model file cannot hold, such as a parameter that is an
        expression, a lambda expression, or a layer that is not registered; or if the files cannot
        be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.serialization import load_model, save_model
    >>> network = DenseLayer(InputLayer((None, 3)), 2, name="out")
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save_model(network, pathlib.Path(directory, "model"), {"epoch": 3})
    ...     sorted(file.name for file in pathlib.Path(directory).iterdir())
    ...     model = load_model(pathlib.Path(directory, "model"))
    ['model.json', 'model.safetensors']
    >>> model.layer, model.metadata
    (<DenseLayer 'out'>, {'epoch': 3})
    """
    json_path, values_path = _paths(path)
    network, values = encode_network(layer)
    packed = _pack(values, {})
    try:
        encoded = encode(dict(metadata or {}))
    except Unencodable as error:
        raise ModelFileError(f"the metadata cannot be saved: a part of it is {error}.") from None
    document = _sealed(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "nncore_version": __version__,
            "values_sha256": hashlib.sha256(packed).hexdigest(),
            "metadata": encoded,
            **network,
        }
    )
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    try:
        decode_network(json.loads(text), values)
    except ModelFileError as error:
        raise ModelFileError(
            f"the model cannot be saved, as it could not be read: {error}"
        ) from error
    with (
        _reported(json_path.with_suffix(""), "written"),
        atomic_write(json_path) as new_json,
        atomic_write(values_path) as new_values,
    ):
        new_json.write_text(text, encoding="utf-8")
        new_values.write_bytes(packed)


def load_model(path: str | Path) -> LoadedModel:
    """Load a network that :func:`save_model` saved.

    Values of floats become ``floatX``. Inputs become new variables. Layers of plugins need their
    plugins.

    Parameters
    ----------
    path : str or pathlib.Path
        As for :func:`save_model`.

    Returns
    -------
    LoadedModel
        The output layer and the metadata.

    Raises
    ------
    nncore.errors.ModelFileError
        If a file is missing, damaged, altered, of a newer format or does not belong to the other,
        or a layer is unknown.
    """
    json_path, values_path = _paths(path)
    document = _read_document(json_path)
    with _reported(values_path, "read"):
        packed = values_path.read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != document["values_sha256"]:
        values = _unpack(packed, values_path)
        raise ModelFileError(
            f"{values_path} does not belong to {json_path}: its {len(values)} arrays have the "
            f"checksum {found[:12]}..., expected was {document['values_sha256'][:12]}.... One of "
            "the two files was altered or comes from another model; copy both again."
        )
    values = _unpack(packed, values_path)
    try:
        _check_tensors(document["tensors"], values, values_path)
        layer = decode_network(document, values)
        metadata = decode(document["metadata"])
    except ModelFileError as error:
        raise ModelFileError(f"{json_path}: {error}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{json_path} is not as nncore writes it ({type(error).__name__}: {error})."
        ) from error
    return LoadedModel(layer, metadata)


def _read_document(path: Path) -> dict[str, Any]:
    with _reported(path, "read"):
        content = path.read_bytes()
    try:
        document = json.loads(content)
        genuine = isinstance(document, dict) and document == _sealed(document)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"{path} is damaged or cut short: it is not JSON ({error}). Copy the model again."
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelFileError(
            f"{path} is not a model of nncore: it does not say that its format is {FORMAT!r}."
        )
    version = document.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise ModelFileError(
            f"{path}: the format version is {version!r}; it must be a number from 1 to "
            f"{FORMAT_VERSION}."
        )
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"{path} was written by nncore {document.get('nncore_version')} in format {version}; "
            f"this version, {__version__}, reads formats up to {FORMAT_VERSION}. Upgrade nncore."
        )
    if not genuine:
        raise ModelFileError(
            f"{path} was altered after it was written: its checksum is not that of its content. "
            "Copy the model again."
        )
    needed = {"layers", "tensors", "metadata", "values_sha256"}
    if needed - set(document):
        raise ModelFileError(
            f"{path} lacks {', '.join(sorted(needed - set(document)))}; it was not written by "
            "nncore."
        )
    return document


def _check_tensors(wanted: Mapping[str, Any], values: Mapping[str, np.ndarray], path: Path) -> None:
    missing, extra = sorted(set(wanted) - set(values)), sorted(set(values) - set(wanted))
    if missing or extra:
        parts = [f"{what} {', '.join(keys)}" for what, keys in
                 (("lacks", missing), ("has besides", extra)) if keys]  # fmt: skip
        raise ModelFileError(
            f"{path} {' and '.join(parts)}; it must have exactly the tensors of the architecture."
        )
    for key, entry in wanted.items():
        if list(values[key].shape) != entry["shape"]:
            raise ModelFileError(
                f"{path}: the tensor {key!r} has the shape {values[key].shape}, but the "
                f"architecture says {tuple(entry['shape'])}."
            )


def _digest(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        value = np.asarray(arrays[key], order="C")
        digest.update(f"{key!r} {value.dtype.str} {value.shape}\n".encode())
        digest.update(value.tobytes())
    digest.update(_canonical(dict(metadata)))
    return digest.hexdigest()


def save_arrays(
    path: str | Path, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Save named arrays in a safetensors file, whole or not at all.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    arrays : dict
        Arrays by name: bools, integers or floats of at most 64 bits, of any shape.
    metadata : dict of str, optional
        Texts by name.

    Raises
    ------
    nncore.errors.ModelFileError
        If an array has another dtype, or the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from nncore.serialization import load_arrays, save_arrays
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "state.safetensors")
    ...     save_arrays(path, {"step": np.int64(7)}, {"rule": "adam"})
    ...     load_arrays(path)
    ({'step': array(7)}, {'rule': 'adam'})
    """
    path = Path(path)
    texts = dict(metadata or {})
    wrong = [key for key, text in texts.items() if not isinstance(text, str) or key == _CHECKSUM]
    if wrong:
        raise ModelFileError(
            f"the metadata {wrong[0]!r} cannot be saved: it must be a text, and {_CHECKSUM!r} is "
            "not free. Write what is no text with json.dumps."
        )
    packed = _pack(arrays, texts)
    with _reported(path, "written"):
        write_bytes_atomic(path, packed)


def load_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Load what :func:`save_arrays` saved.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    arrays : dict
        Arrays by name.
    metadata : dict
        Texts by name.

    Raises
    ------
    nncore.errors.ModelFileError
        If the file is missing, cut short, altered, or not written by :func:`save_arrays`.
    """
    path = Path(path)
    with _reported(path, "read"):
        data = path.read_bytes()
    arrays = _unpack(data, path)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata = dict(header.get("__metadata__", {}))
    expected = metadata.pop(_CHECKSUM, None)
    if expected != _digest(arrays, metadata):
        what = "it has no checksum" if expected is None else "its checksum is another"
        raise ModelFileError(
            f"{path} was altered after it was written, or not written by nncore: {what}. Use "
            "another copy; files of other programs can be read with safetensors itself."
        )
    return arrays, metadata
