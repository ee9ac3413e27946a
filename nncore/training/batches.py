"""Minibatches, from arrays in memory, arrays on disk, or anything that gives batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytensor

from nncore.errors import DataError

__all__ = ["ArrayBatches", "IterableBatches", "as_batches", "minibatches"]


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _typed(batch: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A batch in the type that graphs take: floatX for floats, int32 for integers."""
    if batch.dtype.kind == "f":
        return np.ascontiguousarray(batch, dtype=pytensor.config.floatX)
    if batch.dtype.kind in "iub":
        return np.ascontiguousarray(batch, dtype="int32")
    raise DataError(
        f"an array of type {batch.dtype} cannot be trained on; give floating-point numbers, "
        "integers or booleans."
    )


def check_finite(name: str, array: np.ndarray[Any, Any]) -> None:
    """Raise for NaN or infinity in an array.

    Parameters
    ----------
    name : str
        What to call it in the message.
    array : array
        Any shape; only floating-point arrays are looked at.

    Raises
    ------
    nncore.errors.DataError
        With the number of bad values and the place of the first.
    """
    if array.dtype.kind != "f":
        return
    # The sum of a finite array is finite, or at worst overflows, and needs no copy.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    finite = np.isfinite(array)
    bad = int(array.size - np.count_nonzero(finite))
    if bad:
        first = tuple(int(i) for i in np.argwhere(~finite)[0])
        nans = int(np.count_nonzero(np.isnan(array)))
        raise DataError(
            f"{name} of shape {array.shape} has {bad} values that are not finite ({nans} NaN, "
            f"{bad - nans} infinite), the first at {first}. Remove or replace them."
        )


class ArrayBatches:
    """Batches from arrays that are indexed by sample, in memory or memory-mapped.

    Parameters
    ----------
    arrays : sequence of array
        Each of shape ``(samples, ...)``. Only the rows of a batch are read at a time.
    batch_size : int
        Samples in a batch; the last one of an epoch may have fewer.
    names : sequence of str, optional
        What to call the arrays in messages. Default: ``x`` and ``y``.

    Raises
    ------
    nncore.errors.DataError
        If there are no samples, the arrays do not have as many samples as each other, or an array
        in memory holds values that are not finite.
    """

    def __init__(
        self, arrays: Iterable[Any], batch_size: int, names: Iterable[str] = ("x", "y")
    ) -> None:
        self.arrays = tuple(a if _is_array(a) else np.asarray(a) for a in arrays)
        self.batch_size = batch_size
        given = list(names)
        self.names = [given[i] if i < len(given) else f"array {i}" for i in range(len(self.arrays))]
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size must be a positive integer, not {batch_size!r}")
        if any(a.ndim == 0 for a in self.arrays):
            raise DataError("every array must have samples along its first axis")
        counts = {n: len(a) for n, a in zip(self.names, self.arrays, strict=True)}
        if len(set(counts.values())) > 1:
            raise DataError(
                "the arrays must have one row for each sample, but "
                + ", ".join(f"{name} has {count}" for name, count in counts.items())
                + "."
            )
        if not self.samples:
            raise DataError("there is no sample to train on: the arrays are empty.")
        for name, array in zip(self.names, self.arrays, strict=True):
            if not isinstance(array, np.memmap):
                check_finite(name, array)

    @property
    def samples(self) -> int:
        """Number of samples in an epoch."""
        return len(self.arrays[0]) if self.arrays else 0

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def epoch(
        self, rng: np.random.Generator | None = None
    ) -> Iterator[tuple[np.ndarray[Any, Any], ...]]:
        """Go once through the samples.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            Shuffles the samples; without it they come in order.

        Yields
        ------
        tuple of array
            A batch of each array.
        """
        order = None if rng is None else rng.permutation(self.samples)
        for start in range(0, self.samples, self.batch_size):
            stop = min(start + self.batch_size, self.samples)
            if order is None:
                batch = [np.asarray(a[start:stop]) for a in self.arrays]
            else:
                # Rising indices read a file forwards; the order inside a batch does not matter.
                rows = np.sort(order[start:stop])
                batch = [np.asarray(a[rows]) for a in self.arrays]
            for name, array, source in zip(self.names, batch, self.arrays, strict=True):
                if isinstance(source, np.memmap):
                    check_finite(f"{name}[{start}:{stop}]", array)
            yield tuple(_typed(array) for array in batch)


class IterableBatches:
    """Batches that something else makes.

    Parameters
    ----------
    source : iterable, or callable that returns an iterable
        Its items are batches: tuples of arrays. It is gone through anew for every epoch.
    """

    def __init__(self, source: Iterable[Any] | Callable[[], Iterable[Any]]) -> None:
        self.source = source
        self.samples: int | None = None

    def __len__(self) -> int:
        return len(self.source)  # type: ignore[arg-type]

    def epoch(
        self, rng: np.random.Generator | None = None
    ) -> Iterator[tuple[np.ndarray[Any, Any], ...]]:
        """Go once through the source; the order is the source's.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            Not used.

        Yields
        ------
        tuple of array
            A batch.

        Raises
        ------
        nncore.errors.DataError
            If the source gives nothing, which a generator does when it is asked again.
        """
        batches = self.source() if callable(self.source) else self.source
        empty = True
        for number, batch in enumerate(batches, 1):
            empty = False
            items = batch if isinstance(batch, tuple | list) else (batch,)
            arrays = tuple(np.asarray(item) for item in items)
            for index, array in enumerate(arrays):
                check_finite(f"array {index} of batch {number}", array)
            yield tuple(_typed(array) for array in arrays)
        if empty:
            raise DataError(
                "the iterable of batches gave no batch. A generator can be gone through only "
                "once; give a list, or a function that returns a new generator for each epoch."
            )


def as_batches(
    data: Any, batch_size: int, what: str = "the data"
) -> ArrayBatches | IterableBatches:
    """Make batches of what a user gave as data.

    Parameters
    ----------
    data : object with ``x`` and ``y``, tuple of arrays, iterable of batches, or callable
        The data.
    batch_size : int
        For arrays.
    what : str
        What to call the data in messages.

    Returns
    -------
    ArrayBatches or IterableBatches
        Both have ``epoch(rng)``.

    Raises
    ------
    nncore.errors.DataError
        If it is none of these, or the arrays do not fit together.
    """
    if isinstance(data, ArrayBatches | IterableBatches):
        return data
    if hasattr(data, "x") and hasattr(data, "y"):
        return ArrayBatches((data.x, data.y), batch_size)
    if isinstance(data, tuple) and data and all(_is_array(item) for item in data):
        return ArrayBatches(data, batch_size)
    if _is_array(data):
        return ArrayBatches((data,), batch_size)
    if callable(data) or isinstance(data, Iterable):
        return IterableBatches(data)
    raise DataError(
        f"{what} must be a pair of arrays (x, y), an object with x and y, an iterable of batches, "
        f"or a function that returns one, not {type(data).__name__}."
    )


def minibatches(
    *arrays: Any, batch_size: int = 128, seed: int | None = None
) -> Iterator[tuple[np.ndarray[Any, Any], ...]]:
    """Go once through arrays in minibatches, for loops of one's own.

    Parameters
    ----------
    *arrays : array
        Each of shape ``(samples, ...)``; memory-mapped ones are read a batch at a time.
    batch_size : int
        Samples in a batch; the last one may have fewer. Default: 128.
    seed : int, optional
        Shuffles the samples; without it they come in order.

    Yields
    ------
    tuple of array
        A batch of each array: floats as ``floatX``, integers as int32.

    Raises
    ------
    nncore.errors.DataError
        If the arrays do not fit together or hold values that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.training import minibatches
    >>> [len(x) for x, in minibatches(np.arange(5), batch_size=2)]
    [2, 2, 1]
    """
    rng = None if seed is None else np.random.default_rng(seed)
    yield from ArrayBatches(arrays, batch_size).epoch(rng)
