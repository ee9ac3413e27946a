"""Rules that adapt the step size of each weight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable

from nncore.updates._common import Updates, averaged, count_steps, like, state
from nncore.updates.gradients import with_grads

__all__ = [
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "amsgrad",
    "rmsprop",
]


def adagrad(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 1.0,
    epsilon: Any = 1e-6,
) -> Updates:
    r"""AdaGrad: learning rates divided by the root of the sum of all squared gradients.

    :math:`a \leftarrow a + g^2` and :math:`w \leftarrow w - \eta g / \sqrt{a + \epsilon}`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 1.0
        The learning rate :math:`\eta`.
    epsilon : float or TensorVariable, default 1e-6
        A small number :math:`\epsilon` for numerical stability.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] John Duchi, Elad Hazan and Yoram Singer (2011): Adaptive subgradient methods for online
           learning and stochastic optimization. JMLR 12, 2121-2159.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import adagrad
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(adagrad(w**2, [w], learning_rate=0.1))
    [w, w.adagrad]
    """
    updates: Updates = OrderedDict()
    for param, label, grad in with_grads(loss_or_grads, list(params)):
        squares = state(param, f"{label}.adagrad")
        new_squares = squares + pt.sqr(grad)
        scale = pt.sqrt(new_squares + like(epsilon, param))
        updates[param] = param - like(learning_rate, param) * grad / scale
        updates[squares] = new_squares
    return updates


def rmsprop(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 1.0,
    rho: Any = 0.9,
    epsilon: Any = 1e-6,
) -> Updates:
    r"""RMSProp: learning rates divided by a moving root mean square of the gradients.

    :math:`r \leftarrow \rho r + (1 - \rho) g^2` and
    :math:`w \leftarrow w - \eta g / \sqrt{r + \epsilon}`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 1.0
        The learning rate :math:`\eta`.
    rho : float or TensorVariable, default 0.9
        The decay :math:`\rho` of the moving average.
    epsilon : float or TensorVariable, default 1e-6
        A small number :math:`\epsilon` for numerical stability.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] Tijmen Tieleman and Geoffrey E. Hinton (2012): Lecture 6.5, RMSProp. Coursera: Neural
           networks for machine learning.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import rmsprop
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(rmsprop(w**2, [w], learning_rate=0.1))
    [w, w.rmsprop]
    """
    updates: Updates = OrderedDict()
    for param, label, grad in with_grads(loss_or_grads, list(params)):
        mean_square = state(param, f"{label}.rmsprop")
        new_mean_square = averaged(mean_square, pt.sqr(grad), rho, param)
        scale = pt.sqrt(new_mean_square + like(epsilon, param))
        updates[param] = param - like(learning_rate, param) * grad / scale
        updates[mean_square] = new_mean_square
    return updates


def adadelta(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 1.0,
    rho: Any = 0.95,
    epsilon: Any = 1e-6,
) -> Updates:
    r"""AdaDelta: steps of the size of the previous steps, relative to the gradients.

    :math:`r \leftarrow \rho r + (1 - \rho) g^2`, then
    :math:`\Delta = g \sqrt{d + \epsilon} / \sqrt{r + \epsilon}`,
    :math:`w \leftarrow w - \eta \Delta` and
    :math:`d \leftarrow \rho d + (1 - \rho) \Delta^2`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 1.0
        The learning rate :math:`\eta`; 1 in the paper.
    rho : float or TensorVariable, default 0.95
        The decay :math:`\rho` of the moving averages.
    epsilon : float or TensorVariable, default 1e-6
        A small number :math:`\epsilon` that also sets the size of the first steps.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] Matthew D. Zeiler (2012): ADADELTA: an adaptive learning rate method. arXiv:1212.5701.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import adadelta
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(adadelta(w**2, [w], learning_rate=0.1))
    [w, w.adadelta.squares, w.adadelta.steps]
    """
    updates: Updates = OrderedDict()
    for param, label, grad in with_grads(loss_or_grads, list(params)):
        squares = state(param, f"{label}.adadelta.squares")
        steps = state(param, f"{label}.adadelta.steps")
        eps = like(epsilon, param)
        new_squares = averaged(squares, pt.sqr(grad), rho, param)
        step = grad * pt.sqrt(steps + eps) / pt.sqrt(new_squares + eps)
        updates[param] = param - like(learning_rate, param) * step
        updates[squares] = new_squares
        updates[steps] = averaged(steps, pt.sqr(step), rho, param)
    return updates


def adam(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 0.001,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    epsilon: Any = 1e-8,
) -> Updates:
    r"""Adam: steps from moving averages of the gradients and of their squares.

    :math:`m \leftarrow \beta_1 m + (1 - \beta_1) g`,
    :math:`v \leftarrow \beta_2 v + (1 - \beta_2) g^2` and, in step :math:`t`,
    :math:`w \leftarrow w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
    \frac{m}{\sqrt{v} + \epsilon}`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 0.001
        The learning rate :math:`\eta`.
    beta1 : float or TensorVariable, default 0.9
        The decay :math:`\beta_1` of the average of the gradients.
    beta2 : float or TensorVariable, default 0.999
        The decay :math:`\beta_2` of the average of their squares.
    epsilon : float or TensorVariable, default 1e-8
        A small number :math:`\epsilon` for numerical stability.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] Diederik P. Kingma and Jimmy Ba (2014): Adam: a method for stochastic optimization.
           arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import adam
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(adam(w**2, [w], learning_rate=0.1))
    [w.adam.t, w, w.adam.m, w.adam.v]
    """
    return _adam(
        "adam", loss_or_grads, params, learning_rate, beta1, beta2, epsilon, keep_largest=False
    )


def _adam(
    rule: str,
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any,
    beta1: Any,
    beta2: Any,
    epsilon: Any,
    keep_largest: bool,
) -> Updates:
    """Adam and AMSGrad."""
    params = list(params)
    grads = with_grads(loss_or_grads, params)
    updates: Updates = OrderedDict()
    count = count_steps(updates, params, rule)
    for param, label, grad in grads:
        m, v = (state(param, f"{label}.{rule}.{letter}") for letter in "mv")
        t = like(count, param)
        new_m = averaged(m, grad, beta1, param)
        new_v = averaged(v, pt.sqr(grad), beta2, param)
        correction = pt.sqrt(1 - like(beta2, param) ** t) / (1 - like(beta1, param) ** t)
        spread = new_v
        if keep_largest:
            largest = state(param, f"{label}.{rule}.v_max")
            spread = pt.maximum(largest, new_v)
            updates[largest] = spread
        step = correction * new_m / (pt.sqrt(spread) + like(epsilon, param))
        updates[param] = param - like(learning_rate, param) * step
        updates[m] = new_m
        updates[v] = new_v
    return updates


def adamax(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 0.002,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    epsilon: Any = 1e-8,
) -> Updates:
    r"""Adamax: Adam with the infinity norm instead of the root mean square.

    :math:`m \leftarrow \beta_1 m + (1 - \beta_1) g`,
    :math:`u \leftarrow \max(\beta_2 u, |g|)` and, in step :math:`t`,
    :math:`w \leftarrow w - \frac{\eta}{1 - \beta_1^t} \frac{m}{u + \epsilon}`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 0.002
        The learning rate :math:`\eta`.
    beta1 : float or TensorVariable, default 0.9
        The decay :math:`\beta_1` of the average of the gradients.
    beta2 : float or TensorVariable, default 0.999
        The decay :math:`\beta_2` of the norm of the gradients.
    epsilon : float or TensorVariable, default 1e-8
        A small number :math:`\epsilon` for numerical stability.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] Diederik P. Kingma and Jimmy Ba (2014): Adam: a method for stochastic optimization.
           arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import adamax
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(adamax(w**2, [w], learning_rate=0.1))
    [w.adamax.t, w, w.adamax.m, w.adamax.u]
    """
    params = list(params)
    grads = with_grads(loss_or_grads, params)
    updates: Updates = OrderedDict()
    count = count_steps(updates, params, "adamax")
    for param, label, grad in grads:
        m, u = (state(param, f"{label}.adamax.{letter}") for letter in "mu")
        new_m = averaged(m, grad, beta1, param)
        new_u = pt.maximum(like(beta2, param) * u, pt.abs(grad))
        rate = like(learning_rate, param) / (1 - like(beta1, param) ** like(count, param))
        updates[param] = param - rate * new_m / (new_u + like(epsilon, param))
        updates[m] = new_m
        updates[u] = new_u
    return updates


def amsgrad(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 0.001,
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    epsilon: Any = 1e-8,
) -> Updates:
    r"""AMSGrad: Adam with step sizes that do not grow again.

    :math:`m` and :math:`v` as for :func:`adam`,
    :math:`\hat v \leftarrow \max(\hat v, v)` and, in step :math:`t`,
    :math:`w \leftarrow w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
    \frac{m}{\sqrt{\hat v} + \epsilon}`

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 0.001
        The learning rate :math:`\eta`.
    beta1 : float or TensorVariable, default 0.9
        The decay :math:`\beta_1` of the average of the gradients.
    beta2 : float or TensorVariable, default 0.999
        The decay :math:`\beta_2` of the average of their squares.
    epsilon : float or TensorVariable, default 1e-8
        A small number :math:`\epsilon` for numerical stability.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] Sashank J. Reddi, Satyen Kale and Sanjiv Kumar (2018): On the convergence of Adam and
           beyond. Proceedings of ICLR.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import amsgrad
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(amsgrad(w**2, [w], learning_rate=0.1))
    [w.amsgrad.t, w.amsgrad.v_max, w, w.amsgrad.m, w.amsgrad.v]
    """
    return _adam(
        "amsgrad", loss_or_grads, params, learning_rate, beta1, beta2, epsilon, keep_largest=True
    )
