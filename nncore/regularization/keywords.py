"""Regularizers from keyword arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from pytensor.graph.basic import Variable

from nncore.errors import UnknownNameError, did_you_mean
from nncore.graph import NetworkGraph
from nncore.regularization.base import Regularizer
from nncore.regularization.contractive import Contractive
from nncore.regularization.noise import BernoulliDropout, GaussianNoise
from nncore.regularization.terms import (
    HiddenL1,
    RecurrentNorm,
    RecurrentState,
    WeightL1,
    WeightL2,
)

__all__ = ["KEYWORDS", "from_kwargs"]

_CLASSES: dict[str, type[Regularizer]] = {
    "weight_l2": WeightL2,
    "weight_decay": WeightL2,
    "weightl2": WeightL2,
    "weight_l1": WeightL1,
    "weight_sparsity": WeightL1,
    "weightl1": WeightL1,
    "hidden_l1": HiddenL1,
    "hidden_sparsity": HiddenL1,
    "hiddenl1": HiddenL1,
    "recurrent_norm": RecurrentNorm,
    "recurrentnorm": RecurrentNorm,
    "recurrent_state": RecurrentState,
    "recurrentstate": RecurrentState,
    "contractive": Contractive,
    "gaussiannoise": GaussianNoise,
    "bernoullidropout": BernoulliDropout,
}

_NOISES: dict[str, type[Regularizer]] = {"noise": GaussianNoise, "dropout": BernoulliDropout}

#: Where a noise acts, by the first word of its keyword.
_PLACES = ("input", "hidden", "output")

#: Every keyword that :func:`from_kwargs` takes.
KEYWORDS = (
    *_CLASSES,
    *(f"{place}_{noise}" for noise in _NOISES for place in _PLACES),
    *_NOISES,
    "regularizers",
    "rng",
)


class _Seeds:
    """Seeds for what is random, from one seed or generator."""

    def __init__(self, rng: Any) -> None:
        seed = isinstance(rng, int | np.integer)
        self.rng: Any = np.random.default_rng(rng) if seed else rng

    def __call__(self) -> int:
        draw = getattr(self.rng, "integers", None) or self.rng.randint
        return int(draw(2**31 - 1))


def _build(cls: type[Regularizer], value: Any, seeds: _Seeds, **defaults: Any) -> list[Regularizer]:
    """One regularizer from a weight or from arguments; none from a weight of 0."""
    if isinstance(value, Mapping):
        arguments = {**defaults, **value}
    elif isinstance(value, Variable) or value:
        arguments = {**defaults, "weight": value}
    else:
        return []
    if cls in (Contractive, GaussianNoise, BernoulliDropout):
        arguments.setdefault("rng", seeds())
    return [cls(**arguments)]


def _places(graph: NetworkGraph) -> dict[str, list[Any]]:
    from nncore.graph import output_layers

    return {
        "input": graph.inputs,
        "hidden": graph.hidden,
        "output": output_layers(graph.network),
    }


def from_kwargs(network: Any, **kwargs: Any) -> list[Regularizer]:
    """Make regularizers of keyword arguments.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers, whose names the patterns are over.
    **kwargs
        The name of a regularizer and its weight, or a dictionary with the arguments of its class:
        ``weight_l2=1e-4``, ``hidden_l1=dict(weight=0.1, pattern="hid1")``. The names are
        ``weight_l2`` (or ``weight_decay``, ``weightl2``), ``weight_l1`` (``weight_sparsity``,
        ``weightl1``), ``hidden_l1`` (``hidden_sparsity``, ``hiddenl1``), ``recurrent_norm``,
        ``recurrent_state`` and ``contractive``; ``input_noise``, ``hidden_noise`` and
        ``output_noise``, ``input_dropout``, ``hidden_dropout`` and ``output_dropout``; ``noise``
        and ``dropout``, which map patterns to standard deviations or probabilities, as does
        ``gaussiannoise`` and ``bernoullidropout`` for all layers; ``regularizers``, a list that is
        used as it is, or a dictionary of more of these arguments; and ``rng``, the seed (or a
        generator of NumPy, to draw seeds from) of what is random, 13 by default. A weight of 0
        makes none.

    Returns
    -------
    list of Regularizer
        In the order of the arguments.

    Raises
    ------
    TypeError
        For an unknown keyword, with the nearest known one, or a noise without patterns.
    nncore.errors.UnknownNameError
        If a pattern stands for nothing; the message lists what there is.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.regularization import from_kwargs
    >>> network = DenseLayer(DenseLayer(InputLayer((None, 3)), 4), 2)
    >>> from_kwargs(network, weight_l2=0.01, dropout={"hid*": 0.5})
    [WeightL2('*', weight=0.01), BernoulliDropout('hid*', weight=0.5)]
    """
    seeds = _Seeds(kwargs.pop("rng", 13))
    found: list[Regularizer] = []
    graph = NetworkGraph(network, deterministic=True)
    given = kwargs.pop("regularizers", None)
    if isinstance(given, Mapping):
        kwargs = {**kwargs, **given}
        if "rng" in kwargs:
            seeds = _Seeds(kwargs.pop("rng"))
    elif given is not None:
        found += _as_list(given)
    for name, value in kwargs.items():
        place, _, noise = name.partition("_")
        if name in _CLASSES:
            found += _build(_CLASSES[name], value, seeds)
        elif name in _NOISES:
            found += _by_pattern(name, value, seeds)
        elif place in _PLACES and noise in _NOISES:
            if not isinstance(value, Variable) and not value:
                continue
            layers = _places(graph)[place]
            if not layers:
                raise UnknownNameError(
                    f"{name}={value!r}: the network has no {place} layer; its layers are "
                    f"{', '.join(graph.names.values())}."
                )
            # Names may hold characters that mean something in a pattern.
            pattern = [_literal(graph.names[layer]) for layer in layers]
            found += _build(_NOISES[noise], value, seeds, pattern=pattern)
        else:
            hint = did_you_mean(name, KEYWORDS)
            raise TypeError(
                f"{name!r} is not a known regularizer.{hint} Known: {', '.join(sorted(KEYWORDS))}."
            )
    _check(network, found)
    return found


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _as_list(given: Any) -> list[Regularizer]:
    items = list(given) if isinstance(given, Iterable) else [given]
    for item in items:
        if not isinstance(item, Regularizer):
            raise TypeError(
                f"regularizers must be a list of nncore.regularization.Regularizer or a dictionary "
                f"of keywords, but {item!r} is among them."
            )
    return items


def _by_pattern(name: str, value: Any, seeds: _Seeds) -> list[Regularizer]:
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{name}={value!r} does not say where: give {name}={{pattern: {value!r}}}, or "
            f"input_{name}, hidden_{name} or output_{name}."
        )
    found: list[Regularizer] = []
    for pattern, weight in value.items():
        found += _build(_NOISES[name], weight, seeds, pattern=pattern)
    return found


def _check(network: Any, regularizers: list[Regularizer]) -> None:
    """Raise for patterns that stand for nothing, before anything is trained."""
    graph = NetworkGraph(network, regularizers, deterministic=True)
    for regularizer in regularizers:
        regularizer.penalty(graph)
