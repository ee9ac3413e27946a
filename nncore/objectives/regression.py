"""Losses of regressors, and the reduction of a loss to a number."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from nncore.objectives._common import aligned, floating, is_float
from nncore.utils import as_tensor, number_like

__all__ = ["absolute_error", "aggregate", "huber_loss", "squared_error"]


def _difference(a: Any, b: Any) -> TensorVariable:
    """What separates two expressions, of which one may be a column and the other a vector."""
    a, b = as_tensor(a), as_tensor(b)
    if not is_float(a) and is_float(b):
        a = a.astype(b.dtype)
    if a.ndim < b.ndim:
        b, a = aligned(b, a)
    else:
        a, b = aligned(a, b)
    return a - b


def squared_error(a: Any, b: Any) -> TensorVariable:
    r"""Squared error: :math:`L = (a - b)^2`.

    Parameters
    ----------
    a, b : TensorVariable or array_like
        Expressions of the same shape. Where one is a column and the other a vector, see
        :func:`align_targets`.

    Returns
    -------
    TensorVariable
        The loss of each element, with the dtype of ``a``, or of ``b`` if ``a`` is of integers.

    Examples
    --------
    >>> from nncore.objectives import squared_error
    >>> squared_error([1.0, 2.0], [1, 4]).eval()
    array([0., 4.], dtype=float32)
    """
    return pt.sqr(_difference(a, b))


def absolute_error(a: Any, b: Any) -> TensorVariable:
    r"""Absolute error: :math:`L = |a - b|`.

    Parameters
    ----------
    a, b : TensorVariable or array_like
        Expressions of the same shape. Where one is a column and the other a vector, see
        :func:`align_targets`.

    Returns
    -------
    TensorVariable
        The loss of each element, with the dtype of ``a``, or of ``b`` if ``a`` is of integers.

    Examples
    --------
    >>> from nncore.objectives import absolute_error
    >>> absolute_error([1.0, 2.0], [1, 4]).eval()
    array([0., 2.], dtype=float32)
    """
    return pt.abs(_difference(a, b))


def huber_loss(predictions: Any, targets: Any, delta: float = 1) -> TensorVariable:
    r"""Huber loss: quadratic for small errors, linear for large ones.

    :math:`L = (p - t)^2 / 2` if :math:`|p - t| \leq \delta`, else
    :math:`L = \delta (|p - t| - \delta / 2)`.

    Parameters
    ----------
    predictions : TensorVariable
        Predictions :math:`p`, of any shape.
    targets : TensorVariable or array_like
        Targets :math:`t`, of the same shape.
    delta : float, default 1
        Where the loss changes from quadratic to linear.

    Returns
    -------
    TensorVariable
        The loss of each element.

    References
    ----------
    .. [1] Peter J. Huber (1964): Robust estimation of a location parameter. The Annals of
           Statistics 53(1), 73-101.

    Examples
    --------
    >>> from nncore.objectives import huber_loss
    >>> huber_loss([0.5, 3.0], [0.0, 0.0]).eval()
    array([0.125, 2.5  ], dtype=float32)
    """
    predictions, targets = aligned(predictions, targets)
    error = pt.abs(predictions - targets)
    half, delta = number_like(0.5, error), number_like(float(delta), error)
    return pt.switch(error <= delta, half * pt.sqr(error), delta * (error - half * delta))


def aggregate(loss: Any, weights: Any = None, mode: str = "mean") -> TensorVariable:
    r"""Make a loss a scalar.

    Parameters
    ----------
    loss : TensorVariable
        The loss of each element or example.
    weights : TensorVariable or array_like, optional
        A weight for each, such as 0 for what is masked; it must broadcast to ``loss``.
    mode : {'mean', 'sum', 'normalized_sum'}, default 'mean'
        ``'mean'`` divides the weighted sum by the number of elements, ``'sum'`` by nothing,
        and ``'normalized_sum'`` by the sum of the weights.

    Returns
    -------
    TensorVariable
        The aggregate, a scalar with the dtype of ``loss``.

    Raises
    ------
    ValueError
        If the mode is unknown, or it is ``'normalized_sum'`` and there are no weights.

    Notes
    -----
    With ``'mean'``, a batch that is masked to one half gives half the loss; with
    ``'normalized_sum'``, each element that is not masked counts the same in every batch.

    Examples
    --------
    >>> from nncore.objectives import aggregate
    >>> [float(aggregate([1.0, 3.0], [1, 0], mode).eval())
    ...  for mode in ("mean", "sum", "normalized_sum")]
    [0.5, 1.0, 1.0]
    """
    if mode not in ("mean", "sum", "normalized_sum"):
        raise ValueError(f"mode must be 'mean', 'sum' or 'normalized_sum', got {mode!r}")
    if mode == "normalized_sum" and weights is None:
        raise ValueError("mode='normalized_sum' needs weights; give them, or take mode='mean'.")
    loss = floating(loss)
    if weights is not None:
        weights = as_tensor(weights).astype(loss.dtype)
        loss = loss * weights
    if mode == "mean":
        return loss.mean()
    if mode == "sum":
        return loss.sum()
    return loss.sum() / weights.sum()
