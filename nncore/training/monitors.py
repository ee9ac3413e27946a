"""What a training reports beside the loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from nncore.errors import UnknownNameError, did_you_mean

if TYPE_CHECKING:
    from nncore.graph import NetworkGraph
    from nncore.objectives import Loss

__all__ = ["Monitors", "distinct"]

#: Monitors that are no objectives: ``acc`` is short for ``accuracy``.
_OWN = ("accuracy", "acc", "err")


def distinct(names: Sequence[str]) -> list[str]:
    """Number names that come more than once.

    Parameters
    ----------
    names : sequence of str
        The names.

    Returns
    -------
    list of str
        As many, all different.

    Examples
    --------
    >>> from nncore.training.monitors import distinct
    >>> distinct(["mse", "xe", "mse"])
    ['mse1', 'xe', 'mse2']
    """
    counts, seen = Counter(names), Counter[str]()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if counts[name] == 1 else f"{name}{seen[name]}")
    return result


def _mean(value: Any) -> Any:
    # The mean of booleans or integers would be a float64.
    return value.astype(pytensor.config.floatX).mean()


def _accuracy(loss: Loss, prediction: TensorVariable, target: TensorVariable) -> Any:
    from nncore import objectives

    many = loss.classifies or (prediction.ndim == 2 and prediction.type.shape[1] != 1)
    accuracy = objectives.categorical_accuracy if many else objectives.binary_accuracy
    return accuracy(prediction, target)


class Monitors:
    """Values that are reported, by name.

    Parameters
    ----------
    monitors : iterable or dict
        The items are a name, ``"accuracy"`` (or ``"acc"``), ``"err"`` or that of an objective; a
        pair of a name and a function of predictions and targets, or an expression; or a pair of a
        pattern over outputs and parameters (see :mod:`nncore.graph`) and levels, which is also
        what a dictionary is made of. Levels are numbers, of which the fraction of values below is
        reported as ``hid1:out<0.1``, and pairs of a label and a function of the output, reported
        as ``hid1:out:label``; one, or a list of them.

    Raises
    ------
    nncore.errors.UnknownNameError
        For a name that is none, with the nearest known one.
    TypeError
        For something else.
    """

    def __init__(self, monitors: Any) -> None:
        items: list[Any] = [monitors] if isinstance(monitors, str) else []
        if not items:
            for item in [monitors] if isinstance(monitors, Mapping) else monitors:
                items += item.items() if isinstance(item, Mapping) else [item]
        self._plain: dict[str, Callable[[Any, Any, Any], Any]] = {}
        self._patterns: list[tuple[str, Any]] = []
        for item in items:
            if isinstance(item, str):
                self._plain[item] = _by_name(item)
                continue
            if not (isinstance(item, tuple | list) and len(item) == 2 and isinstance(item[0], str)):
                raise TypeError(
                    f"a monitor must be a name, or a pair of a name and a function, an expression "
                    f"or levels, not {item!r}."
                )
            name, what = item
            if isinstance(what, Variable) or callable(what):
                self._plain[name] = _measure(what)
            else:
                self._patterns.append((name, what))

    def values(
        self, graph: NetworkGraph, loss: Loss, target: TensorVariable, error: TensorVariable
    ) -> dict[str, Any]:
        """The monitors as expressions.

        Parameters
        ----------
        graph : NetworkGraph
            The network.
        loss : Loss
            What says which output is compared with the targets.
        target : TensorVariable
            The targets.
        error : TensorVariable
            The loss without penalties, which is called ``err``.

        Returns
        -------
        dict of str to expression
            Scalars.
        """
        prediction = loss.predictions(graph)
        found: dict[str, Any] = {}
        for name, measure in self._plain.items():
            value = error if name == "err" else measure(loss, prediction, target)
            found[name] = _mean(value)
        for pattern, levels in self._patterns:
            for name, expression in graph.expressions(pattern):
                for suffix, value in _levels(pattern, levels, expression):
                    found[name + suffix] = _mean(value)
        return found


def _by_name(name: str) -> Callable[[Any, Any, Any], Any]:
    from nncore import registry

    if name in ("accuracy", "acc"):
        return _accuracy
    if name == "err":
        return lambda loss, prediction, target: prediction
    known = registry.names("objective")
    if name not in known and ":" not in name:
        hint = did_you_mean(name, [*_OWN, *known])
        raise UnknownNameError(
            f"{name!r} is not a known objective or other monitor.{hint} Known: "
            f"{', '.join([*_OWN, *known])}."
        )
    return _measure(registry.get("objective", name))


def _measure(what: Any) -> Callable[[Any, Any, Any], Any]:
    """An expression, or a function of predictions and targets, as a function of a loss too."""
    if isinstance(what, Variable):
        return lambda loss, prediction, target: what
    return lambda loss, prediction, target: what(prediction, target)


def _levels(pattern: str, levels: Any, expression: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(levels, Mapping):
        levels = list(levels.items())
    single = isinstance(levels, int | float | np.number) or (
        isinstance(levels, tuple) and len(levels) == 2 and callable(levels[1])
    )
    if not single and (isinstance(levels, str) or not isinstance(levels, Iterable)):
        raise _no_level(pattern, levels)
    for level in [levels] if single else levels:
        if isinstance(level, int | float | np.number):
            yield f"<{level}", expression < float(level)
        elif isinstance(level, tuple | list) and len(level) == 2 and callable(level[1]):
            yield f":{level[0]}", level[1](expression)
        else:
            raise _no_level(pattern, level)


def _no_level(pattern: str, level: Any) -> TypeError:
    return TypeError(
        f"the monitor {pattern!r} has the level {level!r}, which is neither a number nor a pair of "
        "a label and a function."
    )
