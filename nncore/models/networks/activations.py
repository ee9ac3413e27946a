"""Activations by name: functions in a layer, and layers after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nncore import layers, nonlinearities, registry
from nncore.errors import UnknownNameError, did_you_mean

__all__ = ["ACTIVATIONS", "Activation", "activation", "applied", "is_activation"]

_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "linear": nonlinearities.linear,
    "relu": nonlinearities.rectify,
    "rect:max": nonlinearities.rectify,
    "rect:min": nonlinearities.Clip(low=None, high=1.0),
    "rect:minmax": nonlinearities.Clip(low=0.0, high=1.0),
    "tanh": nonlinearities.tanh,
    "logistic": nonlinearities.sigmoid,
    "sigmoid": nonlinearities.sigmoid,
    "softmax": nonlinearities.softmax,
    "softplus": nonlinearities.softplus,
    "elu": nonlinearities.elu,
    "selu": nonlinearities.selu,
    "norm:mean": nonlinearities.Normalize("mean"),
    "norm:max": nonlinearities.Normalize("max"),
    "norm:std": nonlinearities.Normalize("std"),
    "norm:z": nonlinearities.Normalize("z"),
}

#: A layer that is put after another one; ``axis`` is that of the units.
_After = Callable[[Any, int], Any]


def _prelu(incoming: Any, axis: int) -> Any:
    shared = [one for one in range(len(incoming.output_shape)) if one != axis]
    return layers.ParametricRectifierLayer(incoming, shared_axes=shared)


def _lgrelu(incoming: Any, axis: int) -> Any:
    shared = [one for one in range(len(incoming.output_shape)) if one != axis]
    return layers.ScaleLayer(_prelu(incoming, axis), shared_axes=shared)


_LAYERS: dict[str, _After] = {
    "prelu": _prelu,
    "leaky-relu": _prelu,
    "lgrelu": _lgrelu,
    "leaky-gain-relu": _lgrelu,
}

#: The names of activations; ``maxout:k`` stands for every integer ``k``.
ACTIVATIONS = (*_FUNCTIONS, *_LAYERS, "maxout:k")


@dataclass(frozen=True)
class Activation:
    """What an activation's name stands for.

    Parameters
    ----------
    function : callable
        The nonlinearity of the layer itself.
    after : tuple of callable
        Each takes a layer and the axis of its units and returns a layer on top of it.
    pieces : int
        How many times as many units the layer needs as the result is to have.
    """

    function: Callable[[Any], Any]
    after: tuple[_After, ...] = ()
    pieces: int = 1


def _composed(functions: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    if not functions:
        return nonlinearities.linear
    return functions[0] if len(functions) == 1 else nonlinearities.Compose(functions)


def applied(function: Callable[[Any], Any]) -> _After:
    """Make what puts a function on top of a layer.

    Parameters
    ----------
    function : callable
        A nonlinearity.

    Returns
    -------
    callable
        Takes a layer and the axis of its units, and returns the layer on top.
    """
    return lambda incoming, axis: layers.NonlinearityLayer(incoming, function)


def _maxout(pieces: int) -> _After:
    return lambda incoming, axis: layers.FeaturePoolLayer(incoming, pieces, axis=axis)


def _registered(name: str) -> Callable[[Any], Any] | None:
    """Find a nonlinearity that needs no arguments among those of nncore and of plugins."""
    try:
        found: Callable[[Any], Any] = registry.get("nonlinearity", name)
    except UnknownNameError:
        return None
    return None if inspect.isclass(found) else found


def _pieces(name: str) -> int | None:
    kind, _, number = name.partition(":")
    if kind != "maxout" or not number.isdecimal() or int(number) < 1:
        return None
    return int(number)


def is_activation(name: str) -> bool:
    """Say whether a text names an activation.

    Parameters
    ----------
    name : str
        The text.

    Returns
    -------
    bool
        False if :func:`activation` would not know it.
    """
    return all(
        part in _FUNCTIONS or part in _LAYERS or _pieces(part) or _registered(part)
        for part in name.split("+")
    )


def activation(spec: Any, where: str) -> Activation:
    """Find out what an activation is.

    Parameters
    ----------
    spec : str, callable or None
        A name, several joined by ``+``, which are applied from the left to the right, a
        nonlinearity, or None for none.
    where : str
        What has it, for messages.

    Returns
    -------
    Activation
        The nonlinearity, and layers.

    Raises
    ------
    nncore.errors.UnknownNameError
        If a name is not known; with the nearest one.
    TypeError
        If it is something else.

    Examples
    --------
    >>> from nncore.models.networks.activations import activation
    >>> activation("norm:mean+relu", "hid1").function.functions[1].__name__
    'rectify'
    >>> activation("maxout:3", "hid1").pieces
    3
    """
    if spec is None:
        return Activation(nonlinearities.linear)
    if not isinstance(spec, str):
        if not callable(spec) or inspect.isclass(spec):
            raise TypeError(
                f"{where}: an activation must be a name, a function of an expression or None, not "
                f"{spec!r}."
            )
        return Activation(spec)
    functions: list[Callable[[Any], Any]] = []
    after: list[_After] = []
    widened = 1
    for part in spec.split("+"):
        pieces = _pieces(part)
        function = _FUNCTIONS.get(part) or (None if pieces else _registered(part))
        if part in _LAYERS:
            after.append(_LAYERS[part])
        elif pieces:
            after.append(_maxout(pieces))
            widened *= pieces
        elif function is None:
            hint = did_you_mean(part, ACTIVATIONS)
            raise UnknownNameError(
                f"{where}: {part!r} is no activation.{hint} There are {', '.join(ACTIVATIONS)}, "
                "and several of them joined by +."
            )
        elif after:
            after.append(applied(function))
        else:
            functions.append(function)
    return Activation(_composed(functions), tuple(after), widened)
