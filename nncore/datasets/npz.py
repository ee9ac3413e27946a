"""Images and labels in a NumPy archive.

The keys are, in the order in which they are looked for:

=============  ====================================================================
part           images and labels
=============  ====================================================================
training       ``x_train``, ``y_train``; ``train_images``, ``train_labels``;
               ``x``, ``y``; ``images``, ``labels``
test           ``x_test``, ``y_test``; ``test_images``, ``test_labels`` (optional)
validation     ``x_validation``, ``y_validation``; ``x_val``, ``y_val`` (optional)
class names    ``class_names`` (optional; otherwise the labels are the names)
=============  ====================================================================

Images are ``(n, rows, cols)``, ``(n, channels, rows, cols)`` or ``(n, rows, cols, channels)`` with
1 or 3 channels (in doubt, channels come first): bool, integers from 0 to 255, or floats in [0, 1].
Labels are integers ``(n,)`` or ``(n, 1)`` that count from 0.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nncore.datasets.base import Arrays, Dataset, assemble
from nncore.errors import DataError

__all__ = ["load_npz"]

_KEYS = {
    "train": (
        ("x_train", "y_train"),
        ("train_images", "train_labels"),
        ("x", "y"),
        ("images", "labels"),
    ),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
    "validation": (("x_validation", "y_validation"), ("x_val", "y_val")),
}


def load_npz(path: str | Path | None, *, validation: float | None = None, seed: int = 0) -> Dataset:
    """Images and labels from an ``.npz`` file; no pickled object is ever loaded from it.

    Parameters
    ----------
    path : str or pathlib.Path
        The file. Its keys are described at the top of this module.
    validation : float, optional
        Share of the training images for validation, where the file has no validation images;
        1/8 by default.
    seed : int (default=0)
        Seed of the division. Without test images in the file, a fifth of all is taken.

    Returns
    -------
    Dataset
        The data.

    Raises
    ------
    nncore.errors.DataError
        If the file is missing, damaged, has none of the keys, or unusable arrays.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from nncore.datasets import load
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "mine.npz")
    ...     np.savez(path, x=np.zeros((40, 6, 5), "uint8"), y=np.arange(40) % 2)
    ...     data = load("npz", path)
    >>> data.input_shape, data.num_classes, len(data.train)
    ((1, 6, 5), 2, 28)
    """
    if path is None:
        raise DataError("npz needs data_dir, the path of the .npz file.")
    path = Path(path)
    arrays, keys = _read(path)
    train = _pick(arrays, "train", path)
    if train is None:
        accepted = ", ".join(" and ".join(pair) for pair in _KEYS["train"])
        raise DataError(
            f"{path}: no training images. The keys found are {', '.join(keys) or 'none'}; "
            f"accepted are {accepted}."
        )
    test, held = _pick(arrays, "test", path), _pick(arrays, "validation", path)
    return assemble(
        path.stem,
        f"NumPy archive {path}",
        _class_names(arrays, train, path),
        train,
        test,
        held,
        share=validation,
        seed=seed,
        what=str(path),
    )


def _read(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the arrays whose keys have a meaning, and list all keys."""
    wanted = {key for pairs in _KEYS.values() for pair in pairs for key in pair} | {"class_names"}
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    key = "the list of arrays"
    found: dict[str, np.ndarray] = {}
    try:
        # numpy.load leaves a file open that it opened itself and found to be damaged.
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise DataError(
                    f"{path}: this is not an .npz file, or it is cut short. Save it anew with "
                    "numpy.savez."
                )
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                keys = list(archive.files)
                for key in keys:
                    if key in wanted:
                        found[key] = archive[key]
    except DataError:
        raise
    except (
        EOFError, KeyError, MemoryError, NotImplementedError, OSError, OverflowError, RuntimeError,
        TypeError, ValueError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        if "Object arrays" in str(error):
            raise DataError(
                f"{path}: the array {key!r} has dtype object, which would run code from the file "
                "when loaded. Save numbers instead, for example with numpy.stack."
            ) from error
        raise DataError(f"{path}: {key!r} cannot be read ({error}). Save the file anew.") from error
    return found, keys


def _pick(arrays: Mapping[str, np.ndarray], part: str, path: Path) -> Arrays | None:
    for x_key, y_key in _KEYS[part]:
        if x_key in arrays or y_key in arrays:
            for key, other in ((x_key, y_key), (y_key, x_key)):
                if key not in arrays:
                    raise DataError(f"{path}: there is {other!r} but no {key!r}. Save both.")
            x = _images(arrays[x_key], f"{path}, array {x_key!r}")
            return x, _labels(arrays[y_key], f"{path}, array {y_key!r}")
    return None


def _images(x: np.ndarray, what: str) -> np.ndarray:
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    elif x.ndim != 4 or x.shape[1] not in (1, 3):
        raise DataError(
            f"{what}: images of shape {x.shape} cannot be used. Allowed are (n, rows, cols), "
            "(n, channels, rows, cols) and (n, rows, cols, channels) with 1 or 3 channels; "
            "reshape them first."
        )
    if 0 in x.shape:
        raise DataError(f"{what}: images of shape {x.shape}: there is none.")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        bad = int(np.count_nonzero(~np.isfinite(x)))
        raise DataError(
            f"{what}: {bad} of {x.size} values are NaN or infinite. Remove those images, or put "
            "numbers in their place."
        )
    return x


def _labels(y: np.ndarray, what: str) -> np.ndarray:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise DataError(
            f"{what}: labels of dtype {y.dtype} and shape {y.shape} cannot be used. Allowed are "
            "integers of shape (n,) that count the classes from 0."
        )
    return y


def _class_names(arrays: Mapping[str, np.ndarray], train: Arrays, path: Path) -> tuple[str, ...]:
    if "class_names" in arrays:
        names = arrays["class_names"]
        if names.ndim != 1 or names.dtype.kind != "U":
            raise DataError(
                f"{path}, array 'class_names': found dtype {names.dtype} and shape {names.shape}; "
                "allowed is a list of texts, one for each label."
            )
        return tuple(str(name) for name in names)
    labels = np.unique(train[1])
    if len(labels) and not np.array_equal(labels, np.arange(len(labels))):
        raise DataError(
            f"{path}: the {len(labels)} different training labels reach from {labels[0]} to "
            f"{labels[-1]}; they must be 0 to {len(labels) - 1}. Renumber them, or add the array "
            "'class_names'."
        )
    return tuple(str(label) for label in labels)
