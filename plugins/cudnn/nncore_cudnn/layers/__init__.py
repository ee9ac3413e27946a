"""The layers of Lasagne's ``dnn`` module."""

from __future__ import annotations

from nncore_cudnn.layers.conv import Conv2DDNNLayer as Conv2DDNNLayer
from nncore_cudnn.layers.conv import Conv3DDNNLayer as Conv3DDNNLayer
from nncore_cudnn.layers.normalization import BatchNormDNNLayer as BatchNormDNNLayer
from nncore_cudnn.layers.normalization import batch_norm_dnn as batch_norm_dnn
from nncore_cudnn.layers.pool import MaxPool2DDNNLayer as MaxPool2DDNNLayer
from nncore_cudnn.layers.pool import MaxPool3DDNNLayer as MaxPool3DDNNLayer
from nncore_cudnn.layers.pool import Pool2DDNNLayer as Pool2DDNNLayer
from nncore_cudnn.layers.pool import Pool3DDNNLayer as Pool3DDNNLayer
from nncore_cudnn.layers.pool import SpatialPyramidPoolingDNNLayer as SpatialPyramidPoolingDNNLayer

__all__ = [
    "BatchNormDNNLayer",
    "Conv2DDNNLayer",
    "Conv3DDNNLayer",
    "MaxPool2DDNNLayer",
    "MaxPool3DDNNLayer",
    "Pool2DDNNLayer",
    "Pool3DDNNLayer",
    "SpatialPyramidPoolingDNNLayer",
    "batch_norm_dnn",
]
