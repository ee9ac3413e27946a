# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""A layer that replaces integers by vectors."""

from __future__ import annotations

from typing import Any

from nncore import init
from nncore.layers.base import Layer
from nncore.layers.dense import check_count

__all__ = ["EmbeddingLayer"]


class EmbeddingLayer(Layer):
    """A layer that replaces each integer of its input by a learned vector.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape. It gives integers from 0 to
        ``input_size - 1``, so its `input_var` has an integer type.
    input_size : int
        Number of different integers.
    output_size : int
        Length of the vectors.
    W : shared variable, expression, array, number or callable
        The vectors, ``(input_size, output_size)``. Default: normally distributed.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If a size is not a positive integer.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.layers import EmbeddingLayer, InputLayer
    >>> words = InputLayer((None, 20), input_var=pt.imatrix())
    >>> EmbeddingLayer(words, input_size=1000, output_size=16).output_shape
    (None, 20, 16)
    """

    def __init__(
        self,
        incoming: Any,
        input_size: int,
        output_size: int,
        W: Any = init.Normal(),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.input_size = check_count(self, "input_size", input_size)
        self.output_size = check_count(self, "output_size", output_size)
        self.W = self.add_param(W, (self.input_size, self.output_size), name="W")

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_size)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return self.W[input]
