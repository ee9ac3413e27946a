"""Padding under Lasagne's name, kept for old programs; see :class:`nncore.layers.PadLayer`."""

from __future__ import annotations

from typing import Any

from pytensor.tensor.variable import TensorVariable

from nncore import utils
from nncore.layers.shape import pad_pairs, padded

__all__ = ["pad"]


def pad(x: Any, width: Any, val: Any = 0, batch_ndim: int = 1) -> TensorVariable:
    """Surround a tensor with a constant.

    Parameters
    ----------
    x : array or expression
        The tensor.
    width : int, or sequence of int or of (before, after) pairs
        How much to add on both sides of each padded axis, or for each axis, or before and after
        each.
    val : float or scalar expression
        The constant. Default: 0.
    batch_ndim : int
        Number of leading axes that are not padded. Default: 1.

    Returns
    -------
    TensorVariable
        The larger tensor, of the same type.

    Raises
    ------
    ValueError
        If `width` has a negative number or does not fit the number of axes.

    Examples
    --------
    >>> from nncore.theano_extensions.padding import pad
    >>> pad([[1.0, 2.0]], width=1, val=9).type.shape
    (1, 4)
    """
    x = utils.as_tensor(x)
    return padded(x, pad_pairs("pad", width, x.ndim, batch_ndim), val, batch_ndim)
