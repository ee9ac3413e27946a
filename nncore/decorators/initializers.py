"""Initializer classes out of functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from nncore.decorators._functions import arguments_of, class_of, constructor
from nncore.init import Initializer
from nncore.random import get_rng
from nncore.utils import floatX

__all__ = ["initializer"]


class _InitializerOfFunction(Initializer):
    """The methods of the classes that :func:`initializer` makes."""

    function: ClassVar[Callable[..., Any]]

    def _build(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            setattr(self, name, value)

    def sample(self, shape: Sequence[int], fans: tuple[int, int] | None = None) -> np.ndarray:
        """Draw values of a shape; see :meth:`nncore.init.Initializer.__call__`."""
        shape = tuple(shape)
        offered = {"rng": get_rng(), "fans": fans}
        known = inspect.signature(self.function).parameters
        arguments = {name: value for name, value in offered.items() if name in known}
        value = floatX(type(self).function(shape, **arguments, **vars(self)))
        if value.shape != shape:
            raise ValueError(
                f"{type(self).__name__} was asked for the shape {shape}, but its function returned "
                f"an array of the shape {value.shape}."
            )
        return value


def initializer(function: Callable[..., Any], /) -> type[Initializer]:
    """Make an initializer class out of the function that draws the values.

    Parameters
    ----------
    function : callable
        It takes the shape as its first argument, ``shape``. An argument ``rng`` is given the
        random numbers of :func:`nncore.random.get_rng`, and ``fans`` the pair of fan-in and
        fan-out, or None where the layer does not say. All others are arguments of the
        constructor. The function returns an array of the shape; it becomes ``floatX``.

    Returns
    -------
    type
        A subclass of :class:`nncore.init.Initializer`, of the function's name. Its instances are
        shown, compared, copied and pickled as those of :mod:`nncore.init`. The function is its
        ``function``.

    Raises
    ------
    TypeError
        If the function's arguments are not as described.

    Examples
    --------
    >>> from nncore.decorators import initializer
    >>> @initializer
    ... def Exponential(shape, rng, scale=0.1):
    ...     return rng.exponential(scale, size=shape)
    >>> Exponential(scale=2), Exponential()((3, 2)).dtype
    (Exponential(scale=2), dtype('float32'))
    """
    arguments = arguments_of("initializer", function, ("shape",))[1:]
    for argument in arguments:
        if argument.kind is argument.VAR_KEYWORD or hasattr(Initializer, argument.name):
            raise TypeError(
                f"@initializer: {function.__qualname__} has the argument {argument}, which cannot "
                "become an attribute of the initializer; name each argument, and rename this one."
            )
    own = [argument for argument in arguments if argument.name not in ("rng", "fans")]
    namespace = {"__init__": constructor(own)}
    return class_of(function, (_InitializerOfFunction,), namespace)
