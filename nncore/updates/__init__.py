r"""Update rules: how parameters change in a training step.

Each rule takes a loss, or a list of gradients, and a list of shared variables, and returns an
ordered dictionary from shared variable to its new value, for the ``updates`` of
``pytensor.function``. It contains the state of the rule too, in shared variables named after
the parameter and the rule, such as ``W.momentum``. All of the arithmetic is done in the dtype of
the parameter. Hyperparameters are numbers or symbolic scalars; a shared variable as learning
rate can be changed while training.

Examples
--------
>>> import numpy as np, pytensor, pytensor.tensor as pt
>>> from nncore.updates import nesterov_momentum
>>> x = pt.vector("x")
>>> w = pytensor.shared(np.zeros(2, dtype="float32"), name="w")
>>> updates = nesterov_momentum(pt.sqr(x - w).sum(), [w], learning_rate=0.25, momentum=0.5)
>>> list(updates)
[w, w.nesterov_momentum]
>>> train = pytensor.function([x], [], updates=updates)
>>> _ = train([1.0, 2.0])
>>> w.get_value()
array([0.75, 1.5 ], dtype=float32)
"""

from nncore.updates.adaptive import adadelta, adagrad, adam, adamax, amsgrad, rmsprop
from nncore.updates.clipping import clip_by_norm, clip_by_value
from nncore.updates.constraints import norm_constraint, total_norm_constraint
from nncore.updates.descent import (
    apply_momentum,
    apply_nesterov_momentum,
    momentum,
    nesterov_momentum,
    sgd,
)
from nncore.updates.equilibrated import esgd
from nncore.updates.gradients import get_or_compute_grads
from nncore.updates.resilient import rprop
from nncore.updates.schedules import (
    Schedule,
    apply_schedule,
    constant_schedule,
    cosine_schedule,
    exponential_schedule,
    linear_schedule,
    step_schedule,
    warm_up,
)

__all__ = [
    "Schedule",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "amsgrad",
    "apply_momentum",
    "apply_nesterov_momentum",
    "apply_schedule",
    "clip_by_norm",
    "clip_by_value",
    "constant_schedule",
    "cosine_schedule",
    "esgd",
    "exponential_schedule",
    "get_or_compute_grads",
    "linear_schedule",
    "momentum",
    "nesterov_momentum",
    "norm_constraint",
    "rmsprop",
    "rprop",
    "sgd",
    "step_schedule",
    "total_norm_constraint",
    "warm_up",
]
