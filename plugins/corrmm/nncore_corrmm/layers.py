# ruff: noqa: B008  (initializers have no state)
"""The layer of Lasagne's ``corrmm`` module."""

from __future__ import annotations

from typing import Any

from nncore import init, nonlinearities
from nncore.layers import BaseConvLayer
from nncore_corrmm.workspace import check_max_workspace

__all__ = ["Conv2DMMLayer"]


class Conv2DMMLayer(BaseConvLayer):
    """A two-dimensional convolutional layer that is computed by matrix products.

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
        Default: ``"corrmm"``.
    max_workspace : int or None
        Largest size of a matrix of patches in bytes; None for the process's, see
        :func:`nncore_corrmm.max_workspace`. Default: None.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Notes
    -----
    The layer can be built, saved and inspected without JAX; only compiling it needs what
    ``implementation`` needs.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> from nncore_corrmm import Conv2DMMLayer
    >>> layer = Conv2DMMLayer(InputLayer((None, 3, 32, 32)), num_filters=16, filter_size=5)
    >>> layer.output_shape, layer.implementation
    ((None, 16, 28, 28), 'corrmm')
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
        implementation: str | None = "corrmm",
        max_workspace: int | None = None,
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
        self.max_workspace = None if max_workspace is None else check_max_workspace(max_workspace)

    def get_options(self) -> dict[str, Any]:
        """Return the bound, if the layer has one of its own.

        Returns
        -------
        dict
            With ``max_workspace``, or empty.
        """
        return {} if self.max_workspace is None else {"max_workspace": self.max_workspace}
