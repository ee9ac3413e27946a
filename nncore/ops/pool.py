"""Symbolic pooling: operations that are closed under differentiation."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.tensor.variable import TensorVariable

from nncore.ops.base import ImplementedOp, as_operands, chosen_name, disconnected
from nncore.ops.geometry import (
    POOL_MODES,
    PoolGeometry,
    Shape,
    as_ints,
    as_pads,
    check_gradient,
)

__all__ = ["Pool", "PoolGradGrad", "PoolGradInput", "pool"]


class _PoolOp(ImplementedOp):
    kind = "pool"
    __props__ = ("window", "stride", "pad", "mode", "ignore_border", "implementation")

    def __init__(
        self,
        window: tuple[int, ...],
        stride: tuple[int, ...],
        pad: tuple[tuple[int, int], ...],
        mode: str = "max",
        ignore_border: bool = True,
        implementation: str | None = None,
    ) -> None:
        self.window = window
        self.stride = stride
        self.pad = pad
        self.mode = mode
        self.ignore_border = ignore_border
        self.implementation = implementation

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _PoolOp.__props__}

    def _geometry(self, shape: Any, dtype: Any) -> PoolGeometry:
        return PoolGeometry(
            tuple(shape),
            self.window,
            self.stride,
            self.pad,
            self.mode,
            self.ignore_border,
            str(dtype),
        )

    def geometry(self, node: Apply[Any]) -> PoolGeometry:
        """Read the geometry from the static shape of the first input."""
        x = node.inputs[0]
        return self._geometry(x.type.shape, x.dtype)

    def _check_ranks(self, *operands: TensorVariable) -> None:
        for operand in operands:
            if operand.ndim != len(self.window) + 2:
                raise TypeError(
                    f"{type(self).__name__} for {len(self.window)} spatial axes takes tensors of "
                    f"{len(self.window) + 2} axes, but {operand} has {operand.ndim}."
                )

    def _output(self, x: TensorVariable) -> TensorVariable:
        geometry = self._geometry(x.type.shape, x.dtype)
        geometry.check(type(self).__name__)
        return pt.tensor(dtype=x.dtype, shape=geometry.output_shape())

    def _output_shape(self, node: Apply[Any], shape: Any) -> list[tuple[Any, ...]]:
        static: Shape = node.outputs[0].type.shape
        lengths = self._geometry((None,) * len(static), "float32").output_lengths(shape[2:])
        known = zip(static, (*shape[:2], *lengths), strict=True)
        return [tuple(e if n is None else pt.constant(n, dtype="int64") for n, e in known)]


class Pool(_PoolOp):
    """Pooling of ``(batch, channels, *spatial)``; use :func:`pool`, which checks arguments."""

    direction = "forward"

    def make_node(self, x: Any) -> Apply[Any]:
        """Build the application, with the static shape of its output."""
        (x,) = as_operands("Pool", x)
        self._check_ranks(x)
        return Apply(self, [x], [self._output(x)])

    def sizes(self, *arrays: Any) -> tuple[PoolGeometry, tuple[Any, ...]]:
        """Check the sizes of run time."""
        (x,) = arrays
        geometry = self._geometry(x.shape, x.dtype)
        geometry.check("Pool")
        return geometry, arrays

    def shapes(self, node: Apply[Any], shapes: Any) -> list[tuple[Any, ...]]:
        """Give the output's shape as expressions."""
        return self._output_shape(node, shapes[0])

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Differentiate by the input."""
        return [PoolGradInput(**self._arguments())(inputs[0], cotangents[0])]


class PoolGradInput(_PoolOp):
    """Gradient of :class:`Pool`: spread each window's gradient over the input.

    Its inputs are the pool's input and the output's gradient.
    """

    direction = "grad_input"

    def make_node(self, x: Any, gy: Any) -> Apply[Any]:
        """Build the application, with the static shape of its output."""
        x, gy = as_operands("PoolGradInput", x, gy)
        self._check_ranks(x, gy)
        self._check_gradient(x.type.shape, gy.type.shape, x.dtype)
        return Apply(self, [x, gy], [pt.tensor(dtype=x.dtype, shape=x.type.shape)])

    def _check_gradient(self, x: Any, gy: Any, dtype: Any) -> PoolGeometry:
        geometry = self._geometry(x, dtype)
        geometry.check("PoolGradInput")
        check_gradient("PoolGradInput", gy, geometry)
        return geometry

    def sizes(self, *arrays: Any) -> tuple[PoolGeometry, tuple[Any, ...]]:
        """Check the sizes of run time."""
        x, gy = arrays
        return self._check_gradient(x.shape, gy.shape, x.dtype), arrays

    def shapes(self, node: Apply[Any], shapes: Any) -> list[tuple[Any, ...]]:
        """Give the shape of the pool's input."""
        return [tuple(shapes[0])]

    def connection_pattern(self, node: Apply[Any]) -> list[list[bool]]:
        """Say that linear modes use only the shape of the pool's input."""
        return [[self.mode == "max"], [True]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Differentiate by `gy` alone: the maximum's place does not change with the input."""
        (x, _), (g,) = inputs, cotangents
        if self.mode == "max":
            return [pt.zeros_like(x), PoolGradGrad(**self._arguments())(x, g)]
        return [disconnected(x), Pool(**self._arguments())(g)]


class PoolGradGrad(_PoolOp):
    """Take from a tensor the elements at the places of another's maxima.

    Its inputs are the pool's input and a tensor of the same shape.
    """

    direction = "grad_grad"

    def make_node(self, x: Any, values: Any) -> Apply[Any]:
        """Build the application, with the static shape of its output."""
        if self.mode != "max":
            raise ValueError(f"PoolGradGrad is for mode 'max', not {self.mode!r}.")
        x, values = as_operands("PoolGradGrad", x, values)
        self._check_ranks(x, values)
        self._check_same(x.type.shape, values.type.shape)
        return Apply(self, [x, values], [self._output(x)])

    def sizes(self, *arrays: Any) -> tuple[PoolGeometry, tuple[Any, ...]]:
        """Check the sizes of run time."""
        x, values = arrays
        geometry = self._geometry(x.shape, x.dtype)
        geometry.check("PoolGradGrad")
        self._check_same(x.shape, values.shape)
        return geometry, arrays

    def _check_same(self, x: Shape, values: Shape) -> None:
        if any(None not in pair and pair[0] != pair[1] for pair in zip(x, values, strict=True)):
            raise ValueError(
                f"PoolGradGrad: the tensor to take from, of shape {tuple(values)}, must have the "
                f"shape {tuple(x)} of the pool's input."
            )

    def shapes(self, node: Apply[Any], shapes: Any) -> list[tuple[Any, ...]]:
        """Give the output's shape as expressions."""
        return self._output_shape(node, shapes[0])

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Put the gradient back at the places of the maxima."""
        (x, _), (g,) = inputs, cotangents
        return [pt.zeros_like(x), PoolGradInput(**self._arguments())(x, g)]


def pool(
    input: Any,
    pool_size: Any,
    stride: Any = None,
    pad: Any = 0,
    mode: str = "max",
    ignore_border: bool = True,
    implementation: str | None = None,
    name: str | None = None,
) -> TensorVariable:
    """Pool an input over windows, in one, two or three dimensions.

    Parameters
    ----------
    input : array or expression
        Shape ``(batch, channels, *spatial)`` with one to three spatial axes.
    pool_size : int or sequence of int
        Length of the window, for all spatial axes or for each.
    stride : int or sequence of int, optional
        Step of the window. Default: `pool_size`.
    pad : int, sequence of int or of (before, after) pairs
        Padding around the input, less than the window. A maximum never picks it. Default: 0.
    mode : str
        ``'max'``, ``'average_inc_pad'`` (padding counts), ``'average_exc_pad'`` (it does not) or
        ``'sum'``. Default: ``'max'``.
    ignore_border : bool
        True leaves out windows that reach over the end; False cuts them off there. Default: True.
    implementation : str, optional
        Name of the implementation; see :func:`nncore.using` for the default.
    name : str, optional
        Name of the result, also named in messages.

    Returns
    -------
    TensorVariable
        Shape ``(batch, channels, *output)``, with :func:`pool_output_length` on each axis.

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit together, as far as the static shapes tell.
    nncore.errors.UnknownNameError
        If nothing registered the implementation.

    Notes
    -----
    The gradient of a maximum goes to one element of each window, the first in row-major order.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.ops import pool
    >>> pool(pt.tensor(dtype="float32", shape=(None, 8, 7, 7)), 2).type.shape
    (None, 8, 3, 3)
    """
    subject = name or "pool"
    (x,) = as_operands(subject, input)
    ndim = x.ndim - 2
    if not 1 <= ndim <= 3:
        raise ValueError(
            f"{subject}: the input has {x.ndim} axes; it must have 3, 4 or 5: "
            "(batch, channels, *spatial)."
        )
    if mode not in POOL_MODES:
        raise ValueError(f"{subject}: mode={mode!r} is not known; the modes are {POOL_MODES}.")
    try:
        window = as_ints(pool_size, ndim, "pool_size", 1)
        step = window if stride is None else as_ints(stride, ndim, "stride", 1)
        pads = as_pads(pad, ndim)
        chosen = chosen_name("pool", implementation)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{subject}: {error}.") from None
    if isinstance(pads, str):
        raise ValueError(f"{subject}: pad={pad!r} is for convolutions; give integers to a pool.")
    if any(max(pair) >= size for pair, size in zip(pads, window, strict=True)):
        raise ValueError(
            f"{subject}: pad={pad!r} must be less than pool_size={window} on every axis, or a "
            "window could hold nothing but padding."
        )
    op = Pool(window, step, pads, mode, bool(ignore_border), chosen)
    op._geometry(x.type.shape, x.dtype).check(subject)
    return op(x, name=name)
