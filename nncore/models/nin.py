"""Network in network, for CIFAR-10."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import layers
from nncore.models._assembly import Assembly, documented

__all__ = ["cifar10_nin"]


@documented()
def cifar10_nin(
    input_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 10,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build the network of [1]_ for CIFAR-10: convolutions, with small networks at each position.

    The layers are ``input``, ``conv1``, ``cccp1``, ``cccp2``, ``pool1``, ``drop3``, ``conv2``,
    ``cccp3``, ``cccp4``, ``pool2``, ``drop6``, ``conv3``, ``cccp5``, ``cccp6``, ``pool3`` and
    ``output``, which gives scores that are not negative, and no probabilities. The filters are not
    flipped, and windows of the pooling layers that reach over the border are cut off there, as in
    Caffe. There are 966,986 parameters.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``. Much larger images than those of CIFAR-10
        give several scores for each class, of several positions. Default: ``(3, 32, 32)``.
    num_classes : int
        Number of classes. Default: 10.
    <common>

    Returns
    -------
    <layers>

    References
    ----------
    .. [1] Lin, M., Chen, Q. and Yan, S. (2014): Network in network. arXiv:1312.4400.

    Examples
    --------
    >>> from nncore.models import cifar10_nin
    >>> net = cifar10_nin()
    >>> net["pool1"].output_shape, net["output"].output_shape
    ((None, 96, 16, 16), (None, 10))
    """
    net = Assembly(implementation, W, flip_filters=False)
    net.input(input_shape, input_var)
    net.conv("conv1", 192, 5, pad=2)
    net.conv("cccp1", 160, 1)
    net.conv("cccp2", 96, 1)
    net.add(layers.Pool2DLayer, "pool1", 3, stride=2, ignore_border=False, mode="max")
    net.add(layers.DropoutLayer, "drop3", p=0.5)
    net.conv("conv2", 192, 5, pad=2)
    net.conv("cccp3", 192, 1)
    net.conv("cccp4", 192, 1)
    average = {"ignore_border": False, "mode": "average_exc_pad"}
    net.add(layers.Pool2DLayer, "pool2", 3, stride=2, **average)
    net.add(layers.DropoutLayer, "drop6", p=0.5)
    net.conv("conv3", 192, 3, pad=1)
    net.conv("cccp5", 192, 1)
    net.conv("cccp6", num_classes, 1)
    net.add(layers.Pool2DLayer, "pool3", 8, **average)
    net.add(layers.FlattenLayer, "output")
    return net.layers
