"""Networks in one line: a list of layers, and methods to train and use them."""

from nncore.models.networks.autoencoder import Autoencoder
from nncore.models.networks.base import Network
from nncore.models.networks.classifier import Classifier
from nncore.models.networks.regressor import Regressor

__all__ = ["Autoencoder", "Classifier", "Network", "Regressor"]
