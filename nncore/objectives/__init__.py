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

from nncore.objectives._common import align_targets
from nncore.objectives.accuracy import binary_accuracy, categorical_accuracy
from nncore.objectives.classification import (
    binary_crossentropy,
    binary_hinge_loss,
    categorical_crossentropy,
    hinge,
    multiclass_hinge_loss,
)
from nncore.objectives.distributions import (
    gaussian_log_likelihood,
    kullback_leibler,
    maximum_mean_discrepancy,
)
from nncore.objectives.losses import GaussianLogLikelihood, Loss, as_losses
from nncore.objectives.regression import absolute_error, aggregate, huber_loss, squared_error

__all__ = [
    "GaussianLogLikelihood",
    "Loss",
    "absolute_error",
    "aggregate",
    "align_targets",
    "as_losses",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_hinge_loss",
    "categorical_accuracy",
    "categorical_crossentropy",
    "gaussian_log_likelihood",
    "hinge",
    "huber_loss",
    "kullback_leibler",
    "maximum_mean_discrepancy",
    "multiclass_hinge_loss",
    "squared_error",
]
