"""How good the output of a network is."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.errors import DataError

__all__ = ["accuracy", "r_squared"]


def _same_shape(targets: Any, output: Any) -> np.ndarray[Any, Any]:
    found = np.asarray(targets)
    if found.shape != output.shape:
        raise DataError(
            f"the targets have the shape {found.shape}, but the network gives {output.shape}."
        )
    return found


def _spread(weights: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Weights for every element, from weights for the first axes."""
    if weights is None:
        return np.ones(shape)
    found = np.asarray(weights, dtype="float64")
    if found.shape != shape[: found.ndim]:
        raise DataError(
            f"the weights have the shape {found.shape}, but must have that of the targets, "
            f"{shape}, or of its first axes."
        )
    return np.broadcast_to(found.reshape(found.shape + (1,) * (len(shape) - found.ndim)), shape)


def r_squared(targets: Any, output: np.ndarray[Any, Any], weights: Any = None) -> float:
    """The coefficient of determination over all outputs together.

    Parameters
    ----------
    targets, output : array
        Shape ``(samples, ..., outputs)``.
    weights : array, optional
        Of the same shape, or of its first axes. Default: all equal.

    Returns
    -------
    float
        One minus the squared error by that of the means of the targets.

    Raises
    ------
    nncore.errors.DataError
        If the shapes do not fit.
    """
    wanted = _same_shape(targets, output).astype("float64")
    spread = _spread(weights, wanted.shape)
    mean = np.average(wanted, axis=tuple(range(wanted.ndim - 1)), weights=spread)
    residual = (spread * (wanted - output) ** 2).sum()
    return float(1 - residual / (spread * (wanted - mean) ** 2).sum())


def accuracy(classes: Any, output: np.ndarray[Any, Any], weights: Any = None) -> float:
    """The part of the classes that are right.

    Parameters
    ----------
    classes, output : array of int
        Shape ``(samples, ...)``.
    weights : array, optional
        Of the same shape, or of its first axes. Default: all equal.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    nncore.errors.DataError
        If the shapes do not fit.
    """
    right = _same_shape(classes, output) == output
    return float(np.average(right, weights=_spread(weights, right.shape)))
