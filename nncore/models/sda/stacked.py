"""Multilayer perceptrons whose hidden layers are autoencoders or Boltzmann machines, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytensor
import pytensor.tensor as pt

from nncore import nonlinearities
from nncore.backends import get_mode
from nncore.layers import DenseLayer, DropoutLayer, InputLayer, Layer, get_output
from nncore.models.sda.autoencoder import (
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    default_weights,
)
from nncore.models.sda.functions import BatchFunction, batches_of, finetune_functions, number
from nncore.models.sda.pretraining import LayerRecord, per_layer, pretrain
from nncore.models.sda.rbm import RBM
from nncore.training import Progress

__all__ = ["DBN", "StackedDenoisingAutoencoder"]


class _Stack:
    """What both kinds of stacks are: a network, and stages that share its hidden layers."""

    stages: list[Any]

    def __init__(
        self,
        incoming: Any,
        num_units: Sequence[int],
        num_outputs: int,
        nonlinearity: Any,
        input_dropout: float,
        dropout: float,
    ) -> None:
        if not num_units:
            raise ValueError("num_units is empty; give the size of at least one hidden layer.")
        if not isinstance(incoming, Layer):
            incoming = InputLayer((None, incoming) if isinstance(incoming, int) else incoming)
        self.input_layer: Any = incoming
        self.hidden_layers: list[DenseLayer] = []
        below: Any = self.input_layer
        for place, size in enumerate(num_units, 1):
            if chance := dropout if self.hidden_layers else input_dropout:
                below = DropoutLayer(below, chance)
            below = DenseLayer(
                below,
                size,
                W=default_weights(nonlinearity),
                nonlinearity=nonlinearity,
                name=f"hidden{place}",
            )
            self.hidden_layers.append(below)
        if dropout:
            below = DropoutLayer(below, dropout)
        self.network = DenseLayer(
            below, num_outputs, nonlinearity=nonlinearities.softmax, name="output"
        )

    def _input_of(self, position: int, x: Any) -> Any:
        if position:
            below = self.hidden_layers[position - 1]
            return get_output(below, {self.input_layer: x}, deterministic=True)
        return x if x.ndim == 2 else x.reshape((x.shape[0], self.stages[0].num_visible))

    def _pretraining_functions(
        self, train_x: Any, batch_size: int, backend: str, **options: Any
    ) -> list[BatchFunction]:
        batches = batches_of((train_x,), batch_size)
        functions = []
        for position, stage in enumerate(self.stages):
            x = pt.tensor("x", dtype=pytensor.config.floatX, shape=(None,) * batches[0][0].ndim)
            rate = pytensor.shared(number(0.1), name="learning_rate")
            cost, updates = stage.get_cost_updates(self._input_of(position, x), rate, **options)
            step = pytensor.function(
                [x], cost, updates=updates, mode=get_mode(backend), name=f"pretrain{position + 1}"
            )
            settings = {"lr": (rate, 0.1)}
            if getattr(stage, "corruption", None) is not None:
                level = float(stage.corruption.get_value())
                settings = {"corruption": (stage.corruption, level), **settings}
            functions.append(BatchFunction(step, batches, settings))
        return functions

    def build_finetune_functions(
        self, datasets: Any, batch_size: int, learning_rate: float = 0.1, backend: str = "numba"
    ) -> tuple[BatchFunction, Callable[[], float], Callable[[], float]]:
        """Compile what a loop of fine-tuning by gradient descent calls.

        :func:`nncore.training.train` on :attr:`network` is the way to every other rule.

        Parameters
        ----------
        datasets : nncore.datasets.Dataset or three pairs of array
            ``(x, y)`` for training, validation and testing; shared variables are taken, too.
        batch_size : int
            Samples in a batch.
        learning_rate : float
            Default of the training function's ``lr``. Default: 0.1.
        backend : str
            ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.

        Returns
        -------
        train_fn : BatchFunction
            ``train_fn(index, lr=learning_rate)`` trains on one batch and gives its cost, the mean
            negative log-likelihood; ``len(train_fn)`` is the number of batches.
        valid_score, test_score : callable
            Without arguments; the share of all samples that are taken for a wrong class.

        Raises
        ------
        nncore.errors.DataError
            If the data sets are not three pairs of arrays that fit together.
        """
        return finetune_functions(self.network, datasets, batch_size, learning_rate, backend)


class StackedDenoisingAutoencoder(_Stack):
    """Denoising autoencoders on each other, which are a classifier's hidden layers [1]_.

    Training has two parts. :meth:`pretrain` trains each autoencoder to restore the output of the
    one below; labels play no part. Then the classifier is trained as a whole, by
    :func:`nncore.training.train` on :attr:`network` or by the functions of
    :meth:`build_finetune_functions`. Both see the same weights.

    Parameters
    ----------
    incoming : Layer, tuple or int
        An input layer, the shape of the input, or the number of inputs.
    num_units : sequence of int
        Sizes of the hidden layers. Default: ``(500, 500)``.
    num_outputs : int
        Number of classes. Default: 10.
    corruption : float, None, or sequence of these
        Level of corruption of each autoencoder. Default: 0.1.
    contraction : float or sequence of float
        If it is above 0, the layer is a :class:`ContractiveAutoencoder` with it. Default: 0.
    nonlinearity : callable
        Of the hidden units. Default: the sigmoid. With another one the autoencoders above the
        first restore their input with this one, too, and the squared error.
    input_dropout, dropout : float
        Probabilities of the dropout before the first and after every hidden layer, for the
        classifier only. Default: 0.

    Attributes
    ----------
    network : nncore.layers.DenseLayer
        The output layer of the classifier: probabilities ``(batch, num_outputs)``.
    hidden_layers : list of nncore.layers.DenseLayer
        Its hidden layers.
    stages : list of DenoisingAutoencoder
        The autoencoders. ``stages[i].encoder.W is hidden_layers[i].W``.

    Raises
    ------
    ValueError
        If there is no hidden layer, or a setting has not one value for each.

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y. and Manzagol, P.-A. (2010): Stacked
           denoising autoencoders: learning useful representations in a deep network with a local
           denoising criterion. JMLR 11, 3371-3408.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models.sda import StackedDenoisingAutoencoder
    >>> from nncore.training import train
    >>> stack = StackedDenoisingAutoencoder(6, (5, 4), 2, corruption=(0.1, 0.2))
    >>> x = np.tile(np.eye(6, dtype="float32"), (4, 1))
    >>> records = list(stack.pretrain(x, epochs=2, batch_size=8, backend="python"))
    >>> [(record.layer, record.epoch) for record in records]
    [(1, 1), (1, 2), (2, 1), (2, 2)]
    >>> y = np.arange(24, dtype="int32") % 6 // 3
    >>> tuned = list(train(stack.network, (x, y), epochs=2, batch_size=8, backend="python"))
    """

    def __init__(
        self,
        incoming: Any = 784,
        num_units: Sequence[int] = (500, 500),
        num_outputs: int = 10,
        corruption: Any = 0.1,
        *,
        contraction: Any = 0.0,
        nonlinearity: Any = nonlinearities.sigmoid,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(incoming, num_units, num_outputs, nonlinearity, input_dropout, dropout)
        count = len(num_units)
        levels = per_layer("corruption", corruption, count)
        penalties = per_layer("contraction", contraction, count)
        shape: Any = self.input_layer.output_shape
        visible = nonlinearities.sigmoid
        self.stages = []
        for layer, level, penalty in zip(self.hidden_layers, levels, penalties, strict=True):
            kind: Any = ContractiveAutoencoder if penalty else DenoisingAutoencoder
            self.stages.append(
                kind(
                    shape,
                    layer.num_units,
                    level,
                    W=layer.W,
                    b=layer.b,
                    nonlinearity=nonlinearity,
                    visible_nonlinearity=visible,
                    name=layer.name,
                    **({"contraction": penalty} if penalty else {}),
                )
            )
            shape, visible = layer.num_units, nonlinearity

    def pretraining_functions(
        self, train_x: Any, batch_size: int, backend: str = "numba"
    ) -> list[BatchFunction]:
        """Compile one function for each layer, for a loop of one's own.

        Each function runs the whole stack below its layer for every batch; :meth:`pretrain` does
        that once for each finished layer instead.

        Parameters
        ----------
        train_x : array or shared variable
            ``(samples, ...)``.
        batch_size : int
            Samples in a batch.
        backend : str
            ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.

        Returns
        -------
        list of BatchFunction
            ``function(index, corruption=level, lr=0.1)`` trains on one batch by gradient descent
            and gives its cost; the default level is the layer's own.

        Raises
        ------
        nncore.errors.DataError
            If the data hold values that are not finite.
        """
        return self._pretraining_functions(train_x, batch_size, backend)

    def pretrain(
        self,
        x: Any,
        *,
        epochs: int | Sequence[int] = 15,
        batch_size: int = 128,
        updates: str | Callable[..., Any] = "sgd",
        learning_rate: float | Sequence[float] = 0.1,
        update_options: Mapping[str, Any] | None = None,
        seed: int = 0,
        backend: str = "numba",
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[LayerRecord]:
        """Train one autoencoder after the other; see :func:`nncore.models.sda.pretrain`.

        Parameters
        ----------
        x : array or shared variable
            ``(samples, ...)``, from 0 to 1.
        epochs, batch_size, updates, learning_rate, update_options, seed
            How to train; `epochs` and `learning_rate` may be sequences with a value for each
            layer.
        backend, checkpoint, resume, progress
            As for :func:`nncore.training.train`, but that `checkpoint` is a folder.

        Returns
        -------
        iterator of LayerRecord
            One record for each epoch of each layer.

        Raises
        ------
        nncore.errors.DataError
            If the data do not fit.
        """
        return pretrain(
            self.stages,
            x,
            epochs=epochs,
            batch_size=batch_size,
            updates=updates,
            learning_rate=learning_rate,
            update_options=update_options,
            seed=seed,
            backend=backend,
            checkpoint=checkpoint,
            resume=resume,
            progress=progress,
        )


class DBN(_Stack):
    """A deep belief network: Boltzmann machines that are a classifier's hidden layers [1]_.

    Parameters
    ----------
    incoming : Layer, tuple or int
        An input layer, the shape of the input, or the number of inputs.
    num_units : sequence of int
        Sizes of the hidden layers. Default: ``(500, 500)``.
    num_outputs : int
        Number of classes. Default: 10.
    input_dropout, dropout : float
        As for :class:`StackedDenoisingAutoencoder`. Default: 0.

    Attributes
    ----------
    network, hidden_layers
        As for :class:`StackedDenoisingAutoencoder`.
    stages : list of RBM
        The machines. ``stages[i].W is hidden_layers[i].W``.

    Raises
    ------
    ValueError
        If there is no hidden layer.

    References
    ----------
    .. [1] Hinton, G. E., Osindero, S. and Teh, Y.-W. (2006): A fast learning algorithm for deep
           belief nets. Neural Computation 18, 1527-1554.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models.sda import DBN
    >>> stack = DBN(6, (5, 4), 2)
    >>> x = np.tile(np.eye(6, dtype="float32"), (4, 1))
    >>> first, second = stack.pretrain(x, epochs=1, batch_size=8, backend="python", persistent=4)
    >>> first.layer, second.layer
    (1, 2)
    """

    def __init__(
        self,
        incoming: Any = 784,
        num_units: Sequence[int] = (500, 500),
        num_outputs: int = 10,
        *,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        sigmoid = nonlinearities.sigmoid
        super().__init__(incoming, num_units, num_outputs, sigmoid, input_dropout, dropout)
        self.stages = [
            RBM(
                math.prod(layer.input_shape[1:]),
                layer.num_units,
                W=layer.W,
                b=layer.b,
                name=layer.name,
            )
            for layer in self.hidden_layers
        ]

    def pretraining_functions(
        self, train_x: Any, batch_size: int, k: int = 1, backend: str = "numba"
    ) -> list[BatchFunction]:
        """Compile one function for each layer, for a loop of one's own.

        Parameters
        ----------
        train_x : array or shared variable
            ``(samples, ...)``, from 0 to 1.
        batch_size : int
            Samples in a batch.
        k : int
            Number of Gibbs steps. Default: 1.
        backend : str
            ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.

        Returns
        -------
        list of BatchFunction
            ``function(index, lr=0.1)`` makes a step of contrastive divergence on one batch and
            gives its cost.

        Raises
        ------
        nncore.errors.DataError
            If the data hold values that are not finite.
        """
        return self._pretraining_functions(train_x, batch_size, backend, k=k)

    def pretrain(
        self, x: Any, *, k: int = 1, persistent: int | None = None, **options: Any
    ) -> Iterator[LayerRecord]:
        """Train one machine after the other; see :func:`nncore.models.sda.pretrain`.

        Parameters
        ----------
        x : array or shared variable
            ``(samples, ...)``, from 0 to 1.
        k : int
            Number of Gibbs steps. Default: 1.
        persistent : int, optional
            How many persistent chains there are. Default: none; each step starts at its batch.
        **options
            As for :meth:`StackedDenoisingAutoencoder.pretrain`.

        Returns
        -------
        iterator of LayerRecord
            One record for each epoch of each layer.

        Raises
        ------
        nncore.errors.DataError
            If the data do not fit.
        """
        return pretrain(self.stages, x, k=k, persistent=persistent, **options)
