# ruff: noqa: B008  (initializers have no state; overridden methods keep Layer's text)
"""Convolutional layers."""

from __future__ import annotations

from typing import Any

from nncore import init, nonlinearities
from nncore.layers._docs import CONV_PARAMETERS, describe
from nncore.layers.base import _label
from nncore.layers.base_conv import BaseConvLayer
from nncore.layers.transposed import (
    Deconv2DLayer,
    Deconv3DLayer,
    DilatedConv2DLayer,
    TransposedConv2DLayer,
    TransposedConv3DLayer,
)
from nncore.ops import conv_input_length, conv_output_length

__all__ = [
    "BaseConvLayer",
    "Conv1DLayer",
    "Conv2DLayer",
    "Conv3DLayer",
    "Deconv2DLayer",
    "Deconv3DLayer",
    "DilatedConv2DLayer",
    "TransposedConv2DLayer",
    "TransposedConv3DLayer",
    "conv_input_length",
    "conv_output_length",
]


class _ConvNDLayer(BaseConvLayer):
    """What the layers for one, two and three axes share: Lasagne's ``convolution`` callable."""

    def _use(self, convolution: Any) -> None:
        if convolution is not None and self.dilation != (1,) * self.n:
            raise ValueError(
                f"{_label(self)}: a convolution= callable has no dilation; leave out dilation or "
                "choose an implementation= by name."
            )
        self.convolution = convolution

    def convolve(self, input: Any, **kwargs: Any) -> Any:
        if self.convolution is None:
            return super().convolve(input, **kwargs)
        groups = {"num_groups": self.num_groups} if self.num_groups > 1 else {}
        return self.convolution(
            input,
            self.W,
            self.input_shape,
            self.get_W_shape(),
            subsample=self.stride,
            border_mode="half" if self.pad == "same" else self.pad,
            filter_flip=self.flip_filters,
            **groups,
        )


@describe(CONV_PARAMETERS)
class Conv1DLayer(_ConvNDLayer):
    """A convolutional layer over one spatial axis.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, length)``.
    <parameters>
    convolution : callable or None
        Computes the convolution, for programs that bring their own; it is called as
        ``convolution(input, W, input_shape, W_shape, subsample=, border_mode=, filter_flip=)``,
        and with ``num_groups=`` if there is more than one. Default: the operation of
        :func:`nncore.ops.conv`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import Conv1DLayer, InputLayer
    >>> Conv1DLayer(InputLayer((None, 3, 100)), num_filters=16, filter_size=3).output_shape
    (None, 16, 98)
    """

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        stride: Any = 1,
        pad: Any = 0,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        flip_filters: bool = True,
        convolution: Any = None,
        num_groups: int = 1,
        dilation: Any = 1,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
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
            num_groups,
            n=1,
            dilation=dilation,
            implementation=implementation,
            **kwargs,
        )
        self._use(convolution)


@describe(CONV_PARAMETERS)
class Conv2DLayer(_ConvNDLayer):
    """A convolutional layer over two spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    <parameters>
    convolution : callable or None
        Computes the convolution, for programs that bring their own; it is called as
        ``convolution(input, W, input_shape, W_shape, subsample=, border_mode=, filter_flip=)``,
        and with ``num_groups=`` if there is more than one. Default: the operation of
        :func:`nncore.ops.conv`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import Conv2DLayer, InputLayer
    >>> Conv2DLayer(InputLayer((None, 3, 32, 32)), num_filters=16, filter_size=3).output_shape
    (None, 16, 30, 30)
    """

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        stride: Any = (1, 1),
        pad: Any = 0,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        flip_filters: bool = True,
        convolution: Any = None,
        num_groups: int = 1,
        dilation: Any = 1,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
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
            num_groups,
            n=2,
            dilation=dilation,
            implementation=implementation,
            **kwargs,
        )
        self._use(convolution)


@describe(CONV_PARAMETERS)
class Conv3DLayer(_ConvNDLayer):
    """A convolutional layer over three spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, depth, rows, columns)``.
    <parameters>
    convolution : callable or None
        Computes the convolution, for programs that bring their own; it is called as
        ``convolution(input, W, input_shape, W_shape, subsample=, border_mode=, filter_flip=)``,
        and with ``num_groups=`` if there is more than one. Default: the operation of
        :func:`nncore.ops.conv`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import Conv3DLayer, InputLayer
    >>> Conv3DLayer(InputLayer((None, 3, 16, 32, 32)), num_filters=16, filter_size=3).output_shape
    (None, 16, 14, 30, 30)
    """

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        stride: Any = (1, 1, 1),
        pad: Any = 0,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        flip_filters: bool = True,
        convolution: Any = None,
        num_groups: int = 1,
        dilation: Any = 1,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
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
            num_groups,
            n=3,
            dilation=dilation,
            implementation=implementation,
            **kwargs,
        )
        self._use(convolution)
