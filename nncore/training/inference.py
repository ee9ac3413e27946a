"""Uses of a trained network: its loss on data, and its output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor

from nncore.backends import get_mode
from nncore.backends.threads import one_pool
from nncore.layers.helper import get_output
from nncore.training._means import run_evaluation
from nncore.training.batches import ArrayBatches, as_batches
from nncore.training.functions import check_count, check_data, compile_network, network_inputs

__all__ = ["evaluate", "predict", "run_prediction"]


def evaluate(
    network: Any,
    data: Any,
    *,
    objective: Any = "categorical_crossentropy",
    monitors: Any = ("accuracy",),
    batch_size: int = 128,
    backend: str = "numba",
    weighted: bool | int = False,
) -> dict[str, float]:
    """The loss and the monitors of a network on data, without noise and without training.

    Parameters
    ----------
    network : Layer
        The output layer.
    data : pair of array, object with ``x`` and ``y``, or iterable of batches
        As for :func:`train`.
    objective, monitors, batch_size, backend, weighted
        As for :func:`train`.

    Returns
    -------
    dict of str to float
        ``"loss"`` and the monitors, means over the samples.

    Raises
    ------
    nncore.errors.DataError
        If the data do not fit the network.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers, nonlinearities
    >>> from nncore.training import evaluate
    >>> net = layers.InputLayer((None, 2))
    >>> x = np.array([[0.9, 0.1], [0.2, 0.8]], dtype="float32")
    >>> result = evaluate(net, (x, np.array([0, 1])), backend="python")
    >>> round(result["accuracy"], 3)
    1.0
    """
    batches = as_batches(data, batch_size)
    compiled = compile_network(
        network,
        objective,
        lambda loss, params: {},
        monitors=monitors,
        backend=backend,
        weighted=weighted,
    )
    if isinstance(batches, ArrayBatches):
        check_data(network, batches.arrays)
        check_count(batches.arrays, compiled.inputs)
    return run_evaluation(compiled.evaluate, batches)


def run_prediction(function: Callable[..., Any], batches: ArrayBatches) -> np.ndarray[Any, Any]:
    """Put a compiled function's outputs for all batches together.

    Parameters
    ----------
    function : callable
        Takes a batch, returns an array with a row for each sample.
    batches : ArrayBatches
        What to go through.

    Returns
    -------
    array
        Shape ``(samples, ...)``.
    """
    with one_pool(function):
        return np.concatenate([np.asarray(function(*batch)) for batch in batches.epoch()])


def predict(
    network: Any, x: Any, *, batch_size: int = 128, backend: str = "numba"
) -> np.ndarray[Any, Any]:
    """The output of a network, without noise.

    Parameters
    ----------
    network : Layer
        The output layer.
    x : array
        Shape ``(samples, ...)``, what the network's input takes; a tuple of arrays for a network
        with several inputs.
    batch_size, backend
        As for :func:`train`.

    Returns
    -------
    array
        Shape ``(samples, ...)``: the probabilities of a classifier.

    Raises
    ------
    nncore.errors.DataError
        If the data do not fit the network.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import layers
    >>> from nncore.training import predict
    >>> predict(layers.InputLayer((None, 2)), np.ones((1, 2)), backend="python")
    array([[1., 1.]], dtype=float32)
    """
    arrays = x if isinstance(x, tuple) else (np.asarray(x),)
    inputs = network_inputs(network)
    names = [layer.name or f"input {i}" for i, layer in enumerate(inputs)]
    batches = ArrayBatches(arrays, batch_size, names)
    check_data(network, batches.arrays)
    function = pytensor.function(
        [layer.input_var for layer in inputs],
        get_output(network, deterministic=True),
        mode=get_mode(backend),
        name="predict",
    )
    return run_prediction(function, batches)
