"""The trainer that follows gradients, by any update rule."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from typing import Any

from nncore.errors import UnknownNameError
from nncore.regularization import KEYWORDS
from nncore.training.loop import train as run
from nncore.training.trainers.algorithms import ALGORITHMS, find_algorithm
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

__all__ = ["GradientTrainer", "Pair", "follow", "monitors_for"]

#: The monitors of the training data, and those of the last validation.
Pair = tuple[dict[str, float], dict[str, float]]


def monitors_for(losses: list[Any], monitors: Any) -> list[Any]:
    """What is always reported, ``err`` and a classifier's ``acc``, and what was asked for."""
    always = ["err", "acc"] if losses[0].classifies else ["err"]
    more = [monitors] if isinstance(monitors, str | Mapping) else list(monitors)
    return [*always, *(one for one in more if one not in always)]


def follow(records: Any, saving: Saving) -> Generator[Pair, None, bool]:
    """Yield the monitors of a training; return whether it was interrupted."""
    validation: dict[str, float] = {}
    # Closing lets the loop put the best parameters back, whoever stops it.
    with contextlib.closing(records):
        for record in records:
            if record.interrupted:
                return True
            validation = record.validation or validation
            saving(record.epoch)
            yield record.train, validation
    return False


class GradientTrainer:
    """Trains a network by an update rule.

    Parameters
    ----------
    algo : str or callable
        A name of :data:`nncore.training.trainers.ALGORITHMS` or of another registered update
        rule, or a function of ``(loss, params, ...)``.
    network : Layer or sequence of Layer
        The output layer or layers.

    Raises
    ------
    nncore.errors.UnknownNameError
        If there is no such rule.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers, training
    >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    >>> network = layers.DenseLayer(layers.InputLayer((None, 2)), 1, nonlinearity=None)
    >>> trainer = training.GradientTrainer("sgd", network)
    >>> first, *_, last = trainer.itertrain(
    ...     (x, x[:, :1]), learning_rate=0.1, max_updates=5, backend="python"
    ... )
    >>> last[0]["loss"] < first[0]["loss"]
    True
    """

    def __init__(self, algo: str | Callable[..., Any], network: Any) -> None:
        found = find_algorithm(algo)
        if found is None:
            raise UnknownNameError(
                f"{algo!r} is not a known update rule. Known: {', '.join(ALGORITHMS)}."
            )
        self.algorithm = found
        self.network = network

    @property
    def known(self) -> set[str]:
        """The names of all options."""
        return {*LOOP_OPTIONS, *OWN_OPTIONS, *KEYWORDS, *self.algorithm.options}

    def itertrain(
        self, train: Any, valid: Any = None, **kwargs: Any
    ) -> Generator[Pair, None, bool]:
        """Train, one pass through the data for each item that is taken.

        Parameters
        ----------
        train, valid : tuple or list of array, iterable, or callable
            As for :func:`nncore.training.train`; a list of arrays is taken for a tuple. Without
            `valid` the training data are validated on.
        **kwargs
            Options; see :func:`nncore.training.itertrain`.

        Yields
        ------
        train, validation : dict of str to float
            The monitors.

        Returns
        -------
        bool
            Whether it was interrupted.
        """
        check_names(kwargs, self.known)
        kwargs = dict(kwargs)
        regularizers = split_regularizers(self.network, kwargs)
        loop, own = options_from(kwargs)
        arguments = {name: kwargs[name] for name in self.algorithm.options if name in kwargs}
        if "seed" in self.algorithm.options:
            arguments["seed"] = loop["seed"]
        rule, rate, options = self.algorithm.resolve(arguments)
        losses = losses_for(self.network, own["loss"], own["weighted"])
        saving = Saving(self.network, own["save_every"], own["save_progress"])
        data = as_data(train, own["batch_size"])
        records = run(
            self.network,
            data,
            data if valid is None else as_data(valid),
            epochs=own["max_updates"],
            batch_size=own["batch_size"],
            train_batches=own["train_batches"],
            valid_batches=own["valid_batches"],
            objective=losses,
            updates=rule,
            learning_rate=rate,
            update_options=options,
            monitors=monitors_for(losses, own["monitors"]),
            regularizers=regularizers,
            **loop,
        )
        return (yield from follow(records, saving))
