"""How often predictions are right."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from nncore.objectives._common import aligned, categorical, class_indices

__all__ = ["binary_accuracy", "categorical_accuracy"]


def binary_accuracy(predictions: Any, targets: Any, threshold: float = 0.5) -> TensorVariable:
    r"""Binary accuracy: :math:`L = [[p \geq \theta] = t]`.

    Parameters
    ----------
    predictions : TensorVariable
        Predictions :math:`p`, such as the output of a sigmoid.
    targets : TensorVariable or array_like
        Targets :math:`t`, 0 or 1, of the same shape.
    threshold : float, default 0.5
        From which value :math:`\theta` on a prediction counts as 1.

    Returns
    -------
    TensorVariable
        1 for each element that is right and 0 for the others, with the dtype of the
        predictions, so that the mean keeps that dtype.

    Examples
    --------
    >>> from nncore.objectives import binary_accuracy
    >>> binary_accuracy([0.2, 0.5, 0.7], [0, 1, 0]).eval()
    array([1., 1., 0.], dtype=float32)
    """
    predictions, targets = aligned(predictions, targets)
    decisions = (predictions >= float(threshold)).astype(predictions.dtype)
    return pt.eq(decisions, targets).astype(predictions.dtype)


def categorical_accuracy(predictions: Any, targets: Any, top_k: int = 1) -> TensorVariable:
    r"""Categorical accuracy: :math:`L_i = [t_i \in \mathrm{top}_k(p_i)]`.

    Parameters
    ----------
    predictions : TensorVariable
        Probabilities or scores :math:`p`: ``(..., classes)``.
    targets : TensorVariable or array_like
        Class indices :math:`t` of shape ``(...)``, or their one-hot encoding.
    top_k : int, default 1
        Among how many of the highest predictions the target must be. Of equal predictions the
        first counts as the highest.

    Returns
    -------
    TensorVariable
        1 for each example that is right and 0 for the others, ``(...)``, with the dtype of the
        predictions, so that the mean keeps that dtype.

    Raises
    ------
    TypeError
        If the numbers of axes do not match.
    ValueError
        If ``top_k`` is less than 1, or the numbers of classes are known and differ.

    Examples
    --------
    >>> from nncore.objectives import categorical_accuracy
    >>> scores = [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]
    >>> categorical_accuracy(scores, [0, 1]).eval()
    array([1., 0.], dtype=float32)
    >>> categorical_accuracy(scores, [0, 1], top_k=2).eval()
    array([1., 1.], dtype=float32)
    """
    if top_k < 1:
        raise ValueError(f"top_k={top_k!r}: it must be at least 1.")
    predictions, targets, are_indices = categorical("categorical_accuracy", predictions, targets)
    if not are_indices:
        targets = pt.argmax(targets, axis=-1)
    if top_k == 1:
        return pt.eq(pt.argmax(predictions, axis=-1), targets).astype(predictions.dtype)
    # Counting what ranks before the target needs no sorting, and treats ties like argmax does.
    classes = class_indices(predictions)
    mask = pt.eq(pt.shape_padright(targets), classes)
    zero = pt.zeros((), dtype=predictions.dtype)
    score = pt.switch(mask, predictions, zero).sum(axis=-1, keepdims=True)
    earlier = classes < pt.shape_padright(targets)
    # Not "greater": NaN, which compares as false, must not make a prediction right.
    before = pt.switch(pt.eq(predictions, score), earlier, pt.invert(predictions < score))
    is_right = (before.sum(axis=-1) < top_k) & mask.any(axis=-1)
    return is_right.astype(predictions.dtype)
