"""Functions of ``lasagne.theano_extensions``, kept for old programs.

New programs use :func:`nncore.ops.conv` and :class:`nncore.layers.PadLayer`.
"""

from nncore.theano_extensions import conv as conv
from nncore.theano_extensions import padding as padding

__all__ = ["conv", "padding"]
