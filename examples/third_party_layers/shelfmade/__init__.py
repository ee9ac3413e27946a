"""A layer, an initializer and a convolution for nncore."""

from shelfmade.init import TruncatedNormal as TruncatedNormal
from shelfmade.layers import SqueezeExciteLayer as SqueezeExciteLayer

__all__ = ["SqueezeExciteLayer", "TruncatedNormal"]
