"""The partial networks of layerwise training."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable

from nncore import init, nonlinearities, random
from nncore.graph import layer_names
from nncore.layers.dense import DenseLayer
from nncore.layers.helper import get_all_layers
from nncore.layers.input import InputLayer
from nncore.layers.shape import ReshapeLayer
from nncore.layers.tied import TiedLayer
from nncore.utils import collect_shared_vars

__all__ = ["Chain", "shadow_autoencoder"]


def _number(*seed: int) -> int:
    """One seed out of several numbers."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])


def _onto(layer: Any, below: Any) -> Any:
    """A layer with the same parameters that is fed by another one."""
    twin = object.__new__(type(layer))
    twin.__dict__.update(vars(layer))
    twin.params = copy.copy(layer.params)
    twin.input_layer, twin.input_shape = below, below.output_shape
    return twin


class Chain:
    """A network whose layers feed into one another, one by one.

    Parameters
    ----------
    network : Layer
        The output layer.

    Raises
    ------
    ValueError
        If it is no chain, or has no two layers with weights.

    Attributes
    ----------
    layers : list of Layer
        All layers, from the input to the output.
    weighted : list of int
        The places of those with weights of their own, which are shared variables.
    pairs : list of (int, int)
        The places of encoders and of the decoders that have the same weights, the outermost first.
    """

    def __init__(self, network: Any) -> None:
        if isinstance(network, Iterable):
            raise ValueError("layerwise training needs a network with one output layer.")
        self.network = network
        self.layers = get_all_layers(network)
        for before, layer in zip(self.layers, self.layers[1:], strict=False):
            if getattr(layer, "input_layer", None) is not before:
                raise ValueError(
                    f"layerwise training needs layers that feed into one another, but {layer!r} is "
                    "not fed by exactly the layer before it. Train this network as a whole."
                )
        own = [
            {p for p in layer.params if isinstance(p, SharedVariable) and p.ndim > 1}
            & set(layer.get_params(trainable=True))
            for layer in self.layers
        ]
        self.weighted = [place for place, params in enumerate(own) if params]
        self.pairs = []
        for place, layer in enumerate(self.layers):
            tied = [layer.W] if isinstance(layer, TiedLayer) else []
            borrowed = collect_shared_vars(
                [*tied, *(p for p in layer.params if not isinstance(p, SharedVariable))]
            )
            for partner in self.weighted:
                if partner < place and own[partner].intersection(borrowed):
                    self.pairs.append((partner, place))
        self.pairs.sort()
        if len(self.weighted) < 2 and not self.pairs:
            raise ValueError("layerwise training needs a hidden layer with weights.")

    @property
    def count(self) -> int:
        """The number of stages, of which the last is the whole network."""
        return len(self.pairs) if self.pairs else len(self.weighted) - 1

    def stage(self, number: int, seed: int) -> Any:
        """Build a partial network on the layers of the whole one.

        Parameters
        ----------
        number : int
            From 1 to :attr:`count`.
        seed : int
            The seed of the initial values of a tap.

        Returns
        -------
        Layer
            Its output layer: the layers up to the next encoder, or the next layer with weights,
            and from there on the decoders that belong to them, or a new dense layer, a tap, with as
            many units and the same nonlinearity as the output layer.
        """
        if number == self.count:
            return self.network
        if self.pairs:
            encoder, decoder = self.pairs[number]
            top = self.layers[encoder - 1]
            for layer in self.layers[decoder + 1 :]:
                top = _onto(layer, top)
            return top
        top = self.layers[self.weighted[number] - 1]
        shape = self.network.output_shape
        if None in shape[-1:] or len(top.output_shape) < len(shape):
            raise ValueError(
                f"layerwise training cannot tap {top!r}, of shape {top.output_shape}, for an "
                f"output of shape {shape}."
            )
        with random.seeded(_number(seed, number)):
            return DenseLayer(
                top,
                shape[-1],
                nonlinearity=getattr(self.network, "nonlinearity", None),
                num_leading_axes=len(shape) - 1,
                name=layer_names(self.network)[self.network],
            )


def shadow_autoencoder(network: Any, seed: int) -> Any:
    """Build an autoencoder of a network's hidden layers and decoders with their weights.

    Parameters
    ----------
    network : Layer
        The output layer, which is left out.
    seed : int
        The seed of initial values.

    Returns
    -------
    Layer
        The output layer, of the shape of the network's input. The biases of the decoders are its
        own; everything else belongs to `network` too.

    Raises
    ------
    ValueError
        If a hidden layer with weights is not dense, or `network` is no chain.
    """
    chain = Chain(network)
    source = chain.layers[0]
    if not isinstance(source, InputLayer) or None in source.output_shape[1:]:
        raise ValueError("unsupervised training needs an input layer with a shape that is known.")
    encoders = [chain.layers[place] for place in chain.weighted[:-1]]
    for layer in encoders:
        if not isinstance(layer, DenseLayer) or layer.num_leading_axes != 1:
            raise ValueError(
                f"unsupervised training can decode dense layers only, but {layer!r} is another. "
                "Train this network layer by layer ('layerwise') or as a whole."
            )
    top = chain.layers[chain.weighted[-1] - 1]
    with random.seeded(_number(seed)):
        for number, encoder in reversed(list(enumerate(encoders))):
            top = DenseLayer(
                top,
                int(np.prod(encoder.input_shape[1:])),
                W=encoder.W.T,
                b=init.Constant(0.0),
                # The input is rebuilt without a limit, a hidden output as what made it.
                nonlinearity=encoders[number - 1].nonlinearity if number else nonlinearities.linear,
            )
    if len(source.output_shape) > 2:
        top = ReshapeLayer(top, ([0], *source.output_shape[1:]))
    return top
