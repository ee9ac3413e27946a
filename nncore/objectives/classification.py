"""Losses of classifiers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.special import log_softmax
from pytensor.tensor.variable import TensorVariable

from nncore.nonlinearities import rectify
from nncore.objectives._common import (
    aligned,
    at_least_tiny,
    categorical,
    is_target,
    logits_of_sigmoid,
    logits_of_softmax,
    nan_unless_class,
)
from nncore.utils import number_like

__all__ = [
    "binary_crossentropy",
    "binary_hinge_loss",
    "categorical_crossentropy",
    "hinge",
    "multiclass_hinge_loss",
]


def binary_crossentropy(predictions: Any, targets: Any) -> TensorVariable:
    r"""Binary cross-entropy: :math:`L = -t \log p - (1 - t) \log(1 - p)`.

    Parameters
    ----------
    predictions : TensorVariable
        Probabilities :math:`p` from 0 to 1, such as the output of a sigmoid; any shape.
    targets : TensorVariable or array_like
        Targets :math:`t` from 0 to 1, of the same shape.

    Returns
    -------
    TensorVariable
        The loss of each element.

    Examples
    --------
    >>> from nncore.objectives import binary_crossentropy
    >>> binary_crossentropy([0.5, 0.9], [1, 1]).eval().round(4)
    array([0.6931, 0.1054], dtype=float32)
    """
    predictions, targets = aligned(predictions, targets)
    logits = logits_of_sigmoid(predictions)
    if logits is not None:
        return targets * pt.softplus(-logits) + (1 - targets) * pt.softplus(logits)
    log_p = pt.log(at_least_tiny(predictions))
    log_not_p = pt.log(at_least_tiny(1 - predictions))
    return -(targets * log_p + (1 - targets) * log_not_p)


def categorical_crossentropy(predictions: Any, targets: Any) -> TensorVariable:
    r"""Categorical cross-entropy: :math:`L_i = -\sum_j t_{i,j} \log p_{i,j}`.

    Parameters
    ----------
    predictions : TensorVariable
        Probabilities :math:`p`, such as the output of a softmax: ``(..., classes)``.
    targets : TensorVariable or array_like
        Probabilities :math:`t` of the same shape, or class indices (the position of the 1 in a
        one-hot :math:`t`) of shape ``(...)``.

    Returns
    -------
    TensorVariable
        The loss of each example: ``(...)``. It is NaN where a class index is negative or not
        less than the number of classes.

    Raises
    ------
    TypeError
        If the numbers of axes do not match.
    ValueError
        If the numbers of classes are known and differ.

    Examples
    --------
    >>> from nncore.objectives import categorical_crossentropy
    >>> categorical_crossentropy([[0.25, 0.75], [0.5, 0.5]], [1, 0]).eval().round(4)
    array([0.2877, 0.6931], dtype=float32)
    """
    predictions, targets, are_indices = categorical(
        "categorical_crossentropy", predictions, targets
    )
    logits = logits_of_softmax(predictions)
    log_p = None if logits is None else log_softmax(logits, axis=-1)
    if not are_indices:
        if log_p is None:
            log_p = pt.log(at_least_tiny(predictions))
        return -(targets.astype(predictions.dtype) * log_p).sum(axis=-1)
    mask = is_target(predictions, targets)
    zero = pt.zeros((), dtype=predictions.dtype)
    if log_p is not None:
        loss = -pt.switch(mask, log_p, zero).sum(axis=-1)
    else:
        # The target's probability first: the others, which may be 0, must not meet the log.
        loss = -pt.log(at_least_tiny(pt.switch(mask, predictions, zero).sum(axis=-1)))
    return nan_unless_class(loss, predictions, targets)


def binary_hinge_loss(
    predictions: Any,
    targets: Any,
    delta: float = 1,
    log_odds: bool | None = None,
    binary: bool = True,
) -> TensorVariable:
    r"""Binary hinge loss: :math:`L = \max(0, \delta - t p)`.

    Parameters
    ----------
    predictions : TensorVariable
        Predictions :math:`p`: log-odds, or probabilities as a sigmoid gives them.
    targets : TensorVariable or array_like
        Targets :math:`t`, of the same shape.
    delta : float, default 1
        The margin :math:`\delta`.
    log_odds : bool
        True if the predictions are log-odds, the input of a sigmoid; False if they are
        probabilities, of which the log-odds are then taken. Without it a FutureWarning is
        given and it is True.
    binary : bool, default True
        True if the targets are 0 and 1, False if they are -1 and 1.

    Returns
    -------
    TensorVariable
        The loss of each element.

    Warns
    -----
    FutureWarning
        If ``log_odds`` is not given.

    Examples
    --------
    >>> from nncore.objectives import binary_hinge_loss
    >>> binary_hinge_loss([0.5, 2.0, 2.0], [1, 1, 0], log_odds=True).eval()
    array([0.5, 0. , 3. ], dtype=float32)
    """
    if log_odds is None:
        warnings.warn(
            "binary_hinge_loss takes predictions for log-odds if it is not told log_odds, and "
            "will take them for probabilities one day. Give log_odds=True for the input of a "
            "sigmoid, or log_odds=False for its output.",
            FutureWarning,
            stacklevel=2,
        )
        log_odds = True
    predictions, targets = aligned(predictions, targets)
    if not log_odds:
        logits = logits_of_sigmoid(predictions)
        if logits is None:
            logits = pt.log(at_least_tiny(predictions)) - pt.log(at_least_tiny(1 - predictions))
        predictions = logits
    if binary:
        targets = 2 * targets - 1
    margin = predictions * targets
    return rectify(number_like(float(delta), margin) - margin)


def multiclass_hinge_loss(predictions: Any, targets: Any, delta: float = 1) -> TensorVariable:
    r"""Multi-class hinge loss: :math:`L_i = \max_{j \neq t_i}(0, p_{i,j} - p_{i,t_i} + \delta)`.

    Parameters
    ----------
    predictions : TensorVariable
        Scores :math:`p`: ``(..., classes)``.
    targets : TensorVariable or array_like
        Class indices :math:`t` of shape ``(...)``, or their one-hot encoding.
    delta : float, default 1
        The margin :math:`\delta`.

    Returns
    -------
    TensorVariable
        The loss of each example: ``(...)``. It is NaN where a class index is negative or not
        less than the number of classes.

    Raises
    ------
    TypeError
        If the numbers of axes do not match.
    ValueError
        If the numbers of classes are known and differ.

    Examples
    --------
    >>> from nncore.objectives import multiclass_hinge_loss
    >>> multiclass_hinge_loss([[3.0, 2.5, 0.0], [3.0, 1.0, 0.0]], [0, 0]).eval()
    array([0.5, 0. ], dtype=float32)
    """
    predictions, targets, are_indices = categorical("multiclass_hinge_loss", predictions, targets)
    mask = is_target(predictions, targets) if are_indices else pt.neq(targets, 0)
    zero = pt.zeros((), dtype=predictions.dtype)
    correct = pt.switch(mask, predictions, zero).sum(axis=-1)
    lowest = np.asarray(-np.inf, dtype=predictions.dtype)
    best_other = pt.max(pt.switch(mask, lowest, predictions), axis=-1)
    loss = rectify(best_other - correct + number_like(float(delta), correct))
    return nan_unless_class(loss, predictions, targets) if are_indices else loss


def hinge(predictions: Any, targets: Any, delta: float = 0) -> TensorVariable:
    r"""Multi-class hinge loss without a margin: :math:`L_i = \max_j p_{i,j} - p_{i,t_i}`.

    It is :func:`multiclass_hinge_loss` with another default, under the name that theanets gave it,
    and is also known as the perceptron loss.

    Parameters
    ----------
    predictions : TensorVariable
        Scores :math:`p`: ``(..., classes)``.
    targets : TensorVariable or array_like
        Class indices :math:`t` of shape ``(...)``, or their one-hot encoding.
    delta : float, default 0
        The margin.

    Returns
    -------
    TensorVariable
        The loss of each example: ``(...)``.

    Raises
    ------
    TypeError, ValueError
        As :func:`multiclass_hinge_loss` does.

    Examples
    --------
    >>> from nncore.objectives import hinge
    >>> hinge([[3.0, 2.5, 0.0], [3.0, 1.0, 0.0]], [0, 1]).eval()
    array([0., 2.], dtype=float32)
    """
    return multiclass_hinge_loss(predictions, targets, delta)
