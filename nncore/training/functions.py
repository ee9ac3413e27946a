"""Compiles a network and its loss into the functions that a training loop calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytensor
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.traversal import graph_inputs
from pytensor.tensor.variable import TensorVariable

from nncore import registry
from nncore.backends import get_mode
from nncore.errors import DataError
from nncore.graph import NetworkGraph, output_layers
from nncore.layers.helper import get_all_layers, get_all_params, get_output_shape
from nncore.layers.input import InputLayer
from nncore.objectives import as_losses
from nncore.regularization import Regularizer, penalty_of
from nncore.training.gradients import GradientLimits, gradient_norms
from nncore.training.monitors import Monitors, distinct
from nncore.updates import Schedule, apply_schedule, get_or_compute_grads

__all__ = [
    "Compiled",
    "StepFunction",
    "check_count",
    "check_data",
    "compile_network",
    "network_inputs",
    "random_streams",
    "resolve_objective",
]


def network_inputs(network: Any) -> list[InputLayer]:
    """The input layers of a network, in topological order.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer.

    Returns
    -------
    list of InputLayer
        At least one.

    Raises
    ------
    ValueError
        If the network has none.
    """
    inputs = [layer for layer in get_all_layers(network) if isinstance(layer, InputLayer)]
    if not inputs:
        raise ValueError("the network has no InputLayer; training needs to know where data go in")
    return inputs


def resolve_objective(objective: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function for an objective's name, or the function itself.

    Parameters
    ----------
    objective : str or callable
        A registered name, or a function of predictions and targets.

    Returns
    -------
    callable
        The function.
    """
    return registry.get("objective", objective) if isinstance(objective, str) else objective


class StepFunction:
    """A compiled function of a batch that returns named numbers.

    Parameters
    ----------
    function : pytensor.compile.function.types.Function
        Its outputs are scalars.
    names : sequence of str
        One for each output.
    """

    def __init__(self, function: Any, names: Iterable[str]) -> None:
        self.function = function
        self.names = tuple(names)

    def __call__(self, *batch: Any) -> dict[str, Any]:
        """Run one batch.

        Parameters
        ----------
        *batch : array
            One for each input.

        Returns
        -------
        dict of str to scalar
            On a device, they may not have been computed yet.
        """
        return dict(zip(self.names, self.function(*batch), strict=True))


class Compiled:
    """The functions of a network, compiled when they are first called for.

    Parameters
    ----------
    inputs : list of TensorVariable
        The network's inputs, then the targets.
    train_outputs, test_outputs : dict of str to TensorVariable
        Scalars.
    updates : dict
        Update of each parameter and each state of the optimizer.
    params : list of SharedVariable
        All parameters, trainable or not, in the network's order.
    backend : str
        Where to compile for.
    rate_scale : SharedVariable, optional
        What the learning rate is multiplied by.
    """

    def __init__(
        self,
        inputs: list[TensorVariable],
        train_outputs: Mapping[str, TensorVariable],
        test_outputs: Mapping[str, TensorVariable],
        updates: Mapping[SharedVariable, Any],
        params: list[SharedVariable],
        backend: str,
        rate_scale: SharedVariable | None = None,
    ) -> None:
        self.inputs = inputs
        self.train_outputs = dict(train_outputs)
        self.test_outputs = dict(test_outputs)
        self.updates = dict(updates)
        self.params = params
        self.backend = backend
        self.rate_scale = rate_scale
        self._mode = get_mode(backend)
        self._step: StepFunction | None = None
        self._evaluate: StepFunction | None = None

    @property
    def step(self) -> StepFunction:
        """Trains on one batch."""
        if self._step is None:
            function = pytensor.function(
                self.inputs,
                list(self.train_outputs.values()),
                updates=self.updates,
                mode=self._mode,
                name="train",
            )
            self._step = StepFunction(function, self.train_outputs)
        return self._step

    @property
    def evaluate(self) -> StepFunction:
        """Computes the loss and the monitors of one batch, without training."""
        if self._evaluate is None:
            function = pytensor.function(
                self.inputs, list(self.test_outputs.values()), mode=self._mode, name="evaluate"
            )
            self._evaluate = StepFunction(function, self.test_outputs)
        return self._evaluate


def _check_batch(network: Any, inputs: list[InputLayer], arrays: tuple[Any, ...]) -> None:
    for layer, array in zip(inputs, arrays, strict=False):
        shape = layer.output_shape
        fits = len(array.shape) == len(shape) and all(
            want is None or want == have
            for want, have in zip(shape[1:], array.shape[1:], strict=True)
        )
        if not fits:
            name = layer.name or "the input layer"
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            path = "; ".join(
                f"{other.name or type(other).__name__} {get_output_shape(other)}"
                for other in get_all_layers(network)[:8]
            )
            raise DataError(
                f"the data have shape {tuple(array.shape)}, but {name} takes ({wanted}). Reshape "
                f"the data, or build the network for them. Its layers: {path}."
            )


def check_data(network: Any, arrays: tuple[Any, ...], names: tuple[str, ...] = ()) -> None:
    """Raise for arrays that do not fit a network.

    Parameters
    ----------
    network : Layer
        The output layer.
    arrays : tuple of array
        One for each input layer, then the targets.

    Raises
    ------
    nncore.errors.DataError
        With the shapes, or the range of labels.
    """
    inputs = network_inputs(network)
    if len(arrays) < len(inputs):
        raise DataError(
            f"the network has {len(inputs)} inputs, but the data have {len(arrays)} arrays."
        )
    _check_batch(network, inputs, arrays)
    output = get_output_shape(output_layers(network)[0])
    if len(arrays) > len(inputs) and len(output) == 2 and output[1] is not None:
        labels = arrays[len(inputs)]
        if labels.ndim == 1 and labels.dtype.kind in "iu" and output[1] > 1 and len(labels):
            low, high = int(np.min(labels)), int(np.max(labels))
            if low < 0 or high >= output[1]:
                raise DataError(
                    f"the labels range from {low} to {high}, but the network has {output[1]} "
                    f"classes, so they must be from 0 to {output[1] - 1}."
                )


def check_count(arrays: tuple[Any, ...], inputs: list[TensorVariable]) -> None:
    """Raise for data that have more or fewer arrays than the functions take.

    Parameters
    ----------
    arrays : tuple of array
        The data.
    inputs : list of TensorVariable
        What the functions take.

    Raises
    ------
    nncore.errors.DataError
        With both numbers.
    """
    if len(arrays) == len(inputs):
        return
    if len(arrays) == 1 and len(inputs) == 2:
        raise DataError("there are no targets, which the loss needs: give a pair (x, y).")
    raise DataError(
        f"the data have {len(arrays)} arrays, but the loss takes {len(inputs)}: the network's "
        "inputs, then the targets of each loss, each followed by the weights if it is weighted."
    )


def _learning_rate(rule: Callable[..., Any], learning_rate: Any) -> Any:
    """The rate that was given, or else the rule's own; None if it takes none."""
    parameter = inspect.signature(rule).parameters.get("learning_rate")
    if learning_rate is not None or parameter is None:
        return learning_rate
    return 0.01 if parameter.default is inspect.Parameter.empty else parameter.default


def _updates(
    rule: Callable[..., Any],
    loss: TensorVariable,
    params: list[SharedVariable],
    learning_rate: Any,
    options: dict[str, Any],
    limits: GradientLimits | None,
    scale: SharedVariable | None,
) -> dict[SharedVariable, Any]:
    """The updates of a rule, with the gradients limited and the rate scheduled."""
    descended: Any = loss
    if limits is not None:
        grads = limits(get_or_compute_grads(loss, params))
        # A rule that needs the loss itself takes gradients besides.
        if "grads" in inspect.signature(rule).parameters:
            options["grads"] = grads
        else:
            descended = grads
    rate = _learning_rate(rule, learning_rate)
    if scale is not None:
        if rate is None:
            raise ValueError(
                "reduce_on_plateau needs an update rule with a learning rate, which "
                f"{getattr(rule, '__name__', rule)} has not."
            )
        whole = rate if isinstance(rate, Schedule) else None
        rate = Schedule(lambda t: whole(t) * scale) if whole is not None else rate * scale
    if isinstance(rate, Schedule):
        return apply_schedule(rule, rate)(descended, params, **options)
    if rate is not None:
        options["learning_rate"] = rate
    return rule(descended, params, **options)


def compile_network(
    network: Any,
    objective: Any,
    updates: str | Callable[..., Any] = "adam",
    learning_rate: Any = None,
    update_options: Mapping[str, Any] | None = None,
    penalty: TensorVariable | None = None,
    monitors: Any = (),
    backend: str = "numba",
    target: TensorVariable | None = None,
    *,
    regularizers: Iterable[Regularizer] = (),
    weighted: bool | int = False,
    limits: GradientLimits | None = None,
    monitor_gradients: bool = False,
    scaled_rate: bool = False,
) -> Compiled:
    """Build the training and the test functions of a network.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.
    objective : str, callable, Loss, or sequence of these
        A registered objective, a function of predictions and targets, or terms of a sum.
    updates : str or callable
        A registered update rule, or a function of ``(loss, params, ...)``. Default: ``"adam"``.
    learning_rate : float, expression or Schedule, optional
        Default: the rule's own, or 0.01 if it has none.
    update_options : dict, optional
        More arguments of the rule.
    penalty : expression, optional
        A scalar that is added to the training loss.
    monitors : iterable or dict
        As for :func:`nncore.training.train`.
    backend : str
        ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.
    target : TensorVariable, optional
        The targets of a loss that has none of its own. Default: an int vector for class labels,
        else like the network's output.
    regularizers : iterable of Regularizer
        What is added to the loss, or changes outputs, in training only.
    weighted : bool or int
        Whether there are weights of samples; see :class:`nncore.objectives.Loss`.
        Default: False.
    limits : GradientLimits, optional
        Limits on the gradients.
    monitor_gradients : bool
        Whether to report the norm of the gradient by each parameter. Default: False.
    scaled_rate : bool
        Whether the learning rate is multiplied by a shared variable,
        :attr:`Compiled.rate_scale`. Default: False.

    Returns
    -------
    Compiled
        Nothing is compiled before it is first called for.

    Raises
    ------
    nncore.errors.UnknownNameError
        For a name that is not registered, or a pattern that stands for nothing.
    """
    rule = registry.get("update", updates) if isinstance(updates, str) else updates
    losses = as_losses(objective, weighted)
    terms = list(regularizers)
    chosen = Monitors(monitors)
    train = NetworkGraph(network, terms, deterministic=False)
    test = NetworkGraph(network, deterministic=True)
    pairs = [loss.variables(test) for loss in losses]
    if target is not None and losses[0].target is None:
        pairs[0] = target, pairs[0][1]
    inputs: list[TensorVariable] = [layer.input_var for layer in network_inputs(network)]
    for pair in pairs:
        inputs += [one for one in pair if one is not None and one not in inputs]

    def outputs(graph: NetworkGraph) -> dict[str, TensorVariable]:
        values = [loss(graph, *pair) for loss, pair in zip(losses, pairs, strict=True)]
        weighed = [
            value if loss.weight == 1 else value * float(loss.weight)
            for loss, value in zip(losses, values, strict=True)
        ]
        error = sum(weighed[1:], start=weighed[0])
        found = {"loss": error}
        if len(losses) > 1:
            found |= zip(distinct([loss.name for loss in losses]), values, strict=True)
        return found | chosen.values(graph, losses[0], pairs[0][0], error)

    train_outputs = outputs(train)
    added = penalty_of(terms, train)
    for extra in (added, penalty):
        if extra is not None:
            train_outputs["loss"] = train_outputs["loss"] + extra
    trainable = get_all_params(network, trainable=True)
    if monitor_gradients:
        train_outputs |= gradient_norms(network, train_outputs["loss"], trainable)
    scale = None
    if scaled_rate:
        one = np.ones((), dtype=pytensor.config.floatX)
        scale = pytensor.shared(one, name="learning_rate.scale")
    return Compiled(
        inputs,
        train_outputs,
        outputs(test),
        _updates(
            rule,
            train_outputs["loss"],
            trainable,
            learning_rate,
            dict(update_options or {}),
            limits,
            scale,
        ),
        get_all_params(network),
        backend,
        scale,
    )


def random_streams(outputs: Iterable[TensorVariable]) -> list[SharedVariable]:
    """The random generators that expressions draw from.

    Parameters
    ----------
    outputs : iterable of expression
        What to look into.

    Returns
    -------
    list of SharedVariable
        In the order in which they are met.
    """
    from pytensor.tensor.random.type import RandomType

    return [
        variable
        for variable in dict.fromkeys(graph_inputs(list(outputs)))
        if isinstance(variable, SharedVariable) and isinstance(variable.type, RandomType)
    ]
