"""Limits on gradients, before they go to a rule.

Each function takes a list of expressions and returns one, so that they can be composed. The limit
on the norm of all gradients together is
:func:`~nncore.updates.constraints.total_norm_constraint`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from nncore.updates._common import like
from nncore.utils import as_tensor

__all__ = ["clip_by_norm", "clip_by_value"]


def _checked(limit: Any) -> Any:
    if not isinstance(limit, Variable) and not limit > 0:
        raise ValueError(f"the limit must be greater than 0, not {limit!r}")
    return limit


def clip_by_value(tensor_vars: Iterable[TensorVariable], max_value: Any) -> list[Any]:
    r"""Limit every element: :math:`g \leftarrow \max(-c, \min(c, g))`.

    Parameters
    ----------
    tensor_vars : list of TensorVariable
        The expressions, such as the gradients of all parameters.
    max_value : float or TensorVariable
        The limit :math:`c`, greater than 0.

    Returns
    -------
    list of TensorVariable
        The clipped expressions, of the same dtypes.

    Raises
    ------
    ValueError
        If the limit is a number that is not greater than 0.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> import pytensor.tensor as pt
    >>> from nncore.updates import clip_by_value, get_or_compute_grads, sgd
    >>> w = pytensor.shared(np.array([3, 0.25], dtype="float32"), name="w")
    >>> grads = clip_by_value(get_or_compute_grads(pt.sqr(w).sum(), [w]), 1.0)
    >>> sgd(grads, [w], learning_rate=1.0)[w].eval()
    array([ 2.  , -0.25], dtype=float32)
    """
    _checked(max_value)
    clipped = []
    for tensor in map(as_tensor, tensor_vars):
        limit = like(max_value, tensor)
        clipped.append(pt.clip(tensor, -limit, limit))
    return clipped


def clip_by_norm(tensor_vars: Iterable[TensorVariable], max_norm: Any) -> list[Any]:
    r"""Limit the Euclidean norm of each expression: :math:`g \leftarrow g \, c / \max(\|g\|, c)`.

    Parameters
    ----------
    tensor_vars : list of TensorVariable
        The expressions, such as the gradients of all parameters.
    max_norm : float or TensorVariable
        The limit :math:`c`, greater than 0.

    Returns
    -------
    list of TensorVariable
        The rescaled expressions, of the same dtypes; one whose norm does not exceed the limit is
        unchanged.

    Raises
    ------
    ValueError
        If the limit is a number that is not greater than 0.

    See Also
    --------
    nncore.updates.total_norm_constraint : A limit on the norm of all of them together.

    References
    ----------
    .. [1] Razvan Pascanu, Tomas Mikolov and Yoshua Bengio (2012): On the difficulty of training
           recurrent neural networks. arXiv:1211.5063.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.updates import clip_by_norm
    >>> [grad.eval() for grad in clip_by_norm([pt.ones(4), pt.ones(1) / 2], 1)]
    [array([0.5, 0.5, 0.5, 0.5], dtype=float32), array([0.5], dtype=float32)]
    """
    _checked(max_norm)
    scaled = []
    for tensor in map(as_tensor, tensor_vars):
        limit = like(max_norm, tensor)
        norm = pt.sqrt(pt.sqr(tensor).sum())
        scaled.append(tensor * (limit / pt.maximum(norm, limit)))
    return scaled
