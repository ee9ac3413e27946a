# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""Layers over the layout c01b: (channels, rows, columns, batch)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytensor
import pytensor.tensor as pt

from nncore import init, nonlinearities, ops
from nncore.layers import BaseConvLayer, Layer
from nncore.layers.base import _label
from nncore.layers.dense import check_count
from nncore.ops.base import chosen_name
from nncore.ops.geometry import ConvGeometry, PoolGeometry, as_ints, as_pads
from nncore_cuda_convnet.constraints import conv_refusal
from nncore_cuda_convnet.partial_sums import check_partial_sum

__all__ = [
    "Conv2DCCLayer",
    "MaxPool2DCCLayer",
    "NINLayer_c01b",
    "ShuffleBC01ToC01BLayer",
    "ShuffleC01BToBC01Layer",
    "bc01_to_c01b",
    "c01b_to_bc01",
]


def _to_bc01(x: Any) -> Any:
    return (x[3], x[0], x[1], x[2]) if isinstance(x, tuple) else x.dimshuffle(3, 0, 1, 2)


def _to_c01b(x: Any) -> Any:
    return (x[1], x[2], x[3], x[0]) if isinstance(x, tuple) else x.dimshuffle(1, 2, 3, 0)


def _check_axes(layer: Layer, order: str) -> None:
    if len(layer.input_shape) != 4:
        raise ValueError(
            f"{_label(layer)}: the input shape {layer.input_shape!r} has "
            f"{len(layer.input_shape)} axes, but it must have 4: ({order})."
        )


def _order(dimshuffle: bool) -> str:
    return "batch, channels, rows, columns" if dimshuffle else "channels, rows, columns, batch"


class Conv2DCCLayer(BaseConvLayer):
    """A convolutional layer over two spatial axes, by the kernels of this plugin.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape: ``(batch, channels, rows, columns)``, or
        ``(channels, rows, columns, batch)`` without `dimshuffle`. There are 1, 2, 3 or a multiple
        of 4 channels. The images need not be square.
    num_filters : int
        Number of filters, a multiple of 16.
    filter_size : int or sequence of int
        Size of the filters, which are square.
    stride : int or sequence of int
        Step of the filters, the same on both axes. Default: 1.
    pad : int, sequence of int, or str
        Zeros around the input, as many on every side; ``'valid'`` is no padding, ``'full'`` gives
        an output for every overlap, and ``'same'`` (for filters of odd size) keeps the size under
        a stride of 1. Default: 0.
    untie_biases : bool
        If true, every position of the output has biases of its own. Default: False.
    W : shared variable, expression, array, number, callable or None
        The filters: ``(num_filters, channels, rows, columns)``, or ``(channels, rows, columns,
        num_filters)`` without `dimshuffle`. Default: Glorot's uniform initialization.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_filters,)`` or, untied, ``(num_filters, *output)``; None for none.
        Default: zeros.
    nonlinearity : callable or None
        Applied to the result; None for none. Default: rectification.
    dimshuffle : bool
        If true, input and output are in the order of all other layers, and axes are moved before
        and after. If false, input, output and filters are in the order of the kernels, and nothing
        is moved between two such layers. Default: True.
    flip_filters : bool
        True for the mathematical convolution, which turns the filters round; False for
        cross-correlation. Default: False, unlike for other layers.
    partial_sum : int, str or None
        Positions of the output in each partial sum of the gradient by the filters, a divisor of
        their number. The fewer, the more blocks work at once, and the more memory they need: one
        set of filters for each sum. 0 or None takes all positions; ``'auto'`` as many as leave
        enough sums to keep a GPU busy. Default: 1.
    implementation : str or None
        Name of the implementation; another than ``"cuda_convnet"``, such as ``"auto"``, computes
        the same and leaves `partial_sum` out of account. None follows :func:`nncore.using`.
        Default: ``"cuda_convnet"``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    TypeError, ValueError
        If arguments do not fit together, leave no output, or are not what the kernels can do.

    References
    ----------
    .. [1] Krizhevsky, A. (2011): cuda-convnet. High-performance C++/CUDA implementation of
       convolutional neural networks.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cuda_convnet.layers import Conv2DCCLayer
    >>> Conv2DCCLayer(InputLayer((128, 3, 32, 32)), 64, 5, pad=2).output_shape
    (128, 64, 32, 32)
    >>> layer = Conv2DCCLayer(InputLayer((3, 32, 32, 128)), 64, 5, dimshuffle=False)
    >>> layer.output_shape, layer.get_W_shape()
    ((64, 28, 28, 128), (3, 5, 5, 64))
    """

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        stride: Any = (1, 1),
        pad: Any = 0,
        untie_biases: bool = False,
        W: Any = None,
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        dimshuffle: bool = True,
        flip_filters: bool = False,
        partial_sum: int | str | None = 1,
        implementation: str | None = "cuda_convnet",
        **kwargs: Any,
    ) -> None:
        self.dimshuffle = bool(dimshuffle)
        if W is None:
            W = init.GlorotUniform(c01b=not self.dimshuffle)
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
            n=2,
            implementation=implementation,
            **kwargs,
        )
        geometry = self._geometry()
        if reason := conv_refusal(geometry):
            raise ValueError(f"{_label(self)}: {reason}.")
        check_partial_sum(_label(self), partial_sum, geometry.output_shape()[2:])
        self.partial_sum = partial_sum

    def _geometry(self) -> ConvGeometry:
        filters = (self.num_filters, self.batch_first(self.input_shape)[1], *self.filter_size)
        geometry = ConvGeometry(
            self.batch_first(self.input_shape),
            filters,
            self.stride,
            as_pads(self.pad, 2),
            self.dilation,
            self.num_groups,
            self.flip_filters,
            pytensor.config.floatX,
        )
        return replace(geometry, pad=geometry.pads())

    def batch_first(self, shape: Any) -> Any:
        return shape if self.dimshuffle else _to_bc01(tuple(shape))

    def get_W_shape(self) -> tuple[int, ...]:
        shape = super().get_W_shape()
        return shape if self.dimshuffle else _to_c01b(shape)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        shape = super().get_output_shape_for(self.batch_first(input_shape))
        return shape if self.dimshuffle else _to_c01b(shape)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        if self.dimshuffle:
            return super().get_output_for(input, **kwargs)
        activation = self.convolve(input, **kwargs)
        if self.b is not None:
            positions = (1, 2) if self.untie_biases else ("x", "x")
            activation = activation + self.b.dimshuffle(0, *positions, "x")
        return self.nonlinearity(activation)

    def convolve(self, input: Any, **kwargs: Any) -> Any:
        output = ops.conv(
            input if self.dimshuffle else _to_bc01(input),
            self.W if self.dimshuffle else _to_bc01(self.W),
            stride=self.stride,
            pad=self.pad,
            dilation=self.dilation,
            groups=self.num_groups,
            flip_filters=self.flip_filters,
            implementation=self.implementation,
            name=self.name,
            options={"partial_sum": self.partial_sum},
        )
        return output if self.dimshuffle else _to_c01b(output)


class MaxPool2DCCLayer(Layer):
    """A layer of maximum pooling over two spatial axes, by the kernels of this plugin.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape: ``(batch, channels, rows, columns)``, or
        ``(channels, rows, columns, batch)`` without `dimshuffle`.
    pool_size : int or sequence of int
        Size of the window, which is square.
    stride : int, sequence of int or None
        Step of the window, the same on both axes and not larger than the window. Default:
        `pool_size`.
    ignore_border : bool
        True leaves out windows that reach over the end; False cuts them off there. Default: False,
        unlike for other layers.
    dimshuffle : bool
        As for :class:`Conv2DCCLayer`. Default: True.
    implementation : str or None
        As for :class:`Conv2DCCLayer`. Default: ``"cuda_convnet"``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`. A `pad` is accepted if it is 0.

    Raises
    ------
    TypeError, ValueError
        If arguments do not fit together, leave no output, or are not what the layer can do.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cuda_convnet.layers import MaxPool2DCCLayer
    >>> MaxPool2DCCLayer(InputLayer((128, 64, 32, 32)), 3, stride=2).output_shape
    (128, 64, 16, 16)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        ignore_border: bool = False,
        dimshuffle: bool = True,
        implementation: str | None = "cuda_convnet",
        **kwargs: Any,
    ) -> None:
        pad = kwargs.pop("pad", 0)
        super().__init__(incoming, **kwargs)
        self.dimshuffle = bool(dimshuffle)
        _check_axes(self, _order(self.dimshuffle))
        subject = _label(self)
        try:
            self.pool_size = as_ints(pool_size, 2, "pool_size", 1)
            self.stride = self.pool_size if stride is None else as_ints(stride, 2, "stride", 1)
            pads = as_pads(pad, 2)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{subject}: {error}.") from None
        if pads != ((0, 0), (0, 0)):
            raise ValueError(f"{subject}: pad={pad!r}, and only 0 is allowed; take MaxPool2DLayer.")
        if self.pool_size[0] != self.pool_size[1]:
            raise ValueError(
                f"{subject}: pool_size={self.pool_size}, and windows must be square; take "
                "MaxPool2DLayer."
            )
        if self.stride[0] != self.stride[1] or self.stride[0] > self.pool_size[0]:
            raise ValueError(
                f"{subject}: stride={self.stride}, and it must be the same on both axes and not "
                f"larger than the window of {self.pool_size[0]}; take MaxPool2DLayer."
            )
        self.ignore_border = bool(ignore_border)
        self.implementation = chosen_name("pool", implementation)
        self._geometry(self.input_shape).check(subject)

    def _geometry(self, input_shape: Any) -> PoolGeometry:
        return PoolGeometry(
            tuple(input_shape) if self.dimshuffle else _to_bc01(tuple(input_shape)),
            self.pool_size,
            self.stride,
            ((0, 0), (0, 0)),
            "max",
            self.ignore_border,
            pytensor.config.floatX,
        )

    def get_output_shape_for(self, input_shape: Any) -> Any:
        shape = self._geometry(input_shape).output_shape()
        return shape if self.dimshuffle else _to_c01b(shape)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        output = ops.pool(
            input if self.dimshuffle else _to_bc01(input),
            self.pool_size,
            stride=self.stride,
            ignore_border=self.ignore_border,
            implementation=self.implementation,
            name=self.name,
        )
        return output if self.dimshuffle else _to_c01b(output)


class ShuffleBC01ToC01BLayer(Layer):
    """A layer that brings images into the order of this plugin's kernels.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If the input has not four axes.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cuda_convnet.layers import ShuffleBC01ToC01BLayer
    >>> ShuffleBC01ToC01BLayer(InputLayer((128, 3, 32, 28))).output_shape
    (3, 32, 28, 128)
    """

    def __init__(self, incoming: Any, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        _check_axes(self, _order(True))

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return _to_c01b(tuple(input_shape))

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return _to_c01b(input)


class ShuffleC01BToBC01Layer(Layer):
    """A layer that brings images back from the order of this plugin's kernels.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(channels, rows, columns, batch)``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If the input has not four axes.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cuda_convnet.layers import ShuffleC01BToBC01Layer
    >>> ShuffleC01BToBC01Layer(InputLayer((3, 32, 28, 128))).output_shape
    (128, 3, 32, 28)
    """

    def __init__(self, incoming: Any, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        _check_axes(self, _order(False))

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return _to_bc01(tuple(input_shape))

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return _to_bc01(input)


#: Short names.
bc01_to_c01b = ShuffleBC01ToC01BLayer
c01b_to_bc01 = ShuffleC01BToBC01Layer


class NINLayer_c01b(Layer):
    """A fully connected layer over the channels of images in the layout c01b.

    It is the layer of Network in Network [1]_, as :class:`nncore.layers.NINLayer` is.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(channels, rows, columns, batch)``.
    num_units : int
        The number of units.
    untie_biases : bool
        If true, every position has biases of its own. Default: False.
    W : shared variable, expression, array, number or callable
        The weights, ``(num_units, channels)``: the transpose of those of
        :class:`nncore.layers.NINLayer`. Default: Glorot's uniform initialization.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_units,)`` or, untied, ``(num_units, rows, columns)``; None for none.
        Default: zeros.
    nonlinearity : callable or None
        Applied to the result; None for none. Default: rectification.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If the number of channels, or with untied biases a spatial size, is not fixed.

    References
    ----------
    .. [1] Lin, M., Chen, Q. and Yan, S. (2013): Network in Network. arXiv:1312.4400.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cuda_convnet.layers import NINLayer_c01b
    >>> NINLayer_c01b(InputLayer((3, 8, 8, None)), num_units=5).output_shape
    (5, 8, 8, None)
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        _check_axes(self, _order(False))
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        self.num_units = check_count(self, "num_units", num_units)
        self.untie_biases = bool(untie_biases)
        channels = self.input_shape[0]
        if channels is None:
            raise ValueError(
                f"{_label(self)}: the number of channels, axis 0 of the input shape "
                f"{self.input_shape!r}, must be fixed."
            )
        fans = channels, self.num_units
        self.W = self.add_param(W, (self.num_units, channels), name="W", fans=fans)
        if b is None:
            self.b = None
        else:
            shape: tuple[Any, ...] = (self.num_units,)
            if self.untie_biases:
                shape += tuple(self.input_shape[1:3])
                if None in shape:
                    raise ValueError(
                        f"{_label(self)}: untie_biases=True needs fixed spatial sizes, but the "
                        f"input shape is {self.input_shape!r}."
                    )
            self.b = self.add_param(b, shape, name="b", regularizable=False)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return (self.num_units, *input_shape[1:])

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        # One product of matrices: the channels come first, and all else lies behind them.
        product = pt.dot(self.W, input.flatten(2))
        shape = (self.num_units, input.shape[1], input.shape[2], input.shape[3])
        activation = product.reshape(shape, ndim=4)
        if self.b is not None:
            positions = (1, 2) if self.untie_biases else ("x", "x")
            activation = activation + self.b.dimshuffle(0, *positions, "x")
        return self.nonlinearity(activation)
