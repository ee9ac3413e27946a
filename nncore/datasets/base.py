"""What a data set is, the checks that it passes, and how it is divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nncore.errors import DataError

__all__ = ["Arrays", "Dataset", "Split", "assemble", "check_labels", "stratify", "to_unit"]

#: Images and labels as a file has them: not scaled, not divided yet.
Arrays: TypeAlias = tuple[np.ndarray, np.ndarray]

#: The share of all images that becomes the test split where the data has none.
TEST_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Parameters
    ----------
    x : numpy.ndarray
        Images ``(n, channels, rows, cols)``, float32 in [0, 1].
    y : numpy.ndarray
        Labels ``(n,)``, int32.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.datasets import Split
    >>> len(Split(np.zeros((3, 1, 2, 2), "float32"), np.zeros(3, "int32")))
    3
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of a fixed number of classes, divided in three.

    The arrays are checked when the object is made.

    Parameters
    ----------
    name : str
        Short name.
    source : str
        Where the data comes from, in words.
    class_names : tuple of str
        The name of each label.
    train, validation, test : Split
        The three parts.

    Raises
    ------
    nncore.errors.DataError
        If a split is empty, of another dtype or shape than :class:`Split` says, not finite,
        outside [0, 1], or has labels without a class name.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.datasets import Dataset, Split
    >>> part = Split(np.zeros((3, 1, 2, 2), "float32"), np.zeros(3, "int32"))
    >>> data = Dataset("blank", "made here", ("nothing",), part, part, part)
    >>> data.input_shape, data.num_classes
    ((1, 2, 2), 1)
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            _validate(getattr(self, part), f"{self.name} ({part})", self.num_classes)
        shapes = {part: getattr(self, part).x.shape[1:] for part in ("validation", "test")}
        for part, shape in shapes.items():
            if shape != self.input_shape:
                raise DataError(
                    f"{self.name}: the {part} images have the shape {shape}, the training images "
                    f"{self.input_shape}. All images must have one shape."
                )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape ``(channels, rows, cols)`` of an image."""
        channels, rows, cols = self.train.x.shape[1:]
        return channels, rows, cols

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)


def _validate(split: Split, what: str, num_classes: int) -> None:
    x, y = split.x, split.y
    if x.ndim != 4 or x.dtype != np.float32:
        raise DataError(
            f"{what}: the images are {x.dtype} of shape {x.shape}; they must be float32 of shape "
            "(n, channels, rows, cols)."
        )
    if len(x) == 0:
        raise DataError(f"{what}: there are no images.")
    if y.shape != (len(x),) or y.dtype != np.int32:
        raise DataError(
            f"{what}: the labels are {y.dtype} of shape {y.shape}; for {len(x)} images they must "
            f"be int32 of shape ({len(x)},)."
        )
    _check_range(x, what)
    check_labels(y, what, num_classes)


def _check_range(x: np.ndarray, what: str) -> None:
    bad = int(x.size - np.count_nonzero(np.isfinite(x)))
    if bad:
        raise DataError(
            f"{what}: {bad} of {x.size} values are NaN or infinite. Remove those images, or put "
            "numbers in their place."
        )
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        raise DataError(
            f"{what}: the values reach from {low:g} to {high:g}; images of floats must lie in "
            "[0, 1]. Scale them first, or save them as uint8 (0 to 255)."
        )


def check_labels(y: np.ndarray, what: str, num_classes: int) -> None:
    """Raise unless all labels are below the number of classes, and none negative.

    Parameters
    ----------
    y : numpy.ndarray
        Integers ``(n,)``.
    what : str
        The file or array that the message names.
    num_classes : int
        The number of classes.

    Raises
    ------
    nncore.errors.DataError
        The message has the first wrong label and how many there are.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.datasets.base import check_labels
    >>> check_labels(np.array([0, 7]), "labels.idx", 2)
    Traceback (most recent call last):
        ...
    nncore.errors.DataError: labels.idx: 1 of 2 labels are outside 0 to 1 ...
    """
    wrong = np.flatnonzero((y < 0) | (y >= num_classes))
    if len(wrong):
        raise DataError(
            f"{what}: {len(wrong)} of {len(y)} labels are outside 0 to {num_classes - 1} (the "
            f"first is {int(y[wrong[0]])}, at index {int(wrong[0])}). Labels must count the "
            f"{num_classes} classes from 0."
        )


def to_unit(x: np.ndarray, what: str) -> np.ndarray:
    """Images as float32 in [0, 1].

    Parameters
    ----------
    x : numpy.ndarray
        Booleans, integers from 0 to 255 (they are divided by 255) or floats in [0, 1].
    what : str
        The file or array that a message names.

    Returns
    -------
    numpy.ndarray
        float32, of the same shape.

    Raises
    ------
    nncore.errors.DataError
        If the dtype is another, or the values are not finite or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.datasets.base import to_unit
    >>> to_unit(np.array([0, 51, 255], "uint8"), "here").tolist()
    [0.0, 0.20000000298023224, 1.0]
    """
    if x.dtype == np.bool_:
        return x.astype(np.float32)
    if x.dtype == np.uint8:
        return x.astype(np.float32) / np.float32(255)
    if x.dtype.kind in "iu":
        if x.size and (x.min() < 0 or x.max() > 255):
            raise DataError(
                f"{what}: the values reach from {x.min()} to {x.max()}; images of integers must "
                "lie in 0 to 255. Scale them first."
            )
        return x.astype(np.float32) / np.float32(255)
    if x.dtype.kind == "f":
        if x.size:
            _check_range(x, what)
        return x.astype(np.float32)
    raise DataError(
        f"{what}: images of dtype {x.dtype} cannot be used. Allowed are bool, integers from 0 to "
        "255, and floats in [0, 1]."
    )


def stratify(y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divide examples in two so that every class is in both parts in the same proportion.

    Each class gives the whole part of its share, and the classes with the largest fractions give
    one more until the total is right (the largest-remainder method); a class never gives its
    last example. Which examples are taken depends on the seed and the labels alone.

    Parameters
    ----------
    y : numpy.ndarray
        Labels ``(n,)``.
    share : float
        The share to take, above 0 and below 1.
    seed : int
        Seed of the choice.

    Returns
    -------
    kept, taken : numpy.ndarray
        Indices in rising order.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.datasets.base import stratify
    >>> y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    >>> kept, taken = stratify(y, 0.25, seed=0)
    >>> y[kept].tolist(), y[taken].tolist()
    ([0, 0, 0, 1, 1, 1], [0, 1])
    """
    classes, counts = np.unique(y, return_counts=True)
    exact = counts * share
    taken_counts = np.floor(exact).astype(int)
    missing = round(len(y) * share) - int(taken_counts.sum())
    for index in np.argsort(-(exact - taken_counts), kind="stable"):
        if missing > 0 and taken_counts[index] < counts[index] - 1:
            taken_counts[index] += 1
            missing -= 1
    rng = np.random.RandomState(seed)
    chosen = [
        rng.permutation(np.flatnonzero(y == label))[:count]
        for label, count in zip(classes, taken_counts, strict=True)
    ]
    mask = np.zeros(len(y), dtype=bool)
    mask[np.concatenate(chosen)] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def _hold_out(data: Arrays, share: float, seed: int, what: str, part: str) -> tuple[Arrays, Arrays]:
    x, y = data
    kept, taken = stratify(y, share, seed)
    if len(taken) == 0:
        raise DataError(
            f"{what}: {len(y)} images are too few to take {share:.3g} of them as the {part} "
            "split. Give more images, or a split of their own."
        )
    return (x[kept], y[kept]), (x[taken], y[taken])


def assemble(
    name: str,
    source: str,
    class_names: tuple[str, ...],
    train: Arrays,
    test: Arrays | None = None,
    validation: Arrays | None = None,
    *,
    share: float | None,
    default_share: float = 1 / 8,
    seed: int = 0,
    what: str,
) -> Dataset:
    """Make a data set, taking from the training images the splits that the data does not have.

    Parameters
    ----------
    name, source, class_names
        As for :class:`Dataset`.
    train, test, validation : (numpy.ndarray, numpy.ndarray)
        Images ``(n, channels, rows, cols)`` as :func:`to_unit` takes them, and labels ``(n,)``.
        Without ``test``, a fifth of the images; without ``validation``, a share of what is then
        left for training.
    share : float or None
        That share, None for ``default_share``.
    default_share : float (default=1/8)
        The share if none is asked for.
    seed : int (default=0)
        Seed of the division.
    what : str
        The file or directory that a message names.

    Returns
    -------
    Dataset
        The data.

    Raises
    ------
    nncore.errors.DataError
        If the data is not usable, too little, or ``share`` is wrong.
    """
    if share is not None and not 0 < share < 1:
        raise DataError(
            f"validation is {share!r}; it must be above 0 and below 1, the share of the training "
            "images that become the validation split."
        )
    if share is not None and validation is not None:
        raise DataError(
            f"{what} has a validation split of its own, so validation={share!r} cannot be obeyed. "
            "Leave validation out."
        )
    for part, data in (("training", train), ("test", test), ("validation", validation)):
        if data is not None:
            _check_counts(data, f"{what} ({part} images)", len(class_names))
    if test is None:
        train, test = _hold_out(train, TEST_SHARE, seed, what, "test")
    if validation is None:
        chosen = default_share if share is None else share
        train, validation = _hold_out(train, chosen, seed + 1, what, "validation")
    parts: dict[str, Any] = {}
    for part, (x, y) in (("train", train), ("validation", validation), ("test", test)):
        parts[part] = Split(to_unit(x, f"{what} ({part})"), y.astype(np.int32))
    return Dataset(name, source, class_names, **parts)


def _check_counts(data: Arrays, what: str, num_classes: int) -> None:
    x, y = data
    if len(x) != len(y):
        raise DataError(
            f"{what}: there are {len(x)} images and {len(y)} labels. Every image needs one label; "
            "perhaps the two come from different sets."
        )
    if len(x) == 0:
        raise DataError(f"{what}: there are no images.")
    check_labels(y, what, num_classes)
