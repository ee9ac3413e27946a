"""Trainers, by name: what goes once through the data and says how it went, again and again.

Each is a generator of pairs of monitors, those of the training data and those of the validation
data, on top of :func:`nncore.training.train`.
"""

from nncore.training.trainers.algorithms import ALGORITHMS
from nncore.training.trainers.gradient import GradientTrainer
from nncore.training.trainers.lbfgs import LBFGSTrainer
from nncore.training.trainers.names import itertrain, make_trainer
from nncore.training.trainers.pretraining import SupervisedPretrainer, UnsupervisedPretrainer
from nncore.training.trainers.samples import SampleTrainer

__all__ = [
    "ALGORITHMS",
    "GradientTrainer",
    "LBFGSTrainer",
    "SampleTrainer",
    "SupervisedPretrainer",
    "UnsupervisedPretrainer",
    "itertrain",
    "make_trainer",
]
