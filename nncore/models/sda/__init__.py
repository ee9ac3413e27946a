"""Stacked denoising autoencoders and deep belief networks, made of nncore's layers.

A stack is one set of weights in two forms: a multilayer perceptron, and autoencoders or
restricted Boltzmann machines that are trained one after the other before it.
"""

from nncore.models.sda.autoencoder import ContractiveAutoencoder, DenoisingAutoencoder
from nncore.models.sda.functions import BatchFunction
from nncore.models.sda.pretraining import LayerRecord, pretrain
from nncore.models.sda.rbm import RBM
from nncore.models.sda.stacked import DBN, StackedDenoisingAutoencoder

__all__ = [
    "DBN",
    "RBM",
    "BatchFunction",
    "ContractiveAutoencoder",
    "DenoisingAutoencoder",
    "LayerRecord",
    "StackedDenoisingAutoencoder",
    "pretrain",
]
