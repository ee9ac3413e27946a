"""A network of three-dimensional convolutions, for videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import layers
from nncore.models._assembly import Assembly, documented
from nncore.nonlinearities import softmax

__all__ = ["c3d"]


@documented()
def c3d(
    input_shape: Sequence[int] = (3, 16, 112, 112),
    num_classes: int = 487,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build C3D [1]_, which classifies short clips; its features serve for other tasks on videos.

    The layers are ``input``, ``conv1a``, ``pool1``, ``conv2a``, ``pool2``, ``conv3a``,
    ``conv3b``, ``pool3``, ``conv4a``, ``conv4b``, ``pool4``, ``conv5a``, ``conv5b``, ``pad``,
    ``pool5``, ``fc6-1``, ``fc7-1``, ``fc8-1`` (without nonlinearity) and ``prob``. The filters are
    not flipped. ``pad`` adds zeros after the last row and column, so that the last pooling halves
    7 rows to 4.

    Parameters
    ----------
    input_shape : (int, int, int, int)
        Shape of a clip: ``(channels, frames, rows, cols)``. Default: ``(3, 16, 112, 112)``.
    num_classes : int
        Number of classes. Default: 487, as in Sports-1M.
    <common>

    Returns
    -------
    <layers>

    References
    ----------
    .. [1] Tran, D. et al. (2015): Learning spatiotemporal features with 3D convolutional networks.
       arXiv:1412.0767.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.models import c3d
    >>> net = c3d((3, 16, 32, 32), num_classes=10, W=Constant(0))
    >>> net["conv3b"].output_shape, net["prob"].output_shape
    ((None, 256, 8, 8, 8), (None, 10))
    """
    net = Assembly(implementation, W, flip_filters=False)
    net.input(input_shape, input_var)
    groups = (("a", 64, 1), ("a", 128, 2), ("ab", 256, 2), ("ab", 512, 2), ("ab", 512, 2))
    for group, (convolutions, num_filters, frames) in enumerate(groups, 1):
        for letter in convolutions:
            net.conv(f"conv{group}{letter}", num_filters, 3, pad=1, kind=layers.Conv3DLayer)
        if group == 5:
            net.add(layers.PadLayer, "pad", [(0, 1), (0, 1)], batch_ndim=3)
        net.add(layers.MaxPool3DLayer, f"pool{group}", (frames, 2, 2))
    net.dense("fc6-1", 4096)
    net.dense("fc7-1", 4096)
    net.dense("fc8-1", num_classes, nonlinearity=None)
    net.add(layers.NonlinearityLayer, "prob", softmax)
    return net.layers
