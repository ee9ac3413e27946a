"""Compiles a network and its loss into the functions that a training loop calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.traversal import graph_inputs
from pytensor.tensor.variable import TensorVariable

from nncore import registry
from nncore.backends import get_mode
from nncore.errors import DataError
from nncore.layers.helper import get_all_layers, get_all_params, get_output, get_output_shape
from nncore.layers.input import InputLayer

__all__ = [
    "Compiled",
    "StepFunction",
    "check_data",
    "compile_network",
    "network_inputs",
    "random_streams",
    "resolve_objective",
    "target_variable",
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


def target_variable(objective: Callable[..., Any], output_shape: tuple[Any, ...]) -> Any:
    """A variable for the targets that an objective compares an output with."""
    name = getattr(objective, "__name__", "")
    if name in ("categorical_crossentropy", "multiclass_hinge_loss") and len(output_shape) == 2:
        return pt.ivector("targets")
    shape = tuple(n if n == 1 else None for n in output_shape)
    return pt.tensor("targets", dtype=pytensor.config.floatX, shape=shape)


def _metric(name: str, prediction: TensorVariable, target: TensorVariable) -> TensorVariable:
    """The value of a monitor that is given by name, one for each sample."""
    from nncore import objectives

    if name == "accuracy":
        many = prediction.ndim == 2 and prediction.type.shape[1] != 1
        accuracy = objectives.categorical_accuracy if many else objectives.binary_accuracy
        return accuracy(prediction, target)
    return registry.get("objective", name)(prediction, target)


def _mean(value: TensorVariable) -> TensorVariable:
    # The mean of booleans or integers would be a float64.
    return value.astype(pytensor.config.floatX).mean()


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
    """

    def __init__(
        self,
        inputs: list[TensorVariable],
        train_outputs: Mapping[str, TensorVariable],
        test_outputs: Mapping[str, TensorVariable],
        updates: Mapping[SharedVariable, Any],
        params: list[SharedVariable],
        backend: str,
    ) -> None:
        self.inputs = inputs
        self.train_outputs = dict(train_outputs)
        self.test_outputs = dict(test_outputs)
        self.updates = dict(updates)
        self.params = params
        self.backend = backend
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
    output = get_output_shape(network)
    if len(arrays) > len(inputs) and len(output) == 2 and output[1] is not None:
        labels = arrays[len(inputs)]
        if labels.ndim == 1 and labels.dtype.kind in "iu" and output[1] > 1 and len(labels):
            low, high = int(np.min(labels)), int(np.max(labels))
            if low < 0 or high >= output[1]:
                raise DataError(
                    f"the labels range from {low} to {high}, but the network has {output[1]} "
                    f"classes, so they must be from 0 to {output[1] - 1}."
                )


def compile_network(
    network: Any,
    objective: str | Callable[..., Any],
    updates: str | Callable[..., Any] = "adam",
    learning_rate: Any = None,
    update_options: Mapping[str, Any] | None = None,
    penalty: TensorVariable | None = None,
    monitors: Iterable[Any] = (),
    backend: str = "numba",
    target: TensorVariable | None = None,
) -> Compiled:
    """Build the training and the test functions of a network.

    Parameters
    ----------
    network : Layer
        The output layer.
    objective : str or callable
        A registered objective, or a function of predictions and targets.
    updates : str or callable
        A registered update rule, or a function of ``(loss, params, ...)``. Default: ``"adam"``.
    learning_rate : float or expression, optional
        Default: the rule's own, or 0.01 if it has none.
    update_options : dict, optional
        More arguments of the rule.
    penalty : expression, optional
        A scalar that is added to the training loss.
    monitors : iterable of str or (str, callable)
        ``"accuracy"``, the name of an objective, or a name with a function of predictions and
        targets.
    backend : str
        ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.
    target : TensorVariable, optional
        Default: an int vector for class labels, else like the network's output.

    Returns
    -------
    Compiled
        Nothing is compiled before it is first called for.

    Raises
    ------
    nncore.errors.UnknownNameError
        For a name that is not registered.
    """
    import inspect

    function = resolve_objective(objective)
    inputs = [layer.input_var for layer in network_inputs(network)]
    if target is None:
        target = target_variable(function, get_output_shape(network))

    chosen: dict[str, Callable[[Any, Any], Any]] = {}
    for monitor in monitors:
        if isinstance(monitor, str):
            if monitor != "accuracy":
                registry.get("objective", monitor)
            chosen[monitor] = partial(_metric, monitor)
        else:
            name, measure = monitor
            chosen[name] = measure

    def outputs(deterministic: bool) -> dict[str, TensorVariable]:
        prediction = get_output(network, deterministic=deterministic)
        values = {"loss": _mean(function(prediction, target))}
        if penalty is not None and not deterministic:
            values["loss"] = values["loss"] + penalty
        for name, measure in chosen.items():
            values[name] = _mean(measure(prediction, target))
        return values

    train_outputs = outputs(deterministic=False)
    rule = registry.get("update", updates) if isinstance(updates, str) else updates
    options = dict(update_options or {})
    needs_rate = inspect.signature(rule).parameters.get("learning_rate")
    if learning_rate is not None:
        options["learning_rate"] = learning_rate
    elif needs_rate is not None and needs_rate.default is inspect.Parameter.empty:
        options.setdefault("learning_rate", 0.01)
    trainable = get_all_params(network, trainable=True)
    return Compiled(
        [*inputs, target],
        train_outputs,
        outputs(deterministic=True),
        rule(train_outputs["loss"], trainable, **options),
        get_all_params(network),
        backend,
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
