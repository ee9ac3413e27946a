"""Batches of sequences for recurrent networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytensor

from nncore.errors import DataError

__all__ = ["batches", "padded"]


def generator(rng: Any) -> np.random.Generator:
    """Make a generator of random numbers of what a user gave.

    Parameters
    ----------
    rng : numpy.random.Generator, numpy.random.RandomState, int or None
        A generator, a seed or what draws one; None for another one each time.

    Returns
    -------
    numpy.random.Generator
        The generator.
    """
    if isinstance(rng, np.random.RandomState):
        return np.random.default_rng(rng.randint(2**31 - 1, size=4))
    return np.random.default_rng(rng)


def positive(name: str, value: Any) -> int:
    """Return a positive integer, or raise ValueError that names the argument.

    Parameters
    ----------
    name : str
        The argument.
    value : object
        What was given.

    Returns
    -------
    int
        The value.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a positive integer, not {value!r}.")
    return int(value)


def windows(
    length: int,
    steps: int,
    batch_size: int,
    rng: Any,
    cut: Callable[[np.ndarray[Any, Any]], tuple[Any, ...]],
) -> Callable[[], Iterator[tuple[Any, ...]]]:
    """Make what gives, at each call, the batches of an epoch.

    Parameters
    ----------
    length : int
        How many places a window may begin at.
    steps : int
        Steps of a window.
    batch_size : int
        Windows of a batch.
    rng : numpy.random.Generator, numpy.random.RandomState, int or None
        Draws the places.
    cut : callable
        Makes a batch of the indices of its elements, ``(batch_size, steps)``.

    Returns
    -------
    callable
        An epoch has as many batches as it takes to draw each element about once.
    """
    random = generator(rng)
    count = max(1, round((length + steps - 1) / (steps * batch_size)))

    def epoch() -> Iterator[tuple[Any, ...]]:
        for _ in range(count):
            starts = random.integers(length, size=batch_size)
            yield cut(starts[:, None] + np.arange(steps))

    return epoch


def batches(
    arrays: Any, steps: int = 100, batch_size: int = 64, rng: Any = None
) -> Callable[[], Iterator[tuple[np.ndarray[Any, Any], ...]]]:
    """Cut windows at random places out of long sequences.

    Parameters
    ----------
    arrays : array or sequence of array
        Each with a row for each time step, such as the input, ``(time, features)``, and the
        targets, ``(time, ...)``.
    steps : int
        Time steps of a window. Default: 100.
    batch_size : int
        Windows of a batch. Default: 64.
    rng : numpy.random.Generator, numpy.random.RandomState, int or None
        Draws the places, or the seed of what draws them. Default: None, other places each time.

    Returns
    -------
    callable
        Data for training: each call gives an iterator over the batches of an epoch, tuples of an
        array ``(batch_size, steps, ...)`` for each of `arrays`. An epoch has as many windows as
        cover the sequence about once.

    Raises
    ------
    nncore.errors.DataError
        If the arrays have different lengths, or are shorter than a window.
    ValueError
        If `steps` or `batch_size` is no positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models import recurrent
    >>> x, y = np.zeros((1000, 3), "float32"), np.zeros(1000, "int32")
    >>> epoch = recurrent.batches([x, y], steps=20, batch_size=10, rng=0)
    >>> [(a.shape, b.shape) for a, b in epoch()][:2]
    [((10, 20, 3), (10, 20)), ((10, 20, 3), (10, 20))]
    """
    steps, batch_size = positive("steps", steps), positive("batch_size", batch_size)
    given = [arrays] if isinstance(arrays, np.ndarray) else list(arrays)
    sequences = [np.asarray(one) for one in given]
    lengths = [len(one) if one.ndim else 0 for one in sequences]
    if not sequences or len(set(lengths)) > 1:
        raise DataError(
            f"the arrays must have as many time steps as each other, not {lengths}; give arrays "
            "with a row for each step."
        )
    places = lengths[0] - steps + 1
    if places < 1:
        raise DataError(f"the sequences have {lengths[0]} time steps, fewer than steps={steps}.")
    return windows(
        places, steps, batch_size, rng, lambda rows: tuple(one[rows] for one in sequences)
    )


def padded(sequences: Sequence[Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Put sequences of different lengths into one array, with a mask.

    Parameters
    ----------
    sequences : sequence of array
        Each ``(time, ...)``; all but the time must be the same.

    Returns
    -------
    array
        ``(sequences, longest, ...)``, zeros after the end of a sequence.
    mask : array
        ``(sequences, longest)``, 1 for the elements of a sequence and 0 after its end; ``floatX``.

    Raises
    ------
    nncore.errors.DataError
        If there is no sequence, or the shapes of their elements differ.

    Examples
    --------
    >>> from nncore.models.recurrent import padded
    >>> array, mask = padded([[1, 2, 3], [4]])
    >>> array.tolist(), mask.tolist()
    ([[1, 2, 3], [4, 0, 0]], [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    """
    found = [np.asarray(one) for one in sequences]
    if not found or any(one.ndim == 0 for one in found):
        raise DataError("give at least one sequence, each an array with a row for each time step.")
    shapes = {one.shape[1:] for one in found}
    if len(shapes) > 1:
        raise DataError(
            "the elements of all sequences must have the same shape, but there are "
            f"{', '.join(map(str, sorted(shapes)))}."
        )
    longest = max(len(one) for one in found)
    array = np.zeros((len(found), longest, *shapes.pop()), np.result_type(*found))
    mask = np.zeros((len(found), longest), pytensor.config.floatX)
    for row, one in enumerate(found):
        array[row, : len(one)] = one
        mask[row, : len(one)] = 1
    return array, mask
