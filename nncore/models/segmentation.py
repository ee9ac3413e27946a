"""A network that gives classes to the pixels of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncore import init, layers
from nncore.models._assembly import Assembly, documented
from nncore.nonlinearities import elu, softmax

__all__ = ["unet"]

_PARAMETERS = """
input_var : expression, optional
    The input, ``(batch, channels, rows, cols)``. Default: a new variable.
implementation : str, optional
    Implementation of the convolutions; see :func:`nncore.using`. Default: the best one available.
W : initializer, optional
    Initializes all filters. Default: ``init.HeNormal("relu")``.
"""


@documented(_PARAMETERS)
def unet(
    n_input_channels: int = 1,
    BATCH_SIZE: int | None = None,
    num_output_classes: int = 2,
    pad: Any = "same",
    nonlinearity: Any = elu,
    input_dim: Sequence[int] = (128, 128),
    base_n_filters: int = 64,
    do_dropout: bool = False,
    *,
    input_var: Any = None,
    implementation: str | None = None,
    W: Any = None,
) -> Any:
    """Build a U-Net [1]_ with batch normalization and exponential linear units.

    Four times the image is halved, with twice as many filters each time, and four times doubled
    again, when what there was at the same size is added as channels. The layers are ``input``,
    ``contr_1_1``, ``contr_1_2``, ``pool1`` ... ``pool4``, ``encode_1``, ``encode_2``; ``upscale1``,
    ``concat1``, ``expand_1_1``, ``expand_1_2`` ... ``expand_4_2``; ``output_segmentation`` (scores,
    as an image for each class), ``dimshuffle``, ``reshapeSeg``, ``dimshuffle2`` and
    ``output_flattened``, with the probabilities of all pixels of all images,
    ``(batch * rows * cols, num_output_classes)``.

    Parameters
    ----------
    n_input_channels : int
        Number of channels of the images. Default: 1.
    BATCH_SIZE : int or None
        Size of the mini-batches; None if it may vary. Default: None.
    num_output_classes : int
        Number of classes. Default: 2.
    pad : int, tuple of int or str
        Padding of the convolutions; with ``"valid"``, as in the paper, the output is smaller than
        the image. Default: ``"same"``.
    nonlinearity : callable
        Applied after each normalization. Default: :func:`nncore.nonlinearities.elu`.
    input_dim : (int, int)
        Rows and columns of the images. With ``pad="same"``, multiples of 16 give an output of the
        same size. Default: (128, 128).
    base_n_filters : int
        Number of filters of the first convolution. Default: 64.
    do_dropout : bool
        Whether four tenths of the values are dropped before ``encode_1``. Default: False.
    <common>

    Returns
    -------
    <layers>

    References
    ----------
    .. [1] Ronneberger, O., Fischer, P. and Brox, T. (2015): U-Net: convolutional networks for
       biomedical image segmentation. arXiv:1505.04597.

    Examples
    --------
    >>> from nncore.models import unet
    >>> net = unet(input_dim=(64, 48), base_n_filters=4)
    >>> net["encode_2"].output_shape, net["output_segmentation"].output_shape
    ((None, 64, 4, 3), (None, 2, 64, 48))
    """
    net = Assembly(implementation, init.HeNormal("relu") if W is None else W)
    common = {"nonlinearity": nonlinearity}
    net.input((n_input_channels, *input_dim), input_var, batch=BATCH_SIZE)
    for level in range(1, 5):
        for index in (1, 2):
            filters = base_n_filters * 2 ** (level - 1)
            net.normalized(f"contr_{level}_{index}", filters, 3, pad=pad, **common)
        layer = net.add(layers.Pool2DLayer, f"pool{level}", 2)
    if do_dropout:
        layer = layers.DropoutLayer(layer, p=0.4, name="dropout")
    net.normalized("encode_1", base_n_filters * 16, 3, pad=pad, on=layer, **common)
    net.normalized("encode_2", base_n_filters * 16, 3, pad=pad, **common)
    for level in range(1, 5):
        filters = base_n_filters * 2 ** (4 - level)
        deeper = net.normalized(
            f"upscale{level}", 2 * filters, 2, 2, crop="valid", flip_filters=False,
            kind=layers.TransposedConv2DLayer, **common,
        )  # fmt: skip
        beside = net.layers[f"contr_{5 - level}_2"]
        cropping = (None, None, "center", "center")
        net.add(layers.ConcatLayer, f"concat{level}", on=[deeper, beside], cropping=cropping)
        for index in (1, 2):
            net.normalized(f"expand_{level}_{index}", filters, 3, pad=pad, **common)
    net.conv("output_segmentation", num_output_classes, 1, nonlinearity=None,
             W=init.GlorotUniform() if W is None else W)  # fmt: skip
    net.add(layers.DimshuffleLayer, "dimshuffle", (1, 0, 2, 3))
    net.add(layers.ReshapeLayer, "reshapeSeg", (num_output_classes, -1))
    net.add(layers.DimshuffleLayer, "dimshuffle2", (1, 0))
    net.add(layers.NonlinearityLayer, "output_flattened", softmax)
    return net.layers
