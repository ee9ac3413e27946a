"""Residual networks: ResNet-50 for ImageNet, and two families for small images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import init, layers
from nncore.models._assembly import Assembly, documented
from nncore.nonlinearities import rectify, softmax

__all__ = ["preactivation_resnet", "resnet50", "resnet_cifar"]

_SMALL = """
shortcut : {'pad', 'projection'}
    What a shortcut does where rows and columns are halved: it takes every second one and adds
    channels of zeros, or it is a convolution with 1 x 1 filters. Default: ``%r``.
input_var : expression, optional
    The input, ``(batch, channels, rows, cols)``. Default: a new variable.
implementation : str, optional
    Implementation of the convolutions; see :func:`nncore.using`. Default: the best one available.
W : initializer, optional
    Initializes all filters and weight matrices. Default: ``init.HeNormal("relu")``.
"""


def _bottleneck(net: Assembly, block: str, incoming: Any, width: int, stride: int) -> None:
    """Add a block of ResNet-50."""
    right = incoming
    for branch, num_filters, size in (("a", width, 1), ("b", width, 3), ("c", 4 * width, 1)):
        name = f"{block}_branch2{branch}"
        net.conv(f"res{name}", num_filters, size, on=right, b=None, nonlinearity=None,
                 stride=stride if branch == "a" else 1, pad=size // 2)  # fmt: skip
        right = net.add(layers.BatchNormLayer, f"bn{name}")
        if branch != "c":
            right = net.add(layers.NonlinearityLayer, f"res{name}_relu", rectify)
    left = incoming
    if incoming.output_shape[1] != 4 * width or stride != 1:
        net.conv(f"res{block}_branch1", 4 * width, 1, stride, on=incoming, b=None,
                 nonlinearity=None)  # fmt: skip
        left = net.add(layers.BatchNormLayer, f"bn{block}_branch1")
    # The published values have the left branch first, whatever was built first.
    net.add(layers.ElemwiseSumLayer, f"res{block}", on=[left, right])
    net.add(layers.NonlinearityLayer, f"res{block}_relu", rectify)


@documented()
def resnet50(
    input_shape: Sequence[int] = (3, 224, 224),
    num_classes: int = 1000,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build ResNet-50 [1]_.

    The layers are ``input``, ``conv1``, ``bn_conv1``, ``conv1_relu``, ``pool1``; the blocks
    ``2a`` to ``5c``, such as ``res2a_branch2a``, ``bn2a_branch2a``, ``res2a_branch2a_relu``,
    ``res2a_branch2b`` ... ``bn2a_branch2c``, ``res2a_branch1``, ``bn2a_branch1`` (the shortcut, in
    the first block of a stage), ``res2a``, ``res2a_relu``; then ``pool5``, ``fc1000`` (without
    nonlinearity) and ``prob``. The filters are not flipped. A first block halves rows and columns
    in its first convolution, with 1 x 1 filters. There are 25,557,096 trainable parameters, of
    which 64 are biases of ``conv1`` that the batch normalization cancels, and 53,120 statistics.

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

    References
    ----------
    .. [1] He, K. et al. (2015): Deep residual learning for image recognition. arXiv:1512.03385.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.models import resnet50
    >>> net = resnet50(num_classes=10, W=Constant(0))
    >>> net["res2a"].output_shape, net["res5c_relu"].output_shape, net["prob"].output_shape
    ((None, 256, 56, 56), (None, 2048, 7, 7), (None, 10))
    """
    net = Assembly(implementation, W, flip_filters=False)
    net.input(input_shape, input_var)
    net.conv("conv1", 64, 7, stride=2, pad=3, nonlinearity=None)
    net.add(layers.BatchNormLayer, "bn_conv1")
    net.add(layers.NonlinearityLayer, "conv1_relu", rectify)
    layer = net.add(layers.Pool2DLayer, "pool1", 3, stride=2, ignore_border=False)
    for stage, blocks in enumerate(("abc", "abcd", "abcdef", "abc"), 2):
        for block in blocks:
            stride = 2 if block == "a" and stage > 2 else 1
            _bottleneck(net, f"{stage}{block}", layer, 16 * 2**stage, stride)
            layer = net.layers[f"res{stage}{block}_relu"]
    net.add(layers.Pool2DLayer, "pool5", 7, stride=1, mode="average_exc_pad", ignore_border=False)
    net.dense("fc1000", num_classes, nonlinearity=None)
    net.add(layers.NonlinearityLayer, "prob", softmax)
    return net.layers


def _blocks(depth: int, convolutions: int, shortcut: str) -> int:
    """Find how many blocks each of the three stages has."""
    layers_of_block = 3 * convolutions
    if (
        isinstance(depth, bool)
        or not isinstance(depth, int)
        or depth < layers_of_block + 2
        or (depth - 2) % layers_of_block
    ):
        raise ValueError(
            f"depth={depth!r} must be {layers_of_block} n + 2 for a whole number n of at least 1: "
            f"{layers_of_block + 2}, {2 * layers_of_block + 2}, {3 * layers_of_block + 2} and so "
            f"on, as each of three stages has n blocks of {convolutions} convolutions."
        )
    if shortcut not in ("pad", "projection"):
        raise ValueError(f"shortcut={shortcut!r} is not known; use 'pad' or 'projection'.")
    return (depth - 2) // layers_of_block


def _padded(net: Assembly, name: str, layer: Any, num_filters: int, stride: int) -> Any:
    """Add a shortcut without parameters: fewer rows and columns, and channels of zeros."""
    if stride > 1:
        every = slice(None, None, stride)
        layer = net.add(layers.SliceLayer, f"{name}_rows", every, axis=2, on=layer)
        layer = net.add(layers.SliceLayer, f"{name}_cols", every, axis=3)
    more = num_filters - layer.output_shape[1]
    width = [(more // 2, more - more // 2), 0, 0]
    return net.add(layers.PadLayer, f"{name}_pad", width, batch_ndim=1, on=layer)


@documented(_SMALL % "pad")
def resnet_cifar(
    depth: int = 20,
    input_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 10,
    *,
    shortcut: str = "pad",
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build a residual network for small images, as in section 4.2 of [1]_.

    Three stages of blocks with 16, 32 and 64 filters follow a first convolution. A block has two
    batch-normalized convolutions with 3 x 3 filters, and its input is added to their output. The
    layers are ``input``, ``conv``, ``bn``, ``relu``; ``block1_1/conv1``, ``block1_1/bn1``,
    ``block1_1/relu1``, ``block1_1/conv2``, ``block1_1/bn2``, ``block1_1/sum``, ``block1_1/relu2``
    and so on for every block; ``pool``, ``dense`` (without nonlinearity) and ``prob``.

    Parameters
    ----------
    depth : int
        Number of layers with weights: 6 n + 2 for n blocks in each stage. Default: 20; the paper
        has 20, 32, 44, 56, 110 and 1202.
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``. Default: ``(3, 32, 32)``.
    num_classes : int
        Number of classes. Default: 10.
    <common>

    Returns
    -------
    <layers>

    Raises
    ------
    ValueError
        If `depth` or `shortcut` is not possible.

    References
    ----------
    .. [1] He, K. et al. (2015): Deep residual learning for image recognition. arXiv:1512.03385.

    Examples
    --------
    >>> from nncore.layers import count_params
    >>> from nncore.models import resnet_cifar
    >>> net = resnet_cifar(20)
    >>> net["block3_1/sum"].output_shape, count_params(net["prob"], trainable=True)
    ((None, 64, 8, 8), 269722)
    """
    count = _blocks(depth, 2, shortcut)
    net = Assembly(implementation, init.HeNormal("relu") if W is None else W)
    plain = {"b": None, "nonlinearity": None}

    def convolve(block: str, number: Any, *args: Any, **kwargs: Any) -> Any:
        net.conv(f"{block}conv{number}", *args, **plain, **kwargs)
        return net.add(layers.BatchNormLayer, f"{block}bn{number}")

    net.input(input_shape, input_var)
    convolve("", "", 16, 3, pad=1)
    layer = net.add(layers.NonlinearityLayer, "relu", rectify)
    for stage, num_filters in enumerate((16, 32, 64), 1):
        for index in range(1, count + 1):
            block = f"block{stage}_{index}/"
            stride = 2 if index == 1 and stage > 1 else 1
            convolve(block, 1, num_filters, 3, stride=stride, pad=1, on=layer)
            net.add(layers.NonlinearityLayer, f"{block}relu1", rectify)
            residual = convolve(block, 2, num_filters, 3, pad=1)
            if stride > 1 and shortcut == "pad":
                layer = _padded(net, f"{block}shortcut", layer, num_filters, stride)
            elif stride > 1:
                layer = convolve(block, "_shortcut", num_filters, 1, stride=stride, on=layer)
            net.add(layers.ElemwiseSumLayer, f"{block}sum", on=[layer, residual])
            layer = net.add(layers.NonlinearityLayer, f"{block}relu2", rectify)
    net.add(layers.GlobalPoolLayer, "pool")
    net.dense("dense", num_classes, nonlinearity=None)
    net.add(layers.NonlinearityLayer, "prob", softmax)
    return net.layers


@documented(_SMALL % "projection")
def preactivation_resnet(
    depth: int = 20,
    input_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 10,
    *,
    bottleneck: bool = False,
    shortcut: str = "projection",
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build a residual network of pre-activated blocks [1]_ for small images.

    It differs from :func:`resnet_cifar` in that batch normalization and rectification come before
    each convolution, and nothing comes after the sum. In the first block of each stage they come
    before the shortcut, too. The layers are ``input``, ``conv``; ``block1_1/bn1``,
    ``block1_1/relu1``, ``block1_1/conv1``, ``block1_1/bn2`` ... ``block1_1/sum`` and so on for
    every block; ``bn``, ``relu``, ``pool``, ``dense`` (without nonlinearity) and ``prob``.

    Parameters
    ----------
    depth : int
        Number of layers with weights: 6 n + 2 for n blocks in each stage, or 9 n + 2 with
        `bottleneck`. Default: 20; the paper has 110, and 164 and 1001 with `bottleneck`.
    input_shape : (int, int, int)
        Shape of an image: ``(channels, rows, cols)``. Default: ``(3, 32, 32)``.
    num_classes : int
        Number of classes. Default: 10.
    bottleneck : bool
        Whether a block has three convolutions, with 1 x 1, 3 x 3 and 1 x 1 filters, of which the
        last one has four times as many. Default: False.
    <common>

    Returns
    -------
    <layers>

    Raises
    ------
    ValueError
        If `depth` or `shortcut` is not possible.

    References
    ----------
    .. [1] He, K. et al. (2016): Identity mappings in deep residual networks. arXiv:1603.05027.

    Examples
    --------
    >>> from nncore.layers import count_params
    >>> from nncore.models import preactivation_resnet
    >>> net = preactivation_resnet(20)
    >>> net["block3_1/sum"].output_shape, count_params(net["prob"], trainable=True)
    ((None, 64, 8, 8), 272282)
    """
    count = _blocks(depth, 3 if bottleneck else 2, shortcut)
    net = Assembly(implementation, init.HeNormal("relu") if W is None else W)
    plain = {"b": None, "nonlinearity": None}
    widths = ((1, 1), (1, 3), (4, 1)) if bottleneck else ((1, 3), (1, 3))
    net.input(input_shape, input_var)
    layer = net.conv("conv", 16, 3, pad=1, **plain)
    for stage, base in enumerate((16, 32, 64), 1):
        for index in range(1, count + 1):
            block = f"block{stage}_{index}/"
            stride = 2 if index == 1 and stage > 1 else 1
            residual = layer
            for number, (factor, size) in enumerate(widths, 1):
                net.add(layers.BatchNormLayer, f"{block}bn{number}", on=residual)
                activated = net.add(layers.NonlinearityLayer, f"{block}relu{number}", rectify)
                if number == 1 and index == 1:
                    layer = activated
                residual = net.conv(
                    f"{block}conv{number}", factor * base, size, pad=size // 2, **plain,
                    stride=stride if number == 1 else 1,
                )  # fmt: skip
            num_filters = residual.output_shape[1]
            if layer.output_shape[1] != num_filters and shortcut == "pad":
                layer = _padded(net, f"{block}shortcut", layer, num_filters, stride)
            elif layer.output_shape[1] != num_filters:
                name = f"{block}conv_shortcut"
                layer = net.conv(name, num_filters, 1, stride=stride, on=layer, **plain)
            layer = net.add(layers.ElemwiseSumLayer, f"{block}sum", on=[layer, residual])
    net.add(layers.BatchNormLayer, "bn")
    net.add(layers.NonlinearityLayer, "relu", rectify)
    net.add(layers.GlobalPoolLayer, "pool")
    net.dense("dense", num_classes, nonlinearity=None)
    net.add(layers.NonlinearityLayer, "prob", softmax)
    return net.layers
