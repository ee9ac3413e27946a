"""Limits on the norms of weights and gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from nncore.updates._common import like
from nncore.utils import as_tensor, norm_axes_of

__all__ = [
    "norm_constraint",
    "total_norm_constraint",
]


def norm_constraint(
    tensor_var: TensorVariable,
    max_norm: Any,
    norm_axes: Iterable[int] | None = None,
    epsilon: float = 1e-7,
) -> TensorVariable:
    r"""Rescale the weights of each unit whose Euclidean norm exceeds a limit.

    :math:`w \leftarrow w \frac{\min(\|w\|, c)}{\|w\| + \epsilon}`

    Parameters
    ----------
    tensor_var : TensorVariable
        A parameter, the new value of one, or a gradient.
    max_norm : float or TensorVariable
        The limit :math:`c`.
    norm_axes : iterable of int, optional
        The axes over which a norm is computed. By default the first for a matrix
        ``(inputs, units)``, and all but the first for 3 to 5 dimensions,
        ``(filters, channels, ...)``.
    epsilon : float, default 1e-7
        A small number :math:`\epsilon` for numerical stability.

    Returns
    -------
    TensorVariable
        The rescaled expression.

    Raises
    ------
    ValueError
        If ``norm_axes`` is not given and there are not 2 to 5 dimensions.

    References
    ----------
    .. [1] Geoffrey E. Hinton et al. (2012): Improving neural networks by preventing co-adaptation
           of feature detectors. arXiv:1207.0580.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import norm_constraint
    >>> W = pytensor.shared(np.array([[3, 0.3], [4, 0.4]], dtype="float32"), name="W")
    >>> norm_constraint(W, max_norm=1).eval().round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]], dtype=float32)
    """
    if norm_axes is None and tensor_var.ndim < 2:
        raise ValueError(
            f"unsupported tensor dimensionality {tensor_var.ndim}: without norm_axes, 2 to 5 "
            "dimensions are understood. Give norm_axes, (0,) for the norm of a vector."
        )
    axes = norm_axes_of(tensor_var.ndim) if norm_axes is None else tuple(norm_axes)
    norms = pt.sqrt(pt.sqr(tensor_var).sum(axis=axes, keepdims=True))
    limit = like(max_norm, tensor_var)
    return tensor_var * (pt.minimum(norms, limit) / (like(epsilon, tensor_var) + norms))


def total_norm_constraint(
    tensor_vars: Iterable[TensorVariable],
    max_norm: Any,
    epsilon: float = 1e-7,
    return_norm: bool = False,
) -> Any:
    r"""Rescale several expressions together, if their joint Euclidean norm exceeds a limit.

    Each is multiplied by :math:`\frac{\min(n, c)}{n + \epsilon}` with the norm :math:`n` of all
    of them, so that the direction of a gradient is kept.

    Parameters
    ----------
    tensor_vars : list of TensorVariable
        The expressions, such as the gradients of all parameters.
    max_norm : float or TensorVariable
        The limit :math:`c`.
    epsilon : float, default 1e-7
        A small number :math:`\epsilon` for numerical stability.
    return_norm : bool, default False
        Whether to return the norm too.

    Returns
    -------
    tensor_vars_scaled : list of TensorVariable
        The rescaled expressions.
    norm : TensorVariable
        The norm :math:`n` before the rescaling; only with ``return_norm``.

    Raises
    ------
    ValueError
        If there are no expressions.

    References
    ----------
    .. [1] Razvan Pascanu, Tomas Mikolov and Yoshua Bengio (2012): On the difficulty of training
           recurrent neural networks. arXiv:1211.5063.
    .. [2] Ilya Sutskever, Oriol Vinyals and Quoc V. Le (2014): Sequence to sequence learning with
           neural networks. Advances in NIPS 27.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.updates import total_norm_constraint
    >>> grads = [pt.constant(3.0), pt.constant(4.0)]
    >>> scaled, norm = total_norm_constraint(grads, max_norm=1, return_norm=True)
    >>> [round(float(grad.eval()), 3) for grad in (*scaled, norm)]
    [0.6, 0.8, 5.0]
    """
    tensors: list[Any] = [as_tensor(tensor) for tensor in tensor_vars]
    if not tensors:
        raise ValueError("total_norm_constraint was given no expressions.")
    squares = [pt.sqr(tensor).sum() for tensor in tensors]
    norm = pt.sqrt(sum(squares[1:], start=squares[0]))
    multiplier = pt.minimum(norm, like(max_norm, norm)) / (like(epsilon, norm) + norm)
    scaled = [tensor * like(multiplier, tensor) for tensor in tensors]
    return (scaled, norm) if return_norm else scaled
