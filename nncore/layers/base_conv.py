# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""The base class of the convolutional layers."""

from __future__ import annotations

import math
from typing import Any

from nncore import init, nonlinearities, ops
from nncore.layers._arguments import chosen, pads, positive_ints
from nncore.layers._docs import CONV_PARAMETERS, describe
from nncore.layers.base import Layer, _label
from nncore.layers.dense import check_count
from nncore.ops import conv_output_length

__all__ = ["BaseConvLayer"]


@describe(CONV_PARAMETERS)
class BaseConvLayer(Layer):
    """A convolutional layer over any number of spatial axes; the base of the others.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, *spatial)``.
    <parameters>
    n : int or None
        Number of spatial axes. Default: that of the input.

    Raises
    ------
    ValueError
        If arguments do not fit together or leave no output.

    Notes
    -----
    A subclass overrides :meth:`convolve`, :meth:`get_W_shape` if its filters have another shape,
    :meth:`batch_first` and :meth:`get_output_shape_for` if its input has another layout, and
    :meth:`get_options` if its implementation has options of its own.

    Examples
    --------
    >>> from nncore.layers import BaseConvLayer, InputLayer
    >>> BaseConvLayer(InputLayer((None, 3, 32, 32)), 16, 5, stride=2, pad="same").output_shape
    (None, 16, 16, 16)
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
        num_groups: int = 1,
        n: int | None = None,
        dilation: Any = 1,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        if n is None:
            n = len(self.input_shape) - 2
        elif n != len(self.input_shape) - 2:
            raise ValueError(
                f"{_label(self)}: the input shape {self.input_shape!r} has "
                f"{len(self.input_shape)} axes, but it must have {n + 2}: (batch, channels, and "
                f"{n} spatial)."
            )
        self.n = n
        self.num_filters = check_count(self, "num_filters", num_filters)
        self.filter_size = positive_ints(self, "filter_size", filter_size, n)
        self.stride = positive_ints(self, "stride", stride, n)
        self.dilation = positive_ints(self, "dilation", dilation, n)
        self.flip_filters = flip_filters
        self.untie_biases = untie_biases
        self.num_groups = check_count(self, "num_groups", num_groups)
        self.pad = pads(self, pad, n, ("valid", "same", "full"))
        self.implementation = chosen(self, "conv", implementation)
        channels = self.batch_first(self.input_shape)[1]
        if channels is None:
            raise ValueError(
                f"{_label(self)}: the number of channels in the input shape "
                f"{self.input_shape!r} must be fixed."
            )
        for what, count in (("input channels", channels), ("filters", self.num_filters)):
            if count % self.num_groups:
                raise ValueError(
                    f"{_label(self)}: num_groups={self.num_groups} must divide the number of "
                    f"{what}, {count}."
                )
        self._check_output()
        self.W = self.add_param(W, self.get_W_shape(), name="W", fans=self.get_W_fans())
        if b is None:
            self.b = None
        else:
            shape: tuple[Any, ...] = (self.num_filters,)
            if untie_biases:
                shape += self.batch_first(self.output_shape)[2:]
                if None in shape:
                    raise ValueError(
                        f"{_label(self)}: untie_biases=True needs fixed spatial sizes, but the "
                        f"input shape is {self.input_shape!r}."
                    )
            self.b = self.add_param(b, shape, name="b", regularizable=False)

    def _check_output(self) -> None:
        given = self.batch_first(self.input_shape)[2:]
        sizes = self.batch_first(self.get_output_shape_for(self.input_shape))[2:]
        for axis, size in enumerate(sizes):
            if size is not None and size < 1:
                raise ValueError(
                    f"{_label(self)}: the geometry leaves no output on spatial axis {axis}: input "
                    f"size {given}, filter size {self.filter_size}, pad "
                    f"{self.pad!r}, dilation {self.dilation}, stride {self.stride}. Use a smaller "
                    "filter, more padding (such as pad='same'), a lower dilation or a larger input."
                )

    def batch_first(self, shape: Any) -> Any:
        """Bring a shape of the input or of the output into this class's order of axes.

        Parameters
        ----------
        shape : tuple of int or None
            In the layer's own order.

        Returns
        -------
        tuple of int or None
            ``(batch, channels, *spatial)``.
        """
        return shape

    def get_W_shape(self) -> tuple[int, ...]:
        """Return the shape of the filters.

        Returns
        -------
        tuple of int
            ``(num_filters, channels // num_groups, *filter_size)``.
        """
        channels = self.batch_first(self.input_shape)[1]
        return (self.num_filters, channels // self.num_groups, *self.filter_size)

    def get_W_fans(self) -> tuple[int, int]:
        """Return fan-in and fan-out, by which initializers scale the filters.

        Returns
        -------
        tuple of int
            The channels and the filters of a group, times the size of a filter. They do not depend
            on the order of the axes of `W`, and as usual not on the stride.
        """
        field, groups = math.prod(self.filter_size), self.num_groups
        channels = self.batch_first(self.input_shape)[1]
        return channels // groups * field, self.num_filters // groups * field

    def get_output_shape_for(self, input_shape: Any) -> Any:
        each = self.pad if isinstance(self.pad, tuple) else (self.pad,) * self.n
        lengths = (
            conv_output_length(length, size, stride, pad, dilation)
            for length, size, stride, pad, dilation in zip(
                input_shape[2:], self.filter_size, self.stride, each, self.dilation, strict=True
            )
        )
        return (input_shape[0], self.num_filters, *lengths)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        activation = self.convolve(input, **kwargs)
        if self.b is not None:
            rest = range(1, self.n + 1) if self.untie_biases else ["x"] * self.n
            activation = activation + self.b.dimshuffle("x", 0, *rest)
        return self.nonlinearity(activation)

    def convolve(self, input: Any, **kwargs: Any) -> Any:
        """Build the expression of the convolution, without bias and nonlinearity.

        Parameters
        ----------
        input : expression
            Shape ``(batch, channels, *spatial)``.
        **kwargs
            Options given to :func:`nncore.layers.get_output`.

        Returns
        -------
        expression
            Shape ``(batch, num_filters, *output)``.
        """
        return ops.conv(
            input,
            self.W,
            stride=self.stride,
            pad=self.pad,
            dilation=self.dilation,
            groups=self.num_groups,
            flip_filters=self.flip_filters,
            implementation=self.implementation,
            name=self.name,
            options=self.get_options(),
        )

    def get_options(self) -> dict[str, Any]:
        """Return what the layer asks of its implementation beyond the contract.

        Returns
        -------
        dict
            The `options` of :func:`nncore.ops.conv`; none here. A plugin's layer overrides it.
        """
        return {}
