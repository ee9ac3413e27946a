"""Pooling layers for the GPU."""

from __future__ import annotations

from typing import Any

from nncore.layers import Pool2DLayer, Pool3DLayer, SpatialPyramidPoolingLayer

__all__ = [
    "MaxPool2DDNNLayer",
    "MaxPool3DDNNLayer",
    "Pool2DDNNLayer",
    "Pool3DDNNLayer",
    "SpatialPyramidPoolingDNNLayer",
]


class Pool2DDNNLayer(Pool2DLayer):
    """A pooling layer over two spatial axes for the GPU.

    Parameters
    ----------
    incoming, pool_size, stride, pad, ignore_border, mode
        As for :class:`nncore.layers.Pool2DLayer`. Unlike Lasagne's layer of this name, it also
        takes ``ignore_border=False``.
    implementation : str or None
        Name of the implementation, as for :class:`Conv2DDNNLayer`. Default: ``"cudnn"``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import Pool2DDNNLayer
    >>> Pool2DDNNLayer(InputLayer((None, 3, 8, 8)), 2, mode="sum").output_shape
    (None, 3, 4, 4)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0),
        ignore_border: bool = True,
        mode: str = "max",
        implementation: str | None = "cudnn",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, pool_size, stride, pad, ignore_border, mode, implementation, **kwargs
        )


class MaxPool2DDNNLayer(Pool2DDNNLayer):
    """A max-pooling layer over two spatial axes for the GPU.

    Parameters
    ----------
    incoming, pool_size, stride, pad, ignore_border
        As for :class:`nncore.layers.MaxPool2DLayer`.
    implementation : str or None
        Name of the implementation, as for :class:`Conv2DDNNLayer`. Default: ``"cudnn"``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import MaxPool2DDNNLayer
    >>> MaxPool2DDNNLayer(InputLayer((None, 3, 8, 8)), pool_size=3, stride=2, pad=1).output_shape
    (None, 3, 4, 4)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0),
        ignore_border: bool = True,
        implementation: str | None = "cudnn",
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


class Pool3DDNNLayer(Pool3DLayer):
    """A pooling layer over three spatial axes for the GPU.

    Parameters
    ----------
    incoming, pool_size, stride, pad, ignore_border, mode
        As for :class:`nncore.layers.Pool3DLayer`. Unlike Lasagne's layer of this name, it also
        takes ``ignore_border=False``.
    implementation : str or None
        Name of the implementation, as for :class:`Conv2DDNNLayer`. Default: ``"cudnn"``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import Pool3DDNNLayer
    >>> Pool3DDNNLayer(InputLayer((None, 3, 8, 8, 8)), 2, mode="sum").output_shape
    (None, 3, 4, 4, 4)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0, 0),
        ignore_border: bool = True,
        mode: str = "max",
        implementation: str | None = "cudnn",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, pool_size, stride, pad, ignore_border, mode, implementation, **kwargs
        )


class MaxPool3DDNNLayer(Pool3DDNNLayer):
    """A max-pooling layer over three spatial axes for the GPU.

    Parameters
    ----------
    incoming, pool_size, stride, pad, ignore_border
        As for :class:`nncore.layers.MaxPool3DLayer`.
    implementation : str or None
        Name of the implementation, as for :class:`Conv2DDNNLayer`. Default: ``"cudnn"``.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import MaxPool3DDNNLayer
    >>> MaxPool3DDNNLayer(InputLayer((None, 3, 8, 8, 8)), pool_size=3, stride=2, pad=1).output_shape
    (None, 3, 4, 4, 4)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: Any,
        stride: Any = None,
        pad: Any = (0, 0, 0),
        ignore_border: bool = True,
        implementation: str | None = "cudnn",
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


class SpatialPyramidPoolingDNNLayer(SpatialPyramidPoolingLayer):
    """A spatial pyramid pooling layer for the GPU.

    Parameters
    ----------
    incoming, pool_dims, mode
        As for :class:`nncore.layers.SpatialPyramidPoolingLayer`.
    pool_implementation : str or None
        Name of the implementation of pooling, as for :class:`Conv2DDNNLayer`.
        Default: ``"cudnn"``.
    **kwargs
        Passed to :class:`nncore.layers.SpatialPyramidPoolingLayer`, whose ``implementation`` says
        how the regions lie.

    Raises
    ------
    ValueError
        For an input that does not have four axes, or an argument that is not one of the above.

    Notes
    -----
    Levels of the pyramid whose windows are not all of one size, as far as the sizes of the input
    are known, are made of reductions and do not depend on an implementation.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import SpatialPyramidPoolingDNNLayer
    >>> SpatialPyramidPoolingDNNLayer(InputLayer((None, 3, 12, 12))).output_shape
    (None, 3, 21)
    """

    def __init__(
        self,
        incoming: Any,
        pool_dims: Any = [4, 2, 1],  # noqa: B006  (Lasagne's default; it is copied)
        mode: str = "max",
        pool_implementation: str | None = "cudnn",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, pool_dims, mode, pool_implementation=pool_implementation, **kwargs
        )
