"""The compiled functions of a fitted network, which stay behind when it is pickled."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from nncore.backends import get_mode
from nncore.layers.helper import get_output
from nncore.regularization import l2 as squares
from nncore.regularization import regularize_network_params
from nncore.training import ArrayBatches, Compiled, compile_network
from nncore.training.functions import network_inputs, random_streams, resolve_objective
from nncore.training.inference import run_prediction

__all__ = ["LOCK", "Functions"]

#: Held while something is built or compiled, as neither PyTensor nor nncore.random can be used by
#: several threads at once.
LOCK = threading.RLock()

_OF_INDICES = ("categorical_crossentropy", "multiclass_hinge_loss")


class Functions:
    """The functions of a network, compiled when they are first needed.

    Pickles and copies leave the functions out, but have what the training step keeps between
    calls: the state of the optimizer and of the random numbers.

    Parameters
    ----------
    network : Layer
        The output layer.
    choices : dict
        ``objective``, ``updates``, ``update_options``, ``backend`` and ``monitors`` as for
        :func:`nncore.training.compile_network`; what needs other functions if it changes.
    labels : bool
        Whether the targets are class indices, as a vector.
    """

    def __init__(self, network: Any, choices: Mapping[str, Any], labels: bool) -> None:
        self.network = network
        self.choices = dict(choices)
        self.labels = labels
        self._compiled: Compiled | None = None
        self._predict: Any = None
        self._rates: dict[str, Any] = {}
        self._kept: list[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        rates = dict.fromkeys(self._rates)
        state = {**vars(self), "_compiled": None, "_predict": None, "_rates": rates}
        if self._compiled is not None:
            values = [variable.get_value() for variable in self._state()]
            # JAX leaves arrays of its own behind.
            state["_kept"] = [
                value if isinstance(value, np.random.Generator) else np.asarray(value)
                for value in values
            ]
        return state

    def _state(self) -> list[Any]:
        """What the training step changes besides the parameters."""
        assert self._compiled is not None
        params = set(self._compiled.params)
        optimizer = [variable for variable in self._compiled.updates if variable not in params]
        return [*optimizer, *random_streams(self._compiled.train_outputs.values())]

    def _objective(self) -> Any:
        """The objective as a function of predictions and of the targets as they are fed."""
        function = resolve_objective(self.choices["objective"])
        if not self.labels or getattr(function, "__name__", "") in _OF_INDICES:
            return function
        classes = pt.constant(np.arange(self.network.output_shape[1], dtype="int32"))

        def of_rows(predictions: TensorVariable, targets: TensorVariable) -> Any:
            rows = pt.eq(targets[:, None], classes).astype(pytensor.config.floatX)
            return function(predictions, rows)

        return of_rows

    def for_training(self, learning_rate: float | None, l2: float) -> Compiled:
        """The functions for training.

        Parameters
        ----------
        learning_rate : float, optional
            Default: the rule's own.
        l2 : float
            Weight of the squared parameters in the loss.

        Returns
        -------
        Compiled
            The same as before, unless one of the arguments turns from nothing into something.
        """
        given = {"learning_rate": learning_rate, "l2": l2 or None}
        values = {name: float(value) for name, value in given.items() if value is not None}
        if self._compiled is None or set(values) != set(self._rates):
            kept = self._kept if set(values) == set(self._rates) else None
            with LOCK:
                self._compiled = self._build(values)
            if kept is not None:
                for variable, value in zip(self._state(), kept, strict=True):
                    variable.set_value(value)
            self._kept = None
        for name, value in values.items():
            self._rates[name].set_value(np.asarray(value, dtype=pytensor.config.floatX))
        return self._compiled

    def _build(self, values: Mapping[str, float]) -> Compiled:
        floatX = pytensor.config.floatX
        # As shared variables they leave the graph equal, and so in the cache, for all values.
        self._rates = {
            name: pytensor.shared(np.asarray(value, dtype=floatX), name=name)
            for name, value in values.items()
        }
        penalty = None
        if "l2" in values:
            penalty = self._rates["l2"] * regularize_network_params(self.network, squares)
        rows = pt.tensor("targets", dtype=floatX, shape=(None, self.network.output_shape[1]))
        return compile_network(
            self.network,
            **{**self.choices, "objective": self._objective()},
            learning_rate=self._rates.get("learning_rate"),
            penalty=penalty,
            target=pt.ivector("targets") if self.labels else rows,
        )

    def predict(self, x: np.ndarray[Any, Any], batch_size: int) -> np.ndarray[Any, Any]:
        """The output of the network, without noise.

        Parameters
        ----------
        x : array
            The input.
        batch_size : int
            Samples at a time.

        Returns
        -------
        array
            Shape ``(samples, outputs)``.
        """
        if self._predict is None:
            with LOCK:
                self._predict = pytensor.function(
                    [layer.input_var for layer in network_inputs(self.network)],
                    get_output(self.network, deterministic=True),
                    mode=get_mode(self.choices["backend"]),
                    name="predict",
                )
        batches = ArrayBatches((x,), batch_size, ("X",))
        return run_prediction(self._predict, batches)
