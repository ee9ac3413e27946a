"""The layer through which data enters a network."""

from __future__ import annotations

from typing import Any

import pytensor
import pytensor.tensor as pt

from nncore.layers.base import Layer, Shape

__all__ = ["InputLayer"]


class InputLayer(Layer):
    """A symbolic input of a network.

    Parameters
    ----------
    shape : tuple
        Sizes of the input: positive integers, and None where a size may vary, usually the first,
        which runs over the items of a mini-batch.
    input_var : expression, optional
        The variable that the layer stands for. Default: a new one of type ``floatX`` and the
        given shape.
    name : str, optional
        A name for the layer. Default: None.

    Raises
    ------
    ValueError
        If a size is not positive, or `input_var` has another number of axes than `shape`.

    Examples
    --------
    >>> from nncore.layers import InputLayer
    >>> layer = InputLayer((None, 3))
    >>> layer.input_var.type.shape
    (None, 3)
    """

    def __init__(
        self, shape: Any, input_var: Any = None, name: str | None = None, **kwargs: Any
    ) -> None:
        if kwargs:
            raise TypeError(
                f"InputLayer got {', '.join(sorted(kwargs))}; it takes shape, input_var and name."
            )
        self.shape = tuple(shape)
        self.name = name
        self.params = {}
        self.get_output_kwargs = []
        self._check_input_shape(self.shape)
        if input_var is None:
            input_var = pt.tensor(
                name=f"{name}.input" if name else "input",
                dtype=pytensor.config.floatX,
                shape=self.shape,
            )
        elif input_var.ndim != len(self.shape):
            raise ValueError(
                f"InputLayer{f' {name!r}' if name else ''} has the shape {self.shape!r} with "
                f"{len(self.shape)} axes, but input_var has {input_var.ndim}. Give a variable and "
                "a shape with as many axes as each other."
            )
        self.input_var = input_var

    @property
    def output_shape(self) -> Shape:
        """The shape given to the constructor."""
        return self._checked_shape(self.shape)
