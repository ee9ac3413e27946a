"""A small network that ends in each class of layers, for tests that go over all of them."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt

from nncore import init, layers, nonlinearities
from nncore.layers import DenseLayer, InputLayer

IMAGE = (2, 3, 8, 8)
ROWS = (2, 6)
SEQUENCE = (2, 5, 3)


def image(*shape):
    return InputLayer(shape or IMAGE, name="in")


def _mask():
    return InputLayer(SEQUENCE[:2], name="mask")


def _localization(layer, size):
    return DenseLayer(layer, size, nonlinearity=None, W=np.zeros((192, size), "float32"))


def _custom_recurrent():
    return layers.CustomRecurrentLayer(
        image(*SEQUENCE),
        DenseLayer(InputLayer((None, 3)), 4, nonlinearity=None, name="x"),
        DenseLayer(InputLayer((None, 4)), 4, nonlinearity=None, name="h"),
    )


def _inverse():
    first = DenseLayer(image(*ROWS), 4, nonlinearity=nonlinearities.tanh)
    return layers.InverseLayer(layers.DropoutLayer(first), first)


def _tps():
    source = image()
    return layers.TPSTransformerLayer(source, _localization(source, 32), control_points=16)


NETWORKS = {
    "BatchNormLayer": lambda: layers.BatchNormLayer(image(), epsilon=0.01, gamma=None),
    "BatchwiseDropoutDenseLayer": lambda: layers.BatchwiseDropoutDenseLayer(image(), 4, p=0.3),
    "BatchwiseDropoutLayer": lambda: layers.BatchwiseDropoutLayer(image(*ROWS), p=0.3),
    "BidirectionalLayer": lambda: layers.BidirectionalLayer(
        image(*SEQUENCE), 4, layers.GRULayer, mask_input=_mask(),
        updategate=layers.Gate(W_cell=None, nonlinearity=nonlinearities.tanh),
    ),
    "BiasLayer": lambda: layers.BiasLayer(image(), shared_axes=(0, 2)),
    "ClockworkLayer": lambda: layers.ClockworkLayer(image(*SEQUENCE), 4, periods=[1, 4]),
    "ConcatLayer": lambda: layers.ConcatLayer(
        [image(), image(2, 4, 9, 8)], cropping=[None, None, "lower", "center"]
    ),
    "Conv1DLayer": lambda: layers.Conv1DLayer(image(2, 3, 9), 4, 3, stride=2, pad="same"),
    "Conv2DLayer": lambda: layers.Conv2DLayer(
        image(), 4, (3, 2), pad=(1, 0), untie_biases=True, nonlinearity=nonlinearities.elu
    ),
    "Conv3DLayer": lambda: layers.Conv3DLayer(image(1, 2, 4, 4, 4), 2, 3, b=None),
    "CustomRecurrentLayer": _custom_recurrent,
    "DenseLayer": lambda: DenseLayer(image(*SEQUENCE), 4, num_leading_axes=2),
    "DilatedConv2DLayer": lambda: layers.DilatedConv2DLayer(image(), 2, 3, dilation=2),
    "DimshuffleLayer": lambda: layers.DimshuffleLayer(image(), (0, 2, "x", 3, 1)),
    "DropoutLayer": lambda: layers.DropoutLayer(image(), p=0.3, shared_axes=(2, 3)),
    "ElemwiseMergeLayer": lambda: layers.ElemwiseMergeLayer([image(), image()], pt.maximum),
    "ElemwiseSumLayer": lambda: layers.ElemwiseSumLayer([image(), image()], coeffs=[2, -0.5]),
    "EmbeddingLayer": lambda: layers.EmbeddingLayer(
        InputLayer((2, 4), input_var=pt.imatrix("words")), 7, 3
    ),
    "FeaturePoolLayer": lambda: layers.FeaturePoolLayer(image(*ROWS), 3, pool_function=pt.mean),
    "FeatureWTALayer": lambda: layers.FeatureWTALayer(image(*ROWS), 2),
    "FlattenLayer": lambda: layers.FlattenLayer(image(), outdim=3),
    "GRULayer": lambda: layers.GRULayer(
        image(*SEQUENCE), 4, mask_input=_mask(),
        updategate=layers.Gate(W_cell=None), learn_init=True,
    ),
    "GaussianNoiseLayer": lambda: layers.GaussianNoiseLayer(image(), sigma=0.4),
    "GlobalPoolLayer": lambda: layers.GlobalPoolLayer(image(), pool_function=pt.max),
    "InputLayer": lambda: image(None, 4),
    "InverseLayer": _inverse,
    "LSTMLayer": lambda: layers.LSTMLayer(
        image(*SEQUENCE), 4, peepholes=False, backwards=True, only_return_final=True,
        forgetgate=layers.Gate(b=np.ones(4, "float32"), nonlinearity=nonlinearities.tanh),
    ),
    "LocalResponseNormalization2DLayer": lambda: layers.LocalResponseNormalization2DLayer(
        image(), n=3
    ),
    "LocallyConnected2DLayer": lambda: layers.LocallyConnected2DLayer(image(2, 3, 4, 4), 2, 3),
    "MRNNLayer": lambda: layers.MRNNLayer(image(*SEQUENCE), 4, factors=3, b=init.Constant(2.0)),
    "MUT1Layer": lambda: layers.MUT1Layer(image(*SEQUENCE), 4, backwards=True),
    "MaxPool1DLayer": lambda: layers.MaxPool1DLayer(image(2, 3, 9), 3, stride=2),
    "MaxPool2DLayer": lambda: layers.MaxPool2DLayer(image(), (2, 3), pad=(1, 0)),
    "MaxPool3DLayer": lambda: layers.MaxPool3DLayer(image(1, 2, 4, 4, 4), 2),
    "NINLayer": lambda: layers.NINLayer(image(), 4),
    "NonlinearityLayer": lambda: layers.NonlinearityLayer(
        image(), nonlinearities.LeakyRectify(0.2)
    ),
    "PadLayer": lambda: layers.PadLayer(image(), [(1, 2), 3], val=0.5),
    "ParametricRectifierLayer": lambda: layers.ParametricRectifierLayer(image()),
    "Pool1DLayer": lambda: layers.Pool1DLayer(image(2, 3, 9), 2, mode="average_inc_pad"),
    "Pool2DLayer": lambda: layers.Pool2DLayer(image(), 3, ignore_border=False),
    "Pool3DLayer": lambda: layers.Pool3DLayer(image(1, 2, 4, 4, 4), 2, mode="average_exc_pad"),
    "RRNNLayer": lambda: layers.RRNNLayer(image(*SEQUENCE), 4, rate="uniform"),
    "RandomizedRectifierLayer": lambda: layers.RandomizedRectifierLayer(image(), lower=0.1),
    "RecurrentLayer": lambda: layers.RecurrentLayer(
        image(*SEQUENCE), 4, hid_init=DenseLayer(InputLayer((2, 3), name="start"), 4)
    ),
    "ReshapeLayer": lambda: layers.ReshapeLayer(image(), ([0], -1, 4)),
    "SCRNLayer": lambda: layers.SCRNLayer(
        image(*SEQUENCE), 4, rate="matrix", nonlinearity_out=nonlinearities.tanh
    ),
    "ScaleLayer": lambda: layers.ScaleLayer(image()),
    "SliceLayer": lambda: layers.SliceLayer(image(), slice(1, None, 2), axis=2),
    "SpatialPyramidPoolingLayer": lambda: layers.SpatialPyramidPoolingLayer(
        image(), pool_dims=[2, 1]
    ),
    "StandardizationLayer": lambda: layers.StandardizationLayer(image(), axes=(2, 3)),
    "TPSTransformerLayer": _tps,
    "TiedLayer": lambda: layers.TiedLayer(code := DenseLayer(image(*ROWS), 4), code),
    "TransformerLayer": lambda: layers.TransformerLayer(
        (source := image()), _localization(source, 6), downsample_factor=2
    ),
    "TransposedConv2DLayer": lambda: layers.TransposedConv2DLayer(
        image(), 4, 3, stride=2, crop=1, output_size=(16, 16)
    ),
    "TransposedConv3DLayer": lambda: layers.TransposedConv3DLayer(image(1, 2, 3, 3, 3), 2, 2),
    "Upscale1DLayer": lambda: layers.Upscale1DLayer(image(2, 3, 9), 2),
    "Upscale2DLayer": lambda: layers.Upscale2DLayer(image(), (2, 3), mode="dilate"),
    "Upscale3DLayer": lambda: layers.Upscale3DLayer(image(1, 2, 3, 3, 3), 2),
}  # fmt: skip
