"""The layers of a network by name, their outputs, and what a pattern stands for.

Regularizers, losses and monitors say what they are about in patterns over names: ``hid1`` or
``hid1:out`` for the output of a layer, ``hid1.W`` for a parameter, with the wildcards of file
names (``*``, ``?``, ``[...]``). A layer has the name that it was given. One without a name is
called ``in`` if it is an :class:`~nncore.layers.InputLayer`, ``out`` if it is the network's
output, and else ``hid1``, ``hid2``, ... by its place among the others, named or not, in the order
of :func:`nncore.layers.get_all_layers`. Several inputs or outputs without name are numbered:
``in1``, ``in2``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol

from pytensor.compile.sharedvalue import SharedVariable

from nncore.errors import UnknownNameError
from nncore.layers.helper import get_all_layers, get_output
from nncore.layers.input import InputLayer

__all__ = ["Modifier", "NetworkGraph", "layer_names", "output_layers", "parameter_names"]


class Modifier(Protocol):
    """What changes outputs of layers before the layers above take them."""

    def modified_layers(self, graph: NetworkGraph) -> Iterable[Any]:
        """The layers whose output it changes."""

    def modify(self, graph: NetworkGraph, layer: Any, output: Any) -> tuple[str, Any]:
        """What to call the output before the change, and the changed output."""


def output_layers(network: Any) -> list[Any]:
    """List the output layers of a network.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.

    Returns
    -------
    list of Layer
        At least one.
    """
    return list(network) if isinstance(network, Iterable) else [network]


def _numbered(stem: str, layers: Sequence[Any]) -> dict[Any, str]:
    if len(layers) == 1:
        return {layers[0]: stem}
    return {layer: f"{stem}{number}" for number, layer in enumerate(layers, 1)}


def layer_names(network: Any) -> dict[Any, str]:
    """Name every layer of a network.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.

    Returns
    -------
    dict
        From layer to name, in the order of :func:`nncore.layers.get_all_layers`. Only layers that
        were given the same name have the same.

    Examples
    --------
    >>> from nncore.graph import layer_names
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> hidden = DenseLayer(DenseLayer(InputLayer((None, 3)), 4), 4, name="code")
    >>> list(layer_names(DenseLayer(hidden, 2)).values())
    ['in', 'hid1', 'code', 'out']
    """
    layers = get_all_layers(network)
    outputs = output_layers(network)
    inputs = [layer for layer in layers if isinstance(layer, InputLayer)]
    outside = [layer for layer in outputs if layer not in inputs]
    own = {
        **_numbered("in", inputs),
        **_numbered("out", outside),
    }
    hidden = [layer for layer in layers if layer not in own]
    own |= {layer: f"hid{number}" for number, layer in enumerate(hidden, 1)}
    names: dict[Any, str] = {}
    taken = {layer.name for layer in layers if layer.name}
    for layer in layers:
        name = layer.name
        if not name:
            name, number = own[layer], 2
            while name in taken:
                name, number = f"{own[layer]}_{number}", number + 1
            taken.add(name)
        names[layer] = name
    return names


def parameter_names(network: Any) -> dict[SharedVariable, str]:
    """Name every parameter of a network.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.

    Returns
    -------
    dict
        From shared variable to name: that of its layer by :func:`layer_names`, a dot, and its own,
        in the order of :func:`nncore.layers.get_all_params`. One that several layers share has
        the name that it has in the first.

    Examples
    --------
    >>> from nncore.graph import parameter_names
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> list(parameter_names(DenseLayer(InputLayer((None, 3)), 2)).values())
    ['out.W', 'out.b']
    """
    names: dict[SharedVariable, str] = {}
    for layer, name in layer_names(network).items():
        for number, param in enumerate(layer.get_params(unwrap_shared=True)):
            own = param.name or f"param{number}"
            if layer.name:
                own = own.removeprefix(f"{layer.name}.")
            names.setdefault(param, f"{name}.{own}")
    return names


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _has_weights(layer: Any) -> bool:
    return any(param.ndim > 1 for param in layer.get_params(trainable=True))


def _incoming(layer: Any) -> list[Any]:
    if hasattr(layer, "input_layers"):
        return [one for one in layer.input_layers if one is not None]
    one = getattr(layer, "input_layer", None)
    return [] if one is None else [one]


class NetworkGraph:
    """The expressions of a network, by layer and by name.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.
    modifiers : sequence of Modifier
        What changes outputs, such as :class:`nncore.regularization.GaussianNoise`. Several that
        change the same output do so in this order. Others than modifiers are passed over.
    **options
        For :func:`nncore.layers.get_output`, such as ``deterministic=True``.

    Attributes
    ----------
    network : Layer or sequence of Layer
        As given.
    names : dict
        From layer to name; see :func:`layer_names`.
    outputs : dict
        From layer to the expression of its output.
    before : dict of str
        The outputs before they were changed, as ``hid1:out-prenoise``.

    Raises
    ------
    nncore.errors.UnknownNameError
        If a modifier is about layers that do not exist.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> graph = NetworkGraph(DenseLayer(DenseLayer(InputLayer((None, 3)), 4), 2))
    >>> graph.layers("hid*")
    [<DenseLayer>]
    >>> [name for name, _ in graph.weights("*")]
    ['hid1.W', 'out.W']
    """

    def __init__(self, network: Any, modifiers: Iterable[Any] = (), **options: Any) -> None:
        self.network = network
        self.names = layer_names(network)
        self.outputs: dict[Any, Any] = {}
        self.before: dict[str, Any] = {}
        self._params = parameter_names(network)
        changes: dict[Any, list[Modifier]] = {}
        for modifier in modifiers:
            if hasattr(modifier, "modify"):
                for layer in modifier.modified_layers(self):
                    changes.setdefault(layer, []).append(modifier)
        pending: list[Any] = []
        for layer in self.names:
            pending.append(layer)
            if layer in changes:
                # All layers up to this one: what is computed twice would draw other noise.
                self._compute(pending, options)
                for modifier in changes[layer]:
                    label, changed = modifier.modify(self, layer, self.outputs[layer])
                    self.before.setdefault(f"{self.names[layer]}:out-{label}", self.outputs[layer])
                    self.outputs[layer] = changed
                pending = []
        self._compute(pending, options)

    def _compute(self, layers: list[Any], options: dict[str, Any]) -> None:
        if layers:
            known = dict(self.outputs) or None
            outputs = get_output(layers, known, **options)
            self.outputs.update(zip(layers, outputs, strict=True))

    @property
    def inputs(self) -> list[Any]:
        """The input layers."""
        return [layer for layer in self.names if isinstance(layer, InputLayer)]

    @property
    def hidden(self) -> list[Any]:
        """The hidden layers: those with weights below them whose output a layer with weights takes.

        So a dense layer, its batch normalization, its nonlinearity and its dropout are one hidden
        layer, the last of them. A weight is a trainable parameter with at least two axes.
        """
        outside = {*self.inputs, *output_layers(self.network)}
        learnt: set[Any] = set()
        taken: set[Any] = set()
        for layer in self.names:
            below = _incoming(layer)
            if _has_weights(layer):
                taken.update(below)
            if _has_weights(layer) or learnt.intersection(below):
                learnt.add(layer)
        return [
            layer
            for layer in self.names
            if layer in learnt and layer in taken and layer not in outside
        ]

    def layers(self, pattern: str | Iterable[str]) -> list[Any]:
        """Find layers.

        Parameters
        ----------
        pattern : str or sequence of str
            Patterns over the names of layers, with ``:out`` or without.

        Returns
        -------
        list of Layer
            At least one, in the network's order.

        Raises
        ------
        nncore.errors.UnknownNameError
            If there is none; the message lists those that there are.
        """
        patterns = _listed(pattern)
        found = [
            layer
            for layer, name in self.names.items()
            if _matches(name, patterns) or _matches(f"{name}:out", patterns)
        ]
        if not found:
            raise _nothing(patterns, "layer", list(self.names.values()))
        return found

    def weights(self, pattern: str | Iterable[str]) -> list[tuple[str, SharedVariable]]:
        """Find weights: trainable parameters with at least two axes.

        Parameters
        ----------
        pattern : str or sequence of str
            Patterns over the names of parameters.

        Returns
        -------
        list of (str, SharedVariable)
            At least one, in the network's order.

        Raises
        ------
        nncore.errors.UnknownNameError
            If there is none; the message lists those that there are.
        """
        trainable = {param for layer in self.names for param in layer.get_params(trainable=True)}
        every = [
            (name, param)
            for param, name in self._params.items()
            if param.ndim > 1 and param in trainable
        ]
        patterns = _listed(pattern)
        found = [pair for pair in every if _matches(pair[0], patterns)]
        if not found:
            raise _nothing(patterns, "weight", [name for name, _ in every])
        return found

    def expressions(self, pattern: str | Iterable[str]) -> list[tuple[str, Any]]:
        """Find outputs and parameters.

        Parameters
        ----------
        pattern : str or sequence of str
            Patterns over the names of layers, with ``:out`` or without, of parameters, and of
            outputs before they were changed, ``hid1:out-prenoise``, which ``*`` does not include.

        Returns
        -------
        list of (str, expression)
            At least one, layers as ``hid1:out``.

        Raises
        ------
        nncore.errors.UnknownNameError
            If there is none; the message lists those that there are.
        """
        patterns = _listed(pattern)
        found = [
            (f"{name}:out", self.outputs[layer])
            for layer, name in self.names.items()
            if _matches(name, patterns) or _matches(f"{name}:out", patterns)
        ]
        found += [(name, p) for p, name in self._params.items() if _matches(name, patterns)]
        earlier = [one for one in patterns if "-pre" in one]
        found += [(name, one) for name, one in self.before.items() if _matches(name, earlier)]
        if not found:
            known = [*self.names.values(), *self._params.values(), *self.before]
            raise _nothing(patterns, "layer or parameter", known)
        return found

    def output(self, which: Any = None) -> tuple[Any, Any]:
        """One layer and its output.

        Parameters
        ----------
        which : Layer, str or None
            The layer, or its name; None for the network's output, the first if there are several.

        Returns
        -------
        layer : Layer
            The layer.
        output : expression
            Its output.

        Raises
        ------
        nncore.errors.UnknownNameError
            If it is no layer of the network, or the name is one of several.
        """
        if which is None:
            layer = output_layers(self.network)[0]
        elif isinstance(which, str):
            layer, *more = self.layers(which)
            if more:
                raise UnknownNameError(
                    f"{which!r} stands for {1 + len(more)} layers, but one is needed; the layers "
                    f"are {', '.join(self.names.values())}."
                )
        elif which in self.names:
            layer = which
        else:
            raise UnknownNameError(
                f"{which!r} is no layer of the network; its layers are "
                f"{', '.join(self.names.values())}."
            )
        return layer, self.outputs[layer]


def _listed(pattern: str | Iterable[str]) -> list[str]:
    return [pattern] if isinstance(pattern, str) else list(pattern)


def _nothing(patterns: list[str], noun: str, known: list[str]) -> UnknownNameError:
    shown = " or ".join(repr(pattern) for pattern in patterns)
    nearest = [
        name for pattern in patterns for name in difflib.get_close_matches(pattern, known, n=1)
    ]
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return UnknownNameError(
        f"no {noun} of the network is called {shown}.{hint} There are: {', '.join(known)}."
    )
