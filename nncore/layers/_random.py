"""The random numbers of the noise layers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore.random import get_rng

__all__ = ["RandomStream", "set_default_update"]


def set_default_update(shared: Any, value: Any) -> None:
    """Give a shared variable the value that every compiled function that uses it will store.

    Parameters
    ----------
    shared : shared variable
        The variable.
    value : expression
        Its next value.
    """
    with warnings.catch_warnings():
        # PyTensor asks for explicit updates; layers have no way to hand them to the function.
        warnings.simplefilter("ignore", DeprecationWarning)
        shared.default_update = value


class RandomStream:
    """Symbolic random numbers, new ones at each call of a compiled function.

    Every expression that it makes has a generator of its own, spawned from the seed, which
    advances by a default update.

    Parameters
    ----------
    seed : int, optional
        The seed. Default: drawn from :func:`nncore.random.get_rng`.

    Attributes
    ----------
    generators : list of shared variables
        The generators of the expressions made so far. They are left out when the stream is
        pickled or copied, as they belong to expressions and not to the layer.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            seed = int(get_rng().randint(1, 2147462579))
        self._seeds = np.random.SeedSequence(seed)
        self.generators: list[Any] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "generators": []}

    def seed(self, seed: int) -> None:
        """Start anew from a seed, with the expressions that were made before, too.

        Parameters
        ----------
        seed : int
            The seed.
        """
        self._seeds = np.random.SeedSequence(seed)
        children = self._seeds.spawn(len(self.generators))
        for generator, child in zip(self.generators, children, strict=True):
            generator.set_value(np.random.default_rng(child), borrow=True)

    def uniform(self, size: Any, low: float = 0.0, high: float = 1.0, dtype: Any = None) -> Any:
        """Draw uniformly distributed numbers.

        Parameters
        ----------
        size : tuple
            Integers, or sizes taken straight from the shape of an expression.
        low, high : float or expression
            The limits. Defaults: 0 and 1.
        dtype : str, optional
            Type of the numbers. Default: ``floatX``.

        Returns
        -------
        expression
            The numbers.
        """
        return self._draw(pt.random.uniform, low, high, size, dtype)

    def normal(self, size: Any, avg: Any = 0.0, std: Any = 1.0, dtype: Any = None) -> Any:
        """Draw normally distributed numbers.

        Parameters
        ----------
        size : tuple
            Integers, or sizes taken straight from the shape of an expression.
        avg, std : float or expression
            Mean and standard deviation. Defaults: 0 and 1.
        dtype : str, optional
            Type of the numbers. Default: ``floatX``.

        Returns
        -------
        expression
            The numbers.
        """
        return self._draw(pt.random.normal, avg, std, size, dtype)

    def _draw(self, distribution: Any, first: Any, second: Any, size: Any, dtype: Any) -> Any:
        dtype = dtype or pytensor.config.floatX
        (child,) = self._seeds.spawn(1)
        generator = pytensor.shared(np.random.default_rng(child), borrow=True)
        following, numbers = distribution(
            pt.cast(first, pytensor.config.floatX),
            pt.cast(second, pytensor.config.floatX),
            size=tuple(size),
            rng=generator,
            return_next_rng=True,
        )
        set_default_update(generator, following)
        self.generators.append(generator)
        return pt.cast(numbers, dtype)


def sizes_of(input: Any, input_shape: Any, ones: tuple[int, ...] = ()) -> tuple[Any, ...]:
    """Return the size for random numbers that go with an input.

    Parameters
    ----------
    input : expression
        The input.
    input_shape : tuple
        What is known of its shape.
    ones : tuple of int
        Axes along which one number is shared.

    Returns
    -------
    tuple
        Integers if the whole shape is known, or else, JAX cannot do with anything more
        elaborate, elements of the shape of the input.
    """
    known = None not in input_shape and len(input_shape) == input.ndim
    sizes = input_shape if known else input.shape
    return tuple(1 if axis in ones else sizes[axis] for axis in range(input.ndim))
