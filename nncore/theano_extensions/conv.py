"""One-dimensional convolutions under Lasagne's names, kept for old programs.

They were different ways to make one-dimensional convolutions of two-dimensional ones, and all do
the same now; :func:`nncore.ops.conv` has implementations that are chosen by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor.tensor.variable import TensorVariable

from nncore import ops, utils

__all__ = [
    "conv1d_mc0",
    "conv1d_mc1",
    "conv1d_md",
    "conv1d_sc",
    "conv1d_sd",
    "conv1d_unstrided",
]


def _conv1d(
    input: Any,
    filters: Any,
    filter_shape: Any,
    border_mode: Any,
    subsample: Any,
    filter_flip: bool,
    num_groups: int = 1,
) -> TensorVariable:
    if border_mode == "half":
        shape = utils.as_tensor(filters).type.shape if filter_shape is None else filter_shape
        if shape[2] is None:
            raise ValueError(
                "border_mode='half' needs the filters' length; give filter_shape=(num_filters, "
                "channels, length)."
            )
        border_mode = int(shape[2]) // 2
    return ops.conv(
        input,
        filters,
        stride=utils.as_tuple(subsample, 1, int),
        pad=border_mode,
        groups=num_groups,
        flip_filters=filter_flip,
    )


def conv1d_sc(
    input: Any,
    filters: Any,
    image_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1,),
    filter_flip: bool = True,
) -> TensorVariable:
    """Convolve in one dimension.

    Parameters
    ----------
    input : array or expression
        Shape ``(batch, channels, length)``.
    filters : array or expression
        Shape ``(num_filters, channels, filter_length)``.
    image_shape, filter_shape : tuple, optional
        Shapes of both. They are only needed where `border_mode` depends on the filters' length
        and `filters` does not tell it.
    border_mode : 'valid', 'full', 'half', int or tuple of int
        Zeros around the input; ``'half'`` is half the filters' length, rounded down.
        Default: 'valid'.
    subsample : tuple of int
        The stride. Default: (1,).
    filter_flip : bool
        True for convolution, False for correlation. Default: True.

    Returns
    -------
    TensorVariable
        Shape ``(batch, num_filters, output_length)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.theano_extensions.conv import conv1d_sc
    >>> conv1d_sc(np.ones((1, 2, 9)), np.ones((4, 2, 3)), border_mode="full").type.shape
    (1, 4, 11)
    """
    return _conv1d(input, filters, filter_shape, border_mode, subsample, filter_flip)


def conv1d_mc0(
    input: Any,
    filters: Any,
    image_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1,),
    filter_flip: bool = True,
    num_groups: int = 1,
) -> TensorVariable:
    """Convolve in one dimension, with groups of channels.

    Parameters
    ----------
    input, filters, image_shape, filter_shape, border_mode, subsample, filter_flip
        As for :func:`conv1d_sc`, but the filters see ``channels // num_groups`` channels.
    num_groups : int
        Divide channels and filters into groups that see only each other. Default: 1.

    Returns
    -------
    TensorVariable
        Shape ``(batch, num_filters, output_length)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.theano_extensions.conv import conv1d_mc0
    >>> conv1d_mc0(np.ones((1, 2, 9)), np.ones((4, 1, 3)), num_groups=2).type.shape
    (1, 4, 7)
    """
    return _conv1d(input, filters, filter_shape, border_mode, subsample, filter_flip, num_groups)


def conv1d_mc1(
    input: Any,
    filters: Any,
    image_shape: Any = None,
    filter_shape: Any = None,
    border_mode: Any = "valid",
    subsample: Any = (1,),
    filter_flip: bool = True,
    num_groups: int = 1,
) -> TensorVariable:
    """Convolve in one dimension; the same as :func:`conv1d_mc0`.

    Parameters
    ----------
    input, filters, image_shape, filter_shape, border_mode, subsample, filter_flip, num_groups
        As for :func:`conv1d_mc0`.

    Returns
    -------
    TensorVariable
        Shape ``(batch, num_filters, output_length)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.theano_extensions.conv import conv1d_mc1
    >>> conv1d_mc1(np.ones((1, 2, 3)), np.ones((4, 2, 2)), subsample=(2,)).type.shape
    (1, 4, 1)
    """
    return _conv1d(input, filters, filter_shape, border_mode, subsample, filter_flip, num_groups)


def conv1d_unstrided(
    input: Any,
    filters: Any,
    image_shape: Any,
    filter_shape: Any,
    border_mode: Any = "valid",
    subsample: Any = (1,),
    filter_flip: bool = True,
    implementation: Callable[..., Any] = conv1d_sc,
) -> Any:
    """Convolve in one dimension with a stride, by a convolution that has none.

    The elements that lie within one step become channels of their own, which takes a filter
    length that is a multiple of the stride.

    Parameters
    ----------
    input, filters, image_shape, filter_shape, subsample, filter_flip
        As for :func:`conv1d_sc`; both shapes must be given, the image's with None where a size is
        unknown.
    border_mode : str or int
        Only ``'valid'`` (or 0) is possible. Default: 'valid'.
    implementation : callable
        The convolution without stride, called as ``implementation(input, filters, image_shape,
        filter_shape, border_mode="valid", filter_flip=False)``. Default: :func:`conv1d_sc`.

    Returns
    -------
    expression
        Shape ``(batch, num_filters, output_length)``.

    Raises
    ------
    ValueError
        For another border mode, or a filter length that is no multiple of the stride.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.theano_extensions.conv import conv1d_unstrided
    >>> signals, filters = np.ones((1, 2, 9)), np.ones((4, 2, 6))
    >>> conv1d_unstrided(signals, filters, (1, 2, 9), (4, 2, 6), subsample=(3,)).type.shape
    (1, 4, 2)
    """
    if border_mode not in ("valid", 0, (0,)):
        raise ValueError(
            f"conv1d_unstrided() has no border_mode={border_mode!r}, only 'valid'; pad the input "
            "with nncore.theano_extensions.padding.pad, or use conv1d_sc()."
        )
    (stride,) = utils.as_tuple(subsample, 1, int)
    batch, channels, length = image_shape
    num_filters, _, size = filter_shape
    if size % stride:
        raise ValueError(
            f"conv1d_unstrided() needs a filter length that is a multiple of the stride, but they "
            f"are {size} and {stride}; use conv1d_sc()."
        )
    input, filters = utils.as_tensor(input), utils.as_tensor(filters)
    if filter_flip:
        filters = filters[:, :, ::-1]
    steps = (input.shape[2] if length is None else length) // stride
    count = -1 if batch is None else batch
    parts = input[:, :, : steps * stride].reshape((count, channels, steps, stride))
    taps = filters.reshape((num_filters, channels, size // stride, stride))
    input = parts.dimshuffle(0, 1, 3, 2).reshape((count, channels * stride, steps))
    filters = taps.dimshuffle(0, 1, 3, 2).reshape((num_filters, channels * stride, size // stride))
    return implementation(
        input,
        filters,
        (batch, channels * stride, None if length is None else steps),
        (num_filters, channels * stride, size // stride),
        border_mode="valid",
        filter_flip=False,
    )


def conv1d_sd(
    input: Any,
    filters: Any,
    image_shape: Any,
    filter_shape: Any,
    border_mode: Any = "valid",
    subsample: Any = (1,),
    filter_flip: bool = True,
) -> TensorVariable:
    """Convolve in one dimension; the same as :func:`conv1d_sc`, with both shapes required.

    Parameters
    ----------
    input, filters, image_shape, filter_shape, border_mode, subsample, filter_flip
        As for :func:`conv1d_sc`.

    Returns
    -------
    TensorVariable
        Shape ``(batch, num_filters, output_length)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.theano_extensions.conv import conv1d_sd
    >>> conv1d_sd(np.ones((1, 2, 9)), np.ones((4, 2, 3)), (1, 2, 9), (4, 2, 3)).type.shape
    (1, 4, 7)
    """
    return _conv1d(input, filters, filter_shape, border_mode, subsample, filter_flip)


def conv1d_md(
    input: Any,
    filters: Any,
    image_shape: Any,
    filter_shape: Any,
    border_mode: Any = "valid",
    subsample: Any = (1,),
    filter_flip: bool = True,
) -> TensorVariable:
    """Convolve in one dimension; the same as :func:`conv1d_sc`, with both shapes required.

    Parameters
    ----------
    input, filters, image_shape, filter_shape, border_mode, subsample, filter_flip
        As for :func:`conv1d_sc`.

    Returns
    -------
    TensorVariable
        Shape ``(batch, num_filters, output_length)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.theano_extensions.conv import conv1d_md
    >>> conv1d_md(np.ones((1, 2, 9)), np.ones((4, 2, 3)), (1, 2, 9), (4, 2, 3)).type.shape
    (1, 4, 7)
    """
    return _conv1d(input, filters, filter_shape, border_mode, subsample, filter_flip)
