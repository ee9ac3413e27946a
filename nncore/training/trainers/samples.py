"""The trainer that takes weights from samples of the data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np
import pytensor
from pytensor.compile.sharedvalue import SharedVariable

from nncore.backends import get_mode
from nncore.errors import DataError
from nncore.graph import output_layers
from nncore.layers.dense import DenseLayer
from nncore.layers.helper import get_all_layers, get_output
from nncore.training.batches import as_batches
from nncore.training.functions import network_inputs
from nncore.training.trainers.gradient import Pair
from nncore.training.trainers.options import as_data, check_names

__all__ = ["SampleTrainer"]


class SampleTrainer:
    """Sets the weights of dense layers to samples of what they are fed with.

    Each unit of a dense layer gets the direction of one sample, drawn at random, of the output of
    the layers below, which have their new weights already. If the targets are vectors of numbers,
    each input of the output layer gets the direction of one of them. Biases, and layers of other
    kinds, are left alone.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.

    Raises
    ------
    ValueError
        If there is no dense layer.

    References
    ----------
    .. [1] Adam Coates and Andrew Y. Ng (2011): The importance of encoding versus training with
           sparse coding and vector quantization. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers, training
    >>> x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    >>> hidden = layers.DenseLayer(layers.InputLayer((None, 3)), 5)
    >>> network = layers.DenseLayer(hidden, 2)
    >>> _ = list(training.SampleTrainer(network).itertrain((x, x[:, :2]), backend="python"))
    >>> np.linalg.norm(hidden.W.get_value(), axis=0).round(3)
    array([1., 1., 1., 1., 1.], dtype=float32)
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self._layers = [
            layer
            for layer in get_all_layers(network)
            if isinstance(layer, DenseLayer) and isinstance(layer.W, SharedVariable)
        ]
        if not self._layers:
            raise ValueError("the network has no dense layer whose weights samples could be.")

    @staticmethod
    def reservoir(xs: Iterable[Any], n: int, rng: Any = 13) -> np.ndarray[Any, Any]:
        """Draw vectors at random from a stream of them, and normalize them.

        Parameters
        ----------
        xs : iterable of array
            Vectors, each of which is as likely to be taken.
        n : int
            How many to draw. If there are fewer, copies of them are added, with noise of the
            deviation of each element.
        rng : int or generator
            A seed, or a generator of NumPy. Default: 13.

        Returns
        -------
        array
            Shape ``(n, size of a vector)``; each row has norm 1, unless the vector was 0.

        Raises
        ------
        nncore.errors.DataError
            If there is no vector.

        References
        ----------
        .. [1] Jeffrey S. Vitter (1985): Random sampling with a reservoir. ACM Transactions on
               Mathematical Software 11(1), 37-57.

        Examples
        --------
        >>> import numpy as np
        >>> from nncore.training import SampleTrainer
        >>> SampleTrainer.reservoir(np.diag([2.0, 3.0]), 2, rng=0).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
        """
        seed = isinstance(rng, int | np.integer)
        generator: Any = np.random.default_rng(rng) if seed else rng
        draw = getattr(generator, "integers", None) or generator.randint
        pool: list[np.ndarray[Any, Any]] = []
        for seen, x in enumerate(xs):
            if len(pool) < n:
                pool.append(_normalized(x))
            elif (place := int(draw(seen + 1))) < n:
                pool[place] = _normalized(x)
        if not pool:
            raise DataError("there is no sample to take weights from.")
        drawn, deviation = len(pool), np.std(pool, axis=0)
        while len(pool) < n:
            copy = pool[int(draw(drawn))] + deviation * generator.normal(size=deviation.shape)
            pool.append(_normalized(copy))
        return np.array(pool)

    def itertrain(
        self, train: Any, valid: Any = None, **kwargs: Any
    ) -> Generator[Pair, None, bool]:
        """Set the weights of all layers, in one step.

        Parameters
        ----------
        train : tuple or list of array, iterable, or callable
            As for :func:`nncore.training.train`.
        valid : object
            Not used.
        **kwargs
            ``rng``, a seed or a generator (default 13); ``batch_size`` (default 32),
            ``train_batches`` and ``backend`` (default ``"numba"``).

        Yields
        ------
        train, validation : dict of str to float
            Once, with a loss of 0, as none is computed.

        Returns
        -------
        bool
            False: it is over at once.
        """
        check_names(kwargs, ("rng", "batch_size", "train_batches", "backend"))
        rng = kwargs.get("rng", 13)
        if isinstance(rng, int | np.integer):
            rng = np.random.default_rng(rng)
        batches = as_batches(
            as_data(train),
            kwargs.get("batch_size", 32),
            "the training data",
            kwargs.get("train_batches"),
        )
        mode = get_mode(kwargs.get("backend", "numba"))
        inputs = network_inputs(self.network)
        last = output_layers(self.network)[0]
        for layer in self._layers:
            units, size = layer.num_units, math.prod(layer.W.get_value(borrow=True).shape[:-1])
            if layer is last and self._targets_fit(batches, len(inputs), units):
                rows = (batch[len(inputs)] for batch in batches.epoch())
                weights = self.reservoir(_vectors(rows, units), size, rng)
            else:
                below = pytensor.function(
                    [one.input_var for one in inputs],
                    get_output(layer.input_layer, deterministic=True),
                    mode=mode,
                    on_unused_input="ignore",
                )
                outputs = (below(*batch[: len(inputs)]) for batch in batches.epoch())
                weights = self.reservoir(_vectors(outputs, size), units, rng).T
            layer.W.set_value(weights.astype(layer.W.type.dtype))
        yield {"loss": 0.0}, {"loss": 0.0}
        return False

    @staticmethod
    def _targets_fit(batches: Any, inputs: int, units: int) -> bool:
        """Whether the data have targets that are vectors with a number for each output."""
        first = next(itertools.islice(batches.epoch(), 1), ())
        if len(first) <= inputs:
            return False
        targets = first[inputs]
        return targets.ndim > 1 and targets.shape[-1] == units and targets.dtype.kind == "f"


def _normalized(x: Any) -> np.ndarray[Any, Any]:
    vector = np.asarray(x, dtype="float64")
    return vector / (np.linalg.norm(vector) or 1.0)


def _vectors(batches: Iterable[Any], size: int) -> Iterator[np.ndarray[Any, Any]]:
    for batch in batches:
        yield from np.asarray(batch).reshape(-1, size)
