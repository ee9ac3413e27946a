"""The trainer that minimizes the loss of all data at once, by L-BFGS."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore.backends import get_mode
from nncore.errors import DataError
from nncore.layers.helper import get_all_params
from nncore.regularization import KEYWORDS
from nncore.training.batches import ArrayBatches, as_batches
from nncore.training.functions import compile_network, random_streams
from nncore.training.gradients import gradient_norms
from nncore.training.loop import train as run
from nncore.training.trainers.gradient import Pair, follow, monitors_for
from nncore.training.trainers.options import (
    LOOP_OPTIONS,
    OWN_OPTIONS,
    Saving,
    as_data,
    check_names,
    losses_for,
    options_from,
    split_regularizers,
)
from nncore.updates import get_or_compute_grads

__all__ = ["LBFGSTrainer"]

#: Options of the other trainers that say something about batches or rates.
_NOT_FOR_ALL = (
    "batch_size",
    "chunk_batches",
    "max_gradient_elem",
    "max_gradient_norm",
    "max_gradient_total_norm",
    "reduce_on_plateau",
    "train_batches",
)


class _Minimization:
    """A step that goes several iterations down the loss of a batch, which is all data."""

    def __init__(
        self, function: Any, names: Sequence[str], params: list[Any], iterations: int, memory: int
    ) -> None:
        self.function = function
        self.names = tuple(names)
        self.params = params
        self.iterations = iterations
        self.memory = memory

    def _put(self, flat: np.ndarray[Any, Any]) -> None:
        start = 0
        for param in self.params:
            shape = np.shape(param.get_value(borrow=True))
            size = int(np.prod(shape))
            value = flat[start : start + size].reshape(shape)
            param.set_value(value.astype(param.type.dtype))
            start += size

    def __call__(self, *batch: Any) -> dict[str, float]:
        from scipy.optimize import minimize

        def loss_and_gradient(flat: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
            self._put(flat)
            outputs = self.function(*batch)
            grads = outputs[len(self.names) :]
            flat_grads = [np.asarray(grad, dtype="float64").ravel() for grad in grads]
            return float(outputs[0]), np.concatenate(flat_grads)

        start = [np.asarray(p.get_value(), dtype="float64").ravel() for p in self.params]
        result = minimize(
            loss_and_gradient,
            np.concatenate(start),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.iterations, "maxcor": self.memory},
        )
        self._put(result.x)
        values = self.function(*batch)[: len(self.names)]
        return {name: float(value) for name, value in zip(self.names, values, strict=True)}


class LBFGSTrainer:
    """Trains a network by SciPy's L-BFGS on all data at once.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.

    Notes
    -----
    One iteration of :meth:`itertrain` is one call of SciPy's minimizer, which starts without
    memory of the curvature that the call before had found. So a training goes on from a checkpoint
    as if it had not stopped.

    References
    ----------
    .. [1] Dong C. Liu and Jorge Nocedal (1989): On the limited memory BFGS method for large scale
           optimization. Mathematical Programming 45, 503-528.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers, training
    >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    >>> network = layers.DenseLayer(layers.InputLayer((None, 2)), 1, nonlinearity=None)
    >>> trainer = training.LBFGSTrainer(network)
    >>> monitors, _ = next(trainer.itertrain((x, x[:, :1]), backend="python"))
    >>> monitors["loss"] < 1e-6
    True
    """

    def __init__(self, network: Any) -> None:
        self.network = network

    @property
    def known(self) -> set[str]:
        """The names of all options."""
        names = {*LOOP_OPTIONS, *OWN_OPTIONS, *KEYWORDS, "lbfgs_iterations", "lbfgs_memory"}
        return names - set(_NOT_FOR_ALL)

    def itertrain(
        self, train: Any, valid: Any = None, **kwargs: Any
    ) -> Generator[Pair, None, bool]:
        """Train, `lbfgs_iterations` steps of the minimizer for each item that is taken.

        Parameters
        ----------
        train : tuple or list of array
            All data.
        valid : tuple or list of array, iterable, or callable, optional
            As for :func:`nncore.training.train`. Default: the training data.
        **kwargs
            ``lbfgs_iterations`` (default 20) and ``lbfgs_memory``, the number of corrections kept
            (default 10), and the options of :func:`nncore.training.itertrain` that are not about
            batches, learning rates or gradients.

        Yields
        ------
        train, validation : dict of str to float
            The monitors after the steps.

        Returns
        -------
        bool
            Whether it was interrupted.

        Raises
        ------
        nncore.errors.DataError
            If the training data are not arrays.
        ValueError
            If the loss is random, as with dropout: the minimizer compares its values.
        """
        check_names(kwargs, self.known)
        kwargs = dict(kwargs)
        regularizers = split_regularizers(self.network, kwargs)
        loop, own = options_from(kwargs)
        losses = losses_for(self.network, own["loss"], own["weighted"])
        data = as_data(train)
        batches = as_batches(data, 1, "the training data")
        if not isinstance(batches, ArrayBatches):
            raise DataError("lbfgs needs all training data at once: give arrays, and no batches.")
        compiled = compile_network(
            self.network,
            losses,
            lambda loss, params: {},
            penalty=loop.pop("penalty"),
            monitors=monitors_for(losses, own["monitors"]),
            backend=loop.pop("backend"),
            regularizers=regularizers,
        )
        outputs = dict(compiled.train_outputs)
        loss = outputs["loss"]
        if random_streams([loss]):
            raise ValueError(
                "lbfgs needs a loss that is the same whenever it is computed, but this network "
                "draws random numbers while it is trained. Leave dropout and noise out, or use "
                "another algorithm."
            )
        params = get_all_params(self.network, trainable=True)
        if loop.pop("monitor_gradients"):
            outputs |= gradient_norms(self.network, loss, params)
        function = pytensor.function(
            compiled.inputs,
            [*outputs.values(), *map(pt.as_tensor, get_or_compute_grads(loss, params))],
            mode=get_mode(compiled.backend),
            name="loss_and_gradient",
        )
        step = _Minimization(
            function,
            list(outputs),
            params,
            kwargs.get("lbfgs_iterations", 20),
            kwargs.get("lbfgs_memory", 10),
        )
        saving = Saving(self.network, own["save_every"], own["save_progress"])
        for name in _NOT_FOR_ALL:
            loop.pop(name, None)
        records = run(
            self.network,
            data,
            data if valid is None else as_data(valid),
            epochs=own["max_updates"],
            batch_size=batches.samples,
            valid_batches=own["valid_batches"],
            step=step,
            compiled=compiled,
            **loop,
        )
        return (yield from follow(records, saving))
