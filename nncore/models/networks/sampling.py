"""Sequences drawn from a recurrent classifier, one step after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable

from nncore import layers
from nncore.layers._recurrent_base import Carry, LoopLayer
from nncore.models.recurrent import generator, positive

__all__ = ["sample_sequence"]

#: Layers whose output at a step depends on nothing but their input at that step.
_STEPWISE = (
    layers.InputLayer,
    layers.EmbeddingLayer,
    layers.NonlinearityLayer,
    layers.ParametricRectifierLayer,
    layers.ScaleLayer,
    layers.BiasLayer,
    layers.DropoutLayer,
    layers.GaussianNoiseLayer,
    layers.ElemwiseMergeLayer,
    layers.TiedLayer,
)


def _check_layer(layer: Any) -> None:
    """Raise for a layer that looks ahead, or of which that is not known."""
    stepwise = isinstance(layer, _STEPWISE)
    if isinstance(layer, layers.DenseLayer):
        stepwise = layer.num_leading_axes in (2, -1)
    elif isinstance(layer, LoopLayer):
        stepwise = not layer.backwards and not layer.only_return_final and not layer.unroll_scan
    elif isinstance(layer, layers.ConcatLayer | layers.FeaturePoolLayer):
        stepwise = layer.axis in (-1, 2)
    if not stepwise:
        raise ValueError(
            f"a sequence cannot be drawn from a network with the layer {layer!r}, which may need "
            "other steps than those before. Use recurrent layers that go forwards, dense layers "
            "of sequences, and what acts on each step alone."
        )


class _Steps:
    """The function of a network that goes step by step."""

    def __init__(self, network: Any) -> None:
        everything = layers.get_all_layers(network.output)
        for layer in everything:
            _check_layer(layer)
        if len(network.inputs) > 1:
            raise ValueError(
                "a sequence can only be drawn from a network with one input, not with "
                f"{', '.join(one.name for one in network.inputs)}; build it without masked=True "
                "and give it the parameters."
            )
        (source,) = network.inputs
        shape, out = source.output_shape, network.output.output_shape
        self.num_classes = out[-1]
        self.indices = source.input_var.dtype.startswith(("int", "uint"))
        fits = len(shape) == 2 if self.indices else shape[2:] == (self.num_classes,)
        if len(out) != 3 or not fits:
            raise ValueError(
                "a sequence can only be drawn from a network that takes (batch, time) class "
                "indices or (batch, time, classes) and gives (batch, time, classes), not from "
                f"one that takes {shape} and gives {out}."
            )
        x = source.input_var
        self.dtype = x.dtype
        # Once to learn which states there are, and once more with variables in their place.
        found = Carry({})
        _output(network, everything, found)
        self.states = [_initial(layer, name) for layer, name in found.after]
        before = {key: state.type(key[1]) for key, state in found.after.items()}
        time = pt.iscalar("time")
        carry = Carry(before, time)
        output = _output(network, everything, carry)
        self.step = network._compiled(
            [x, time, *before.values()],
            [output[:, -1], *(carry.after[key] for key in before)],
        )

    def encoded(self, labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Classes, ``(streams, time)``, as the network takes them."""
        if self.indices:
            return labels.astype(self.dtype)
        rows: np.ndarray[Any, Any] = np.eye(self.num_classes, dtype=self.dtype)[labels]
        return rows


def _output(network: Any, everything: list[Any], carry: Carry) -> Any:
    # Without a recurrent layer, get_output would warn that no layer knows the option.
    loops = any(isinstance(one, LoopLayer) for one in everything)
    options = {"carry": carry} if loops else {}
    return layers.get_output(network.output, deterministic=True, **options)


def _initial(layer: Any, name: str) -> Any:
    """The parameter that a state begins with."""
    state = getattr(layer, name)
    if not isinstance(state, SharedVariable):
        raise ValueError(
            f"a sequence can only be drawn if the states begin with parameters, but {name} of "
            f"{layer!r} is {state!r}."
        )
    return state


def sample_sequence(
    network: Any, labels: Any, steps: int, streams: int = 1, rng: Any = None
) -> Iterator[Any]:
    """Draw a sequence of classes from a classifier.

    Parameters
    ----------
    network : Classifier
        The network.
    labels, steps, streams, rng
        As for :meth:`nncore.models.Classifier.predict_sequence`.

    Returns
    -------
    iterator of int, or of list of int
        The classes.

    Raises
    ------
    ValueError
        If an argument or the network is not possible.
    """
    steps, streams = positive("steps", steps), positive("streams", streams)
    functions: _Steps = network._cached("steps", lambda: _Steps(network))
    start = np.asarray(labels)
    number = functions.num_classes
    if start.ndim != 1 or not len(start) or start.dtype.kind not in "iu":
        raise ValueError(f"labels={labels!r} must be a sequence of at least one class.")
    if start.min() < 0 or start.max() >= number:
        raise ValueError(f"the labels must be from 0 to {number - 1}, but are {labels!r}.")
    random = generator(rng)

    def drawn(probabilities: Any) -> np.ndarray[Any, Any]:
        sums = np.cumsum(np.asarray(probabilities, dtype="float64"), axis=-1)
        # The sums of float32 may end a little below or above 1.
        place = random.random((streams, 1)) * sums[:, -1:]
        return np.minimum((sums <= place).sum(axis=-1), number - 1)

    def follow() -> Iterator[Any]:
        before = np.tile(start, (streams, 1))
        # The values of now: the network may have been trained since the last sequence.
        states = [np.repeat(state.get_value(), streams, axis=0) for state in functions.states]
        time = 0
        for _ in range(steps):
            probabilities, *states = functions.step(
                functions.encoded(before), np.int32(time), *states
            )
            time += before.shape[1]
            chosen = drawn(probabilities)
            before = chosen[:, None]
            yield chosen.tolist() if streams > 1 else int(chosen[0])

    return follow()
