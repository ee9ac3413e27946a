"""Symbolic convolution: three operations that are each other's derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.tensor.variable import TensorVariable

from nncore.ops.base import ImplementedOp, as_operands, chosen_name, disconnected
from nncore.ops.geometry import (
    ConvGeometry,
    Pads,
    Shape,
    as_ints,
    as_options,
    as_pads,
    check_gradient,
    explicit_pads,
)

__all__ = ["Conv", "ConvGradFilters", "ConvGradInput", "conv", "conv_transpose"]

_PROPS = ("stride", "pad", "dilation", "groups", "flip", "implementation", "options")


class _ConvOp(ImplementedOp):
    kind = "conv"

    def __init__(
        self,
        stride: tuple[int, ...],
        pad: Pads,
        dilation: tuple[int, ...],
        groups: int = 1,
        flip: bool = True,
        implementation: str | None = None,
        options: tuple[tuple[str, Any], ...] = (),
    ) -> None:
        self.stride = stride
        self.pad = pad
        self.dilation = dilation
        self.groups = groups
        self.flip = flip
        self.implementation = implementation
        self.options = options

    @property
    def ndim(self) -> int:
        return len(self.stride)

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _PROPS}

    def _geometry(self, input_shape: Any, filters_shape: Any, dtype: str) -> ConvGeometry:
        return ConvGeometry(
            tuple(input_shape),
            tuple(filters_shape),
            self.stride,
            self.pad,
            self.dilation,
            self.groups,
            self.flip,
            str(dtype),
            self.options,
        )

    def _check_gradient(self, x: Any, w: Any, gy: Any, dtype: Any) -> ConvGeometry:
        geometry, subject = self._geometry(x, w, dtype), type(self).__name__
        geometry.check(subject)
        check_gradient(subject, gy, geometry)
        return geometry

    def _check_ranks(self, *operands: TensorVariable) -> None:
        for operand in operands:
            if operand.ndim != self.ndim + 2:
                raise TypeError(
                    f"{type(self).__name__} for {self.ndim} spatial axes takes tensors of "
                    f"{self.ndim + 2} axes, but {operand} has {operand.ndim}."
                )


class Conv(_ConvOp):
    """Convolution of ``(batch, channels, *spatial)`` by ``(num_filters, fan_in, *filter_size)``.

    Use :func:`conv`, which checks and completes its arguments.
    """

    __props__ = _PROPS
    direction = "forward"

    def make_node(self, x: Any, w: Any) -> Apply[Any]:
        """Build the application, with the static shape of its output."""
        x, w = as_operands("Conv", x, w)
        self._check_ranks(x, w)
        geometry = self._geometry(x.type.shape, w.type.shape, x.dtype)
        geometry.check("Conv")
        return Apply(self, [x, w], [pt.tensor(dtype=x.dtype, shape=geometry.output_shape())])

    def geometry(self, node: Apply[Any]) -> ConvGeometry:
        """Read the geometry from the static shapes."""
        x, w = node.inputs
        return self._geometry(x.type.shape, w.type.shape, x.dtype)

    def sizes(self, *arrays: Any) -> tuple[ConvGeometry, tuple[Any, ...]]:
        """Check the sizes of run time."""
        x, w = arrays
        geometry = self._geometry(x.shape, w.shape, x.dtype)
        geometry.check("Conv")
        return geometry, arrays

    def shapes(self, node: Apply[Any], shapes: Any) -> list[tuple[Any, ...]]:
        """Give the output's shape as expressions."""
        (x, w), static = shapes, node.outputs[0].type.shape
        pads = explicit_pads(self.pad, w[2:], self.dilation)
        lengths = [
            (x[2 + i] + sum(pads[i]) - self.dilation[i] * (w[2 + i] - 1) - 1) // self.stride[i] + 1
            for i in range(self.ndim)
        ]
        known = zip(static, (x[0], w[0], *lengths), strict=True)
        return [tuple(e if n is None else pt.constant(n, dtype="int64") for n, e in known)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Differentiate by input and by filters."""
        (x, w), (gy,) = inputs, cotangents
        arguments = self._arguments()
        return [
            ConvGradInput(**arguments)(w, gy, x),
            ConvGradFilters(**arguments)(x, gy, w),
        ]


class ConvGradInput(_ConvOp):
    """Gradient of :class:`Conv` by its input; also the transposed convolution.

    Its inputs are the filters, the output's gradient, and a tensor whose shape is the result's.
    With `output_padding` there is no such tensor: the result is as small as it can be, plus that
    many elements at the end of each axis.
    """

    __props__ = (*_PROPS, "output_padding")
    direction = "grad_input"

    def __init__(self, *args: Any, output_padding: tuple[int, ...] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.output_padding = output_padding

    def input_shape(self, w: Any, gy: Any) -> tuple[Any, ...]:
        """Shape of the result of a transposed convolution, for shapes of its operands.

        Parameters
        ----------
        w, gy : tuple of int, None or expression
            Shapes of the filters and of the tensor to be convolved.

        Returns
        -------
        tuple of int, None or expression
            ``(batch, channels, *spatial)``.
        """
        assert self.output_padding is not None
        # The length is None wherever the filter size is, so any number may stand for that.
        sizes = tuple(1 if k is None else k for k in w[2:])
        pads = explicit_pads(self.pad, sizes, self.dilation)
        lengths = [
            None
            if gy[2 + i] is None or w[2 + i] is None
            else (gy[2 + i] - 1) * self.stride[i]
            - sum(pads[i])
            + self.dilation[i] * (w[2 + i] - 1)
            + 1
            + self.output_padding[i]
            for i in range(self.ndim)
        ]
        return (gy[0], None if w[1] is None else w[1] * self.groups, *lengths)

    def make_node(self, w: Any, gy: Any, x: Any = None) -> Apply[Any]:
        """Build the application, with the static shape of its output."""
        if (x is None) == (self.output_padding is None):
            raise TypeError("ConvGradInput takes a tensor of the result's shape or output_padding")
        if x is None:
            w, gy = as_operands("conv_transpose", w, gy)
            self._check_ranks(w, gy)
            shape = self.input_shape(w.type.shape, gy.type.shape)
            self._check_transposed(shape, w.type.shape, gy.type.shape)
            return Apply(self, [w, gy], [pt.tensor(dtype=w.dtype, shape=shape)])
        w, gy, x = as_operands("ConvGradInput", w, gy, x)
        self._check_ranks(w, gy, x)
        self._check_gradient(x.type.shape, w.type.shape, gy.type.shape, w.dtype)
        return Apply(self, [w, gy, x], [pt.tensor(dtype=w.dtype, shape=x.type.shape)])

    def _check_transposed(self, shape: Shape, w: Shape, gy: Shape, subject: str = "") -> None:
        subject = subject or "conv_transpose"
        if None not in (gy[1], w[0]) and gy[1] != w[0]:
            raise ValueError(
                f"{subject}: the input of shape {tuple(gy)} has {gy[1]} channels, but the filters "
                f"of shape {tuple(w)} are for {w[0]} (their first axis)."
            )
        if w[0] is not None and w[0] % self.groups:
            raise ValueError(
                f"{subject}: {w[0]} input channels cannot be divided into {self.groups} groups."
            )
        if 0 in w[2:]:
            raise ValueError(
                f"{subject}: the filters of shape {tuple(w)} have no taps on a spatial axis; give "
                "them a length of at least 1 on each."
            )
        for axis, length in enumerate(shape[2:]):
            if length is not None and length < 1:
                raise ValueError(
                    f"{subject}: no output on spatial axis {axis}: the input of length "
                    f"{gy[2 + axis]} gives a length of {length} after cropping. Use less padding, "
                    "a larger filter, or a larger input."
                )

    def geometry(self, node: Apply[Any]) -> ConvGeometry:
        """Describe the convolution that this is the transposed of."""
        w = node.inputs[0]
        return self._geometry(node.outputs[0].type.shape, w.type.shape, w.dtype)

    def sizes(self, *arrays: Any) -> tuple[ConvGeometry, tuple[Any, ...]]:
        """Check the sizes of run time; the third array, if there is one, gives its shape only."""
        w, gy, *rest = arrays
        if rest:
            shape = tuple(rest[0].shape)
            return self._check_gradient(shape, w.shape, gy.shape, w.dtype), (w, gy, shape)
        shape = self.input_shape(w.shape, gy.shape)
        self._check_transposed(shape, w.shape, gy.shape)
        return self._geometry(shape, w.shape, w.dtype), (w, gy, shape)

    def shapes(self, node: Apply[Any], shapes: Any) -> list[tuple[Any, ...]]:
        """Give the output's shape as expressions."""
        if self.output_padding is None:
            return [tuple(shapes[2])]
        static = node.outputs[0].type.shape
        known = zip(static, self.input_shape(shapes[0], shapes[1]), strict=True)
        return [tuple(e if n is None else pt.constant(n, dtype="int64") for n, e in known)]

    def connection_pattern(self, node: Apply[Any]) -> list[list[bool]]:
        """Say that only the shape of the third input matters."""
        return [[True], [True], [False]][: len(node.inputs)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Differentiate by filters and by the output's gradient."""
        w, gy, *rest = inputs
        (g,) = cotangents
        arguments = self._arguments()
        return [
            ConvGradFilters(**arguments)(g, gy, w),
            Conv(**arguments)(g, w),
            *map(disconnected, rest),
        ]


class ConvGradFilters(_ConvOp):
    """Gradient of :class:`Conv` by its filters.

    Its inputs are the input, the output's gradient, and a tensor whose shape is the result's.
    """

    __props__ = _PROPS
    direction = "grad_filters"

    def make_node(self, x: Any, gy: Any, w: Any) -> Apply[Any]:
        """Build the application, with the static shape of its output."""
        x, gy, w = as_operands("ConvGradFilters", x, gy, w)
        self._check_ranks(x, gy, w)
        self._check_gradient(x.type.shape, w.type.shape, gy.type.shape, x.dtype)
        return Apply(self, [x, gy, w], [pt.tensor(dtype=x.dtype, shape=w.type.shape)])

    def geometry(self, node: Apply[Any]) -> ConvGeometry:
        """Describe the convolution that this is the gradient of."""
        x, _, w = node.inputs
        return self._geometry(x.type.shape, w.type.shape, x.dtype)

    def sizes(self, *arrays: Any) -> tuple[ConvGeometry, tuple[Any, ...]]:
        """Check the sizes of run time; the third array gives its shape only."""
        x, gy, w = arrays
        geometry = self._check_gradient(x.shape, w.shape, gy.shape, x.dtype)
        return geometry, (x, gy, tuple(w.shape))

    def shapes(self, node: Apply[Any], shapes: Any) -> list[tuple[Any, ...]]:
        """Give the output's shape as expressions."""
        return [tuple(shapes[2])]

    def connection_pattern(self, node: Apply[Any]) -> list[list[bool]]:
        """Say that only the shape of the third input matters."""
        return [[True], [True], [False]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Differentiate by input and by the output's gradient."""
        (x, gy, w), (g,) = inputs, cotangents
        arguments = self._arguments()
        return [
            ConvGradInput(**arguments)(g, gy, x),
            Conv(**arguments)(x, g),
            disconnected(w),
        ]


def _spatial_axes(subject: str, *operands: TensorVariable) -> int:
    ndim = operands[0].ndim - 2
    if not 1 <= ndim <= 3 or any(operand.ndim != ndim + 2 for operand in operands):
        raise ValueError(
            f"{subject}: the input has {operands[0].ndim} axes and the filters have "
            f"{operands[1].ndim}; both must have 3, 4 or 5: (batch, channels, *spatial) and "
            "(num_filters, channels // groups, *filter_size)."
        )
    return ndim


def _arguments(
    subject: str,
    w: TensorVariable,
    stride: Any,
    pad: Any,
    dilation: Any,
    groups: Any,
    flip_filters: bool,
    implementation: str | None,
    options: Any = None,
) -> dict[str, Any]:
    ndim = w.ndim - 2
    try:
        step = as_ints(dilation, ndim, "dilation", 1)
        pads = as_pads(pad, ndim)
        if isinstance(pads, str) and None not in w.type.shape[2:]:
            pads = explicit_pads(pads, w.type.shape[2:], step)
        return {
            "stride": as_ints(stride, ndim, "stride", 1),
            "pad": pads,
            "dilation": step,
            "groups": as_ints(groups, 1, "groups", 1)[0],
            "flip": bool(flip_filters),
            "implementation": chosen_name("conv", implementation),
            "options": as_options(options),
        }
    except (TypeError, ValueError) as error:
        raise type(error)(f"{subject}: {error}.") from None


def conv(
    input: Any,
    filters: Any,
    stride: Any = 1,
    pad: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    flip_filters: bool = True,
    implementation: str | None = None,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> TensorVariable:
    r"""Convolve an input with filters, in one, two or three dimensions.

    Parameters
    ----------
    input : array or expression
        Shape ``(batch, channels, *spatial)`` with one to three spatial axes.
    filters : array or expression
        Shape ``(num_filters, channels // groups, *filter_size)``.
    stride : int or sequence of int
        Step of the filters, for all spatial axes or for each. Default: 1.
    pad : int, sequence of int or of (before, after) pairs, or str
        Zeros around the input: on both sides of every axis, or of each, or before and after each.
        ``'valid'`` is no padding, ``'full'`` gives an output for every overlap, and ``'same'``
        keeps the size under a stride of 1 (for filters of even size, the extra zero comes after).
        Default: 0.
    dilation : int or sequence of int
        Distance between the filters' taps. Default: 1.
    groups : int
        Divide channels and filters into groups that see only each other; as many groups as
        channels make a depthwise convolution. Default: 1.
    flip_filters : bool
        True for the mathematical convolution, which turns the filters round; False for
        cross-correlation. Default: True.
    implementation : str, optional
        Name of the implementation; see :func:`nncore.using` for the default.
    name : str, optional
        Name of the result, also named in messages.
    options : mapping of str, optional
        What to ask of an implementation beyond the contract, for the convolution and for its
        gradients; implementations document what they know and leave out the rest. It never
        changes what is computed, but for rounding. Default: nothing.

    Returns
    -------
    TensorVariable
        Shape ``(batch, num_filters, *output)``, with :func:`conv_output_length` on each axis.

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit together, as far as the static shapes tell.
    nncore.errors.UnknownNameError
        If nothing registered the implementation.

    Notes
    -----
    With dilation :math:`d`, stride :math:`s`, padding :math:`p` and filters turned round,

    .. math:: y_{n,f,i} = \sum_{c,k} x_{n,c,\,s i + d k - p}\, w_{f,c,\,K-1-k}.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.ops import conv
    >>> images = pt.tensor(dtype="float32", shape=(None, 3, 32, 32))
    >>> filters = pt.tensor(dtype="float32", shape=(16, 3, 5, 5))
    >>> conv(images, filters, stride=2, pad="same").type.shape
    (None, 16, 16, 16)
    """
    subject = name or "conv"
    x, w = as_operands(subject, input, filters)
    _spatial_axes(subject, x, w)
    op = Conv(
        **_arguments(
            subject, w, stride, pad, dilation, groups, flip_filters, implementation, options
        )
    )
    op._geometry(x.type.shape, w.type.shape, x.dtype).check(subject)
    return op(x, w, name=name)


def conv_transpose(
    input: Any,
    filters: Any,
    stride: Any = 1,
    pad: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    flip_filters: bool = True,
    output_padding: Any = 0,
    implementation: str | None = None,
    name: str | None = None,
) -> TensorVariable:
    """Transposed convolution: the gradient of :func:`conv` by its input, as an operation.

    Parameters
    ----------
    input : array or expression
        Shape ``(batch, channels, *spatial)``: like the output of the convolution that this
        transposes.
    filters : array or expression
        Shape ``(channels, num_filters // groups, *filter_size)``: the filters of that
        convolution.
    stride, pad, dilation, groups, flip_filters
        Of that convolution; see :func:`conv`. So `stride` enlarges and `pad` crops.
    output_padding : int or sequence of int
        Elements to add at the end of each axis, less than the stride: the sizes that the
        convolution's stride would have lost. Default: 0.
    implementation : str, optional
        Name of the implementation; see :func:`nncore.using` for the default.
    name : str, optional
        Name of the result, also named in messages.

    Returns
    -------
    TensorVariable
        Shape ``(batch, num_filters, *output)`` with
        ``(spatial - 1) * stride - pads + dilation * (filter_size - 1) + 1 + output_padding``.

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit together, as far as the static shapes tell.
    nncore.errors.UnknownNameError
        If nothing registered the implementation.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.ops import conv_transpose
    >>> codes = pt.tensor(dtype="float32", shape=(None, 16, 8, 8))
    >>> filters = pt.tensor(dtype="float32", shape=(16, 3, 4, 4))
    >>> conv_transpose(codes, filters, stride=2, pad=1).type.shape
    (None, 3, 16, 16)
    """
    subject = name or "conv_transpose"
    gy, w = as_operands(subject, input, filters)
    ndim = _spatial_axes(subject, gy, w)
    arguments = _arguments(subject, w, stride, pad, dilation, groups, flip_filters, implementation)
    try:
        extra = as_ints(output_padding, ndim, "output_padding", 0)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{subject}: {error}.") from None
    if any(e >= s for e, s in zip(extra, arguments["stride"], strict=True)):
        raise ValueError(
            f"{subject}: output_padding={extra} must be less than stride={arguments['stride']} on "
            "every axis: a convolution with that stride could not have lost more."
        )
    count = arguments["groups"]
    if gy.type.shape[1] is not None and gy.type.shape[1] % count:
        raise ValueError(
            f"{subject}: {gy.type.shape[1]} input channels cannot be divided into {count} groups."
        )
    op = ConvGradInput(**arguments, output_padding=extra)
    shape = op.input_shape(w.type.shape, gy.type.shape)
    op._check_transposed(shape, w.type.shape, gy.type.shape, subject)
    return op(w, gy, name=name)
