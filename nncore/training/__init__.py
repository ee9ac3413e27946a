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
from nncore.training.records import EpochRecord as EpochRecord
from nncore.training.state import read_history as read_history

__all__ = [
    "ArrayBatches",
    "Compiled",
    "EpochRecord",
    "IterableBatches",
    "Progress",
    "StepFunction",
    "compile_network",
    "evaluate",
    "minibatches",
    "predict",
    "read_history",
    "train",
]
