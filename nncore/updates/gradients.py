"""Gradients of a loss by the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.gradient import DisconnectedInputError
from pytensor.graph.basic import Variable

from nncore.updates._common import labels, like

__all__ = ["get_or_compute_grads", "with_grads"]


def get_or_compute_grads(
    loss_or_grads: Variable | Sequence[Any], params: Sequence[SharedVariable]
) -> Sequence[Any]:
    """Compute the gradients of a loss, or pass on gradients.

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or a gradient for each parameter.
    params : list of SharedVariable
        The parameters.

    Returns
    -------
    list of TensorVariable
        A gradient for each parameter; a list that was given is returned as it is.

    Raises
    ------
    ValueError
        If a parameter is not a shared variable, there are not as many gradients as parameters,
        or the loss does not depend on a parameter (then it is PyTensor's
        ``DisconnectedInputError``, which is a ValueError).
    TypeError
        If the loss is not a scalar.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import get_or_compute_grads
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> get_or_compute_grads(w**2, [w])[0].eval()
    array(6., dtype=float32)
    """
    for param in params:
        if not isinstance(param, SharedVariable):
            raise ValueError(
                f"params must contain shared variables only, but {param!r} is none. If some "
                "parameters are expressions, nncore.utils.collect_shared_vars() finds the shared "
                "variables in them."
            )
    if isinstance(loss_or_grads, list | tuple):
        if len(loss_or_grads) != len(params):
            raise ValueError(
                f"got {len(loss_or_grads)} gradient expressions for {len(params)} parameters"
            )
        return loss_or_grads
    loss: Any = loss_or_grads
    if getattr(loss, "ndim", 0) != 0:
        raise TypeError(
            f"the loss must be a scalar, but it has {loss.ndim} dimensions: take its mean, or see "
            "nncore.objectives.aggregate()."
        )
    grads: Any = pt.grad(
        loss, list(params), disconnected_inputs="ignore", return_disconnected="none"
    )
    missing = [label for label, grad in zip(labels(params), grads, strict=True) if grad is None]
    if missing:
        raise DisconnectedInputError(
            f"the loss does not depend on the parameter{'s' * (len(missing) > 1)} "
            f"{', '.join(missing)}, or only through something without a gradient. Leave "
            f"{'them' if len(missing) > 1 else 'it'} out of params, or check the loss."
        )
    return grads


def with_grads(
    loss_or_grads: Any, params: Sequence[SharedVariable]
) -> list[tuple[SharedVariable, str, Any]]:
    """Each parameter, its label and its gradient."""
    grads = get_or_compute_grads(loss_or_grads, params)
    return [
        (param, label, like(grad, param))
        for param, label, grad in zip(params, labels(params), grads, strict=True)
    ]
