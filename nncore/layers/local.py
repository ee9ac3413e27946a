# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""Locally connected layers: convolutions whose filters differ from place to place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers.base import _label
from nncore.layers.conv import Conv2DLayer
from nncore.layers.shape import padded
from nncore.ops.geometry import as_pads, explicit_pads

__all__ = ["LocallyConnected2DLayer"]


class LocallyConnected2DLayer(Conv2DLayer):
    """A layer of local filters over two spatial axes, with other filters at every position.

    It connects the same elements as a convolutional layer, but shares no weights.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``. Rows
        and columns must be fixed.
    num_filters : int
        Number of filters, which is the number of channels of the output.
    filter_size : int or sequence of int
        Size of the filters, for both spatial axes or for each.
    stride : int or sequence of int
        Step of the filters, for both spatial axes or for each. Default: 1.
    pad : int, sequence of int or of (before, after) pairs, or str
        Zeros around the input, as for :class:`Conv2DLayer`. Default: ``'same'``.
    untie_biases : bool
        If true, every position of the output has biases of its own. Default: False.
    W : shared variable, expression, array, number or callable
        The filters, ``(num_filters, channels, filter_rows, filter_columns, rows, columns)`` with
        the sizes of the output last; without the axis of channels if `channelwise`. Default:
        Glorot's uniform initialization.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_filters,)`` or, untied, ``(num_filters, rows, columns)``; None for none.
        Default: zeros.
    nonlinearity : callable or None
        Applied to the result; None for none. Default: rectification.
    flip_filters : bool
        True turns the filters round, as in a convolution; False is for correlation. Default: True.
    channelwise : bool
        If true, each filter sees only the channel of its own number. Default: False.
    **kwargs
        Passed to :class:`Conv2DLayer`. A choice of `implementation` makes no difference: the one
        computation is a matrix product for each position.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output, or the spatial sizes are not fixed.

    Examples
    --------
    >>> from nncore.layers import InputLayer, LocallyConnected2DLayer
    >>> layer = LocallyConnected2DLayer(InputLayer((None, 3, 8, 9)), num_filters=4, filter_size=3)
    >>> layer.output_shape, layer.W.get_value().shape
    ((None, 4, 8, 9), (4, 3, 3, 3, 8, 9))
    """

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        stride: Any = (1, 1),
        pad: Any = "same",
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        flip_filters: bool = True,
        channelwise: bool = False,
        **kwargs: Any,
    ) -> None:
        self.channelwise = channelwise
        super().__init__(
            incoming,
            num_filters,
            filter_size,
            stride,
            pad,
            untie_biases,
            W,
            b,
            nonlinearity,
            flip_filters,
            **kwargs,
        )
        if self.num_groups > 1 or self.convolution is not None:
            raise ValueError(
                f"{_label(self)} takes neither num_groups nor convolution; for filters that see "
                "one channel each use channelwise=True."
            )

    def _check_output(self) -> None:
        if None in self.input_shape[2:]:
            raise ValueError(
                f"{_label(self)} has weights for every position, so rows and columns must be "
                f"fixed, but the input shape is {self.input_shape!r}."
            )
        if self.channelwise and self.num_filters != self.input_shape[1]:
            raise ValueError(
                f"{_label(self)}: with channelwise=True there is one filter for each channel, but "
                f"num_filters={self.num_filters} and the input has {self.input_shape[1]} channels."
            )
        super()._check_output()

    def get_W_shape(self) -> tuple[int, ...]:
        """Return the shape of the filters.

        Returns
        -------
        tuple of int
            ``(num_filters, channels, *filter_size, *output)``, without channels if `channelwise`.
        """
        channels = () if self.channelwise else (self.input_shape[1],)
        output = self.get_output_shape_for(self.input_shape)[2:]
        return (self.num_filters, *channels, *self.filter_size, *output)

    def get_W_fans(self) -> tuple[int, int]:
        """Return fan-in and fan-out, by which initializers scale the filters.

        Returns
        -------
        tuple of int
            Those of a convolution with the same filters at every position.
        """
        field = math.prod(self.filter_size)
        return (field, field) if self.channelwise else super().get_W_fans()

    def convolve(self, input: Any, **kwargs: Any) -> Any:
        around = explicit_pads(as_pads(self.pad, 2), self.filter_size, self.dilation)
        batch, channels = input.shape[0], self.input_shape[1]
        height, width = (
            size + sum(pair) for size, pair in zip(self.input_shape[2:], around, strict=True)
        )
        rows, columns = self.get_output_shape_for(self.input_shape)[2:]
        places, size = rows * columns, math.prod(self.filter_size)
        elements = padded(input, around, 0, 2).dimshuffle(2, 3, 0, 1)
        taken = elements.reshape((height * width, batch, channels))[self._taps(width).ravel()]
        patches = taken.reshape((places, size, batch, channels))
        filters = self.W
        if self.flip_filters:
            filters = filters[..., ::-1, ::-1, :, :]
        if self.channelwise:
            filters = filters.reshape((channels, size, places)).dimshuffle(2, 1, "x", 0)
            product = (patches * filters).sum(axis=1)
        else:
            filters = filters.reshape((self.num_filters, channels * size, places))
            patches = patches.dimshuffle(0, 2, 3, 1).reshape((places, batch, channels * size))
            product = pt.matmul(patches, filters.dimshuffle(2, 1, 0))
        maps = product.reshape((rows, columns, batch, self.num_filters))
        return maps.dimshuffle(2, 3, 0, 1)

    def _taps(self, width: int) -> np.ndarray:
        """Which elements of the padded input, row by row, each place sees: (places, taps)."""
        output = self.get_output_shape_for(self.input_shape)[2:]
        rows, columns = (
            np.arange(count)[:, None] * stride + np.arange(size) * dilation
            for count, stride, size, dilation in zip(
                output, self.stride, self.filter_size, self.dilation, strict=True
            )
        )
        taps = rows[:, None, :, None] * width + columns[None, :, None, :]
        return taps.reshape((math.prod(output), -1))
