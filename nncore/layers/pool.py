"""Layers that pool over windows of positions."""

from __future__ import annotations

from typing import Any

from pytensor.tensor.variable import TensorVariable

from nncore import ops
from nncore.layers._arguments import chosen, pads, positive_ints
from nncore.layers._docs import POOL_PARAMETERS, describe
from nncore.layers.base import Layer, _label
from nncore.layers.feature_pool import FeaturePoolLayer, FeatureWTALayer, GlobalPoolLayer
from nncore.layers.pyramid import SpatialPyramidPoolingLayer, pool_2d_nxn_regions
from nncore.layers.upscale import Upscale1DLayer, Upscale2DLayer, Upscale3DLayer
from nncore.ops import pool_output_length

__all__ = [
    "FeaturePoolLayer",
    "FeatureWTALayer",
    "GlobalPoolLayer",
    "MaxPool1DLayer",
    "MaxPool2DLayer",
    "MaxPool3DLayer",
    "Pool1DLayer",
    "Pool2DLayer",
    "Pool3DLayer",
    "SpatialPyramidPoolingLayer",
    "Upscale1DLayer",
    "Upscale2DLayer",
    "Upscale3DLayer",
    "pool_2d",
    "pool_2d_nxn_regions",
    "pool_3d",
    "pool_output_length",
]

_MODES = ("max", "average_inc_pad", "average_exc_pad", "sum")


def pool_2d(
    input: Any,
    ws: Any,
    ignore_border: bool = True,
    stride: Any = None,
    pad: Any = (0, 0),
    mode: str = "max",
    implementation: str | None = None,
) -> TensorVariable:
    """Pool over two spatial axes, with Theano's argument names.

    Parameters
    ----------
    input : expression
        Shape ``(batch, channels, rows, columns)``.
    ws : int or tuple of int
        Size of the window.
    ignore_border : bool
        As for :func:`nncore.ops.pool`. Default: True.
    stride : int, tuple of int or None
        Step of the window. Default: `ws`.
    pad : int or tuple of int
        Padding on both sides of each axis. Default: none.
    mode : str
        As for :func:`nncore.ops.pool`. Default: ``'max'``.
    implementation : str or None
        Name of the implementation. Default: as :func:`nncore.using` says.

    Returns
    -------
    expression
        Shape ``(batch, channels, *output)``.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.layers.pool import pool_2d
    >>> pool_2d(pt.tensor(dtype="float32", shape=(None, 3, 8, 8)), (2, 2)).type.shape
    (None, 3, 4, 4)
    """
    return ops.pool(input, ws, stride, pad, mode, ignore_border, implementation)


def pool_3d(
    input: Any,
    ws: Any,
    ignore_border: bool = True,
    stride: Any = None,
    pad: Any = (0, 0, 0),
    mode: str = "max",
    implementation: str | None = None,
) -> TensorVariable:
    """Pool over three spatial axes, with Theano's argument names.

    Parameters
    ----------
    input : expression
        Shape ``(batch, channels, depth, rows, columns)``.
    ws, ignore_border, stride, pad, mode, implementation
        As for :func:`pool_2d`.

    Returns
    -------
    expression
        Shape ``(batch, channels, *output)``.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.layers.pool import pool_3d
    >>> pool_3d(pt.tensor(dtype="float32", shape=(None, 3, 8, 8, 8)), 2).type.shape
    (None, 3, 4, 4, 4)
    """
    return ops.pool(input, ws, stride, pad, mode, ignore_border, implementation)


class _PoolLayer(Layer):
    """What the pooling layers share; ``n`` is the number of spatial axes."""

    n: int

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = 0,
        ignore_border: bool = True,
        mode: str = "max",
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        n = self.n
        if len(self.input_shape) != n + 2:
            raise ValueError(
                f"{_label(self)}: the input shape {self.input_shape!r} has "
                f"{len(self.input_shape)} axes, but it must have {n + 2}: (batch, channels, and "
                f"{n} spatial)."
            )
        self.pool_size = positive_ints(self, "pool_size", pool_size, n)
        self.stride = self.pool_size if stride is None else positive_ints(self, "stride", stride, n)
        self.pad = pads(self, pad, n, ())
        for size, one in zip(self.pool_size, self.pad, strict=True):
            if (max(one) if isinstance(one, tuple) else one) >= size:
                raise ValueError(
                    f"{_label(self)}: pad={pad!r} must be less than pool_size={self.pool_size} on "
                    "every axis, or a window could hold nothing but padding."
                )
        if mode not in _MODES:
            raise ValueError(f"{_label(self)}: mode={mode!r} is not known; use one of {_MODES}.")
        self.mode = mode
        self.ignore_border = bool(ignore_border)
        self.implementation = chosen(self, "pool", implementation)
        sizes = self.get_output_shape_for(self.input_shape)[2:]
        if any(size is not None and size < 1 for size in sizes):
            raise ValueError(
                f"{_label(self)}: the geometry leaves no output: input size "
                f"{self.input_shape[2:]}, pool size {self.pool_size}, pad {self.pad!r}, stride "
                f"{self.stride}. Use a smaller window, more padding, ignore_border=False or a "
                "larger input."
            )

    def get_output_shape_for(self, input_shape: Any) -> Any:
        lengths = (
            pool_output_length(length, size, stride, pad, self.ignore_border)
            for length, size, stride, pad in zip(
                input_shape[2:], self.pool_size, self.stride, self.pad, strict=True
            )
        )
        return (*input_shape[:2], *lengths)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return ops.pool(
            input,
            self.pool_size,
            stride=self.stride,
            pad=self.pad,
            mode=self.mode,
            ignore_border=self.ignore_border,
            implementation=self.implementation,
            name=self.name,
        )


@describe(POOL_PARAMETERS)
class Pool1DLayer(_PoolLayer):
    """A pooling layer over one spatial axis.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, length)``.
    mode : str
        ``'max'``, ``'average_inc_pad'`` (padding counts), ``'average_exc_pad'`` (it does not) or
        ``'sum'``. Default: ``'max'``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer, Pool1DLayer
    >>> Pool1DLayer(InputLayer((None, 3, 8)), 2, mode="average_exc_pad").output_shape
    (None, 3, 4)
    """

    n = 1

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = 0,
        ignore_border: bool = True,
        mode: str = "max",
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, pool_size, stride, pad, ignore_border, mode, implementation, **kwargs
        )


@describe(POOL_PARAMETERS)
class Pool2DLayer(_PoolLayer):
    """A pooling layer over two spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    mode : str
        ``'max'``, ``'average_inc_pad'`` (padding counts), ``'average_exc_pad'`` (it does not) or
        ``'sum'``. Default: ``'max'``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer, Pool2DLayer
    >>> Pool2DLayer(InputLayer((None, 3, 8, 8)), 2, mode="average_exc_pad").output_shape
    (None, 3, 4, 4)
    """

    n = 2

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0),
        ignore_border: bool = True,
        mode: str = "max",
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, pool_size, stride, pad, ignore_border, mode, implementation, **kwargs
        )


@describe(POOL_PARAMETERS)
class Pool3DLayer(_PoolLayer):
    """A pooling layer over three spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, depth, rows, columns)``.
    mode : str
        ``'max'``, ``'average_inc_pad'`` (padding counts), ``'average_exc_pad'`` (it does not) or
        ``'sum'``. Default: ``'max'``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer, Pool3DLayer
    >>> Pool3DLayer(InputLayer((None, 3, 8, 8, 8)), 2, mode="average_exc_pad").output_shape
    (None, 3, 4, 4, 4)
    """

    n = 3

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0, 0),
        ignore_border: bool = True,
        mode: str = "max",
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, pool_size, stride, pad, ignore_border, mode, implementation, **kwargs
        )


@describe(POOL_PARAMETERS)
class MaxPool1DLayer(Pool1DLayer):
    """A max-pooling layer over one spatial axis.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, length)``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer, MaxPool1DLayer
    >>> MaxPool1DLayer(InputLayer((None, 3, 8)), pool_size=3, stride=2, pad=1).output_shape
    (None, 3, 4)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = 0,
        ignore_border: bool = True,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming,
            pool_size,
            stride,
            pad,
            ignore_border,
            mode="max",
            implementation=implementation,
            **kwargs,
        )


@describe(POOL_PARAMETERS)
class MaxPool2DLayer(Pool2DLayer):
    """A max-pooling layer over two spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer, MaxPool2DLayer
    >>> MaxPool2DLayer(InputLayer((None, 3, 8, 8)), pool_size=3, stride=2, pad=1).output_shape
    (None, 3, 4, 4)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0),
        ignore_border: bool = True,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming,
            pool_size,
            stride,
            pad,
            ignore_border,
            mode="max",
            implementation=implementation,
            **kwargs,
        )


@describe(POOL_PARAMETERS)
class MaxPool3DLayer(Pool3DLayer):
    """A max-pooling layer over three spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, depth, rows, columns)``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer, MaxPool3DLayer
    >>> MaxPool3DLayer(InputLayer((None, 3, 8, 8, 8)), pool_size=3, stride=2, pad=1).output_shape
    (None, 3, 4, 4, 4)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0, 0),
        ignore_border: bool = True,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming,
            pool_size,
            stride,
            pad,
            ignore_border,
            mode="max",
            implementation=implementation,
            **kwargs,
        )
