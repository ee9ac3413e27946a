"""Checks of arguments that several kinds of layers share."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from nncore import utils
from nncore.layers.base import Layer, _label
from nncore.ops.base import chosen_name

__all__ = ["chosen", "pads", "positive_ints"]


def positive_ints(layer: Layer, what: str, value: Any, n: int) -> tuple[int, ...]:
    """Return one positive integer for each spatial axis.

    Parameters
    ----------
    layer : Layer
        The layer, for messages.
    what : str
        The argument, for messages.
    value : int or sequence of int
        What was given.
    n : int
        Number of spatial axes.

    Returns
    -------
    tuple of int
        With `n` elements.

    Raises
    ------
    TypeError, ValueError
        If it is not that.
    """
    try:
        found = utils.as_tuple(value, n, int)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{_label(layer)}: {what} must be an integer or {n} of them, one for each spatial "
            f"axis, not {value!r}."
        ) from None
    if any(one < 1 for one in found):
        raise ValueError(f"{_label(layer)}: {what} must be positive, not {value!r}.")
    return tuple(int(one) for one in found)


def pads(layer: Layer, pad: Any, n: int, words: tuple[str, ...], what: str = "pad") -> Any:
    """Return an integer or a (before, after) pair for each spatial axis, or a word.

    Parameters
    ----------
    layer : Layer
        The layer, for messages.
    pad : int, sequence of int or of pairs, or str
        What was given.
    n : int
        Number of spatial axes.
    words : tuple of str
        The strings that are allowed.
    what : str
        The argument, for messages. Default: ``"pad"``.

    Returns
    -------
    tuple or str
        With `n` elements.

    Raises
    ------
    TypeError
        If it is another word, or not made of integers.
    ValueError
        If a number is negative, or there are not as many as axes.
    """
    if pad == "valid" and "valid" in words:
        return (0,) * n
    if isinstance(pad, str) and pad in words:
        return pad
    given = [pad] * n if isinstance(pad, Integral) else pad
    either = f", or one of {words!r}" if words else ""
    message = (
        f"{_label(layer)}: {what}={pad!r} must be an integer that is not negative, or {n} of "
        f"them or of (before, after) pairs, one for each spatial axis{either}."
    )
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(message)
    found = [tuple(one) if isinstance(one, tuple | list) else one for one in given]
    numbers = [number for one in found for number in (one if isinstance(one, tuple) else (one,))]
    if not all(isinstance(number, Integral) for number in numbers):
        raise TypeError(message)
    pairs = all(len(one) == 2 for one in found if isinstance(one, tuple))
    if len(found) != n or not pairs or any(number < 0 for number in numbers):
        raise ValueError(message)
    return tuple(
        (int(one[0]), int(one[1])) if isinstance(one, tuple) else int(one) for one in found
    )


def chosen(layer: Layer, kind: str, implementation: str | None) -> str | None:
    """Return the implementation that a layer is to remember.

    Parameters
    ----------
    layer : Layer
        The layer, for messages.
    kind : str
        ``"conv"`` or ``"pool"``.
    implementation : str or None
        What was given.

    Returns
    -------
    str or None
        The given one, that of the enclosing ``with nncore.using(...)`` block, or None.

    Raises
    ------
    TypeError
        If it is not a string.
    nncore.errors.UnknownNameError
        If nothing registered the name.
    """
    try:
        return chosen_name(kind, implementation)
    except TypeError as error:
        raise TypeError(f"{_label(layer)}: {error}.") from None
