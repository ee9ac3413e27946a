# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""Layers that connect every input to every unit."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers.base import Layer, _label

__all__ = ["DenseLayer", "NINLayer"]


def check_count(layer: Layer, what: str, value: Any) -> int:
    """Return a positive integer, or raise ValueError that names the layer and the argument.

    Parameters
    ----------
    layer : Layer
        The layer.
    what : str
        The argument.
    value : object
        What was given.

    Returns
    -------
    int
        The value.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{_label(layer)}: {what} must be a positive integer, not {value!r}.")
    return int(value)


class DenseLayer(Layer):
    """A fully connected layer.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    num_units : int
        The number of units.
    W : shared variable, expression, array, number or callable
        The weights, ``(num_inputs, num_units)``. Default: Glorot's uniform initialization.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_units,)``; None for none. Default: zeros.
    nonlinearity : callable or None
        Applied to the result; None for none. Default: rectification.
    num_leading_axes : int
        How many axes to keep; the others are flattened into the ``num_inputs`` of the dot
        product. A negative number says how many axes to flatten. Default: 1, the mini-batch.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If an axis that is flattened has no fixed size, or `num_leading_axes` is out of range.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> DenseLayer(InputLayer((None, 3, 4)), num_units=5).output_shape
    (None, 5)
    >>> DenseLayer(InputLayer((None, 3, 4)), num_units=5, num_leading_axes=-1).output_shape
    (None, 3, 5)
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        num_leading_axes: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        self.num_units = check_count(self, "num_units", num_units)
        ndim = len(self.input_shape)
        if num_leading_axes >= ndim:
            raise ValueError(
                f"{_label(self)}: num_leading_axes={num_leading_axes} leaves no axis of the "
                f"{ndim}-dimensional input {self.input_shape!r} for the dot product; it must be "
                f"less than {ndim}."
            )
        if num_leading_axes < -ndim:
            raise ValueError(
                f"{_label(self)}: num_leading_axes={num_leading_axes} asks for more trailing axes "
                f"than the {ndim} of the input {self.input_shape!r}; it must be at least {-ndim}."
            )
        self.num_leading_axes = num_leading_axes
        flattened = self.input_shape[num_leading_axes:]
        if any(size is None for size in flattened):
            raise ValueError(
                f"{_label(self)}: the input shape {self.input_shape!r} must give a fixed size to "
                f"every axis from {num_leading_axes} on, as they are flattened into the inputs of "
                "the dot product. Fix the sizes, or raise num_leading_axes."
            )
        self.num_inputs = math.prod(flattened)
        self.W = self.add_param(W, (self.num_inputs, self.num_units), name="W")
        self.b = (
            None
            if b is None
            else self.add_param(b, (self.num_units,), name="b", regularizable=False)
        )

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return (*input_shape[: self.num_leading_axes], self.num_units)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        leading = self.num_leading_axes
        if leading < 0:
            leading += input.ndim
        # One product of two matrices: tensordot merges axes by arithmetic on shapes, which JAX
        # cannot compile, and so does the gradient of a stack of products.
        sizes = [
            input.shape[axis] if size is None else size
            for axis, size in enumerate(input.type.shape[:leading])
        ]
        if leading != 1:
            rows = input.reshape((-1, self.num_inputs))
        elif input.ndim == 2:
            rows = input
        else:
            # With a number for the second axis, the gradient has the weights' static shape.
            rows = input.reshape((input.shape[0], self.num_inputs))
        activation = pt.dot(rows, self.W)
        if leading != 1:
            activation = activation.reshape((*sizes, self.num_units))
        if self.b is not None:
            activation = activation + self.b.dimshuffle(*["x"] * (activation.ndim - 1), 0)
        return self.nonlinearity(activation)


class NINLayer(Layer):
    """A fully connected layer over the channels, the same at every position.

    This is the layer of Network in Network [1]_, a convolution with filters of size 1.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, *spatial)``.
    num_units : int
        The number of units.
    untie_biases : bool
        If true, every position has biases of its own. Default: False.
    W : shared variable, expression, array, number or callable
        The weights, ``(channels, num_units)``. Default: Glorot's uniform initialization.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_units,)`` or, untied, ``(num_units, *spatial)``; None for none.
        Default: zeros.
    nonlinearity : callable or None
        Applied to the result; None for none. Default: rectification.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If the number of channels, or with untied biases a spatial size, is not fixed.

    References
    ----------
    .. [1] Lin, M., Chen, Q. and Yan, S. (2013): Network in Network. arXiv:1312.4400.

    Examples
    --------
    >>> from nncore.layers import InputLayer, NINLayer
    >>> NINLayer(InputLayer((None, 3, 8, 8)), num_units=5).output_shape
    (None, 5, 8, 8)
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        untie_biases: bool = False,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        self.num_units = check_count(self, "num_units", num_units)
        self.untie_biases = untie_biases
        if len(self.input_shape) < 2 or self.input_shape[1] is None:
            raise ValueError(
                f"{_label(self)}: the input shape {self.input_shape!r} must have a fixed number "
                "of channels on axis 1."
            )
        self.W = self.add_param(W, (self.input_shape[1], self.num_units), name="W")
        if b is None:
            self.b = None
        else:
            shape: tuple[Any, ...] = (self.num_units,)
            if untie_biases:
                shape += tuple(self.output_shape[2:])
                if None in shape:
                    raise ValueError(
                        f"{_label(self)}: untie_biases=True needs fixed spatial sizes, but the "
                        f"input shape is {self.input_shape!r}."
                    )
            self.b = self.add_param(b, shape, name="b", regularizable=False)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return (input_shape[0], self.num_units, *input_shape[2:])

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        # Channels last, so that the product is over the last axis.
        spatial = range(2, input.ndim)
        last = input.dimshuffle(0, *spatial, 1)
        product = pt.dot(last, self.W) if input.ndim <= 2 else pt.matmul(last, self.W)
        activation = product.dimshuffle(0, input.ndim - 1, *range(1, input.ndim - 1))
        if self.b is not None:
            rest = range(1, input.ndim - 1) if self.untie_biases else ["x"] * (input.ndim - 2)
            activation = activation + self.b.dimshuffle("x", 0, *rest)
        return self.nonlinearity(activation)
