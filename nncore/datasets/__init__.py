"""Data sets of images, each divided into training, validation and test images.

:func:`load` gets any of them by name. Images are float32 arrays ``(n, channels, rows, cols)`` in
[0, 1], labels int32 arrays ``(n,)``. Whatever is wrong with a file is a
:class:`nncore.errors.DataError` that names it.
"""

from __future__ import annotations

from pathlib import Path

from nncore.datasets.base import Dataset, Split
from nncore.datasets.digits import load_digits
from nncore.datasets.idx import load_fashion_mnist, load_mnist, read_idx
from nncore.datasets.images import load_folder, read_image
from nncore.datasets.npz import load_npz
from nncore.errors import DataError, did_you_mean

__all__ = [
    "NAMES",
    "Dataset",
    "Split",
    "load",
    "load_digits",
    "load_fashion_mnist",
    "load_folder",
    "load_mnist",
    "load_npz",
    "read_idx",
    "read_image",
]

#: What :func:`load` knows.
NAMES = ("digits", "mnist", "fashion-mnist", "npz", "folder")


def load(
    name: str,
    data_dir: str | Path | None = None,
    *,
    validation: float | None = None,
    seed: int = 0,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        ``"digits"`` (comes with scikit-learn), ``"mnist"`` or ``"fashion-mnist"`` (IDX files in
        ``data_dir``), ``"npz"`` (``data_dir`` is a file; see :mod:`nncore.datasets.npz` for its
        keys) or ``"folder"`` (``data_dir`` has one sub-folder of images per class).
    data_dir : str or pathlib.Path, optional
        Where the data is.
    validation : float, optional
        Share of the training images that become the validation split. By default 1/12 for the
        MNIST family (5,000 of 60,000) and 1/8 otherwise. Not allowed for data that has a
        validation split of its own.
    seed : int (default=0)
        Seed of the stratified division. Where the data has no test split, a fifth of all images
        is taken for it first.
    image_size : int or (int, int), optional
        For ``"folder"``: resize all images to that many rows and columns.

    Returns
    -------
    Dataset
        The data.

    Raises
    ------
    nncore.errors.DataError
        If the name is unknown, or the data is missing, damaged or unusable.

    Examples
    --------
    >>> from nncore.datasets import load
    >>> data = load("digits", seed=1)
    >>> data.train.x.shape, data.train.x.dtype, data.num_classes
    ((1258, 1, 8, 8), dtype('float32'), 10)
    """
    if image_size is not None and name != "folder":
        raise DataError(
            f"image_size is for the data set 'folder' only; {name!r} has images of one size. "
            "Leave it out."
        )
    if name == "digits":
        if data_dir is not None:
            raise DataError("the data set 'digits' comes with scikit-learn; leave data_dir out.")
        return load_digits(validation=validation, seed=seed)
    if name == "mnist":
        return load_mnist(data_dir, validation=validation, seed=seed)
    if name == "fashion-mnist":
        return load_fashion_mnist(data_dir, validation=validation, seed=seed)
    if name == "npz":
        return load_npz(data_dir, validation=validation, seed=seed)
    if name == "folder":
        return load_folder(data_dir, validation=validation, seed=seed, image_size=image_size)
    hint = did_you_mean(name, NAMES)
    raise DataError(f"{name!r} is not a known data set.{hint} Known: {', '.join(NAMES)}.")
