"""The random number generator that everything in nncore draws from.

Initial parameter values come straight from it; layers that are random at run time seed their
own streams from it when they are built. One call of :func:`set_rng` therefore makes a whole
network reproducible.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["get_rng", "seeded", "set_rng"]

_NEEDED = ("randint", "normal", "uniform", "shuffle")


class _GeneratorAsRandomState:
    """A NumPy Generator under the method names of a RandomState."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def randint(self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64) -> Any:
        return self.generator.integers(low, high, size=size, dtype=dtype)

    def rand(self, *shape: int) -> Any:
        return self.generator.random(shape or None)

    def randn(self, *shape: int) -> Any:
        return self.generator.standard_normal(shape or None)

    def random_sample(self, size: Any = None) -> Any:
        return self.generator.random(size)

    def __getattr__(self, name: str) -> Any:
        # Unpickling asks for attributes before there is a generator.
        if name.startswith("__") or name == "generator":
            raise AttributeError(name)
        return getattr(self.generator, name)


_rng: Any = np.random


def get_rng() -> Any:
    """Get the random number generator in use.

    Returns
    -------
    numpy.random.RandomState or similar
        What was last given to :func:`set_rng`; the module :mod:`numpy.random`, and so NumPy's
        global state, if nothing was.

    Examples
    --------
    >>> from nncore.random import get_rng, set_rng
    >>> set_rng(7)
    >>> get_rng().randint(1, 1000)
    176
    """
    return _rng


def set_rng(new_rng: Any) -> None:
    """Set the random number generator to use from now on.

    Parameters
    ----------
    new_rng : int, numpy.random.RandomState, numpy.random.Generator or module
        A seed, from which a :class:`numpy.random.RandomState` is made; a generator; the module
        :mod:`numpy.random`; or any object with the methods ``randint``, ``normal``,
        ``uniform`` and ``shuffle`` of a RandomState. A :class:`numpy.random.Generator` is
        wrapped, so that it has these.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it is a seed outside of ``0 .. 2**32 - 1``.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.random import get_rng, set_rng
    >>> set_rng(np.random.default_rng(7))
    >>> get_rng().uniform(-1, 1, size=3).round(3)
    array([0.25 , 0.794, 0.551])
    >>> set_rng(np.random)
    """
    global _rng
    if isinstance(new_rng, int | np.integer) and not isinstance(new_rng, bool):
        if not 0 <= new_rng < 2**32:
            raise ValueError(
                f"the seed {new_rng} is out of range; give a number from 0 to {2**32 - 1}."
            )
        _rng = np.random.RandomState(int(new_rng))
    elif isinstance(new_rng, np.random.Generator):
        _rng = _GeneratorAsRandomState(new_rng)
    else:
        missing = [name for name in _NEEDED if not callable(getattr(new_rng, name, None))]
        if missing:
            raise TypeError(
                f"{new_rng!r} cannot serve as random number generator: it has no method "
                f"{' and no '.join(missing)}. Give an integer seed, a numpy.random.RandomState "
                "or a numpy.random.Generator."
            )
        _rng = new_rng


@contextlib.contextmanager
def seeded(new_rng: Any) -> Iterator[None]:
    """Draw from a generator in a block of code, and then again from what was used before.

    Parameters
    ----------
    new_rng : int, numpy.random.RandomState, numpy.random.Generator or module
        As for :func:`set_rng`.

    Raises
    ------
    TypeError, ValueError
        As :func:`set_rng`.

    Examples
    --------
    >>> from nncore.random import get_rng, seeded
    >>> with seeded(7):
    ...     get_rng().randint(1, 1000)
    176
    """
    before = _rng
    set_rng(new_rng)
    try:
        yield
    finally:
        set_rng(before)
