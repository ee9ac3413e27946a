"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from pytensor.compile.sharedvalue import SharedVariable

from nncore.updates._common import Updates, labels, like, state
from nncore.updates.gradients import with_grads

__all__ = [
    "apply_momentum",
    "apply_nesterov_momentum",
    "momentum",
    "nesterov_momentum",
    "sgd",
]


def sgd(loss_or_grads: Any, params: Iterable[SharedVariable], learning_rate: Any) -> Updates:
    r"""Stochastic gradient descent.

    :math:`w \leftarrow w - \eta g`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable
        The learning rate :math:`\eta`.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] Herbert Robbins and Sutton Monro (1951): A stochastic approximation method. The Annals
           of Mathematical Statistics 22(3), 400-407.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import sgd
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> sgd(w**2, [w], learning_rate=0.5)[w].eval()
    array(0., dtype=float32)
    """
    updates: Updates = OrderedDict()
    for param, _, grad in with_grads(loss_or_grads, list(params)):
        updates[param] = param - like(learning_rate, param) * grad
    return updates


def _with_labels(
    updates: Updates, params: Iterable[SharedVariable] | None
) -> list[tuple[SharedVariable, str]]:
    """Choose the variables that get momentum, with their labels."""
    chosen = list(updates if params is None else params)
    for param in chosen:
        if param not in updates:
            raise ValueError(
                f"{param} cannot get momentum: there is no update for it. params must be among "
                f"the variables of updates: {', '.join(map(str, updates))}."
            )
    return list(zip(chosen, labels(chosen), strict=True))


def apply_momentum(
    updates: Mapping[SharedVariable, Any],
    params: Iterable[SharedVariable] | None = None,
    momentum: Any = 0.9,
) -> Updates:
    r"""Add momentum to the updates of another rule.

    With the step :math:`s` of the other rule, :math:`v \leftarrow \mu v + s` and
    :math:`w \leftarrow w + v`.

    Parameters
    ----------
    updates : dict
        From shared variable to new value; it is not changed.
    params : list of SharedVariable, optional
        What gets momentum; all variables in ``updates`` by default.
    momentum : float or TensorVariable, default 0.9
        The momentum :math:`\mu`. The higher it is, the smaller the learning rate should be:
        steps in one direction grow to :math:`1 / (1 - \mu)` times their size.

    Returns
    -------
    OrderedDict
        The updates with momentum, and those of the velocities :math:`v`.

    Raises
    ------
    ValueError
        If there is no update for one of ``params``.

    References
    ----------
    .. [1] Boris T. Polyak (1964): Some methods of speeding up the convergence of iteration
           methods. USSR Computational Mathematics and Mathematical Physics 4(5), 1-17.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import apply_momentum, sgd
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(apply_momentum(sgd(w**2, [w], learning_rate=0.5)))
    [w, w.momentum]
    """
    result: Updates = OrderedDict(updates)
    for param, label in _with_labels(result, params):
        velocity = state(param, f"{label}.momentum")
        moved = like(momentum, param) * velocity + like(result[param], param)
        result[velocity] = moved - param
        result[param] = moved
    return result


def momentum(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any,
    momentum: Any = 0.9,
) -> Updates:
    r"""Stochastic gradient descent with momentum.

    :math:`v \leftarrow \mu v - \eta g` and :math:`w \leftarrow w + v`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable
        The learning rate :math:`\eta`.
    momentum : float or TensorVariable, default 0.9
        The momentum :math:`\mu`; see :func:`apply_momentum`.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    See Also
    --------
    apply_momentum : The same for the updates of any rule, with the reference.
    nesterov_momentum : Nesterov's variant.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import momentum
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(momentum(w**2, [w], learning_rate=0.1))
    [w, w.momentum]
    """
    return apply_momentum(sgd(loss_or_grads, params, learning_rate), momentum=momentum)


def apply_nesterov_momentum(
    updates: Mapping[SharedVariable, Any],
    params: Iterable[SharedVariable] | None = None,
    momentum: Any = 0.9,
) -> Updates:
    r"""Add Nesterov momentum to the updates of another rule.

    With the step :math:`s` of the other rule, :math:`v \leftarrow \mu v + s` and
    :math:`w \leftarrow w + \mu v + s`.

    Parameters
    ----------
    updates : dict
        From shared variable to new value; it is not changed.
    params : list of SharedVariable, optional
        What gets momentum; all variables in ``updates`` by default.
    momentum : float or TensorVariable, default 0.9
        The momentum :math:`\mu`; see :func:`apply_momentum`.

    Returns
    -------
    OrderedDict
        The updates with momentum, and those of the velocities :math:`v`.

    Raises
    ------
    ValueError
        If there is no update for one of ``params``.

    Notes
    -----
    Nesterov's method takes the gradient at the point where the momentum alone would lead. Here
    the parameter *is* that point, so that the gradient is taken at the parameter, as for every
    other rule [2]_.

    References
    ----------
    .. [1] Yurii Nesterov (1983): A method of solving a convex programming problem with
           convergence rate O(1/k^2). Soviet Mathematics Doklady 27(2), 372-376.
    .. [2] Yoshua Bengio, Nicolas Boulanger-Lewandowski and Razvan Pascanu (2012): Advances in
           optimizing recurrent networks. arXiv:1212.0901.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import apply_nesterov_momentum, sgd
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(apply_nesterov_momentum(sgd(w**2, [w], learning_rate=0.5)))
    [w, w.nesterov_momentum]
    """
    result: Updates = OrderedDict(updates)
    for param, label in _with_labels(result, params):
        velocity = state(param, f"{label}.nesterov_momentum")
        mu = like(momentum, param)
        moved = like(result[param], param)
        new_velocity = mu * velocity + moved - param
        result[velocity] = new_velocity
        result[param] = mu * new_velocity + moved
    return result


def nesterov_momentum(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any,
    momentum: Any = 0.9,
) -> Updates:
    r"""Stochastic gradient descent with Nesterov momentum.

    :math:`v \leftarrow \mu v - \eta g` and :math:`w \leftarrow w + \mu v - \eta g`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable
        The learning rate :math:`\eta`.
    momentum : float or TensorVariable, default 0.9
        The momentum :math:`\mu`; see :func:`apply_momentum`.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    See Also
    --------
    apply_nesterov_momentum : The same for the updates of any rule, with the references.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import nesterov_momentum
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(nesterov_momentum(w**2, [w], learning_rate=0.1))
    [w, w.nesterov_momentum]
    """
    return apply_nesterov_momentum(sgd(loss_or_grads, params, learning_rate), momentum=momentum)
