"""What the command line wants to know about a network."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

__all__ = ["class_predictions", "first_weights", "implementations_of", "score"]


def implementations_of(network: Any, backend: str) -> dict[str, Counter[str]]:
    """Tell which implementations a network will be compiled with.

    Parameters
    ----------
    network : Layer
        The output layer.
    backend : str
        The backend.

    Returns
    -------
    dict of str to Counter
        For each kind of operation in the network: how many operations have each implementation.

    Raises
    ------
    nncore.errors.ImplementationUnavailable
        If a named one cannot be used.
    """
    from pytensor.graph.traversal import ancestors

    from nncore.layers import get_output
    from nncore.ops.base import ImplementedOp

    found: dict[str, Counter[str]] = {}
    nodes = dict.fromkeys(
        variable.owner
        for variable in ancestors([get_output(network, deterministic=True)])
        if variable.owner is not None and isinstance(variable.owner.op, ImplementedOp)
    )
    for node in nodes:
        implementation, _ = node.op.link(node, backend)
        found.setdefault(node.op.kind, Counter())[implementation.name] += 1
    return dict(sorted(found.items()))


def first_weights(network: Any, input_shape: tuple[int, ...]) -> np.ndarray | None:
    """Get the weights that meet the image.

    Parameters
    ----------
    network : Layer
        The output layer.
    input_shape : tuple of int
        The shape ``(channels, rows, cols)`` of an image.

    Returns
    -------
    numpy.ndarray or None
        ``(num_filters, channels, rows, cols)`` or ``(num_inputs, num_units)``; None if the first
        weights have neither form.
    """
    from nncore.layers import get_all_params

    for parameter in get_all_params(network, trainable=True):
        value = np.asarray(parameter.get_value())
        if value.ndim == 4 and value.shape[1] == input_shape[0]:
            return value
        if value.ndim == 2 and value.shape[0] == int(np.prod(input_shape)):
            return value
        if value.ndim >= 2:
            return None
    return None


def class_predictions(network: Any, x: np.ndarray, batch_size: int, backend: str) -> np.ndarray:
    """Compute the probabilities that a classifier gives.

    Parameters
    ----------
    network : Layer
        The output layer.
    x : numpy.ndarray
        Images ``(n, channels, rows, cols)``.
    batch_size : int
        How many at a time.
    backend : str
        The backend.

    Returns
    -------
    numpy.ndarray
        ``(n, classes)``.
    """
    from nncore.training import predict

    return np.asarray(predict(network, x, batch_size=batch_size, backend=backend))


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Compute loss and accuracy of predictions.

    Parameters
    ----------
    probabilities : numpy.ndarray
        ``(n, classes)``.
    labels : numpy.ndarray
        ``(n,)``, integers.

    Returns
    -------
    dict of str to float
        ``"loss"``, the mean cross-entropy, and ``"accuracy"``.

    Examples
    --------
    >>> import numpy as np
    >>> score(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 1]))
    {'loss': 0.34657..., 'accuracy': 1.0}
    """
    right = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    with np.errstate(divide="ignore"):
        loss = float(-np.log(right).mean())
    return {"loss": loss, "accuracy": float((probabilities.argmax(axis=1) == labels).mean())}
