"""Convolution by cuDNN, and Lasagne's layers for it: a plugin of nncore."""

from __future__ import annotations

from nncore_cudnn.compute import compute as compute
from nncore_cudnn.compute import set_compute as set_compute
from nncore_cudnn.layers import BatchNormDNNLayer as BatchNormDNNLayer
from nncore_cudnn.layers import Conv2DDNNLayer as Conv2DDNNLayer
from nncore_cudnn.layers import Conv3DDNNLayer as Conv3DDNNLayer
from nncore_cudnn.layers import MaxPool2DDNNLayer as MaxPool2DDNNLayer
from nncore_cudnn.layers import MaxPool3DDNNLayer as MaxPool3DDNNLayer
from nncore_cudnn.layers import Pool2DDNNLayer as Pool2DDNNLayer
from nncore_cudnn.layers import Pool3DDNNLayer as Pool3DDNNLayer
from nncore_cudnn.layers import SpatialPyramidPoolingDNNLayer as SpatialPyramidPoolingDNNLayer
from nncore_cudnn.layers import batch_norm_dnn as batch_norm_dnn

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
    "compute",
    "set_compute",
]
