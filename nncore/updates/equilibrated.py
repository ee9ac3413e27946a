"""Equilibrated gradient descent: steps scaled by the curvature, from Hessian-vector products."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable

from nncore.updates._common import Updates, averaged, count_steps, like, state
from nncore.updates.gradients import with_grads

__all__ = ["esgd"]


def esgd(
    loss: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 0.01,
    rho: Any = 0.95,
    epsilon: Any = 1e-8,
    grads: Any = None,
    seed: int | None = None,
) -> Updates:
    r"""ESGD: learning rates divided by the root mean square of Hessian-vector products.

    With :math:`v \sim N(0, I)` drawn anew in each step, :math:`\mathrm{E}[(H v)_i^2]` is the
    squared norm of row :math:`i` of the Hessian :math:`H`; dividing by its root equilibrates the
    rows, for negative curvature too. :math:`D \leftarrow \rho D + (1 - \rho) (H v)^2` and, in step
    :math:`t`, :math:`w \leftarrow w - \eta g / \sqrt{D / (1 - \rho^t) + \epsilon}`

    Parameters
    ----------
    loss : TensorVariable
        A scalar loss. Its gradients are not enough, as the rule differentiates them once more.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 0.01
        The learning rate :math:`\eta`.
    rho : float or TensorVariable, default 0.95
        The decay :math:`\rho` of the moving average. The paper takes the mean over all steps.
    epsilon : float or TensorVariable, default 1e-8
        A small number :math:`\epsilon` for numerical stability.
    grads : list of TensorVariable, optional
        What to descend along instead of the gradients :math:`g` of the loss, such as clipped
        gradients. The curvature is that of the loss in any case.
    seed : int, optional
        The seed of :math:`v`. Default: drawn from :func:`nncore.random.get_rng`.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    Raises
    ------
    TypeError
        If the loss is not a scalar expression.

    References
    ----------
    .. [1] Yann N. Dauphin, Harm de Vries and Yoshua Bengio (2015): Equilibrated adaptive learning
           rates for non-convex optimization. Advances in NIPS 28. arXiv:1502.04390.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import esgd
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(esgd(w**2, [w], learning_rate=0.1, seed=1))
    [w.esgd.t, w, w.esgd]
    """
    from nncore.layers._random import RandomStream

    if not isinstance(loss, Variable):
        raise TypeError(
            f"esgd needs the loss, a scalar expression, and not {type(loss).__name__}: it "
            "differentiates the gradients once more. Give the loss, and other gradients as grads=."
        )
    params = list(params)
    of_loss = with_grads(loss, params)
    stream = RandomStream(seed)
    vectors = [
        stream.normal(param.get_value(borrow=True).shape, dtype=param.type.dtype)
        for param in params
    ]
    products = [
        (grad * vector).sum() for (_, _, grad), vector in zip(of_loss, vectors, strict=True)
    ]
    curvatures: Any = pt.grad(
        sum(products[1:], start=products[0]) if products else loss,
        params,
        consider_constant=vectors,
        disconnected_inputs="ignore",
    )
    updates: Updates = OrderedDict()
    count = count_steps(updates, params, "esgd")
    along = of_loss if grads is None else with_grads(list(grads), params)
    for (param, label, grad), curvature in zip(along, curvatures, strict=True):
        square = state(param, f"{label}.esgd")
        new_square = averaged(square, pt.sqr(like(curvature, param)), rho, param)
        unbiased = new_square / (1 - like(rho, param) ** like(count, param))
        scale = pt.sqrt(unbiased + like(epsilon, param))
        updates[param] = param - like(learning_rate, param) * grad / scale
        updates[square] = new_square
    return updates
