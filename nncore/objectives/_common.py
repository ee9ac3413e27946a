"""What the losses share: dtypes, logits behind probabilities, and class indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.special import Softmax

from nncore.utils import as_tensor

__all__ = [
    "align_targets",
    "aligned",
    "at_least_tiny",
    "categorical",
    "class_indices",
    "floating",
    "is_float",
    "is_target",
    "logits_of_sigmoid",
    "logits_of_softmax",
    "nan_unless_class",
]


def is_float(x: Any) -> bool:
    return np.dtype(x.dtype).kind == "f"


def floating(x: Any) -> Any:
    """Make the dtype a floating-point one."""
    x = as_tensor(x)
    return x if is_float(x) else x.astype(pytensor.config.floatX)


def aligned(predictions: Any, targets: Any) -> tuple[Any, Any]:
    """Both as expressions, the targets with the dtype and the column shape of the predictions."""
    predictions, targets = align_targets(floating(predictions), as_tensor(targets))
    return predictions, targets.astype(predictions.dtype)


def logits_of_softmax(predictions: Any) -> Any | None:
    owner = predictions.owner
    if owner is None or not isinstance(owner.op, Softmax):
        return None
    axis = owner.op.axis
    axes = axis if isinstance(axis, tuple) else (axis,)
    return owner.inputs[0] if axes in ((-1,), (predictions.ndim - 1,)) else None


def logits_of_sigmoid(predictions: Any) -> Any | None:
    owner = predictions.owner
    return owner.inputs[0] if owner is not None and owner.op == pt.sigmoid else None


def at_least_tiny(probabilities: Any) -> Any:
    tiny = np.finfo(probabilities.dtype).tiny
    # A switch rather than maximum(), so that NaN stays visible.
    return pt.switch(probabilities < tiny, tiny, probabilities)


def class_indices(predictions: Any) -> Any:
    """Count the last axis, in a form that JAX accepts for any shape."""
    num_classes = predictions.type.shape[-1]
    if num_classes is not None:
        return pt.constant(np.arange(num_classes, dtype="int32"))
    # Not int32, of which NumPy makes int64, so that PyTensor could not fold a constant sum.
    ones = pt.alloc(np.int64(1), predictions.shape[-1])
    return (pt.cumsum(ones) - 1).astype("int32")


def categorical(name: str, predictions: Any, targets: Any) -> tuple[Any, Any, bool]:
    """Predictions, targets, and whether the targets are class indices."""
    predictions, targets = floating(predictions), as_tensor(targets)
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


def is_target(predictions: Any, indices: Any) -> Any:
    """Mask the target's class: ``(..., classes)``."""
    return pt.eq(pt.shape_padright(indices), class_indices(predictions))


def nan_unless_class(values: Any, predictions: Any, indices: Any) -> Any:
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
