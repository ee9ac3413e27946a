"""Functions of the number of a batch, for training loops of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable

from nncore.backends import get_mode
from nncore.errors import DataError
from nncore.layers import get_all_params, get_output
from nncore.objectives import categorical_crossentropy
from nncore.training import ArrayBatches
from nncore.updates import sgd

__all__ = ["BatchFunction", "as_array", "batches_of", "finetune_functions", "number"]


def number(value: float) -> np.ndarray:
    """Bring a number into the type of the expressions.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    numpy.ndarray
        Of no axes, in ``floatX``.
    """
    return np.asarray(value, dtype=pytensor.config.floatX)


def as_array(data: Any) -> np.ndarray:
    """Take the values out of a shared variable; anything else becomes an array.

    Parameters
    ----------
    data : array or shared variable
        The data.

    Returns
    -------
    numpy.ndarray
        The data.
    """
    return np.asarray(data.get_value(borrow=True) if isinstance(data, SharedVariable) else data)


def batches_of(arrays: Sequence[Any], batch_size: int) -> list[tuple[np.ndarray, ...]]:
    """Cut arrays into batches, which are views of them.

    Parameters
    ----------
    arrays : sequence of array or shared variable
        Each of shape ``(samples, ...)``.
    batch_size : int
        Samples in a batch; the last one may have fewer.

    Returns
    -------
    list of tuple of numpy.ndarray
        The batches, in order.

    Raises
    ------
    nncore.errors.DataError
        If the arrays do not have as many samples as each other, or hold values that are not
        finite.
    """
    return list(ArrayBatches([as_array(a) for a in arrays], batch_size).epoch())


class BatchFunction:
    """A compiled function of the number of a batch.

    Parameters
    ----------
    function : callable
        Takes the arrays of a batch.
    batches : sequence of tuple of numpy.ndarray
        The batches.
    settings : dict of str to (shared variable, float)
        The further arguments: what each one sets, and its default.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models.sda import StackedDenoisingAutoencoder
    >>> stack = StackedDenoisingAutoencoder(6, (4,), 2)
    >>> (function,) = stack.pretraining_functions(np.eye(6), 4, backend="python")
    >>> len(function), function(1, corruption=0.0, lr=0.05) > 0
    (2, True)
    """

    def __init__(
        self,
        function: Any,
        batches: Sequence[tuple[np.ndarray, ...]],
        settings: dict[str, tuple[Any, float]],
    ) -> None:
        self.function = function
        self.batches = batches
        self.settings = settings

    def __len__(self) -> int:
        return len(self.batches)

    def __call__(self, index: int, **settings: float) -> float:
        """Train on one batch.

        Parameters
        ----------
        index : int
            The number of the batch, from 0.
        **settings : float
            ``corruption``, ``lr``; those not given have their defaults.

        Returns
        -------
        float
            The cost of the batch, before the step.

        Raises
        ------
        IndexError
            If there is no such batch.
        TypeError
            If a setting does not exist.
        """
        if not 0 <= index < len(self.batches):
            raise IndexError(
                f"there is no batch {index}: the {len(self.batches)} batches have the numbers 0 to "
                f"{len(self.batches) - 1}."
            )
        for name in settings:
            if name not in self.settings:
                raise TypeError(
                    f"{name!r} is not an argument of this function; it takes index, "
                    f"{', '.join(self.settings)}."
                )
        for name, (variable, default) in self.settings.items():
            variable.set_value(number(settings.get(name, default)))
        return float(self.function(*self.batches[index]))


def _pairs(datasets: Any) -> list[tuple[Any, Any]]:
    if hasattr(datasets, "train"):
        parts = (datasets.train, datasets.validation, datasets.test)
        return [(part.x, part.y) for part in parts]
    pairs = [tuple(pair) for pair in datasets]
    if len(pairs) != 3 or any(len(pair) != 2 for pair in pairs):
        raise DataError(
            "datasets must be three pairs (x, y), for training, validation and testing, or an "
            "object with train, validation and test."
        )
    return pairs


def finetune_functions(
    network: Any, datasets: Any, batch_size: int, learning_rate: float, backend: str
) -> tuple[BatchFunction, Any, Any]:
    """Compile what the classical loop of fine-tuning calls.

    Parameters
    ----------
    network : Layer
        The output layer, probabilities ``(batch, classes)``.
    datasets : Dataset or three pairs of array
        For training, validation and testing.
    batch_size : int
        Samples in a batch.
    learning_rate : float
        Default of the training function's ``lr``.
    backend : str
        What to compile for.

    Returns
    -------
    train_fn : BatchFunction
        Of the number of a batch.
    valid_score, test_score : callable
        Without arguments; they give the share of samples that are taken for a wrong class.

    Raises
    ------
    nncore.errors.DataError
        If the data sets are not three pairs of arrays that fit together.
    """
    parts = [batches_of(pair, batch_size) for pair in _pairs(datasets)]
    x = pt.tensor("x", dtype=pytensor.config.floatX, shape=(None,) * parts[0][0][0].ndim)
    y = pt.ivector("y")
    rate = pytensor.shared(number(learning_rate), name="learning_rate")
    cost = categorical_crossentropy(get_output(network, x), y).mean()
    updates = sgd(cost, get_all_params(network, trainable=True), rate)
    mode = get_mode(backend)
    step = pytensor.function([x, y], cost, updates=updates, mode=mode, name="finetune")
    wrong = pt.neq(get_output(network, x, deterministic=True).argmax(axis=1), y)
    count = pytensor.function([x, y], wrong.sum(), mode=mode, name="errors")

    def score(batches: list[tuple[np.ndarray, ...]]) -> Any:
        total = sum(len(labels) for _, labels in batches)
        return lambda: sum(int(count(*batch)) for batch in batches) / total

    train_fn = BatchFunction(step, parts[0], {"lr": (rate, learning_rate)})
    return train_fn, score(parts[1]), score(parts[2])
