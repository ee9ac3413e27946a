# ruff: noqa: D102  (overridden methods keep the documentation of Layer)
"""Spatial pyramid pooling."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from nncore import ops, utils
from nncore.layers._arguments import chosen
from nncore.layers.base import Layer, _label

__all__ = ["SpatialPyramidPoolingLayer", "pool_2d_nxn_regions"]

_REDUCTIONS = {
    "max": pt.max,
    "average_inc_pad": pt.mean,
    "average_exc_pad": pt.mean,
    "sum": pt.sum,
}


def _sizes(input: Any) -> tuple[Any, ...]:
    """Rows and columns, as integers where they are known."""
    return tuple(
        input.shape[axis] if input.type.shape[axis] is None else input.type.shape[axis]
        for axis in (2, 3)
    )


def _pool_grid(input: Any, bounds: list[list[tuple[Any, Any]]], mode: str) -> Any:
    """Pool over a grid of regions, to the shape (batch, channels, regions)."""
    if mode not in _REDUCTIONS:
        raise ValueError(f"mode={mode!r} is not known; use one of {tuple(_REDUCTIONS)}.")
    # One axis after the other, which takes the fewest operations and gives the same.
    for axis, pairs in enumerate(bounds, start=2):
        before = (slice(None),) * axis
        strips = [input[(*before, slice(*pair))] for pair in pairs]
        input = pt.stack([_REDUCTIONS[mode](strip, axis=axis) for strip in strips], axis=axis)
    return input.reshape((input.shape[0], input.shape[1], len(bounds[0]) * len(bounds[1])))


def _paper_bounds(input: Any, n: int) -> list[list[tuple[Any, Any]]]:
    return [[(i * size // n, -(-(i + 1) * size // n)) for i in range(n)] for size in _sizes(input)]


def pool_2d_nxn_regions(inputs: Any, output_size: int, mode: str = "max") -> list[TensorVariable]:
    """Pool over a grid of regions that together cover an input of any size [1]_.

    Parameters
    ----------
    inputs : expression
        Shape ``(batch, channels, rows, columns)``.
    output_size : int
        Number of regions along each spatial axis, n.
    mode : str
        ``'max'``, ``'average_inc_pad'`` or ``'average_exc_pad'`` (the same, as nothing is padded)
        or ``'sum'``. Default: ``'max'``.

    Returns
    -------
    list of expressions
        For each of the n * n regions, row by row, an expression of shape
        ``(batch, channels, 1)``. Region i of an axis reaches from ``floor(i * size / n)`` to
        ``ceil((i + 1) * size / n)``, so that regions overlap where n does not divide the size.

    Raises
    ------
    ValueError
        For an unknown mode or a size that is not positive.

    References
    ----------
    .. [1] He, K. et al. (2015): Spatial Pyramid Pooling in Deep Convolutional Networks for Visual
           Recognition. arXiv:1406.4729, appendix A.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.layers import pool_2d_nxn_regions
    >>> image = np.arange(9, dtype="float32").reshape(1, 1, 3, 3)
    >>> [float(region.eval().item()) for region in pool_2d_nxn_regions(image, 2)]
    [4.0, 5.0, 7.0, 8.0]
    """
    inputs = utils.as_tensor(inputs)
    n: Any = output_size
    if not isinstance(n, Integral) or int(n) < 1:
        raise ValueError(f"output_size must be a positive integer, not {output_size!r}.")
    grid = _pool_grid(inputs, _paper_bounds(inputs, int(n)), mode)
    return [grid[:, :, i : i + 1] for i in range(int(n) ** 2)]


class SpatialPyramidPoolingLayer(Layer):
    """A layer that pools an input of any size to a fixed number of features [1]_.

    For each n in `pool_dims` the input is pooled over a grid of n x n regions; the results of all
    grids follow each other on the last axis.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``, where
        rows and columns may be None.
    pool_dims : list of int
        Number of regions along each spatial axis, for each level of the pyramid.
        Default: [4, 2, 1].
    mode : str
        ``'max'``, ``'average_inc_pad'`` or ``'average_exc_pad'`` (the same, as nothing is padded)
        or ``'sum'``. Default: ``'max'``.
    implementation : str
        ``'fast'`` pools over windows of one size, ``ceil(size / n)``, by the operation of
        :func:`nncore.ops.pool` where that can be; they begin at multiples of ``size // n`` or, if
        there would be more than n of these, at ``floor(i * size / n)``. ``'kaiming'`` pools over
        the regions of the paper; see :func:`pool_2d_nxn_regions`. Where n divides the size, both
        are the same. Default: ``'fast'``.
    pool_implementation : str or None
        Name of the implementation of the pooling operation, ``"auto"`` or ``"fastest"``; see
        :func:`nncore.using`. Default: the choice of the enclosing ``with nncore.using(pool=...)``
        block, if there is one, or else the process's.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        For an input that does not have four axes, or an argument that is not one of the above.

    Notes
    -----
    Convolutions take images of any size, but a dense layer has a fixed number of inputs. With
    this layer between them, the network takes images of any size.

    References
    ----------
    .. [1] He, K. et al. (2015): Spatial Pyramid Pooling in Deep Convolutional Networks for Visual
           Recognition. arXiv:1406.4729.

    Examples
    --------
    >>> from nncore.layers import InputLayer, SpatialPyramidPoolingLayer
    >>> SpatialPyramidPoolingLayer(InputLayer((None, 3, None, None))).output_shape
    (None, 3, 21)
    """

    def __init__(
        self,
        incoming: Any,
        pool_dims: Any = [4, 2, 1],  # noqa: B006  (Lasagne's default; it is copied)
        mode: str = "max",
        implementation: str = "fast",
        pool_implementation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        if len(self.input_shape) != 4:
            raise ValueError(
                f"{_label(self)}: the input shape {self.input_shape!r} has "
                f"{len(self.input_shape)} axes, but it must have 4: (batch, channels, rows, "
                "columns)."
            )
        if mode not in _REDUCTIONS:
            raise ValueError(
                f"{_label(self)}: mode={mode!r} is not known; use one of {tuple(_REDUCTIONS)}."
            )
        if implementation not in ("fast", "kaiming"):
            raise ValueError(
                f"{_label(self)}: implementation={implementation!r} is not known; use 'fast' or "
                "'kaiming'. That of the pooling operation is chosen by pool_implementation."
            )
        pool_dims = [pool_dims] if isinstance(pool_dims, Integral) else list(pool_dims)
        if not pool_dims or any(not isinstance(n, Integral) or n < 1 for n in pool_dims):
            raise ValueError(
                f"{_label(self)}: pool_dims={pool_dims!r} must be a list of positive integers."
            )
        self.pool_dims = [int(n) for n in pool_dims]
        self.mode = mode
        self.implementation = implementation
        self.pool_implementation = chosen(self, "pool", pool_implementation)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return (*input_shape[:2], sum(n * n for n in self.pool_dims))

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        levels = [
            _pool_grid(input, _paper_bounds(input, n), self.mode)
            if self.implementation == "kaiming"
            else self._windows(input, n)
            for n in self.pool_dims
        ]
        return pt.concatenate(levels, axis=2) if len(levels) > 1 else levels[0]

    def _windows(self, input: Any, n: int) -> Any:
        sizes = _sizes(input)
        if all(isinstance(size, int) and size % n <= size // n for size in sizes):
            pooled = ops.pool(
                input,
                tuple(-(-size // n) for size in sizes),
                stride=tuple(size // n for size in sizes),
                mode=self.mode,
                implementation=self.pool_implementation,
                name=self.name,
            )
            return pooled.reshape((pooled.shape[0], pooled.shape[1], n * n))
        bounds = []
        for size in sizes:
            step, window = size // n, -(-size // n)
            even = size % n <= step
            starts = [
                (i * step if even else i * size // n)
                if isinstance(size, int)
                else pt.switch(even, i * step, i * size // n)
                for i in range(n)
            ]
            bounds.append([(start, start + window) for start in starts])
        return _pool_grid(input, bounds, self.mode)
