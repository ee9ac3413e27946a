# ruff: noqa: D102  (overridden methods keep the documentation of Layer)
"""Layers that pool over channels, or over all positions at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt

from nncore.layers.base import Layer, _label
from nncore.layers.dense import check_count

__all__ = ["FeaturePoolLayer", "FeatureWTALayer", "GlobalPoolLayer"]


def _check_groups(layer: Layer, axis: int, pool_size: int) -> None:
    ndim = len(layer.input_shape)
    if not 0 <= axis < ndim:
        raise ValueError(
            f"{_label(layer)}: axis={axis!r} is none of the {ndim} axes of the input "
            f"{layer.input_shape!r}; count from 0."
        )
    size = layer.input_shape[axis]
    if size is None:
        raise ValueError(
            f"{_label(layer)}: the size of axis {axis} of the input {layer.input_shape!r} must be "
            "fixed, to be divided into groups."
        )
    if size % pool_size:
        raise ValueError(
            f"{_label(layer)}: pool_size={pool_size} must divide the size of axis {axis} of the "
            f"input {layer.input_shape!r}, {size}."
        )


def _grouped(layer: Any, input: Any) -> Any:
    """Split the pooled axis into groups and their members."""
    sizes: list[Any] = [
        input.shape[i] if size is None else size for i, size in enumerate(input.type.shape)
    ]
    features = layer.input_shape[layer.axis]
    sizes[layer.axis : layer.axis + 1] = [features // layer.pool_size, layer.pool_size]
    return input.reshape(tuple(sizes))


class FeaturePoolLayer(Layer):
    """A layer that pools over groups of features, such as maxout [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    pool_size : int
        Number of features in a group.
    axis : int
        The axis of the features. Default: 1.
    pool_function : callable
        Takes an expression and ``axis=``, and reduces the axis. Default:
        ``pytensor.tensor.max``.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If the number of features is not a multiple of `pool_size`.

    References
    ----------
    .. [1] Goodfellow, I. et al. (2013): Maxout Networks. arXiv:1302.4389.

    Examples
    --------
    >>> from nncore.layers import FeaturePoolLayer, InputLayer
    >>> FeaturePoolLayer(InputLayer((None, 6, 8)), pool_size=2).output_shape
    (None, 3, 8)
    """

    def __init__(
        self,
        incoming: Any,
        pool_size: int,
        axis: int = 1,
        pool_function: Any = pt.max,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.pool_size = check_count(self, "pool_size", pool_size)
        self.axis = axis
        self.pool_function = pool_function
        _check_groups(self, axis, self.pool_size)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        sizes = list(input_shape)
        if sizes[self.axis] is not None:
            sizes[self.axis] //= self.pool_size
        return tuple(sizes)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return self.pool_function(_grouped(self, input), axis=self.axis + 1)


class FeatureWTALayer(Layer):
    """A layer in which only the greatest feature of each group stays ("winner takes all") [1]_.

    The others become zero. Among equals, the first stays.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    pool_size : int
        Number of features in a group.
    axis : int
        The axis of the features. Default: 1.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If the number of features is not a multiple of `pool_size`.

    References
    ----------
    .. [1] Srivastava, R. K. et al. (2013): Compete to Compute. Advances in Neural Information
           Processing Systems, 26.

    Examples
    --------
    >>> from nncore.layers import FeatureWTALayer, InputLayer
    >>> FeatureWTALayer(InputLayer((None, 6, 8)), pool_size=2).output_shape
    (None, 6, 8)
    """

    def __init__(self, incoming: Any, pool_size: int, axis: int = 1, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        self.pool_size = check_count(self, "pool_size", pool_size)
        self.axis = axis
        _check_groups(self, axis, self.pool_size)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        grouped = _grouped(self, input)
        members = pt.constant(np.arange(self.pool_size, dtype="int64"))
        members = members.dimshuffle(0, *["x"] * (grouped.ndim - self.axis - 2))
        winners = pt.eq(members, pt.argmax(grouped, axis=self.axis + 1, keepdims=True))
        sizes = tuple(
            input.shape[i] if size is None else size for i, size in enumerate(input.type.shape)
        )
        return pt.switch(winners, grouped, pt.zeros_like(grouped)).reshape(sizes)


class GlobalPoolLayer(Layer):
    """A layer that pools over all positions.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, *spatial)``.
    pool_function : callable
        Takes an expression of shape ``(batch, channels, positions)`` and ``axis=``, and reduces
        the axis. Default: ``pytensor.tensor.mean``.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If the input has no spatial axis.

    Examples
    --------
    >>> from nncore.layers import GlobalPoolLayer, InputLayer
    >>> GlobalPoolLayer(InputLayer((None, 3, 8, 8))).output_shape
    (None, 3)
    """

    def __init__(self, incoming: Any, pool_function: Any = pt.mean, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        if len(self.input_shape) < 3:
            raise ValueError(
                f"{_label(self)}: the input {self.input_shape!r} must have a spatial axis after "
                "(batch, channels)."
            )
        self.pool_function = pool_function

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return input_shape[:2]

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return self.pool_function(input.flatten(3), axis=2)
