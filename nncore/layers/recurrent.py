"""Layers that process sequences."""

from nncore.layers._recurrent_bidirectional import BidirectionalLayer as BidirectionalLayer
from nncore.layers._recurrent_bidirectional import bidirectional as bidirectional
from nncore.layers._recurrent_clockwork import ClockworkLayer as ClockworkLayer
from nncore.layers._recurrent_custom import CustomRecurrentLayer as CustomRecurrentLayer
from nncore.layers._recurrent_custom import RecurrentLayer as RecurrentLayer
from nncore.layers._recurrent_gated import Gate as Gate
from nncore.layers._recurrent_gated import GRULayer as GRULayer
from nncore.layers._recurrent_gated import LSTMLayer as LSTMLayer
from nncore.layers._recurrent_multiplicative import MRNNLayer as MRNNLayer
from nncore.layers._recurrent_multiplicative import MUT1Layer as MUT1Layer
from nncore.layers._recurrent_rated import RRNNLayer as RRNNLayer
from nncore.layers._recurrent_rated import SCRNLayer as SCRNLayer

__all__ = [
    "BidirectionalLayer",
    "ClockworkLayer",
    "CustomRecurrentLayer",
    "GRULayer",
    "Gate",
    "LSTMLayer",
    "MRNNLayer",
    "MUT1Layer",
    "RRNNLayer",
    "RecurrentLayer",
    "SCRNLayer",
    "bidirectional",
]
