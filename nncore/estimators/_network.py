"""Makes the network of an estimator out of what a user gave for it."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping
from typing import Any

from nncore import layers, models, nonlinearities
from nncore.estimators._functions import LOCK
from nncore.layers._random import RandomStream
from nncore.models.networks.building import build_layers
from nncore.random import seeded

__all__ = ["make_network"]


def _plain(shape: tuple[int, ...], num_outputs: int, output: Any, hidden: Any) -> Any:
    specs = [hidden] if isinstance(hidden, numbers.Integral) else list(hidden)
    return build_layers([shape, *specs, (num_outputs, output)])["out"]


def _named(
    name: str, shape: tuple[int, ...], num_outputs: int, output: Any, options: Mapping[str, Any]
) -> Any:
    # The models of this package are classifiers; others get an output layer of their own.
    image = (1, 1, *shape) if name == "mlp" and len(shape) == 1 else shape
    built = models.build(name, image, max(2, num_outputs), **options)
    if output is nonlinearities.softmax and num_outputs > 1:
        return built
    return layers.DenseLayer(built.input_layer, num_outputs, nonlinearity=output, name="output")


def _copied(template: Any, random: Any) -> Any:
    network = copy.deepcopy(template)
    for layer in layers.get_all_layers(network):
        for stream in vars(layer).values():
            if isinstance(stream, RandomStream):
                stream.seed(int(random.randint(1, 2**31 - 1)))
    return network


def make_network(
    network: Any,
    shape: tuple[int, ...],
    num_outputs: int,
    *,
    output: Any,
    hidden: Any,
    options: Mapping[str, Any],
    random: Any,
    one_is_enough: bool = False,
) -> Any:
    """Make a network.

    Parameters
    ----------
    network : None, str, Layer or callable
        As for the estimators.
    shape : tuple of int
        Shape of a sample.
    num_outputs : int
        Number of classes or targets.
    output : callable
        Nonlinearity of the output layer, where it is made here.
    hidden : int or sequence
        Sizes or specifications of the hidden layers, if `network` is None.
    options : dict
        More arguments for a model or a callable.
    random : numpy.random.RandomState
        Everything random comes from it.
    one_is_enough : bool
        Whether the network may have one output instead.

    Returns
    -------
    Layer
        The output layer.

    Raises
    ------
    TypeError
        If `network` is something else, or a callable returned something else than a layer.
    ValueError
        If the network has several inputs, only takes batches of a fixed size, or its output is
        not ``(batch, num_outputs)``.
    """
    with LOCK, seeded(random):
        if network is None:
            made = _plain(shape, num_outputs, output, hidden)
        elif isinstance(network, str):
            made = _named(network, shape, num_outputs, output, options)
        elif isinstance(network, layers.Layer):
            made = _copied(network, random)
        elif callable(network):
            made = network(shape, num_outputs, **options)
        else:
            raise TypeError(
                f"network must be None, the name of a model ({', '.join(models.NAMES)}), an output "
                f"layer or a function that returns one, not {network!r}."
            )
    if not isinstance(made, layers.Layer):
        raise TypeError(f"network={network!r} returned {made!r}, which is not a layer.")
    _check(made, num_outputs, one_is_enough)
    return made


def _check(network: Any, num_outputs: int, one_is_enough: bool) -> None:
    inputs = [one for one in layers.get_all_layers(network) if isinstance(one, layers.InputLayer)]
    if len(inputs) != 1:
        raise ValueError(
            f"the network has {len(inputs)} input layers, but an estimator feeds exactly one; use "
            "nncore.training.train for it."
        )
    if inputs[0].shape[0] is not None:
        raise ValueError(
            f"the network takes batches of {inputs[0].shape[0]} only; build it with an InputLayer "
            f"of shape {(None, *inputs[0].shape[1:])}."
        )
    allowed = {num_outputs, 1} if one_is_enough else {num_outputs}
    found = network.output_shape
    if len(found) != 2 or found[1] not in allowed:
        wanted = " or ".join(f"(None, {n})" for n in sorted(allowed))
        raise ValueError(
            f"the network's output has the shape {found}, but these targets need {wanted}. Give a "
            "function, which is told the number of outputs, or another output layer."
        )
