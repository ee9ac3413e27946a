# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""Layers that change every element on its own, and layers made of a function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from nncore import init, nonlinearities, utils
from nncore.layers._random import RandomStream, sizes_of
from nncore.layers.base import Layer, _label
from nncore.layers.inverse import InverseLayer
from nncore.layers.transformer import TPSTransformerLayer, TransformerLayer

__all__ = [
    "BiasLayer",
    "ExpressionLayer",
    "InverseLayer",
    "NonlinearityLayer",
    "ParametricRectifierLayer",
    "RandomizedRectifierLayer",
    "ScaleLayer",
    "TPSTransformerLayer",
    "TransformerLayer",
    "prelu",
    "rrelu",
    "standardize",
]


def _shared_axes(layer: Layer, shared_axes: Any) -> tuple[int, ...]:
    """Axes along which parameters are shared; 'auto' is all but the second, 'all' is all."""
    ndim = len(layer.input_shape)
    if isinstance(shared_axes, str):
        if shared_axes == "all":
            return tuple(range(ndim))
        if shared_axes != "auto":
            raise ValueError(
                f"{_label(layer)}: shared_axes={shared_axes!r} is not known; use 'auto', 'all', an "
                "axis or a tuple of axes."
            )
        return (0, *range(2, ndim))
    axes = (shared_axes,) if isinstance(shared_axes, int) else tuple(shared_axes)
    if any(not -ndim <= axis < ndim for axis in axes):
        raise ValueError(
            f"{_label(layer)}: shared_axes={shared_axes!r} must be among the {ndim} axes of the "
            f"input {layer.input_shape!r}."
        )
    return tuple(sorted({axis % ndim for axis in axes}))


def _own_shape(layer: Layer, shared_axes: tuple[int, ...], what: str) -> tuple[Any, ...]:
    shape = tuple(size for axis, size in enumerate(layer.input_shape) if axis not in shared_axes)
    if None in shape:
        raise ValueError(
            f"{_label(layer)} needs fixed sizes for all axes that its {what} are not shared "
            f"along: the input is {layer.input_shape!r}, and shared_axes are {shared_axes!r}."
        )
    return shape


def aligned(param: Any, ndim: int, shared_axes: tuple[int, ...]) -> Any:
    """Give a parameter axes of size 1 where it is shared.

    Parameters
    ----------
    param : expression
        With one axis for each axis that it is not shared along.
    ndim : int
        Number of axes of the input.
    shared_axes : tuple of int
        The axes along which it is shared.

    Returns
    -------
    expression
        With `ndim` axes.
    """
    own = iter(range(ndim - len(shared_axes)))
    return param.dimshuffle(*("x" if axis in shared_axes else next(own) for axis in range(ndim)))


class NonlinearityLayer(Layer):
    """A layer that applies a nonlinearity.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    nonlinearity : callable or None
        The nonlinearity; None for none. Default: rectification.
    **kwargs
        Passed to :class:`Layer`.

    Examples
    --------
    >>> from nncore.layers import InputLayer, NonlinearityLayer
    >>> from nncore.nonlinearities import tanh
    >>> NonlinearityLayer(InputLayer((None, 3)), tanh).output_shape
    (None, 3)
    """

    def __init__(
        self, incoming: Any, nonlinearity: Any = nonlinearities.rectify, **kwargs: Any
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return self.nonlinearity(input)


class BiasLayer(Layer):
    """A layer that adds a trainable bias.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    b : shared variable, expression, array, number, callable or None
        The biases, with the sizes of the axes that are not shared; None for none. Default: zeros.
    shared_axes : 'auto', 'all', int or tuple of int
        Axes along which a bias is shared; ``'auto'`` is all but the second, ``'all'`` is all.
        Default: 'auto'.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If an axis that is not shared has no fixed size.

    Examples
    --------
    >>> from nncore.layers import BiasLayer, InputLayer
    >>> BiasLayer(InputLayer((None, 3, 8, 8))).b.get_value().shape
    (3,)
    """

    def __init__(
        self,
        incoming: Any,
        b: Any = init.Constant(0),
        shared_axes: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.shared_axes = _shared_axes(self, shared_axes)
        if b is None:
            self.b = None
        else:
            shape = _own_shape(self, self.shared_axes, "biases")
            self.b = self.add_param(b, shape, "b", regularizable=False)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        if self.b is None:
            return input
        return input + aligned(self.b, input.ndim, self.shared_axes)


class ScaleLayer(Layer):
    """A layer that multiplies by a trainable scale.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    scales : shared variable, expression, array, number or callable
        The scales, with the sizes of the axes that are not shared. Default: ones.
    shared_axes : 'auto', 'all', int or tuple of int
        Axes along which a scale is shared; ``'auto'`` is all but the second, ``'all'`` is all.
        Default: 'auto'.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If an axis that is not shared has no fixed size.

    Examples
    --------
    >>> from nncore.layers import InputLayer, ScaleLayer
    >>> ScaleLayer(InputLayer((None, 3, 8)), shared_axes=(0, 1)).scales.get_value().shape
    (8,)
    """

    def __init__(
        self,
        incoming: Any,
        scales: Any = init.Constant(1),
        shared_axes: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.shared_axes = _shared_axes(self, shared_axes)
        shape = _own_shape(self, self.shared_axes, "scales")
        self.scales = self.add_param(scales, shape, "scales", regularizable=False)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return input * aligned(self.scales, input.ndim, self.shared_axes)


def standardize(layer: Any, offset: Any, scale: Any, shared_axes: Any = "auto") -> ScaleLayer:
    """Subtract a fixed offset and divide by a fixed scale, to standardize data.

    Parameters
    ----------
    layer : Layer or tuple
        The layer feeding into the two that are made, or its shape.
    offset : array, number, shared variable or callable
        What to subtract, with the sizes of the axes that are not shared.
    scale : array, number, shared variable or callable
        What to divide by, of the same shape.
    shared_axes : 'auto', 'all', int or tuple of int
        Axes along which both are shared; ``'auto'`` is all but the second, ``'all'`` is all.
        Default: 'auto'.

    Returns
    -------
    ScaleLayer
        On top of a :class:`BiasLayer`. Their parameters are neither trainable nor regularizable.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.layers import InputLayer, get_all_params, standardize
    >>> data = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> layer = standardize(InputLayer((None, 2)), data.mean(axis=0), data.std(axis=0))
    >>> get_all_params(layer, trainable=True)
    []
    """
    shifted = BiasLayer(layer, _computed(offset, lambda x: -x), shared_axes)
    scaled = ScaleLayer(shifted, _computed(scale, lambda x: 1.0 / x), shared_axes)
    for made, param in ((shifted, shifted.b), (scaled, scaled.scales)):
        made.params[param] -= {"trainable", "regularizable"}
    return scaled


def _computed(spec: Any, function: Any) -> Any:
    """Make a parameter specification that applies a function to what another stands for."""
    if isinstance(spec, Variable):
        return function(spec)

    def initialize(shape: tuple[int, ...]) -> Any:
        value = spec(shape) if callable(spec) else np.asarray(spec, dtype=pytensor.config.floatX)
        return function(value)

    return initialize


class ExpressionLayer(Layer):
    """A layer made of a function on expressions.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    function : callable
        Takes the expression of the input and returns that of the output.
    output_shape : None, callable, tuple or 'auto'
        The output shape, or a function that takes the input shape and returns it. None is for
        functions that keep the shape; ``'auto'`` finds the shape by applying the function to an
        expression with the input's static shape. Default: None.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `output_shape` is none of these.

    Examples
    --------
    >>> from nncore.layers import ExpressionLayer, InputLayer
    >>> layer = InputLayer((None, 3, 8, 8))
    >>> ExpressionLayer(layer, lambda x: x.mean(axis=(2, 3)), output_shape="auto").output_shape
    (None, 3)
    """

    def __init__(
        self, incoming: Any, function: Any, output_shape: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.function = function
        if output_shape is None:
            self._output_shape: Any = None
        elif isinstance(output_shape, str):
            if output_shape != "auto":
                raise ValueError(
                    f"{_label(self)}: output_shape={output_shape!r} is not known; use None, "
                    "'auto', a tuple or a function of the input shape."
                )
            self._output_shape = "auto"
        elif callable(output_shape):
            self._output_shape = output_shape
        else:
            self._output_shape = tuple(output_shape)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return input_shape
        if self._output_shape == "auto":
            dummy = pt.tensor(dtype=pytensor.config.floatX, shape=input_shape)
            output = utils.as_theano_expression(self.function(dummy))
            return tuple(output.type.shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        return self._output_shape

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return self.function(input)


class ParametricRectifierLayer(Layer):
    """A layer that applies a leaky rectifier with a trainable slope [1]_.

    The output is the input where that is positive, and `alpha` times the input elsewhere.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    alpha : shared variable, expression, array, number or callable
        The slopes, with the sizes of the axes that are not shared. Default: 0.25.
    shared_axes : 'auto', 'all', int or tuple of int
        Axes along which a slope is shared; ``'auto'`` is all but the second, ``'all'`` is all.
        Default: 'auto'.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If an axis that is not shared has no fixed size.

    References
    ----------
    .. [1] He, K. et al. (2015): Delving Deep into Rectifiers: Surpassing Human-Level Performance
           on ImageNet Classification. arXiv:1502.01852.

    Examples
    --------
    >>> from nncore.layers import InputLayer, ParametricRectifierLayer
    >>> ParametricRectifierLayer(InputLayer((None, 3, 8, 8))).alpha.get_value().tolist()
    [0.25, 0.25, 0.25]
    """

    def __init__(
        self,
        incoming: Any,
        alpha: Any = init.Constant(0.25),
        shared_axes: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.shared_axes = _shared_axes(self, shared_axes)
        shape = _own_shape(self, self.shared_axes, "slopes")
        self.alpha = self.add_param(alpha, shape, name="alpha", regularizable=False)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        alpha = aligned(self.alpha, input.ndim, self.shared_axes)
        return pt.switch(pt.ge(input, 0), input, alpha * input)


def _without_nonlinearity(layer: Any) -> Any:
    if getattr(layer, "nonlinearity", None) is not None:
        layer.nonlinearity = nonlinearities.identity
    return layer


def prelu(layer: Any, **kwargs: Any) -> ParametricRectifierLayer:
    """Replace the nonlinearity of a layer by a parametric rectifier.

    Parameters
    ----------
    layer : Layer
        Its nonlinearity, if it has one, is set to the identity.
    **kwargs
        Passed to :class:`ParametricRectifierLayer`.

    Returns
    -------
    ParametricRectifierLayer
        On top of the layer.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, prelu
    >>> prelu(DenseLayer((None, 3), 2)).output_shape
    (None, 2)
    """
    return ParametricRectifierLayer(_without_nonlinearity(layer), **kwargs)


class RandomizedRectifierLayer(Layer):
    """A layer that applies a leaky rectifier with a random slope during training [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    lower, upper : float, or scalar expression
        Limits of the uniform distribution of the slope. Defaults: 0.3 and 0.8.
    shared_axes : 'auto', 'all', int or tuple of int
        Axes along which a slope is shared; ``'auto'`` is all but the second, ``'all'`` is all.
        Default: 'auto'.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `lower` is greater than `upper`.

    Notes
    -----
    With ``get_output(..., deterministic=True)`` the slope is the mean of both limits.

    References
    ----------
    .. [1] Xu, B. et al. (2015): Empirical Evaluation of Rectified Activations in Convolutional
           Network. arXiv:1505.00853.

    Examples
    --------
    >>> from nncore.layers import InputLayer, RandomizedRectifierLayer, get_output
    >>> layer = RandomizedRectifierLayer(InputLayer((None, 3)), lower=0.1, upper=0.3)
    >>> noisy = get_output(layer)
    """

    def __init__(
        self,
        incoming: Any,
        lower: Any = 0.3,
        upper: Any = 0.8,
        shared_axes: Any = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self._srng = RandomStream()
        if not isinstance(lower, Variable) and not isinstance(upper, Variable):
            if lower > upper:
                raise ValueError(
                    f"{_label(self)}: lower={lower!r} must not be greater than upper={upper!r}."
                )
            lower, upper = float(lower), float(upper)
        self.lower = lower
        self.upper = upper
        self.shared_axes = _shared_axes(self, shared_axes)

    def get_output_for(self, input: Any, deterministic: bool = False, **kwargs: Any) -> Any:
        if deterministic or (isinstance(self.lower, float) and self.lower == self.upper):
            slope: Any = pt.cast((self.lower + self.upper) / 2.0, input.dtype)
        else:
            size = sizes_of(input, self.input_shape, self.shared_axes)
            slope = self._srng.uniform(size, self.lower, self.upper, input.dtype)
        return pt.switch(pt.ge(input, 0), input, slope * input)


def rrelu(layer: Any, **kwargs: Any) -> RandomizedRectifierLayer:
    """Replace the nonlinearity of a layer by a randomized rectifier.

    Parameters
    ----------
    layer : Layer
        Its nonlinearity, if it has one, is set to the identity.
    **kwargs
        Passed to :class:`RandomizedRectifierLayer`.

    Returns
    -------
    RandomizedRectifierLayer
        On top of the layer.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, rrelu
    >>> rrelu(DenseLayer((None, 3), 2)).output_shape
    (None, 2)
    """
    return RandomizedRectifierLayer(_without_nonlinearity(layer), **kwargs)
