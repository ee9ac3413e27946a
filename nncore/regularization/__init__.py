"""What is added to a loss, or to the outputs of layers, so that a network generalizes better.

Functions give penalties on parameters, to be added to a loss. The classes say the same, and more,
in terms of patterns over the names of layers (see :mod:`nncore.graph`); they go to
:func:`nncore.training.train` as ``regularizers``, or come from keywords, by :func:`from_kwargs`.

Examples
--------
>>> import nncore.layers as layers
>>> from nncore.regularization import l1, l2, regularize_layer_params_weighted
>>> from nncore.regularization import regularize_network_params
>>> l_in = layers.InputLayer((None, 4))
>>> l_hidden = layers.DenseLayer(l_in, num_units=3)
>>> l_out = layers.DenseLayer(l_hidden, num_units=2)
>>> penalty = 1e-4 * regularize_network_params(l_out, l2)
>>> penalty += regularize_layer_params_weighted({l_hidden: 0.1, l_out: 0.5}, l1)
>>> penalty.ndim
0
"""

from nncore.regularization.base import Regularizer, penalty_of
from nncore.regularization.contractive import Contractive
from nncore.regularization.keywords import KEYWORDS, from_kwargs
from nncore.regularization.noise import BernoulliDropout, GaussianNoise
from nncore.regularization.penalties import (
    apply_penalty,
    l1,
    l2,
    regularize_layer_params,
    regularize_layer_params_weighted,
    regularize_network_params,
)
from nncore.regularization.terms import (
    HiddenL1,
    RecurrentNorm,
    RecurrentState,
    WeightL1,
    WeightL2,
)

__all__ = [
    "KEYWORDS",
    "BernoulliDropout",
    "Contractive",
    "GaussianNoise",
    "HiddenL1",
    "RecurrentNorm",
    "RecurrentState",
    "Regularizer",
    "WeightL1",
    "WeightL2",
    "apply_penalty",
    "from_kwargs",
    "l1",
    "l2",
    "penalty_of",
    "regularize_layer_params",
    "regularize_layer_params_weighted",
    "regularize_network_params",
]
