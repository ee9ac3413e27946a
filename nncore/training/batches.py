"""Minibatches, from arrays in memory, arrays on disk, or anything that gives batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytensor

from nncore.errors import DataError

__all__ = ["ArrayBatches", "IterableBatches", "as_batches", "minibatches"]

#: How many batches make an epoch when a function gives them one by one, for ever.
CALLS_IN_AN_EPOCH = 100


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _as_array(name: str, value: Any) -> Any:
    """An array as it is, or one made of what was given, which must be regular and dense."""
    if hasattr(value, "tocsr"):
        raise DataError(
            f"{name} is a sparse matrix of shape {value.shape}, which no layer of nncore takes. "
            "Give dense numbers: .toarray(), or a function that returns one dense batch after the "
            "other, if all of them do not fit in memory."
        )
    try:
        array = value if _is_array(value) else np.asarray(value)
        regular = array.dtype != object
    except ValueError:
        regular = False
    if not regular:
        lengths = sorted({len(item) for item in value if hasattr(item, "__len__")})
        found = f"of lengths from {lengths[0]} to {lengths[-1]}" if lengths else "of no numbers"
        raise DataError(
            f"{name} has sequences {found}, which make no array. Pad all to one length, and tell "
            "the recurrent layers by mask_input=, and the loss by weights, which steps are real."
        )
    return array


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
    batches : int, optional
        How many batches make an epoch; each epoch of training goes on where the one before
        stopped, and all samples come before one comes again. Default: as many as there are.
    chunk_batches : int, optional
        How many batches are read at once and given to `place` together. Default: 1, without
        `place`.
    place : callable, optional
        Puts an array where it is to be sliced, such as ``jax.device_put``. Default: it stays.

    Raises
    ------
    nncore.errors.DataError
        If there are no samples, the arrays do not have as many samples as each other, or an array
        in memory holds values that are not finite.
    """

    def __init__(
        self,
        arrays: Iterable[Any],
        batch_size: int,
        names: Iterable[str] = ("x", "y"),
        batches: int | None = None,
        chunk_batches: int | None = None,
        place: Callable[[Any], Any] | None = None,
    ) -> None:
        several, given = list(arrays), list(names)
        self.names = [given[i] if i < len(given) else f"array {i}" for i in range(len(several))]
        self.arrays = tuple(map(_as_array, self.names, several))
        self.batch_size = batch_size
        self.batches = batches
        self.chunk_batches = chunk_batches
        self.place = place
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

    @property
    def whole(self) -> int:
        """Number of batches in which all samples come once."""
        return -(-self.samples // self.batch_size)

    def __len__(self) -> int:
        return self.whole if self.batches is None else self.batches

    def epoch(
        self, rng: np.random.Generator | None = None, first: int = 0
    ) -> Iterator[tuple[Any, ...]]:
        """Go once through the samples.

        Parameters
        ----------
        rng : numpy.random.Generator, optional
            Shuffles the samples; without it they come in order.
        first : int
            How many batches to pass over. Default: 0.

        Yields
        ------
        tuple of array
            A batch of each array.
        """
        order = None if rng is None else rng.permutation(self.samples)
        last = self.whole
        if order is None and self.batches is not None:
            last = min(last, first + self.batches)
        step = self.chunk_batches or 1
        for start in range(first, last, step):
            edges = [
                min(number * self.batch_size, self.samples)
                for number in range(start, min(start + step, last) + 1)
            ]
            chunk = self._read(edges, order)
            if self.chunk_batches is None:
                yield chunk
                continue
            placed = [a if self.place is None else self.place(a) for a in chunk]
            for low, high in itertools.pairwise(edges):
                yield tuple(a[low - edges[0] : high - edges[0]] for a in placed)

    def _read(
        self, edges: list[int], order: np.ndarray[Any, Any] | None
    ) -> tuple[np.ndarray[Any, Any], ...]:
        """The rows of the batches between the edges, one batch after the other."""
        start, stop = edges[0], edges[-1]
        if order is None:
            rows: Any = slice(start, stop)
        else:
            # Rising indices read a file forwards; the order inside a batch does not matter.
            rows = np.concatenate(
                [np.sort(order[low:high]) for low, high in itertools.pairwise(edges)]
            )
        found = []
        for name, source in zip(self.names, self.arrays, strict=True):
            array = np.asarray(source[rows])
            if isinstance(source, np.memmap):
                check_finite(f"{name}[{start}:{stop}]", array)
            found.append(_typed(array))
        return tuple(found)

    def training(self, seed: int, number: int) -> Iterator[tuple[Any, ...]]:
        """Go through the batches of an epoch of training.

        Parameters
        ----------
        seed : int
            The seed of the order.
        number : int
            The number of the epoch, from 1. The order depends on nothing but the two.

        Yields
        ------
        tuple of array
            A batch of each array.
        """
        if self.batches is None:
            yield from self.epoch(np.random.default_rng([seed, number]))
            return
        position, left = (number - 1) * self.batches, self.batches
        while left > 0:
            done, first = divmod(position, self.whole)
            order = np.random.default_rng([seed, done + 1])
            for batch in itertools.islice(self.epoch(order, first), left):
                yield batch
                position, left = position + 1, left - 1


class IterableBatches:
    """Batches that something else makes.

    Parameters
    ----------
    source : iterable, or callable
        The items of an iterable are batches: tuples of arrays. It is gone through anew for every
        epoch. A callable returns such an iterable, or a single batch, a tuple or list of arrays,
        each time that it is called.
    batches : int, optional
        How many batches make an epoch. Default: all that the iterable gives; 100 from a callable
        that returns single ones.
    """

    def __init__(
        self, source: Iterable[Any] | Callable[[], Any], batches: int | None = None
    ) -> None:
        self.source = source
        self.batches = batches
        self.samples: int | None = None

    def __len__(self) -> int:
        if self.batches is not None:
            return self.batches
        return len(self.source)  # type: ignore[arg-type]

    def _given(self) -> Iterator[Any]:
        if not callable(self.source):
            yield from self.source
            return
        result = self.source()
        if not _is_batch(result):
            yield from result
            return
        yield result
        for _ in range((self.batches or CALLS_IN_AN_EPOCH) - 1):
            yield self.source()

    def epoch(self, rng: np.random.Generator | None = None) -> Iterator[tuple[Any, ...]]:
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
        empty = True
        for number, batch in enumerate(itertools.islice(self._given(), self.batches), 1):
            empty = False
            items = batch if isinstance(batch, tuple | list) else (batch,)
            arrays = tuple(
                _as_array(f"array {index} of batch {number}", item)
                for index, item in enumerate(items)
            )
            for index, array in enumerate(arrays):
                check_finite(f"array {index} of batch {number}", array)
            yield tuple(_typed(array) for array in arrays)
        if empty:
            raise DataError(
                "the iterable of batches gave no batch. A generator can be gone through only "
                "once; give a list, or a function that returns a new generator for each epoch."
            )

    def training(self, seed: int, number: int) -> Iterator[tuple[Any, ...]]:
        """Go through the batches of an epoch of training, which are those of :meth:`epoch`.

        Parameters
        ----------
        seed, number : int
            Not used.

        Yields
        ------
        tuple of array
            A batch.
        """
        return self.epoch()


def _is_batch(result: Any) -> bool:
    """Whether a callable returned one batch, and not an iterable of batches."""
    if isinstance(result, tuple | list):
        return bool(result) and all(_is_array(item) for item in result)
    return _is_array(result)


def as_batches(
    data: Any,
    batch_size: int,
    what: str = "the data",
    batches: int | None = None,
    chunk_batches: int | None = None,
    place: Callable[[Any], Any] | None = None,
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
    batches, chunk_batches, place
        As for :class:`ArrayBatches`; they are not for what already is batches.

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
    arrays: tuple[Any, ...] | None = None
    if hasattr(data, "x") and hasattr(data, "y"):
        arrays = (data.x, data.y)
    elif (
        isinstance(data, tuple)
        and any(_is_array(item) for item in data)
        and all(_is_array(item) or isinstance(item, list) for item in data)
    ):
        arrays = data
    elif _is_array(data):
        arrays = (data,)
    if arrays is not None:
        return ArrayBatches(
            arrays, batch_size, batches=batches, chunk_batches=chunk_batches, place=place
        )
    if callable(data) or isinstance(data, Iterable):
        return IterableBatches(data, batches)
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
