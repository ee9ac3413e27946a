"""The reference network of Caffe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import layers
from nncore.models._assembly import Assembly, documented
from nncore.nonlinearities import softmax

__all__ = ["caffe_reference"]


def _in_halves(net: Assembly, name: str, on: Any, num_filters: int, *args: Any, pad: int) -> None:
    """Add two convolutions, each of one half of the channels, and join them.

    The published values come in two arrays for each of these layers, so that a convolution with
    two groups would not take them.
    """
    half = on.output_shape[1] // 2
    parts = []
    for index in (1, 2):
        channels = slice((index - 1) * half, index * half)
        data = net.add(layers.SliceLayer, f"{name}_data{index}", indices=channels, axis=1, on=on)
        parts.append((f"{name}_part{index}", data))
    parts = [net.conv(part, num_filters // 2, *args, on=data, pad=pad) for part, data in parts]
    net.add(layers.ConcatLayer, name, on=parts)


@documented()
def caffe_reference(
    input_shape: Sequence[int] = (3, 227, 227),
    num_classes: int = 1000,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build CaffeNet, the variant of the network of [1]_ that comes with Caffe [2]_.

    It pools before it normalizes the responses, and has no dropout here. The layers are ``data``,
    ``conv1``, ``pool1``, ``norm1``, ``conv2``, ``pool2``, ``norm2``, ``conv3``, ``conv4``,
    ``conv5``, ``pool5``, ``fc6``, ``fc7`` and ``fc8``, which gives probabilities. The layers
    ``conv2``, ``conv4`` and ``conv5`` see the channels in two halves: ``conv2_data1`` and
    ``conv2_data2`` are the halves, ``conv2_part1`` and ``conv2_part2`` the convolutions, and
    ``conv2`` joins them. The filters are flipped. There are 60,965,224 parameters.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``. Default: ``(3, 227, 227)``.
    num_classes : int
        Number of classes. Default: 1000.
    <common>

    Returns
    -------
    <layers>

    References
    ----------
    .. [1] Krizhevsky, A., Sutskever, I. and Hinton, G. (2012): ImageNet classification with deep
       convolutional neural networks. Advances in Neural Information Processing Systems, 25.
    .. [2] Jia, Y. et al. (2014): Caffe: convolutional architecture for fast feature embedding.
       arXiv:1408.5093.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.models import caffe_reference
    >>> net = caffe_reference((3, 99, 99), num_classes=10, W=Constant(0))
    >>> net["conv2_part1"].W.get_value().shape, net["conv2"].output_shape
    ((128, 48, 5, 5), (None, 256, 11, 11))
    """
    net = Assembly(implementation, W)
    norm = {"alpha": 0.0001 / 5, "beta": 0.75, "k": 1, "n": 5}
    net.input(input_shape, input_var, name="data")
    net.conv("conv1", 96, 11, stride=4)
    net.add(layers.MaxPool2DLayer, "pool1", 3, stride=2)
    norm1 = net.add(layers.LocalResponseNormalization2DLayer, "norm1", **norm)
    _in_halves(net, "conv2", norm1, 256, 5, pad=2)
    net.add(layers.MaxPool2DLayer, "pool2", 3, stride=2)
    net.add(layers.LocalResponseNormalization2DLayer, "norm2", **norm)
    conv3 = net.conv("conv3", 384, 3, pad=1)
    _in_halves(net, "conv4", conv3, 384, 3, pad=1)
    _in_halves(net, "conv5", net.layers["conv4"], 256, 3, pad=1)
    net.add(layers.MaxPool2DLayer, "pool5", 3, stride=2)
    net.dense("fc6", 4096)
    net.dense("fc7", 4096)
    net.dense("fc8", num_classes, nonlinearity=softmax)
    return net.layers
