"""Networks of inception modules, for ImageNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import layers
from nncore.models._assembly import Assembly, documented
from nncore.nonlinearities import softmax

__all__ = ["googlenet", "inception_v3"]

#: For each module of GoogLeNet, filters of: 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5, pool_proj.
_GOOGLENET = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def _module(net: Assembly, name: str, num_filters: Sequence[int]) -> Any:
    """Add a module of GoogLeNet to the layer added last."""
    incoming = next(reversed(net.layers.values()))
    one, reduce3, three, reduce5, five, projection = num_filters
    net.add(layers.MaxPool2DLayer, f"{name}/pool", 3, stride=1, pad=1, on=incoming)
    branches = [
        net.conv(f"{name}/pool_proj", projection, 1),
        net.conv(f"{name}/1x1", one, 1, on=incoming),
    ]
    for size, reduced, filters in ((3, reduce3, three), (5, reduce5, five)):
        net.conv(f"{name}/{size}x{size}_reduce", reduced, 1, on=incoming)
        branches.append(net.conv(f"{name}/{size}x{size}", filters, size, pad=size // 2))
    # The published values are in the order in which the branches are joined.
    return net.add(layers.ConcatLayer, f"{name}/output", on=branches[1:] + branches[:1])


@documented()
def googlenet(
    input_shape: Sequence[int | None] = (3, None, None),
    num_classes: int = 1000,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build GoogLeNet [1]_ as it comes with Caffe, without the auxiliary classifiers.

    The layers are ``input``, ``conv1/7x7_s2``, ``pool1/3x3_s2``, ``pool1/norm1``,
    ``conv2/3x3_reduce``, ``conv2/3x3``, ``conv2/norm2``, ``pool2/3x3_s2``; the modules
    ``inception_3a`` to ``inception_5b``, each of ``/pool``, ``/pool_proj``, ``/1x1``,
    ``/3x3_reduce``, ``/3x3``, ``/5x5_reduce``, ``/5x5`` and ``/output``, with ``pool3/3x3_s2`` and
    ``pool4/3x3_s2`` between them; ``pool5/7x7_s1`` (over all positions), ``loss3/classifier``
    (without nonlinearity) and ``prob``. The filters are not flipped. There are 6,998,552
    parameters.

    Parameters
    ----------
    input_shape : (int, int or None, int or None)
        Shape of an image: ``(channels, rows, cols)``; None for a size that may vary. Default:
        ``(3, None, None)``; the published values are for 224 rows and columns.
    num_classes : int
        Number of classes. Default: 1000.
    <common>

    Returns
    -------
    <layers>

    References
    ----------
    .. [1] Szegedy, C. et al. (2015): Going deeper with convolutions. arXiv:1409.4842.

    Examples
    --------
    >>> from nncore.models import googlenet
    >>> net = googlenet((3, 224, 224), num_classes=10)
    >>> net["inception_3a/output"].output_shape, net["prob"].output_shape
    ((None, 256, 28, 28), (None, 10))
    """
    net = Assembly(implementation, W, flip_filters=False)
    pool = {"pool_size": 3, "stride": 2, "ignore_border": False}
    # Caffe divides its coefficient, 1e-4, by the number of channels summed over.
    norm = {"alpha": 0.00002, "k": 1}
    net.input(input_shape, input_var)
    net.conv("conv1/7x7_s2", 64, 7, stride=2, pad=3)
    net.add(layers.MaxPool2DLayer, "pool1/3x3_s2", **pool)
    net.add(layers.LocalResponseNormalization2DLayer, "pool1/norm1", **norm)
    net.conv("conv2/3x3_reduce", 64, 1)
    net.conv("conv2/3x3", 192, 3, pad=1)
    net.add(layers.LocalResponseNormalization2DLayer, "conv2/norm2", **norm)
    net.add(layers.MaxPool2DLayer, "pool2/3x3_s2", **pool)
    for module, num_filters in _GOOGLENET.items():
        _module(net, f"inception_{module}", num_filters)
        if module in ("3b", "4e"):
            net.add(layers.MaxPool2DLayer, f"pool{int(module[0])}/3x3_s2", **pool)
    net.add(layers.GlobalPoolLayer, "pool5/7x7_s1")
    net.dense("loss3/classifier", num_classes, nonlinearity=None)
    net.add(layers.NonlinearityLayer, "prob", softmax)
    return net.layers


#: A convolution: number of filters, and rows and columns of the filters.
_Step = tuple[int, int, int]


def _chain(
    inner: Assembly, name: str, layer: Any, steps: Sequence[_Step], *, halve: bool = False
) -> Any:
    """Put convolutions on a layer that keep its size; the last one may halve it."""
    for index, (num_filters, rows, cols) in enumerate(steps, 1):
        geometry: dict[str, Any] = {"pad": (rows // 2, cols // 2)}
        if halve and index == len(steps):
            geometry = {"stride": 2}
        layer = inner.normalized(
            f"{name}_{index}", num_filters, (rows, cols), on=layer, epsilon=0.001, **geometry
        )
    return layer


def _mix(
    inner: Assembly,
    name: str,
    incoming: Any,
    chains: Sequence[Sequence[_Step]],
    *,
    fork: Sequence[_Step] = (),
    projection: int = 0,
    mode: str = "average_exc_pad",
) -> Any:
    """Build a module of Inception-v3.

    Chains of convolutions and a pooling with a projection are joined. With a fork, all chains but
    the first one end in its two convolutions side by side. Without a projection, the module halves
    the size.
    """
    branches = []
    for index, steps in enumerate(chains, 1):
        label = f"{name}/branch{index}"
        branch = _chain(inner, label, incoming, steps, halve=not projection)
        ends = [_chain(inner, f"{label}{side}", branch, [step])
                for side, step in zip("ab", fork, strict=False) if index > 1]  # fmt: skip
        branches += ends or [branch]
    if projection:
        pool = layers.Pool2DLayer(incoming, 3, 1, 1, mode=mode, name=f"{name}/pool")
        pool = _chain(inner, f"{name}/pool_proj", pool, [(projection, 1, 1)])
    else:
        pool = layers.Pool2DLayer(incoming, 3, 2, name=f"{name}/pool")
    return layers.ConcatLayer([*branches, pool], name=f"{name}/join")


@documented()
def inception_v3(
    input_shape: Sequence[int | None] = (3, 299, 299),
    num_classes: int = 1008,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build Inception-v3 [1]_ without the auxiliary classifier.

    The layers are ``input``, ``conv``, ``conv_1``, ``conv_2``, ``pool``, ``conv_3``, ``conv_4``,
    ``pool_1``, the modules ``mixed/join`` and ``mixed_1/join`` to ``mixed_10/join``, ``pool3``
    (over all positions) and ``softmax``. All convolutions are batch-normalized, and the filters are
    flipped.

    Parameters
    ----------
    input_shape : (int, int or None, int or None)
        Shape of an image: ``(channels, rows, cols)``; None for a size that may vary. Default:
        ``(3, 299, 299)``.
    num_classes : int
        Number of classes. Default: 1008, of which ImageNet has 1000.
    <common>

    Returns
    -------
    <layers>

    Notes
    -----
    The published values are for images with values from -1 to 1.

    References
    ----------
    .. [1] Szegedy, C. et al. (2015): Rethinking the inception architecture for computer vision.
       arXiv:1512.00567.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.models import inception_v3
    >>> net = inception_v3(num_classes=10, W=Constant(0))
    >>> net["mixed_2/join"].output_shape, net["softmax"].output_shape
    ((None, 288, 35, 35), (None, 10))
    """
    net, inner = Assembly(implementation, W), Assembly(implementation, W)

    def mix(name: str, *chains: Sequence[_Step], **options: Any) -> None:
        last = next(reversed(net.layers.values()))
        net.keep(f"{name}/join", _mix(inner, name, last, chains, **options))

    def narrow(name: str, width: int) -> None:
        mix(
            name,
            [(192, 1, 1)],
            [(width, 1, 1), (width, 1, 7), (192, 7, 1)],
            [(width, 1, 1), (width, 7, 1), (width, 1, 7), (width, 7, 1), (192, 1, 7)],
            projection=192,
        )

    net.input(input_shape, input_var)
    net.normalized("conv", 32, 3, stride=2, epsilon=0.001)
    net.normalized("conv_1", 32, 3, epsilon=0.001)
    net.normalized("conv_2", 64, 3, pad=1, epsilon=0.001)
    net.add(layers.Pool2DLayer, "pool", 3, stride=2)
    net.normalized("conv_3", 80, 1, epsilon=0.001)
    net.normalized("conv_4", 192, 3, epsilon=0.001)
    net.add(layers.Pool2DLayer, "pool_1", 3, stride=2)
    double = [(64, 1, 1), (96, 3, 3), (96, 3, 3)]
    for name, projection in (("mixed", 32), ("mixed_1", 64), ("mixed_2", 64)):
        mix(name, [(64, 1, 1)], [(48, 1, 1), (64, 5, 5)], double, projection=projection)
    mix("mixed_3", [(384, 3, 3)], double)
    for index, width in enumerate((128, 160, 160, 192), 4):
        narrow(f"mixed_{index}", width)
    mix(
        "mixed_8",
        [(192, 1, 1), (320, 3, 3)],
        [(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3)],
    )
    for name, mode in (("mixed_9", "average_exc_pad"), ("mixed_10", "max")):
        mix(
            name,
            [(320, 1, 1)],
            [(384, 1, 1)],
            [(448, 1, 1), (384, 3, 3)],
            fork=((384, 1, 3), (384, 3, 1)),
            projection=192,
            mode=mode,
        )
    net.add(layers.GlobalPoolLayer, "pool3")
    net.dense("softmax", num_classes, nonlinearity=softmax)
    return net.layers
