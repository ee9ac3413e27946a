"""IDX files: the format of MNIST and Fashion-MNIST.

A file has two zero bytes, a byte for the type of the values, a byte for the number of dimensions,
each dimension as a big-endian 32-bit integer, and the values in C order (LeCun, Cortes and Burges,
"The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nncore.datasets.base import Arrays, Dataset, assemble, check_labels
from nncore.errors import DataError

__all__ = ["find_idx", "load_fashion_mnist", "load_mnist", "read_idx"]

_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def read_idx(path: str | Path, ndim: int | None = None) -> np.ndarray:
    """Read an IDX file, plain or compressed with gzip (told by the content, not by the name).

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    ndim : int, optional
        How many dimensions the values must have: 3 for images, 1 for labels.

    Returns
    -------
    numpy.ndarray
        The values, in the byte order of the machine.

    Raises
    ------
    nncore.errors.DataError
        If the file is missing, is no IDX file, is cut short or too long, or fails to decompress.

    Examples
    --------
    >>> import pathlib, struct, tempfile
    >>> from nncore.datasets.idx import read_idx
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(struct.pack(">HBBI", 0, 8, 1, 3) + bytes([5, 0, 4]))
    ...     read_idx(path, ndim=1).tolist()
    [5, 0, 4]
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not compressed:
                return _read(raw, path, ndim)
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _read(unpacked, path, ndim)  # type: ignore[arg-type]
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip stream is cut short or damaged ({error}). Get the file anew."
        ) from error
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror or error}).") from error


def _read(file: BinaryIO, path: Path, ndim: int | None) -> np.ndarray:
    magic = file.read(4)
    if len(magic) < 4:
        raise DataError(
            f"{path}: an IDX file begins with 4 bytes for type and dimensions, but only "
            f"{len(magic)} were found. Get the file anew."
        )
    zeros, code, dimensions = struct.unpack(">HBB", magic)
    if zeros != 0 or code not in _DTYPES or dimensions == 0:
        raise DataError(
            f"{path}: the file begins with the bytes {magic.hex(' ')}, but an IDX file begins "
            "with 00 00, a type (08, 09, 0b, 0c, 0d or 0e) and the number of dimensions. This is "
            "not an IDX file."
        )
    if ndim is not None and (dimensions != ndim or code != 8):
        raise DataError(
            f"{path}: found {dimensions} dimensions of type {code:#04x}, expected {ndim} of type "
            f"0x08 (unsigned bytes), as {'images' if ndim == 3 else 'labels'} have. Perhaps two "
            "files changed names."
        )
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise DataError(
            f"{path}: {4 * dimensions} bytes of dimensions were expected, {len(header)} found: "
            "the file is cut short. Get it anew."
        )
    shape = struct.unpack(f">{dimensions}I", header)
    dtype = np.dtype(_DTYPES[code])
    expected = dtype.itemsize
    for length in shape:
        expected *= length
    content = _read_at_most(file, expected + 1)
    if len(content) != expected:
        found = "more" if len(content) > expected else f"{len(content)}"
        raise DataError(
            f"{path}: {expected} bytes of values were expected for the shape {shape}, {found} "
            f"found: the file is {'too long' if found == 'more' else 'cut short'}. Get it anew."
        )
    values = np.frombuffer(content, dtype=dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def _read_at_most(file: BinaryIO, limit: int) -> bytes:
    # In pieces, since read(n) may reserve n bytes, and a damaged header can ask for any number.
    pieces: list[bytes] = []
    left = limit
    while left > 0:
        piece = file.read(min(left, 1 << 24))
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def find_idx(directory: str | Path, stem: str) -> Path:
    """Find one of the four files of MNIST under any of its usual names.

    Parameters
    ----------
    directory : str or pathlib.Path
        Where to look.
    stem : str
        For example ``"train-images-idx3-ubyte"``; ``"train-images.idx3-ubyte"`` is looked for
        too, and each with ``.gz`` after it.

    Returns
    -------
    pathlib.Path
        The file, the plain one before the compressed one.

    Raises
    ------
    nncore.errors.DataError
        If the directory or the file does not exist; the message has all names tried.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise DataError(f"{directory}: there is no such directory.")
    stems = (stem, stem.replace("-idx", ".idx"))
    candidates = [name + suffix for suffix in ("", ".gz") for name in stems]
    for name in candidates:
        if (directory / name).is_file():
            return directory / name
    raise DataError(f"{directory}: the file {stem} is missing. Looked for {', '.join(candidates)}.")


def _read_pair(directory: Path, prefix: str, num_classes: int) -> Arrays:
    image_path = find_idx(directory, f"{prefix}-images-idx3-ubyte")
    label_path = find_idx(directory, f"{prefix}-labels-idx1-ubyte")
    images, labels = read_idx(image_path, ndim=3), read_idx(label_path, ndim=1)
    if len(images) != len(labels):
        raise DataError(
            f"{image_path} has {len(images)} images, but {label_path} has {len(labels)} labels. "
            "The two files must belong together."
        )
    if 0 in images.shape:
        raise DataError(f"{image_path}: the images have the shape {images.shape}: none is there.")
    check_labels(labels, str(label_path), num_classes)
    return images[:, None], labels


def _load(
    name: str, title: str, class_names: tuple[str, ...], data_dir: str | Path | None,
    validation: float | None, seed: int,
) -> Dataset:  # fmt: skip
    if data_dir is None:
        raise DataError(
            f"{name} needs data_dir, the directory with its four IDX files "
            "(train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
            "t10k-labels-idx1-ubyte, each plain or .gz)."
        )
    directory = Path(data_dir)
    return assemble(
        name,
        f"{title}, read from {directory}",
        class_names,
        _read_pair(directory, "train", len(class_names)),
        _read_pair(directory, "t10k", len(class_names)),
        share=validation,
        default_share=1 / 12,
        seed=seed,
        what=str(directory),
    )


def load_mnist(
    data_dir: str | Path | None, *, validation: float | None = None, seed: int = 0
) -> Dataset:
    """MNIST: handwritten digits, 60,000 for training and 10,000 for testing.

    Parameters
    ----------
    data_dir : str or pathlib.Path
        The directory with the four IDX files.
    validation : float, optional
        Share of the training images for validation, 1/12 (5,000) by default.
    seed : int (default=0)
        Seed of that division, which is stratified.

    Returns
    -------
    Dataset
        Images ``(n, 1, 28, 28)``.

    Raises
    ------
    nncore.errors.DataError
        If a file is missing or damaged.
    """
    return _load("mnist", "MNIST (LeCun et al., 1998)", _DIGITS, data_dir, validation, seed)


def load_fashion_mnist(
    data_dir: str | Path | None, *, validation: float | None = None, seed: int = 0
) -> Dataset:
    """Fashion-MNIST: articles of clothing, in the form of MNIST.

    Parameters
    ----------
    data_dir, validation, seed
        As for :func:`load_mnist`.

    Returns
    -------
    Dataset
        Images ``(n, 1, 28, 28)``.

    Raises
    ------
    nncore.errors.DataError
        If a file is missing or damaged.
    """
    title = "Fashion-MNIST (Xiao et al., 2017)"
    return _load("fashion-mnist", title, _CLOTHES, data_dir, validation, seed)
