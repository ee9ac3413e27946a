"""Symbolic convolution and pooling, whose implementations are chosen by name."""

from nncore.ops import dispatch as dispatch
from nncore.ops.conv import Conv as Conv
from nncore.ops.conv import ConvGradFilters as ConvGradFilters
from nncore.ops.conv import ConvGradInput as ConvGradInput
from nncore.ops.conv import conv as conv
from nncore.ops.conv import conv_transpose as conv_transpose
from nncore.ops.lengths import conv_input_length as conv_input_length
from nncore.ops.lengths import conv_output_length as conv_output_length
from nncore.ops.lengths import pool_output_length as pool_output_length
from nncore.ops.pool import Pool as Pool
from nncore.ops.pool import PoolGradGrad as PoolGradGrad
from nncore.ops.pool import PoolGradInput as PoolGradInput
from nncore.ops.pool import pool as pool

__all__ = [
    "Conv",
    "ConvGradFilters",
    "ConvGradInput",
    "Pool",
    "PoolGradGrad",
    "PoolGradInput",
    "conv",
    "conv_input_length",
    "conv_output_length",
    "conv_transpose",
    "pool",
    "pool_output_length",
]
