"""Training: batches, loops, monitors, checkpoints, and what follows them."""

from nncore.training.batches import ArrayBatches as ArrayBatches
from nncore.training.batches import IterableBatches as IterableBatches
from nncore.training.batches import minibatches as minibatches
from nncore.training.functions import Compiled as Compiled
from nncore.training.functions import StepFunction as StepFunction
from nncore.training.functions import compile_network as compile_network
from nncore.training.inference import evaluate as evaluate
from nncore.training.inference import predict as predict
from nncore.training.loop import Progress as Progress
from nncore.training.loop import train as train
from nncore.training.plateau import ReduceOnPlateau as ReduceOnPlateau
from nncore.training.records import EpochRecord as EpochRecord
from nncore.training.state import read_history as read_history
from nncore.training.trainers import GradientTrainer as GradientTrainer
from nncore.training.trainers import LBFGSTrainer as LBFGSTrainer
from nncore.training.trainers import SampleTrainer as SampleTrainer
from nncore.training.trainers import SupervisedPretrainer as SupervisedPretrainer
from nncore.training.trainers import UnsupervisedPretrainer as UnsupervisedPretrainer
from nncore.training.trainers import itertrain as itertrain
from nncore.training.trainers import make_trainer as make_trainer

__all__ = [
    "ArrayBatches",
    "Compiled",
    "EpochRecord",
    "GradientTrainer",
    "IterableBatches",
    "LBFGSTrainer",
    "Progress",
    "ReduceOnPlateau",
    "SampleTrainer",
    "StepFunction",
    "SupervisedPretrainer",
    "UnsupervisedPretrainer",
    "compile_network",
    "evaluate",
    "itertrain",
    "make_trainer",
    "minibatches",
    "predict",
    "read_history",
    "train",
]
