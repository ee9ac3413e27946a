# ruff: noqa: B008  (initializers have no state)
"""Convolutional layers that cuDNN computes."""

from __future__ import annotations

from typing import Any

from nncore import init, nonlinearities
from nncore.layers import BaseConvLayer
from nncore_cudnn.compute import check_compute

__all__ = ["Conv2DDNNLayer", "Conv3DDNNLayer"]


class _ConvDNNLayer(BaseConvLayer):
    """What the convolutional layers share: the precision as an option of their operation."""

    def __init__(self, *args: Any, compute: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.compute = None if compute is None else check_compute(compute)

    def get_options(self) -> dict[str, Any]:
        """Return the precision, if the layer has one of its own.

        Returns
        -------
        dict
            With ``compute``, or empty.
        """
        return {} if self.compute is None else {"compute": self.compute}


class Conv2DDNNLayer(_ConvDNNLayer):
    """A convolutional layer over two spatial axes that is computed by cuDNN.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    num_filters, filter_size, stride, pad, untie_biases, W, b, nonlinearity, num_groups, dilation
        As for :class:`nncore.layers.Conv2DLayer`.
    flip_filters : bool
        True for the mathematical convolution, which turns the filters round; False for
        cross-correlation. Default: False, unlike :class:`nncore.layers.Conv2DLayer`.
    implementation : str or None
        Name of the implementation; ``"auto"`` makes the layer run where this plugin cannot, and
        None leaves the choice to :func:`nncore.using` and :mod:`nncore.config`.
        Default: ``"cudnn"``.
    compute : str or None
        ``"float32"``, ``"tf32"`` or ``"bfloat16"``, see :func:`nncore_cudnn.set_compute`; None for
        the process's. Default: None.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import Conv2DDNNLayer
    >>> layer = Conv2DDNNLayer(InputLayer((None, 3, 32, 32)), num_filters=16, filter_size=5)
    >>> layer.output_shape, layer.implementation
    ((None, 16, 28, 28), 'cudnn')
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
        flip_filters: bool = False,
        num_groups: int = 1,
        dilation: Any = 1,
        implementation: str | None = "cudnn",
        compute: str | None = None,
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
            compute=compute,
            **kwargs,
        )


class Conv3DDNNLayer(_ConvDNNLayer):
    """A convolutional layer over three spatial axes that is computed by cuDNN.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, depth, rows, columns)``.
    num_filters, filter_size, stride, pad, untie_biases, W, b, nonlinearity, num_groups, dilation
        As for :class:`nncore.layers.Conv3DLayer`.
    flip_filters : bool
        True for the mathematical convolution, which turns the filters round; False for
        cross-correlation. Default: False, unlike :class:`nncore.layers.Conv3DLayer`.
    implementation : str or None
        Name of the implementation; ``"auto"`` makes the layer run where this plugin cannot, and
        None leaves the choice to :func:`nncore.using` and :mod:`nncore.config`.
        Default: ``"cudnn"``.
    compute : str or None
        ``"float32"``, ``"tf32"`` or ``"bfloat16"``, see :func:`nncore_cudnn.set_compute`; None for
        the process's. Default: None.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_cudnn import Conv3DDNNLayer
    >>> layer = Conv3DDNNLayer(InputLayer((None, 3, 16, 32, 32)), num_filters=16, filter_size=5)
    >>> layer.output_shape, layer.implementation
    ((None, 16, 12, 28, 28), 'cudnn')
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
        flip_filters: bool = False,
        num_groups: int = 1,
        dilation: Any = 1,
        implementation: str | None = "cudnn",
        compute: str | None = None,
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
            compute=compute,
            **kwargs,
        )
