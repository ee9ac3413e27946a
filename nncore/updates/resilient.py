"""Resilient propagation: steps from the signs of the gradients."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable

from nncore.updates._common import Updates, like, state
from nncore.updates.gradients import with_grads

__all__ = ["rprop"]


def rprop(
    loss_or_grads: Any,
    params: Iterable[SharedVariable],
    learning_rate: Any = 0.01,
    increase: Any = 1.2,
    decrease: Any = 0.5,
    min_step: Any = 1e-6,
    max_step: Any = 50.0,
) -> Updates:
    r"""Rprop: a step size for each weight, which only the signs of the gradients change.

    While the sign of :math:`g` stays, :math:`\Delta \leftarrow \min(\eta^+ \Delta, \Delta_{max})`.
    When it changes, :math:`\Delta \leftarrow \max(\eta^- \Delta, \Delta_{min})`, and :math:`g`
    counts as 0 in this step and as the previous gradient of the next. Then
    :math:`w \leftarrow w - \mathrm{sign}(g) \Delta`. This is iRprop- [2]_.

    Parameters
    ----------
    loss_or_grads : TensorVariable or list of TensorVariable
        A scalar loss, or the gradients :math:`g`. They should be those of all data: the signs of
        the gradients of small batches are mostly noise.
    params : list of SharedVariable
        The parameters :math:`w`.
    learning_rate : float or TensorVariable, default 0.01
        The first step size :math:`\Delta`.
    increase : float or TensorVariable, default 1.2
        The factor :math:`\eta^+`, at least 1.
    decrease : float or TensorVariable, default 0.5
        The factor :math:`\eta^-`, between 0 and 1.
    min_step, max_step : float or TensorVariable, default 1e-6 and 50
        The limits of the step sizes.

    Returns
    -------
    OrderedDict
        From shared variable to new value.

    References
    ----------
    .. [1] Martin Riedmiller and Heinrich Braun (1993): A direct adaptive method for faster
           backpropagation learning: the RPROP algorithm. IEEE International Conference on Neural
           Networks, 586-591.
    .. [2] Christian Igel and Michael Hüsken (2003): Empirical evaluation of the improved Rprop
           learning algorithms. Neurocomputing 50, 105-123.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import rprop
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(rprop(w**2, [w], learning_rate=0.1))
    [w, w.rprop.step, w.rprop.grad]
    """
    updates: Updates = OrderedDict()
    for param, label, grad in with_grads(loss_or_grads, list(params)):
        step, previous = (state(param, f"{label}.rprop.{name}") for name in ("step", "grad"))
        zero, one = like(0, param), like(1, param)
        agreement = grad * previous
        factor = pt.switch(
            pt.gt(agreement, zero),
            like(increase, param),
            pt.switch(pt.lt(agreement, zero), like(decrease, param), one),
        )
        # A step size is never 0 after the first step, so that 0 means that there was none yet.
        smallest = pt.maximum(like(min_step, param), like(np.finfo(param.type.dtype).tiny, param))
        limited = pt.minimum(pt.maximum(step * factor, smallest), like(max_step, param))
        new_step = pt.switch(pt.eq(step, zero), like(learning_rate, param), limited)
        kept = pt.switch(pt.lt(agreement, zero), zero, grad)
        updates[param] = param - pt.sign(kept) * new_step
        updates[step] = new_step
        updates[previous] = kept
    return updates
