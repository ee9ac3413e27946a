# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""Transposed and dilated convolutional layers, whose filters are stored channels first."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from nncore import init, nonlinearities, ops
from nncore.layers._arguments import pads
from nncore.layers._docs import describe
from nncore.layers.base import _label
from nncore.layers.base_conv import BaseConvLayer
from nncore.ops import conv_input_length
from nncore.ops.geometry import as_pads, explicit_pads

__all__ = [
    "Deconv2DLayer",
    "Deconv3DLayer",
    "DilatedConv2DLayer",
    "TransposedConv2DLayer",
    "TransposedConv3DLayer",
]

_WORDS = ("valid", "same", "full")

_TRANSPOSED_PARAMETERS = """
num_filters : int
    Number of filters, which is the number of channels of the output.
filter_size : int or sequence of int
    Size of the filters, for all spatial axes or for each.
stride : int or sequence of int
    Step of the filters over the output: the factor by which the layer enlarges its input, for all
    spatial axes or for each. Default: 1.
crop : int, sequence of int or of (before, after) pairs, or str
    What to cut off the output: the padding of the convolution that this layer transposes. On both
    sides of every axis, or of each, or before and after each. ``'valid'`` cuts nothing off,
    ``'full'`` what a filter reaches over the input, and ``'same'`` keeps the size under a stride
    of 1. Default: 0.
untie_biases : bool
    If true, every position of the output has biases of its own. Default: False.
W : shared variable, expression, array, number or callable
    The filters, ``(channels, num_filters // num_groups, *filter_size)``: the first two axes are
    swapped against a convolution. Default: Glorot's uniform initialization.
b : shared variable, expression, array, number, callable or None
    The biases, ``(num_filters,)`` or, untied, ``(num_filters, *output)``; None for none.
    Default: zeros.
nonlinearity : callable or None
    Applied to the result; None for none. Default: rectification.
flip_filters : bool
    The layer slides its filters over the input, spread out by the stride. True turns them round
    before (convolution), False does not (correlation). With False, this is the transposed of a
    convolution with ``flip_filters=True``. Default: False.
output_size : int, sequence of int, None and scalar expressions, vector expression, or None
    Spatial size of the output, for all axes or for each. Under a stride above 1, a convolution
    makes the same size of several, up to ``stride - 1`` larger than the smallest; this says which
    of them to restore. An expression says it at run time (not under JAX, where sizes are part of
    the compiled program). None is for the smallest. Default: None.
num_groups : int
    Divide channels and filters into groups that see only each other. Default: 1.
dilation : int or sequence of int
    Distance between the filters' taps. Default: 1.
implementation : str or None
    Name of the implementation, ``"auto"`` or ``"fastest"``; see :func:`nncore.using`. Default:
    the choice of the enclosing ``with nncore.using(conv=...)`` block, if there is one, or else
    the process's.
**kwargs
    Passed to :class:`Layer`.
"""


class _TransposedConvLayer(BaseConvLayer):
    """What the transposed convolutional layers share; ``n`` is the number of spatial axes."""

    n: int

    def __init__(
        self, incoming: Any, num_filters: int, crop: Any, output_size: Any, **kwargs: Any
    ) -> None:
        self.name = kwargs.get("name")
        self.output_size = self._sizes(output_size)
        crop = pads(self, crop, self.n, _WORDS, "crop")
        super().__init__(incoming, num_filters, pad=crop, n=self.n, **kwargs)

    def _sizes(self, output_size: Any) -> Any:
        if output_size is None:
            return None
        if isinstance(output_size, Variable):
            if output_size.ndim == 1:
                return output_size
            sizes = (output_size,) * self.n
        elif isinstance(output_size, Integral):
            sizes = (output_size,) * self.n
        else:
            sizes = tuple(output_size)
        if len(sizes) != self.n or not all(
            size is None
            or (isinstance(size, Integral) and int(size) > 0)
            or (isinstance(size, Variable) and size.ndim == 0)
            for size in sizes
        ):
            raise ValueError(
                f"{_label(self)}: output_size={output_size!r} must be a positive integer, {self.n} "
                "of them (with None for the smallest size, or a scalar expression), a vector "
                "expression or None."
            )
        return tuple(int(size) if isinstance(size, Integral) else size for size in sizes)

    @property
    def crop(self) -> Any:
        """What is cut off the output: one integer or pair for each axis, or a word."""
        return self.pad

    def get_W_shape(self) -> tuple[int, ...]:
        """Return the shape of the filters.

        Returns
        -------
        tuple of int
            ``(channels, num_filters // num_groups, *filter_size)``.
        """
        return (self.input_shape[1], self.num_filters // self.num_groups, *self.filter_size)

    def _smallest(self, lengths: Any) -> tuple[Any, ...]:
        crops = self.crop if isinstance(self.crop, tuple) else (self.crop,) * self.n
        geometry = zip(lengths, self.filter_size, self.dilation, self.stride, crops, strict=True)
        return tuple(
            conv_input_length(length, (size - 1) * dilation + 1, stride, crop)
            for length, size, dilation, stride, crop in geometry
        )

    def _check_output(self) -> None:
        smallest = self._smallest(self.input_shape[2:])
        for axis, size in enumerate(smallest):
            if size is not None and size < 1:
                raise ValueError(
                    f"{_label(self)}: crop={self.crop!r} leaves no output on spatial axis {axis}: "
                    f"input size {self.input_shape[2:]}, filter size {self.filter_size}, dilation "
                    f"{self.dilation}, stride {self.stride}. Crop less, or use a larger filter, "
                    "stride or input."
                )
        given = self.output_size if isinstance(self.output_size, tuple) else (None,) * self.n
        for axis, (size, least, stride) in enumerate(
            zip(given, smallest, self.stride, strict=True)
        ):
            if isinstance(size, int) and least is not None and not 0 <= size - least < stride:
                raise ValueError(
                    f"{_label(self)}: output_size={self.output_size!r} is not possible on spatial "
                    f"axis {axis}: with input size {self.input_shape[2:]}, filter size "
                    f"{self.filter_size}, stride {self.stride} and crop {self.crop!r} it can be "
                    f"{least} to {least + stride - 1}."
                )

    def get_output_shape_for(self, input_shape: Any) -> Any:
        sizes = self._smallest(input_shape[2:])
        if isinstance(self.output_size, Variable):
            sizes = (None,) * self.n
        elif self.output_size is not None:
            sizes = tuple(
                least if size is None else None if isinstance(size, Variable) else size
                for size, least in zip(self.output_size, sizes, strict=True)
            )
        return (input_shape[0], self.num_filters, *sizes)

    def convolve(self, input: Any, **kwargs: Any) -> Any:
        arguments: dict[str, Any] = {
            "stride": self.stride,
            "dilation": self.dilation,
            "groups": self.num_groups,
            "implementation": self.implementation,
        }
        flip = not self.flip_filters
        if self.output_size is None:
            return ops.conv_transpose(
                input, self.W, pad=self.crop, flip_filters=flip, name=self.name, **arguments
            )
        lengths = tuple(
            input.shape[axis] if input.type.shape[axis] is None else input.type.shape[axis]
            for axis in range(2, self.n + 2)
        )
        smallest = self._smallest(lengths)
        sizes = [
            least if self.output_size[i] is None else self.output_size[i]
            for i, least in enumerate(smallest)
        ]
        # The gradient of a convolution takes its shape from a tensor of which nothing else counts.
        like = pt.alloc(
            pt.zeros((), dtype=input.dtype),
            input.shape[0],
            self.num_filters,
            *(size if isinstance(size, int) else pt.cast(size, "int64") for size in sizes),
        )
        crop = explicit_pads(as_pads(self.crop, self.n), self.filter_size, self.dilation)
        op = ops.ConvGradInput(pad=crop, flip=flip, **arguments)
        return op(self.W, input, like, name=self.name)


@describe(_TRANSPOSED_PARAMETERS)
class TransposedConv2DLayer(_TransposedConvLayer):
    """A transposed convolutional layer over two spatial axes [1]_.

    It does what the backward pass of a convolutional layer does to gradients, and so undoes what
    the convolution with the same geometry does to sizes. It is also called deconvolution.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together, leave no output or cannot give the output size.

    References
    ----------
    .. [1] Dumoulin, V. and Visin, F. (2016): A guide to convolution arithmetic for deep learning.
           arXiv:1603.07285.

    Examples
    --------
    >>> from nncore.layers import InputLayer, TransposedConv2DLayer
    >>> layer = InputLayer((None, 16, 8, 8))
    >>> TransposedConv2DLayer(layer, 3, filter_size=3, stride=2, crop=1).output_shape
    (None, 3, 15, 15)
    >>> TransposedConv2DLayer(layer, 3, 3, stride=2, crop=1, output_size=16).output_shape
    (None, 3, 16, 16)
    """

    n = 2

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        stride: Any = (1, 1),
        crop: Any = 0,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        flip_filters: bool = False,
        output_size: Any = None,
        num_groups: int = 1,
        dilation: Any = 1,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming,
            num_filters,
            crop,
            output_size,
            filter_size=filter_size,
            stride=stride,
            untie_biases=untie_biases,
            W=W,
            b=b,
            nonlinearity=nonlinearity,
            flip_filters=flip_filters,
            num_groups=num_groups,
            dilation=dilation,
            implementation=implementation,
            **kwargs,
        )


Deconv2DLayer = TransposedConv2DLayer


@describe(_TRANSPOSED_PARAMETERS)
class TransposedConv3DLayer(_TransposedConvLayer):
    """A transposed convolutional layer over three spatial axes.

    See :class:`TransposedConv2DLayer`.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, depth, rows, columns)``.
    <parameters>

    Raises
    ------
    ValueError
        If arguments do not fit together, leave no output or cannot give the output size.

    Examples
    --------
    >>> from nncore.layers import InputLayer, TransposedConv3DLayer
    >>> layer = InputLayer((None, 16, 4, 8, 8))
    >>> TransposedConv3DLayer(layer, num_filters=3, filter_size=2, stride=2).output_shape
    (None, 3, 8, 16, 16)
    """

    n = 3

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        stride: Any = (1, 1, 1),
        crop: Any = 0,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        flip_filters: bool = False,
        output_size: Any = None,
        num_groups: int = 1,
        dilation: Any = 1,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming,
            num_filters,
            crop,
            output_size,
            filter_size=filter_size,
            stride=stride,
            untie_biases=untie_biases,
            W=W,
            b=b,
            nonlinearity=nonlinearity,
            flip_filters=flip_filters,
            num_groups=num_groups,
            dilation=dilation,
            implementation=implementation,
            **kwargs,
        )


Deconv3DLayer = TransposedConv3DLayer


class DilatedConv2DLayer(BaseConvLayer):
    """A convolutional layer with dilated filters, as Lasagne has it [1]_.

    Its filters are not turned round, there is no padding and no stride, and the filters are
    stored with the first two axes swapped. :class:`Conv2DLayer` has a dilation without these
    restrictions.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    num_filters : int
        Number of filters, which is the number of channels of the output.
    filter_size : int or sequence of int
        Size of the filters, for both spatial axes or for each.
    dilation : int or sequence of int
        Distance between the filters' taps. Default: 1.
    pad : int or sequence of int
        Only 0 is possible; a :class:`PadLayer` in front pads. Default: 0.
    untie_biases : bool
        If true, every position of the output has biases of its own. Default: False.
    W : shared variable, expression, array, number or callable
        The filters, ``(channels, num_filters // num_groups, *filter_size)``. Default: Glorot's
        uniform initialization.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_filters,)`` or, untied, ``(num_filters, *output)``; None for none.
        Default: zeros.
    nonlinearity : callable or None
        Applied to the result; None for none. Default: rectification.
    flip_filters : bool
        Only False is possible. Default: False.
    num_groups : int
        Divide channels and filters into groups that see only each other. Default: 1.
    implementation : str or None
        Name of the implementation, ``"auto"`` or ``"fastest"``; see :func:`nncore.using`.
        Default: the choice of the enclosing ``with nncore.using(conv=...)`` block, if there is
        one, or else the process's.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    NotImplementedError
        For padding, or for filters that are to be turned round.
    ValueError
        If arguments do not fit together or leave no output.

    References
    ----------
    .. [1] Yu, F. and Koltun, V. (2016): Multi-Scale Context Aggregation by Dilated Convolutions.
           arXiv:1511.07122.

    Examples
    --------
    >>> from nncore.layers import DilatedConv2DLayer, InputLayer
    >>> DilatedConv2DLayer(InputLayer((None, 3, 32, 32)), 16, 3, dilation=2).output_shape
    (None, 16, 28, 28)
    """

    def __init__(
        self,
        incoming: Any,
        num_filters: int,
        filter_size: Any,
        dilation: Any = (1, 1),
        pad: Any = 0,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        flip_filters: bool = False,
        num_groups: int = 1,
        implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = kwargs.get("name")
        if pads(self, pad, 2, _WORDS) not in ((0, 0), ((0, 0), (0, 0))):
            raise NotImplementedError(
                f"{_label(self)} takes no padding, but pad={pad!r}. Put a PadLayer in front, or "
                "use Conv2DLayer with dilation=."
            )
        if flip_filters:
            raise NotImplementedError(
                f"{_label(self)} does not turn its filters round, but flip_filters="
                f"{flip_filters!r}. Use Conv2DLayer with dilation=."
            )
        super().__init__(
            incoming,
            num_filters,
            filter_size,
            untie_biases=untie_biases,
            W=W,
            b=b,
            nonlinearity=nonlinearity,
            flip_filters=False,
            num_groups=num_groups,
            n=2,
            dilation=dilation,
            implementation=implementation,
            **kwargs,
        )

    def get_W_shape(self) -> tuple[int, ...]:
        """Return the shape of the filters.

        Returns
        -------
        tuple of int
            ``(channels, num_filters // num_groups, *filter_size)``.
        """
        return (self.input_shape[1], self.num_filters // self.num_groups, *self.filter_size)

    def convolve(self, input: Any, **kwargs: Any) -> Any:
        channels, count = self.input_shape[1], self.num_groups
        fan_in, fan_out = channels // count, self.num_filters // count
        grouped = self.W.reshape((count, fan_in, fan_out, *self.filter_size))
        filters = grouped.dimshuffle(0, 2, 1, 3, 4).reshape(
            (self.num_filters, fan_in, *self.filter_size)
        )
        return ops.conv(
            input,
            filters,
            dilation=self.dilation,
            groups=count,
            flip_filters=False,
            implementation=self.implementation,
            name=self.name,
        )
