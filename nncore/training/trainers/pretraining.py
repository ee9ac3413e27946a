"""Trainers that train a network layer by layer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nncore.errors import ModelFileError, UnknownNameError
from nncore.graph import NetworkGraph
from nncore.layers.helper import get_all_param_values, set_all_param_values
from nncore.objectives import Loss, as_losses
from nncore.regularization import Regularizer
from nncore.serialization import load_arrays, save_arrays
from nncore.training.functions import network_inputs
from nncore.training.trainers.gradient import GradientTrainer, Pair
from nncore.training.trainers.lbfgs import LBFGSTrainer
from nncore.training.trainers.options import (
    LOOP_OPTIONS,
    as_data,
    check_names,
    losses_for,
    split_regularizers,
)
from nncore.training.trainers.stages import Chain, shadow_autoencoder

__all__ = ["SupervisedPretrainer", "UnsupervisedPretrainer", "make_plain"]


def make_plain(algo: str | Callable[..., Any], network: Any) -> GradientTrainer | LBFGSTrainer:
    """The trainer of a whole network.

    Parameters
    ----------
    algo : str or callable
        ``"lbfgs"``, or as for :class:`GradientTrainer`.
    network : Layer or sequence of Layer
        The network.

    Returns
    -------
    GradientTrainer or LBFGSTrainer
        The trainer.
    """
    if isinstance(algo, str) and algo.lower().replace("-", "") in ("lbfgs", "lbfgsb"):
        return LBFGSTrainer(network)
    return GradientTrainer(algo, network)


def _stage_path(path: str | Path, number: int) -> Path:
    path = Path(path)
    return path.with_name(f"{path.stem}.layer{number}{path.suffix}")


def _applies(regularizer: Regularizer, network: Any) -> bool:
    """Whether what a regularizer is about is there."""
    try:
        regularizer.penalty(NetworkGraph(network, [regularizer], deterministic=True))
    except UnknownNameError:
        return False
    return True


class SupervisedPretrainer:
    """Trains a network layer by layer, on the data of the whole network.

    Each stage trains the layers up to one with weights, and an output: a new dense layer of as many
    units and the same nonlinearity as the output layer, a tap, which is thrown away afterwards. The
    last stage trains the whole network. If it is an autoencoder whose decoders have the weights of
    its encoders, such as ``DenseLayer(..., W=encoder.W.T)``, the stages are pairs of an encoder and
    its decoder instead, from the outermost inwards.

    Parameters
    ----------
    algo : str or callable
        How to train each stage: ``"lbfgs"``, or as for :class:`GradientTrainer`.
    network : Layer
        The output layer of a chain of layers.

    Raises
    ------
    ValueError
        If the network is no chain, or has no hidden layer with weights.

    References
    ----------
    .. [1] Yoshua Bengio, Pascal Lamblin, Dan Popovici and Hugo Larochelle (2007): Greedy layer-wise
           training of deep networks. Advances in NIPS 19.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers, training
    >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    >>> network = layers.InputLayer((None, 2))
    >>> for units in (4, 3, 1):
    ...     network = layers.DenseLayer(network, units)
    >>> trainer = training.SupervisedPretrainer("adam", network)
    >>> len(list(trainer.itertrain((x, x[:, :1]), max_updates=3, backend="python")))
    6
    """

    def __init__(self, algo: str | Callable[..., Any], network: Any) -> None:
        self.algo = algo
        self.network = network
        self.chain = Chain(network)
        self.known = make_plain(algo, network).known

    def itertrain(
        self, train: Any, valid: Any = None, **kwargs: Any
    ) -> Generator[Pair, None, bool]:
        """Train, one pass through the data for each item that is taken.

        Parameters
        ----------
        train, valid : tuple or list of array, iterable, or callable
            As for :func:`nncore.training.train`.
        **kwargs
            Options of the algorithm, for each stage. Regularizers and patterns of monitors that
            are about nothing in a stage are left out of it. With ``checkpoint`` each stage has a
            file of its own, ``name.layer1.safetensors``, and with ``resume=True`` training goes on
            in the stage where it stopped.

        Yields
        ------
        train, validation : dict of str to float
            The monitors of the stage.

        Returns
        -------
        bool
            Whether it was interrupted.
        """
        check_names(kwargs, self.known)
        options = dict(kwargs)
        regularizers = split_regularizers(self.network, options)
        losses = losses_for(self.network, options.pop("loss", None), options.pop("weighted", False))
        checkpoint, resume = options.pop("checkpoint", None), options.get("resume", False)
        seed = options.get("seed", LOOP_OPTIONS["seed"])
        monitors = options.pop("monitors", ())
        first = 1 if checkpoint is None else self._begin(checkpoint, resume)
        for number in range(first, self.chain.count + 1):
            whole = number == self.chain.count
            network = self.chain.stage(number, seed)
            if checkpoint is not None:
                options["checkpoint"] = _stage_path(checkpoint, number)
            interrupted = yield from make_plain(self.algo, network).itertrain(
                train,
                valid,
                loss=losses if whole else [self._of_stage(losses[0])],
                regularizers=[one for one in regularizers if _applies(one, network)],
                monitors=monitors if whole else _of_network(monitors, network),
                **options,
            )
            if interrupted:
                return True
        return False

    def _begin(self, checkpoint: str | Path, resume: bool) -> int:
        """The stage to begin with; the files of an older training are removed or taken up."""
        files = [_stage_path(checkpoint, number) for number in range(self.chain.count + 1)]
        values = get_all_param_values(self.network)
        if resume and files[0].exists():
            # The layers above a stage are in no checkpoint but this, of all first values.
            arrays, _ = load_arrays(files[0])
            if len(arrays) != len(values):
                raise ModelFileError(f"{files[0]} belongs to another network.")
            set_all_param_values(self.network, [arrays[f"{i:04d}"] for i in range(len(values))])
            return max((n for n, file in enumerate(files) if n and file.exists()), default=1)
        for file in files:
            file.unlink(missing_ok=True)
        save_arrays(files[0], {f"{i:04d}": np.asarray(value) for i, value in enumerate(values)})
        return 1

    def _of_stage(self, loss: Loss) -> Loss:
        """The network's first loss, about the output of a stage."""
        twin = copy.copy(loss)
        twin.output = None
        return twin


def _of_network(monitors: Any, network: Any) -> list[Any]:
    """The monitors that are not patterns over what a network lacks."""
    items = monitors.items() if hasattr(monitors, "items") else monitors
    items = [monitors] if isinstance(monitors, str) else list(items)
    graph = NetworkGraph(network, deterministic=True)
    kept = []
    for item in items:
        if isinstance(item, tuple | list) and not callable(item[1]):
            try:
                graph.expressions(item[0])
            except UnknownNameError:
                continue
        kept.append(item)
    return kept


class UnsupervisedPretrainer:
    """Trains the hidden layers of a network to reconstruct its input.

    A shadow of the network is trained layer by layer by :class:`SupervisedPretrainer`: an
    autoencoder of its hidden layers and of decoders with their weights. It trains the very
    parameters of the hidden layers, so that nothing has to be copied back. The output layer of the
    network stays as it was.

    Parameters
    ----------
    algo : str or callable
        As for :class:`SupervisedPretrainer`.
    network : Layer
        The output layer of a chain of layers, of which the hidden ones with weights are dense.

    Raises
    ------
    ValueError
        If the network is of another kind.

    References
    ----------
    .. [1] Geoffrey E. Hinton and Ruslan R. Salakhutdinov (2006): Reducing the dimensionality of
           data with neural networks. Science 313, 504-507.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers, training
    >>> x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    >>> hidden = layers.DenseLayer(layers.InputLayer((None, 3)), 2)
    >>> network = layers.DenseLayer(hidden, 1)
    >>> trainer = training.UnsupervisedPretrainer("adam", network)
    >>> len(list(trainer.itertrain(x, max_updates=3, backend="python")))
    3
    """

    def __init__(self, algo: str | Callable[..., Any], network: Any) -> None:
        self.algo = algo
        self.network = network
        self.known = make_plain(algo, network).known - {"weighted"}
        shadow_autoencoder(network, 0)

    def itertrain(
        self, train: Any, valid: Any = None, **kwargs: Any
    ) -> Generator[Pair, None, bool]:
        """Train, one pass through the data for each item that is taken.

        Parameters
        ----------
        train, valid : tuple or list of array, iterable, or callable
            As for :func:`nncore.training.train`; only the input is used.
        **kwargs
            Options of the algorithm, as for :meth:`SupervisedPretrainer.itertrain`. Patterns are
            over the names of the autoencoder. ``loss`` compares its output with the input;
            by default it is ``"mse"``.

        Yields
        ------
        train, validation : dict of str to float
            The monitors of the stage.

        Returns
        -------
        bool
            Whether it was interrupted.
        """
        check_names(kwargs, self.known)
        options = dict(kwargs)
        shadow = shadow_autoencoder(self.network, options.get("seed", LOOP_OPTIONS["seed"]))
        (source,) = network_inputs(shadow)
        losses = []
        for loss in as_losses(options.pop("loss", None) or "mse"):
            twin = copy.copy(loss)
            twin.target = source
            losses.append(twin)
        data = [None if one is None else _inputs_of(one, source) for one in (train, valid)]
        trainer = SupervisedPretrainer(self.algo, shadow)
        return (yield from trainer.itertrain(*data, loss=losses, **options))


def _inputs_of(data: Any, source: Any) -> Any:
    """Data without targets."""
    data = as_data(data)
    if hasattr(data, "x"):
        return (data.x,)
    if isinstance(data, tuple) and hasattr(data[0], "dtype"):
        return data[:1]
    if hasattr(data, "dtype"):
        return (data,)

    def first(batch: Any) -> tuple[Any, ...]:
        return (batch[0],) if isinstance(batch, tuple | list) else (batch,)

    if callable(data):

        def call() -> Any:
            result = data()
            single = hasattr(result, "dtype") or (
                isinstance(result, tuple | list) and all(hasattr(one, "dtype") for one in result)
            )
            return first(result) if single else map(first, result)

        return call
    if isinstance(data, Iterable):
        return [first(batch) for batch in data]
    return data
