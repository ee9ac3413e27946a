"""Trainers by name."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from nncore import registry
from nncore.errors import UnknownNameError, did_you_mean
from nncore.training.trainers.algorithms import ALGORITHMS, find_algorithm
from nncore.training.trainers.gradient import Pair
from nncore.training.trainers.pretraining import (
    SupervisedPretrainer,
    UnsupervisedPretrainer,
    make_plain,
)
from nncore.training.trainers.samples import SampleTrainer

__all__ = ["itertrain", "make_trainer"]

#: Names that are no update rules; any that begins in the same way means the same.
_OTHERS = {
    "sample": ("sample",),
    "layerwise": ("layer", "sup"),
    "pretrain": ("pre", "unsup"),
    "lbfgs": ("lbfgs", "l-bfgs"),
}


def _kind(algo: str) -> str | None:
    for name, beginnings in _OTHERS.items():
        if algo.lower().startswith(beginnings):
            return name
    return None


def _check(algo: Any, allowed: tuple[str, ...]) -> None:
    if not isinstance(algo, str) or _kind(algo) in allowed or find_algorithm(algo) is not None:
        return
    known = list(dict.fromkeys([*ALGORITHMS, *allowed, *registry.names("update")]))
    hint = did_you_mean(algo, known)
    raise UnknownNameError(f"{algo!r} is not a known algorithm.{hint} Known: {', '.join(known)}.")


def make_trainer(
    network: Any,
    algo: str | Callable[..., Any] = "rmsprop",
    subalgo: str | Callable[..., Any] = "rmsprop",
) -> Any:
    """Make the trainer of a name.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.
    algo : str or callable
        A name of :data:`nncore.training.trainers.ALGORITHMS` or of another registered update rule,
        or a rule; ``"lbfgs"``; ``"sample"``; ``"layerwise"`` or what begins with ``layer`` or
        ``sup``; ``"pretrain"`` or what begins with ``pre`` or ``unsup``. Default: ``"rmsprop"``.
    subalgo : str or callable
        How ``"layerwise"`` and ``"pretrain"`` train each layer. Default: ``"rmsprop"``.

    Returns
    -------
    object
        With a method ``itertrain(train, valid=None, **kwargs)``.

    Raises
    ------
    nncore.errors.UnknownNameError
        If there is no such algorithm; the message has the nearest known one.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.training import make_trainer
    >>> type(make_trainer(DenseLayer(InputLayer((None, 3)), 2), "sample")).__name__
    'SampleTrainer'
    """
    _check(algo, tuple(_OTHERS))
    _check(subalgo, ("lbfgs",))
    kind = _kind(algo) if isinstance(algo, str) and find_algorithm(algo) is None else None
    if kind == "sample":
        return SampleTrainer(network)
    if kind == "layerwise":
        return SupervisedPretrainer(subalgo, network)
    if kind == "pretrain":
        return UnsupervisedPretrainer(subalgo, network)
    return make_plain(algo, network)


def itertrain(
    network: Any,
    train: Any,
    valid: Any = None,
    algo: str | Callable[..., Any] = "rmsprop",
    subalgo: str | Callable[..., Any] = "rmsprop",
    **kwargs: Any,
) -> Generator[Pair, None, bool]:
    """Train a network by the algorithm of a name, one iteration for each item that is taken.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.
    train, valid : tuple or list of array, iterable, or callable
        As for :func:`nncore.training.train`; a list of arrays is taken for a tuple. Without
        `valid`, the training data are validated on.
    algo, subalgo : str or callable
        As for :func:`make_trainer`.
    **kwargs
        What the algorithm takes. All but ``"sample"`` take

        - ``loss`` (``"xe"`` for a softmax, else ``"mse"``) and ``weighted`` (False);
        - ``max_updates`` (no limit), the number of iterations; ``train_batches`` and
          ``valid_batches``, the number of batches in each; ``batch_size`` (32);
        - ``validate_every`` (10), ``patience`` (5) and ``min_improvement`` (0);
        - ``monitors``, ``monitor_gradients``, ``max_gradient_elem``, ``max_gradient_norm`` and
          ``max_gradient_total_norm``, ``reduce_on_plateau``, ``chunk_batches``, ``penalty``,
          ``best``, ``seed`` (13), ``backend``, ``checkpoint``, ``resume`` and ``progress``, as for
          :func:`nncore.training.train`;
        - ``save_every`` and ``save_progress``: how often to save the network, in iterations or, if
          it is a float, minutes; and the file, in which ``{}`` stands for the iteration;
        - the keywords of :func:`nncore.regularization.from_kwargs`.

        An update rule takes besides ``learning_rate`` (1e-4), ``momentum`` (0) and ``nesterov``
        (False), its own arguments, and the keywords in
        :data:`nncore.training.trainers.ALGORITHMS`.

    Yields
    ------
    train, validation : dict of str to float
        The monitors of the training data, and those of the last validation: ``"loss"``, ``"err"``
        (the loss without penalties), for class labels ``"acc"``, and those that were asked for.
        At the end the network has its best parameters.

    Returns
    -------
    bool
        Whether Ctrl-C stopped it.

    Raises
    ------
    nncore.errors.UnknownNameError
        If there is no such algorithm.
    TypeError
        For an option that the algorithm does not take, with the nearest one that it takes.
    nncore.errors.NNCoreError
        As :func:`nncore.training.train` does, and for less data than a batch.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers, training
    >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    >>> network = layers.DenseLayer(layers.InputLayer((None, 2)), 1, nonlinearity=None)
    >>> for monitors, validation in training.itertrain(
    ...     network, (x, x[:, :1]), algo="adam", learning_rate=0.1, weight_l2=1e-4,
    ...     max_updates=20, backend="python",
    ... ):
    ...     if monitors["err"] < 0.01:
    ...         break
    >>> sorted(validation)
    ['err', 'loss']
    """
    return make_trainer(network, algo, subalgo).itertrain(train, valid, **kwargs)
