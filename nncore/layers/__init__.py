"""Layers, and functions on networks of them.

A layer is a Python object that knows the layer feeding into it; a network is the graph of layers
that ends in its last one. Layers build expressions, and nothing hides the expressions. Layers of
plugins are found here under their names, too.
"""

from __future__ import annotations

from typing import Any

from nncore.layers.base import Layer as Layer
from nncore.layers.base import MergeLayer as MergeLayer
from nncore.layers.batchwise_dropout import (
    BatchwiseDropoutDenseLayer as BatchwiseDropoutDenseLayer,
)
from nncore.layers.batchwise_dropout import BatchwiseDropoutLayer as BatchwiseDropoutLayer
from nncore.layers.batchwise_dropout import kept_units as kept_units
from nncore.layers.conv import BaseConvLayer as BaseConvLayer
from nncore.layers.conv import Conv1DLayer as Conv1DLayer
from nncore.layers.conv import Conv2DLayer as Conv2DLayer
from nncore.layers.conv import Conv3DLayer as Conv3DLayer
from nncore.layers.conv import Deconv2DLayer as Deconv2DLayer
from nncore.layers.conv import Deconv3DLayer as Deconv3DLayer
from nncore.layers.conv import DilatedConv2DLayer as DilatedConv2DLayer
from nncore.layers.conv import TransposedConv2DLayer as TransposedConv2DLayer
from nncore.layers.conv import TransposedConv3DLayer as TransposedConv3DLayer
from nncore.layers.conv import conv_input_length as conv_input_length
from nncore.layers.conv import conv_output_length as conv_output_length
from nncore.layers.dense import DenseLayer as DenseLayer
from nncore.layers.dense import NINLayer as NINLayer
from nncore.layers.embedding import EmbeddingLayer as EmbeddingLayer
from nncore.layers.helper import count_params as count_params
from nncore.layers.helper import get_all_layers as get_all_layers
from nncore.layers.helper import get_all_param_values as get_all_param_values
from nncore.layers.helper import get_all_params as get_all_params
from nncore.layers.helper import get_output as get_output
from nncore.layers.helper import get_output_shape as get_output_shape
from nncore.layers.helper import set_all_param_values as set_all_param_values
from nncore.layers.input import InputLayer as InputLayer
from nncore.layers.local import LocallyConnected2DLayer as LocallyConnected2DLayer
from nncore.layers.merge import ConcatLayer as ConcatLayer
from nncore.layers.merge import ElemwiseMergeLayer as ElemwiseMergeLayer
from nncore.layers.merge import ElemwiseSumLayer as ElemwiseSumLayer
from nncore.layers.merge import autocrop as autocrop
from nncore.layers.merge import autocrop_array_shapes as autocrop_array_shapes
from nncore.layers.merge import concat as concat
from nncore.layers.noise import DropoutLayer as DropoutLayer
from nncore.layers.noise import GaussianNoiseLayer as GaussianNoiseLayer
from nncore.layers.noise import dropout as dropout
from nncore.layers.noise import dropout_channels as dropout_channels
from nncore.layers.noise import dropout_locations as dropout_locations
from nncore.layers.noise import spatial_dropout as spatial_dropout
from nncore.layers.normalization import BatchNormLayer as BatchNormLayer
from nncore.layers.normalization import (
    LocalResponseNormalization2DLayer as LocalResponseNormalization2DLayer,
)
from nncore.layers.normalization import StandardizationLayer as StandardizationLayer
from nncore.layers.normalization import batch_norm as batch_norm
from nncore.layers.normalization import instance_norm as instance_norm
from nncore.layers.normalization import layer_norm as layer_norm
from nncore.layers.pool import FeaturePoolLayer as FeaturePoolLayer
from nncore.layers.pool import FeatureWTALayer as FeatureWTALayer
from nncore.layers.pool import GlobalPoolLayer as GlobalPoolLayer
from nncore.layers.pool import MaxPool1DLayer as MaxPool1DLayer
from nncore.layers.pool import MaxPool2DLayer as MaxPool2DLayer
from nncore.layers.pool import MaxPool3DLayer as MaxPool3DLayer
from nncore.layers.pool import Pool1DLayer as Pool1DLayer
from nncore.layers.pool import Pool2DLayer as Pool2DLayer
from nncore.layers.pool import Pool3DLayer as Pool3DLayer
from nncore.layers.pool import SpatialPyramidPoolingLayer as SpatialPyramidPoolingLayer
from nncore.layers.pool import Upscale1DLayer as Upscale1DLayer
from nncore.layers.pool import Upscale2DLayer as Upscale2DLayer
from nncore.layers.pool import Upscale3DLayer as Upscale3DLayer
from nncore.layers.pool import pool_2d as pool_2d
from nncore.layers.pool import pool_2d_nxn_regions as pool_2d_nxn_regions
from nncore.layers.pool import pool_3d as pool_3d
from nncore.layers.pool import pool_output_length as pool_output_length
from nncore.layers.recurrent import BidirectionalLayer as BidirectionalLayer
from nncore.layers.recurrent import ClockworkLayer as ClockworkLayer
from nncore.layers.recurrent import CustomRecurrentLayer as CustomRecurrentLayer
from nncore.layers.recurrent import Gate as Gate
from nncore.layers.recurrent import GRULayer as GRULayer
from nncore.layers.recurrent import LSTMLayer as LSTMLayer
from nncore.layers.recurrent import MRNNLayer as MRNNLayer
from nncore.layers.recurrent import MUT1Layer as MUT1Layer
from nncore.layers.recurrent import RecurrentLayer as RecurrentLayer
from nncore.layers.recurrent import RRNNLayer as RRNNLayer
from nncore.layers.recurrent import SCRNLayer as SCRNLayer
from nncore.layers.recurrent import bidirectional as bidirectional
from nncore.layers.shape import DimshuffleLayer as DimshuffleLayer
from nncore.layers.shape import FlattenLayer as FlattenLayer
from nncore.layers.shape import PadLayer as PadLayer
from nncore.layers.shape import ReshapeLayer as ReshapeLayer
from nncore.layers.shape import SliceLayer as SliceLayer
from nncore.layers.shape import dimshuffle as dimshuffle
from nncore.layers.shape import flatten as flatten
from nncore.layers.shape import pad as pad
from nncore.layers.shape import reshape as reshape
from nncore.layers.special import BiasLayer as BiasLayer
from nncore.layers.special import ExpressionLayer as ExpressionLayer
from nncore.layers.special import InverseLayer as InverseLayer
from nncore.layers.special import NonlinearityLayer as NonlinearityLayer
from nncore.layers.special import ParametricRectifierLayer as ParametricRectifierLayer
from nncore.layers.special import RandomizedRectifierLayer as RandomizedRectifierLayer
from nncore.layers.special import ScaleLayer as ScaleLayer
from nncore.layers.special import TPSTransformerLayer as TPSTransformerLayer
from nncore.layers.special import TransformerLayer as TransformerLayer
from nncore.layers.special import prelu as prelu
from nncore.layers.special import rrelu as rrelu
from nncore.layers.special import standardize as standardize
from nncore.layers.tied import TiedLayer as TiedLayer

__all__ = [
    "BaseConvLayer",
    "BatchNormLayer",
    "BatchwiseDropoutDenseLayer",
    "BatchwiseDropoutLayer",
    "BiasLayer",
    "BidirectionalLayer",
    "ClockworkLayer",
    "ConcatLayer",
    "Conv1DLayer",
    "Conv2DLayer",
    "Conv3DLayer",
    "CustomRecurrentLayer",
    "Deconv2DLayer",
    "Deconv3DLayer",
    "DenseLayer",
    "DilatedConv2DLayer",
    "DimshuffleLayer",
    "DropoutLayer",
    "ElemwiseMergeLayer",
    "ElemwiseSumLayer",
    "EmbeddingLayer",
    "ExpressionLayer",
    "FeaturePoolLayer",
    "FeatureWTALayer",
    "FlattenLayer",
    "GRULayer",
    "Gate",
    "GaussianNoiseLayer",
    "GlobalPoolLayer",
    "InputLayer",
    "InverseLayer",
    "LSTMLayer",
    "Layer",
    "LocalResponseNormalization2DLayer",
    "LocallyConnected2DLayer",
    "MRNNLayer",
    "MUT1Layer",
    "MaxPool1DLayer",
    "MaxPool2DLayer",
    "MaxPool3DLayer",
    "MergeLayer",
    "NINLayer",
    "NonlinearityLayer",
    "PadLayer",
    "ParametricRectifierLayer",
    "Pool1DLayer",
    "Pool2DLayer",
    "Pool3DLayer",
    "RRNNLayer",
    "RandomizedRectifierLayer",
    "RecurrentLayer",
    "ReshapeLayer",
    "SCRNLayer",
    "ScaleLayer",
    "SliceLayer",
    "SpatialPyramidPoolingLayer",
    "StandardizationLayer",
    "TPSTransformerLayer",
    "TiedLayer",
    "TransformerLayer",
    "TransposedConv2DLayer",
    "TransposedConv3DLayer",
    "Upscale1DLayer",
    "Upscale2DLayer",
    "Upscale3DLayer",
    "autocrop",
    "autocrop_array_shapes",
    "batch_norm",
    "bidirectional",
    "concat",
    "conv_input_length",
    "conv_output_length",
    "count_params",
    "dimshuffle",
    "dropout",
    "dropout_channels",
    "dropout_locations",
    "flatten",
    "get_all_layers",
    "get_all_param_values",
    "get_all_params",
    "get_output",
    "get_output_shape",
    "instance_norm",
    "kept_units",
    "layer_norm",
    "pad",
    "pool_2d",
    "pool_2d_nxn_regions",
    "pool_3d",
    "pool_output_length",
    "prelu",
    "reshape",
    "rrelu",
    "set_all_param_values",
    "spatial_dropout",
    "standardize",
]


def __getattr__(name: str) -> Any:
    """Find the layers of plugins."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nncore import plugins, registry
    from nncore.errors import PluginError, UnknownNameError

    try:
        return registry.get("layer", name)
    except UnknownNameError as error:
        hint = plugins.suggest(name)
        if hint:
            raise ImportError(f"{name} is not part of the core of nncore. {hint}") from None
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}. {error}") from None
    except PluginError as error:
        raise ImportError(str(error)) from None
