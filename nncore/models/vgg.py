"""Networks of the Visual Geometry Group, Oxford, for ImageNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import layers
from nncore.models._assembly import Assembly, documented
from nncore.nonlinearities import softmax

__all__ = ["vgg16", "vgg19", "vgg_cnn_s"]

IMAGE = (3, 224, 224)


def _classify(net: Assembly, num_classes: int, dropouts: tuple[str, str]) -> None:
    """Add the three dense layers that all networks of the group end in."""
    for name, dropout in zip(("fc6", "fc7"), dropouts, strict=True):
        net.dense(name, 4096)
        net.add(layers.DropoutLayer, dropout, p=0.5)
    net.dense("fc8", num_classes, nonlinearity=None)
    net.add(layers.NonlinearityLayer, "prob", softmax)


def _vgg(
    convolutions: Sequence[int],
    input_shape: Sequence[int],
    num_classes: int,
    input_var: Any,
    implementation: str | None,
    W: Any,
) -> Any:
    net = Assembly(implementation, W, flip_filters=False)
    net.input(input_shape, input_var)
    for group, count in enumerate(convolutions, 1):
        for index in range(1, count + 1):
            net.conv(f"conv{group}_{index}", min(32 * 2**group, 512), 3, pad=1)
        net.add(layers.Pool2DLayer, f"pool{group}", 2)
    _classify(net, num_classes, ("fc6_dropout", "fc7_dropout"))
    return net.layers


@documented()
def vgg16(
    input_shape: Sequence[int] = IMAGE,
    num_classes: int = 1000,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build VGG-16, configuration D of [1]_.

    The layers are ``input``, ``conv1_1``, ``conv1_2``, ``pool1`` and so on to ``pool5``, then
    ``fc6``, ``fc6_dropout``, ``fc7``, ``fc7_dropout``, ``fc8`` (without nonlinearity) and
    ``prob``. The filters are not flipped, as in Caffe. There are 138,357,544 parameters.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``; at least 32 rows and columns. Default:
        ``(3, 224, 224)``.
    num_classes : int
        Number of classes. Default: 1000.
    <common>

    Returns
    -------
    <layers>

    Notes
    -----
    The published values are for images in the order blue, green, red, with values from 0 to 255
    from which 103.939, 116.779 and 123.68 are subtracted.

    References
    ----------
    .. [1] Simonyan, K. and Zisserman, A. (2015): Very deep convolutional networks for large-scale
       image recognition. arXiv:1409.1556.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.models import vgg16
    >>> net = vgg16((3, 64, 64), num_classes=10, W=Constant(0))
    >>> net["pool5"].output_shape, net["prob"].output_shape
    ((None, 512, 2, 2), (None, 10))
    """
    return _vgg((2, 2, 3, 3, 3), input_shape, num_classes, input_var, implementation, W)


@documented()
def vgg19(
    input_shape: Sequence[int] = IMAGE,
    num_classes: int = 1000,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build VGG-19, configuration E of [1]_.

    The layers are those of :func:`vgg16`, with ``conv3_4``, ``conv4_4`` and ``conv5_4`` besides.
    There are 143,667,240 parameters.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``; at least 32 rows and columns. Default:
        ``(3, 224, 224)``.
    num_classes : int
        Number of classes. Default: 1000.
    <common>

    Returns
    -------
    <layers>

    Notes
    -----
    The published values are for images as described at :func:`vgg16`.

    References
    ----------
    .. [1] Simonyan, K. and Zisserman, A. (2015): Very deep convolutional networks for large-scale
       image recognition. arXiv:1409.1556.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.models import vgg19
    >>> net = vgg19((3, 64, 64), num_classes=10, W=Constant(0))
    >>> net["conv5_4"].output_shape
    (None, 512, 4, 4)
    """
    return _vgg((2, 2, 4, 4, 4), input_shape, num_classes, input_var, implementation, W)


@documented()
def vgg_cnn_s(
    input_shape: Sequence[int] = IMAGE,
    num_classes: int = 1000,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build the "slow" network of [1]_.

    The layers are ``input``, ``conv1``, ``norm1``, ``pool1``, ``conv2``, ``pool2``, ``conv3``,
    ``conv4``, ``conv5``, ``pool5``, ``fc6``, ``drop6``, ``fc7``, ``drop7``, ``fc8`` (without
    nonlinearity) and ``prob``. The filters are not flipped, and windows of the pooling layers that
    reach over the border are cut off there, as in Caffe.

    Parameters
    ----------
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``. Default: ``(3, 224, 224)``.
    num_classes : int
        Number of classes. Default: 1000.
    <common>

    Returns
    -------
    <layers>

    Notes
    -----
    Caffe divides the coefficient of the response normalization by the number of channels summed
    over, so its 5e-4 is 1e-4 here.

    References
    ----------
    .. [1] Chatfield, K. et al. (2014): Return of the devil in the details: delving deep into
       convolutional nets. arXiv:1405.3531.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.models import vgg_cnn_s
    >>> net = vgg_cnn_s((3, 96, 96), num_classes=10, W=Constant(0))
    >>> net["pool1"].output_shape, net["prob"].output_shape
    ((None, 96, 15, 15), (None, 10))
    """
    net = Assembly(implementation, W, flip_filters=False)
    net.input(input_shape, input_var)
    net.conv("conv1", 96, 7, stride=2)
    net.add(layers.LocalResponseNormalization2DLayer, "norm1", alpha=0.0001)
    net.add(layers.MaxPool2DLayer, "pool1", 3, stride=3, ignore_border=False)
    net.conv("conv2", 256, 5)
    net.add(layers.MaxPool2DLayer, "pool2", 2, stride=2, ignore_border=False)
    for name in ("conv3", "conv4", "conv5"):
        net.conv(name, 512, 3, pad=1)
    net.add(layers.MaxPool2DLayer, "pool5", 3, stride=3, ignore_border=False)
    _classify(net, num_classes, ("drop6", "drop7"))
    return net.layers
