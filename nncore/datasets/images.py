"""Image files: folders with one sub-folder per class, and single images for prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nncore.datasets.base import Arrays, Dataset, assemble, to_unit
from nncore.errors import DataError

__all__ = ["load_folder", "read_image"]

_PARTS = {"train": ("train",), "test": ("test",), "validation": ("validation", "val", "valid")}
_CLUTTER = {"Thumbs.db", "desktop.ini"}
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            "image files are read with Pillow, which is not installed. Install it with: "
            "pip install 'nncore-pytensor[cli]'"
        ) from error
    return Image


def _decode(path: Path) -> Any:
    """Open an image in mode L or RGB, upright."""
    image_module = _pillow()
    from PIL import ImageOps

    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    try:
        with image_module.open(path) as image:
            grey = image.mode in _GREY_MODES
            if image.mode.startswith("I"):
                values = np.asarray(image, dtype=np.float64)
                if values.min() < 0 or values.max() > 65535:
                    raise ValueError(f"grey levels from {values.min()} to {values.max()}")
                return image_module.fromarray(np.rint(values / 257).astype(np.uint8))
            return ImageOps.exif_transpose(image).convert("L" if grey else "RGB")
    except Exception as error:  # Pillow's decoders raise errors of many kinds
        raise DataError(
            f"{path}: this is not an image that can be read, or it is damaged "
            f"({type(error).__name__}: {error}). Remove it, or save it as PNG."
        ) from error


def _to_array(image: Any, channels: int) -> np.ndarray:
    """Pixels ``(channels, rows, cols)`` as bytes."""
    if channels == 1:
        return np.asarray(image.convert("L"))[None]
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def _resize(image: Any, rows: int, cols: int) -> Any:
    return image.resize((cols, rows), _pillow().Resampling.BILINEAR)


def read_image(path: str | Path, shape: Sequence[int], *, allow_resize: bool = False) -> np.ndarray:
    """Read an image for a network that takes images of a given shape.

    Colours become grey levels for a network with one channel, and the reverse for three;
    transparency is dropped.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, in any format that Pillow reads.
    shape : (int, int, int)
        What the network takes: ``(channels, rows, cols)``, with 1 or 3 channels.
    allow_resize : bool (default=False)
        Whether an image of another size is resized (bilinear); otherwise it is an error.

    Returns
    -------
    numpy.ndarray
        ``(1, channels, rows, cols)``, float32 in [0, 1].

    Raises
    ------
    nncore.errors.DataError
        If the file is missing, not an image, or of another size, or ``shape`` is not possible.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from nncore.datasets import read_image
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = pathlib.Path(directory, "white.png")
    ...     Image.new("RGB", (5, 4), "white").save(path)
    ...     x = read_image(path, (1, 4, 5))
    >>> x.shape, float(x.min())
    ((1, 1, 4, 5), 1.0)
    """
    path = Path(path)
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f"an image cannot be read for inputs of shape {tuple(shape)}; the network must take "
            "(channels, rows, cols) with 1 or 3 channels."
        )
    channels, rows, cols = shape
    image = _decode(path)
    if (image.height, image.width) != (rows, cols):
        if not allow_resize:
            raise DataError(
                f"{path}: the image has {image.height} rows and {image.width} columns, the network "
                f"takes {rows} and {cols}. Resize the image, or allow resizing."
            )
        image = _resize(image, rows, cols)
    return to_unit(_to_array(image, channels)[None], str(path))


def load_folder(
    path: str | Path | None,
    *,
    validation: float | None = None,
    seed: int = 0,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Images from a folder that has one sub-folder per class.

    The folder may also hold ``train``, and beside it ``test`` and ``validation`` (or ``val``,
    ``valid``), each with one sub-folder per class. The names of the sub-folders, sorted, are the
    class names. Files whose name begins with a dot are passed over. If all images are grey there
    is one channel, otherwise three (red, green, blue).

    Parameters
    ----------
    path : str or pathlib.Path
        The folder.
    validation : float, optional
        Share of the training images for validation, where there is no validation folder; 1/8 by
        default.
    seed : int (default=0)
        Seed of the division. Without a test folder, a fifth of all images is taken.
    image_size : int or (int, int), optional
        Resize all images (bilinear) to that many rows and columns. Without it they must have one
        size.

    Returns
    -------
    Dataset
        The data.

    Raises
    ------
    nncore.errors.DataError
        If there are no images, a file is not an image, or the sizes differ.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from nncore.datasets import load
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     for name, grey in ("dark", 20), ("light", 220):
    ...         pathlib.Path(directory, name).mkdir()
    ...         for i in range(10):
    ...             Image.new("L", (5, 4), grey + i).save(f"{directory}/{name}/{i}.png")
    ...     data = load("folder", directory)
    >>> data.class_names, data.input_shape, len(data.train)
    (('dark', 'light'), (1, 4, 5), 14)
    """
    if path is None:
        raise DataError("folder needs data_dir, a folder with one sub-folder of images per class.")
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder.")
    size = _check_size(image_size)
    divided = (root / "train").is_dir()
    folders = {"train": root / "train" if divided else root}
    if divided:
        for part in ("test", "validation"):
            present = [root / name for name in _PARTS[part] if (root / name).is_dir()]
            if present:
                folders[part] = present[0]
    class_names = tuple(folder.name for folder in _subfolders(folders["train"]))
    if not class_names:
        raise DataError(f"{folders['train']}: there is no sub-folder; one is needed per class.")
    files = {part: _list(folder, class_names) for part, folder in folders.items()}
    arrays = _read_all(files, size)
    return assemble(
        root.resolve().name,
        f"image folder {root}",
        class_names,
        arrays["train"],
        arrays.get("test"),
        arrays.get("validation"),
        share=validation,
        seed=seed,
        what=str(root),
    )


def _check_size(image_size: Any) -> tuple[int, int] | None:
    if image_size is None:
        return None
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if (
        not isinstance(size, tuple | list)
        or len(size) != 2
        or not all(isinstance(n, int) and n > 0 for n in size)
    ):
        raise DataError(
            f"image_size is {image_size!r}; it must be a positive int, or two: (rows, cols)."
        )
    return size[0], size[1]


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _list(folder: Path, class_names: tuple[str, ...]) -> list[tuple[Path, int]]:
    """Every file with its label."""
    found: list[tuple[Path, int]] = []
    for sub in _subfolders(folder):
        if sub.name not in class_names:
            raise DataError(
                f"{sub}: there are no training images of a class {sub.name!r}; the classes are "
                f"{', '.join(class_names)}."
            )
        files = [p for p in sorted(sub.iterdir()) if not p.name.startswith(".")]
        files = [p for p in files if p.name not in _CLUTTER]
        if not files:
            raise DataError(f"{sub}: the folder of the class {sub.name!r} is empty.")
        found += [(p, class_names.index(sub.name)) for p in files]
    if not found:
        raise DataError(f"{folder}: there are no images; one sub-folder is needed per class.")
    return found


def _read_all(
    files: dict[str, list[tuple[Path, int]]], size: tuple[int, int] | None
) -> dict[str, Arrays]:
    pixels: dict[str, list[np.ndarray]] = {}
    first: tuple[Path, tuple[int, int]] | None = None
    for part, entries in files.items():
        pixels[part] = []
        for path, _ in entries:
            image = _decode(path)
            if size is not None:
                image = _resize(image, *size)
            found = (image.height, image.width)
            first = first or (path, found)
            if found != first[1]:
                raise DataError(
                    f"{path}: the image has {found[0]} rows and {found[1]} columns, but "
                    f"{first[0]} has {first[1][0]} and {first[1][1]}. All images must have one "
                    "size: resize them, or give image_size."
                )
            pixels[part].append(_to_array(image, 1 if image.mode == "L" else 3))
    channels = max(len(image) for part in pixels.values() for image in part)
    shape = (channels, *(first[1] if first else ()))
    return {
        part: (
            np.stack([np.broadcast_to(image, shape) for image in pixels[part]]),
            np.array([label for _, label in entries], dtype=np.int32),
        )
        for part, entries in files.items()
    }
