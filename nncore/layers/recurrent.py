"""Layers that process sequences."""

from nncore.layers._recurrent_custom import CustomRecurrentLayer as CustomRecurrentLayer
from nncore.layers._recurrent_custom import RecurrentLayer as RecurrentLayer
from nncore.layers._recurrent_gated import Gate as Gate
from nncore.layers._recurrent_gated import GRULayer as GRULayer
from nncore.layers._recurrent_gated import LSTMLayer as LSTMLayer

__all__ = ["CustomRecurrentLayer", "GRULayer", "Gate", "LSTMLayer", "RecurrentLayer"]
