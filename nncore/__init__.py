"""Neural-network layers on PyTensor, with every implementation a plugin chosen by name."""

from nncore import backends as backends
from nncore import config as config
from nncore import decorators as decorators
from nncore import feedback as feedback
from nncore import init as init
from nncore import inspection as inspection
from nncore import layers as layers
from nncore import nonlinearities as nonlinearities
from nncore import objectives as objectives
from nncore import ops as ops
from nncore import random as random
from nncore import regularization as regularization
from nncore import theano_extensions as theano_extensions
from nncore import training as training
from nncore import updates as updates
from nncore import utils as utils
from nncore._version import __version__ as __version__
from nncore.config import using as using
from nncore.feedback import feedback_alignment as feedback_alignment
from nncore.inspection import draw as draw
from nncore.inspection import summary as summary

__all__ = [
    "__version__",
    "backends",
    "config",
    "decorators",
    "draw",
    "feedback",
    "feedback_alignment",
    "init",
    "inspection",
    "layers",
    "nonlinearities",
    "objectives",
    "ops",
    "random",
    "regularization",
    "summary",
    "theano_extensions",
    "training",
    "updates",
    "using",
    "utils",
]
