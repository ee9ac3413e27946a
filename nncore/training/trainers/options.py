"""The keyword arguments that trainers share, and what is made of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nncore import nonlinearities
from nncore.errors import DataError, did_you_mean
from nncore.graph import output_layers, parameter_names
from nncore.objectives import Loss, as_losses
from nncore.regularization import KEYWORDS, Regularizer, from_kwargs
from nncore.serialization import save_arrays, save_model
from nncore.training.batches import ArrayBatches, as_batches

__all__ = [
    "LOOP_OPTIONS",
    "OWN_OPTIONS",
    "Saving",
    "as_data",
    "check_names",
    "losses_for",
    "options_from",
    "split_regularizers",
]

#: What trainers pass on to :func:`nncore.training.train`, with their defaults.
LOOP_OPTIONS: dict[str, Any] = {
    "backend": "numba",
    "best": "loss",
    "checkpoint": None,
    "chunk_batches": None,
    "max_gradient_elem": None,
    "max_gradient_norm": None,
    "max_gradient_total_norm": None,
    "min_improvement": 0.0,
    "monitor_gradients": False,
    "patience": 5,
    "penalty": None,
    "progress": None,
    "reduce_on_plateau": None,
    "resume": False,
    "seed": 13,
    "validate_every": 10,
}

#: What trainers use themselves.
OWN_OPTIONS: dict[str, Any] = {
    "batch_size": 32,
    "loss": None,
    "max_updates": None,
    "monitors": (),
    "save_every": 0,
    "save_progress": None,
    "train_batches": None,
    "valid_batches": None,
    "weighted": False,
}


def check_names(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError for a keyword that is none, with the nearest one.

    Parameters
    ----------
    given, known : iterable of str
        Names.
    """
    known = sorted(known)
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            raise TypeError(
                f"{name!r} is not a known option of this trainer.{hint} Known: {', '.join(known)}."
            )


def split_regularizers(network: Any, kwargs: dict[str, Any]) -> list[Regularizer]:
    """Take the keywords of regularizers out of a dictionary, and make regularizers of them.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The network.
    kwargs : dict
        Loses the keywords.

    Returns
    -------
    list of Regularizer
        The regularizers.
    """
    return from_kwargs(network, **{name: kwargs.pop(name) for name in KEYWORDS if name in kwargs})


def losses_for(network: Any, loss: Any, weighted: bool | int) -> list[Loss]:
    """The losses that were given, or one that suits the output: ``xe`` for a softmax, else ``mse``.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The network.
    loss : str, callable, Loss, sequence of these, or None
        What was given.
    weighted : bool or int
        Whether there are weights of samples.

    Returns
    -------
    list of Loss
        At least one.
    """
    if loss is None:
        last = getattr(output_layers(network)[0], "nonlinearity", None)
        loss = "xe" if last is nonlinearities.softmax else "mse"
    return as_losses(loss, weighted)


def as_data(data: Any, batch_size: int | None = None) -> Any:
    """Take a list of arrays for a tuple, and see that there is a whole batch.

    Parameters
    ----------
    data : tuple or list of arrays, array, iterable or callable
        The data.
    batch_size : int, optional
        How many samples arrays must have at least.

    Returns
    -------
    object
        What :func:`nncore.training.train` takes.

    Raises
    ------
    nncore.errors.DataError
        If arrays have fewer samples than a batch.
    """
    if isinstance(data, list) and data and all(hasattr(item, "dtype") for item in data):
        data = tuple(data)
    if batch_size is not None:
        found = as_batches(data, batch_size, "the training data")
        if isinstance(found, ArrayBatches) and found.samples < found.batch_size:
            raise DataError(
                f"the training data have {found.samples} samples, which do not fill one batch of "
                f"batch_size={found.batch_size}. Give more samples, or a batch_size of at most "
                f"{found.samples}."
            )
    return data


class Saving:
    """Saves a network while it is trained.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The network.
    every : int or float
        A whole number of iterations, or a float, a number of minutes; 0 for never.
    path : str or Path, optional
        The file, in which ``{}`` stands for the number of the iteration. One layer is saved by
        :func:`nncore.serialization.save_model`, of several the parameters by name.

    Raises
    ------
    ValueError
        If only one of `every` and `path` says something, or `every` is negative.
    """

    def __init__(self, network: Any, every: Any, path: str | Path | None) -> None:
        if isinstance(every, bool) or every < 0:
            raise ValueError(
                f"save_every must be a number of iterations or a float, a number of minutes, not "
                f"{every!r}"
            )
        if bool(every) != (path is not None):
            raise ValueError(
                f"save_every={every!r} and save_progress={path!r} belong together: how often to "
                "save, and the file, such as 'model-{}.safetensors'."
            )
        self.network = network
        self.every = every
        self.path = path
        self._last = time.monotonic()

    def __call__(self, iteration: int) -> None:
        """Save if it is time to.

        Parameters
        ----------
        iteration : int
            How many iterations are done.
        """
        if not self.every:
            return
        if isinstance(self.every, float):
            if time.monotonic() - self._last < 60 * self.every:
                return
            self._last = time.monotonic()
        elif iteration % self.every:
            return
        path = str(self.path).format(iteration)
        if isinstance(self.network, Iterable):
            names = parameter_names(self.network)
            save_arrays(path, {name: np.asarray(p.get_value()) for p, name in names.items()})
        else:
            save_model(self.network, path, {"iteration": iteration})


def options_from(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options for the loop and for the trainer, with defaults, from what was given."""
    loop = {name: kwargs.get(name, value) for name, value in LOOP_OPTIONS.items()}
    own = {name: kwargs.get(name, value) for name, value in OWN_OPTIONS.items()}
    return loop, own
