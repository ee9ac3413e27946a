"""Losses and accuracies, one number per example.

A loss compares predictions with targets element by element, or example by example, and is not
reduced: mask it or weigh it as needed, then make it a scalar with ``.mean()`` or
:func:`aggregate`. A result has the dtype of the predictions, whatever the dtype of the targets.

Predictions that come straight from :func:`nncore.nonlinearities.softmax` or
:func:`~nncore.nonlinearities.sigmoid` are taken back to the input of that nonlinearity, so the
losses and their gradients are exact even where the probabilities round to 0 or 1. Other
probabilities below the smallest normal number of their dtype count as that number.

Examples
--------
>>> import pytensor.tensor as pt
>>> from nncore.nonlinearities import softmax
>>> from nncore.objectives import aggregate, categorical_crossentropy
>>> logits, labels = pt.matrix("logits"), pt.ivector("labels")
>>> loss = aggregate(categorical_crossentropy(softmax(logits), labels))
>>> round(float(loss.eval({logits: [[0.0, 0.0]], labels: [1]})), 4)
0.6931
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.special import Softmax, log_softmax
from pytensor.tensor.variable import TensorVariable

from nncore.nonlinearities import rectify
from nncore.utils import as_tensor, number_like

__all__ = [
    "aggregate",
    "align_targets",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_hinge_loss",
    "categorical_accuracy",
    "categorical_crossentropy",
    "huber_loss",
    "multiclass_hinge_loss",
    "squared_error",
]


def _is_float(x: Any) -> bool:
    return np.dtype(x.dtype).kind == "f"


def _floating(x: Any) -> Any:
    """Make the dtype a floating-point one."""
    x = as_tensor(x)
    return x if _is_float(x) else x.astype(pytensor.config.floatX)


def _aligned(predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Both as expressions, the targets with the dtype and the column shape of the predictions."""
    predictions, targets = align_targets(_floating(predictions), as_tensor(targets))
    return predictions, targets.astype(predictions.dtype)


def _logits_of_softmax(predictions: Any) -> Any | None:
    owner = predictions.owner
    if owner is None or not isinstance(owner.op, Softmax):
        return None
    axis = owner.op.axis
    axes = axis if isinstance(axis, tuple) else (axis,)
    return owner.inputs[0] if axes in ((-1,), (predictions.ndim - 1,)) else None


def _logits_of_sigmoid(predictions: Any) -> Any | None:
    owner = predictions.owner
    return owner.inputs[0] if owner is not None and owner.op == pt.sigmoid else None


def _at_least_tiny(probabilities: Any) -> Any:
    tiny = np.finfo(probabilities.dtype).tiny
    # A switch rather than maximum(), so that NaN stays visible.
    return pt.switch(probabilities < tiny, tiny, probabilities)


def _class_indices(predictions: Any) -> Any:
    """Count the last axis, in a form that JAX accepts for any shape."""
    num_classes = predictions.type.shape[-1]
    if num_classes is not None:
        return pt.constant(np.arange(num_classes, dtype="int32"))
    # Not int32, of which NumPy makes int64, so that PyTensor could not fold a constant sum.
    ones = pt.alloc(np.int64(1), predictions.shape[-1])
    return (pt.cumsum(ones) - 1).astype("int32")


def _categorical(name: str, predictions: Any, targets: Any) -> tuple[Any, Any, bool]:
    """Predictions, targets, and whether the targets are class indices."""
    predictions, targets = _floating(predictions), as_tensor(targets)
    if predictions.ndim == 0 or targets.ndim not in (predictions.ndim - 1, predictions.ndim):
        raise TypeError(
            f"{name}: rank mismatch between targets ({targets.ndim} axes) and predictions "
            f"({predictions.ndim} axes). Predictions are (..., classes); give targets of the same "
            "shape (one-hot or probabilities), or without the last axis (class indices)."
        )
    if targets.ndim == predictions.ndim - 1:
        return predictions, targets, True
    of_predictions, of_targets = predictions.type.shape[-1], targets.type.shape[-1]
    if None not in (of_predictions, of_targets) and of_predictions != of_targets:
        raise ValueError(
            f"{name}: the targets have {of_targets} elements along the last axis, the predictions "
            f"{of_predictions} classes. Class indices go without that axis: targets[..., 0]."
        )
    return predictions, targets, False


def _is_target(predictions: Any, indices: Any) -> Any:
    """Mask the target's class: ``(..., classes)``."""
    return pt.eq(pt.shape_padright(indices), _class_indices(predictions))


def _nan_unless_class(values: Any, predictions: Any, indices: Any) -> Any:
    """Replace the values by NaN where the index is no class."""
    valid = (indices >= 0) & (indices < predictions.shape[-1])
    return pt.switch(valid, values, np.asarray(np.nan, dtype=values.dtype))


def align_targets(predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Turn a vector of targets into a column, if the predictions are a column.

    Without it, predictions of shape ``(batch, 1)`` and targets of shape ``(batch,)`` would
    broadcast to a matrix of all combinations. The binary losses and :func:`squared_error` call
    it.

    Parameters
    ----------
    predictions : TensorVariable
        The predictions.
    targets : TensorVariable or array_like
        The targets.

    Returns
    -------
    predictions : TensorVariable
        The predictions as given.
    targets : TensorVariable
        The targets, of shape ``(batch, 1)`` if they were a vector and the predictions have
        the static shape ``(batch, 1)``; else as given.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.objectives import align_targets
    >>> align_targets(pt.col("predictions"), pt.vector("targets"))[1].ndim
    2
    """
    shape = getattr(getattr(predictions, "type", None), "shape", None)
    is_column = shape is not None and len(shape) == 2 and shape[1] == 1
    if is_column and getattr(targets, "ndim", None) == 1:
        targets = as_tensor(targets).dimshuffle(0, "x")
    return predictions, targets


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
    predictions, targets = _aligned(predictions, targets)
    logits = _logits_of_sigmoid(predictions)
    if logits is not None:
        return targets * pt.softplus(-logits) + (1 - targets) * pt.softplus(logits)
    log_p = pt.log(_at_least_tiny(predictions))
    log_not_p = pt.log(_at_least_tiny(1 - predictions))
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
    predictions, targets, are_indices = _categorical(
        "categorical_crossentropy", predictions, targets
    )
    logits = _logits_of_softmax(predictions)
    log_p = None if logits is None else log_softmax(logits, axis=-1)
    if not are_indices:
        if log_p is None:
            log_p = pt.log(_at_least_tiny(predictions))
        return -(targets.astype(predictions.dtype) * log_p).sum(axis=-1)
    mask = _is_target(predictions, targets)
    zero = pt.zeros((), dtype=predictions.dtype)
    if log_p is not None:
        loss = -pt.switch(mask, log_p, zero).sum(axis=-1)
    else:
        # The target's probability first: the others, which may be 0, must not meet the log.
        loss = -pt.log(_at_least_tiny(pt.switch(mask, predictions, zero).sum(axis=-1)))
    return _nan_unless_class(loss, predictions, targets)


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
    a, b = as_tensor(a), as_tensor(b)
    if not _is_float(a) and _is_float(b):
        a = a.astype(b.dtype)
    if a.ndim < b.ndim:
        b, a = _aligned(b, a)
    else:
        a, b = _aligned(a, b)
    return pt.sqr(a - b)


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
    loss = _floating(loss)
    if weights is not None:
        weights = as_tensor(weights).astype(loss.dtype)
        loss = loss * weights
    if mode == "mean":
        return loss.mean()
    if mode == "sum":
        return loss.sum()
    return loss.sum() / weights.sum()


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
    predictions, targets = _aligned(predictions, targets)
    if not log_odds:
        logits = _logits_of_sigmoid(predictions)
        if logits is None:
            logits = pt.log(_at_least_tiny(predictions)) - pt.log(_at_least_tiny(1 - predictions))
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
    predictions, targets, are_indices = _categorical("multiclass_hinge_loss", predictions, targets)
    mask = _is_target(predictions, targets) if are_indices else pt.neq(targets, 0)
    zero = pt.zeros((), dtype=predictions.dtype)
    correct = pt.switch(mask, predictions, zero).sum(axis=-1)
    lowest = np.asarray(-np.inf, dtype=predictions.dtype)
    best_other = pt.max(pt.switch(mask, lowest, predictions), axis=-1)
    loss = rectify(best_other - correct + number_like(float(delta), correct))
    return _nan_unless_class(loss, predictions, targets) if are_indices else loss


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
    predictions, targets = _aligned(predictions, targets)
    error = pt.abs(predictions - targets)
    half, delta = number_like(0.5, error), number_like(float(delta), error)
    return pt.switch(error <= delta, half * pt.sqr(error), delta * (error - half * delta))


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
    predictions, targets = _aligned(predictions, targets)
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
    predictions, targets, are_indices = _categorical("categorical_accuracy", predictions, targets)
    if not are_indices:
        targets = pt.argmax(targets, axis=-1)
    if top_k == 1:
        return pt.eq(pt.argmax(predictions, axis=-1), targets).astype(predictions.dtype)
    # Counting what ranks before the target needs no sorting, and treats ties like argmax does.
    classes = _class_indices(predictions)
    mask = pt.eq(pt.shape_padright(targets), classes)
    zero = pt.zeros((), dtype=predictions.dtype)
    score = pt.switch(mask, predictions, zero).sum(axis=-1, keepdims=True)
    earlier = classes < pt.shape_padright(targets)
    # Not "greater": NaN, which compares as false, must not make a prediction right.
    before = pt.switch(pt.eq(predictions, score), earlier, pt.invert(predictions < score))
    is_right = (before.sum(axis=-1) < top_k) & mask.any(axis=-1)
    return is_right.astype(predictions.dtype)
