# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""Layers that normalize their input."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable

from nncore import init, nonlinearities
from nncore.layers._random import set_default_update
from nncore.layers.base import Layer, _label
from nncore.layers.special import BiasLayer, NonlinearityLayer, ScaleLayer, aligned

__all__ = [
    "BatchNormLayer",
    "LocalResponseNormalization2DLayer",
    "StandardizationLayer",
    "batch_norm",
    "instance_norm",
    "layer_norm",
]


class LocalResponseNormalization2DLayer(Layer):
    r"""A layer that normalizes each element over the neighbouring channels [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    alpha, k, beta : float
        The coefficients in the formula below. Defaults: 1e-4, 2 and 0.75.
    n : int
        Number of channels to sum over, odd. Default: 5.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    NotImplementedError
        If `n` is even.

    Notes
    -----
    .. math:: y_c = x_c \Big/ \Big(k + \alpha \sum_{|c' - c| \le n // 2} x_{c'}^2\Big)^\beta

    References
    ----------
    .. [1] Krizhevsky, A., Sutskever, I. and Hinton, G. (2012): ImageNet Classification with Deep
           Convolutional Neural Networks. Advances in Neural Information Processing Systems, 25.

    Examples
    --------
    >>> from nncore.layers import InputLayer, LocalResponseNormalization2DLayer
    >>> LocalResponseNormalization2DLayer(InputLayer((None, 16, 8, 8))).output_shape
    (None, 16, 8, 8)
    """

    def __init__(
        self,
        incoming: Any,
        alpha: float = 1e-4,
        k: float = 2,
        beta: float = 0.75,
        n: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.alpha = alpha
        self.k = k
        self.beta = beta
        self.n = n
        if n < 1 or n % 2 == 0:
            raise NotImplementedError(
                f"{_label(self)}: n={n!r} must be odd and positive, so that as many channels are "
                "summed over on both sides."
            )

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        weighted = float(self.alpha) * pt.sqr(input)
        scale = float(self.k) + weighted
        for offset in range(1, self.n // 2 + 1):
            scale = pt.inc_subtensor(scale[:, offset:], weighted[:, :-offset])
            scale = pt.inc_subtensor(scale[:, :-offset], weighted[:, offset:])
        return input / scale ** float(self.beta)


class BatchNormLayer(Layer):
    r"""A layer that normalizes its input over the mini-batch [1]_.

    The input :math:`x` becomes
    :math:`\gamma (x - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta`, where :math:`\mu` and
    :math:`\sigma^2` are the mean and the variance over the mini-batch during training, and
    running averages of them otherwise.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    axes : 'auto', int or tuple of int
        Axes to normalize over; ``'auto'`` is all but the second. Default: 'auto'.
    epsilon : float
        Added to the variance. Default: 1e-4.
    alpha : float
        Weight of the newest mini-batch in the running averages. Default: 0.1.
    beta : shared variable, expression, array, number, callable or None
        What is added, with the sizes of the axes not normalized over; None for nothing. It is a
        parameter with the tag ``trainable``, but not ``regularizable``. Default: zeros.
    gamma : shared variable, expression, array, number, callable or None
        What is multiplied by; None for nothing. Tags as for `beta`. Default: ones.
    mean : shared variable, expression, array, number or callable
        The running average of the mean, with the tag ``batch_norm_stat``. Default: zeros.
    inv_std : shared variable, expression, array, number or callable
        The running average of :math:`1 / \sqrt{\sigma^2 + \epsilon}`, with the same tag.
        Default: ones.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If an axis that is not normalized over has no fixed size.

    See Also
    --------
    batch_norm : Adds batch normalization to a layer.

    Notes
    -----
    Put the layer between a linear transformation and its nonlinearity; :func:`batch_norm` does.

    Options of :func:`nncore.layers.get_output`:

    - ``deterministic=True`` normalizes with the running averages and leaves them alone. Otherwise
      the mini-batch's own statistics are used, and every call of a function compiled from the
      expression updates the running averages.
    - ``batch_norm_use_averages`` and ``batch_norm_update_averages`` set each of both on its own.

    References
    ----------
    .. [1] Ioffe, S. and Szegedy, C. (2015): Batch Normalization: Accelerating Deep Network
           Training by Reducing Internal Covariate Shift. arXiv:1502.03167.

    Examples
    --------
    >>> from nncore.layers import BatchNormLayer, InputLayer
    >>> layer = BatchNormLayer(InputLayer((None, 3, 8, 8)), name="bn")
    >>> layer.get_params()
    [bn.beta, bn.gamma, bn.mean, bn.inv_std]
    >>> layer.gamma.get_value().shape
    (3,)
    """

    def __init__(
        self,
        incoming: Any,
        axes: Any = "auto",
        epsilon: float = 1e-4,
        alpha: float = 0.1,
        beta: Any = init.Constant(0),
        gamma: Any = init.Constant(1),
        mean: Any = init.Constant(0),
        inv_std: Any = init.Constant(1),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        ndim = len(self.input_shape)
        self.axes = _axes(self, axes, {"auto": (0, *range(2, ndim))})
        self.epsilon = float(epsilon)
        self.alpha = float(alpha)
        shape = tuple(n for axis, n in enumerate(self.input_shape) if axis not in self.axes)
        if None in shape:
            raise ValueError(
                f"{_label(self)} needs fixed sizes for the axes that it does not normalize over: "
                f"the input is {self.input_shape!r}, and axes are {self.axes!r}."
            )
        self.beta = (
            None if beta is None else self.add_param(beta, shape, "beta", regularizable=False)
        )
        self.gamma = (
            None if gamma is None else self.add_param(gamma, shape, "gamma", regularizable=False)
        )
        tags: dict[str, Any] = {
            "trainable": False,
            "regularizable": False,
            "batch_norm_stat": True,
        }
        self.mean = self.add_param(mean, shape, "mean", **tags)
        self.inv_std = self.add_param(inv_std, shape, "inv_std", **tags)

    def get_output_for(
        self,
        input: Any,
        deterministic: bool = False,
        batch_norm_use_averages: bool | None = None,
        batch_norm_update_averages: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        use_averages = deterministic if batch_norm_use_averages is None else batch_norm_use_averages
        update_averages = (
            not deterministic if batch_norm_update_averages is None else batch_norm_update_averages
        )
        batch_mean = batch_inv_std = None
        if not use_averages or update_averages:
            batch_mean = input.mean(self.axes)
            batch_inv_std = 1.0 / pt.sqrt(input.var(self.axes) + self.epsilon)
        mean, inv_std = (self.mean, self.inv_std) if use_averages else (batch_mean, batch_inv_std)
        if update_averages:
            mean = self._averaged(self.mean, batch_mean, mean)
            inv_std = self._averaged(self.inv_std, batch_inv_std, inv_std)

        ndim = input.ndim
        unshared = tuple(axis % ndim for axis in self.axes)
        factor = aligned(inv_std, ndim, unshared)
        if self.gamma is not None:
            factor = aligned(self.gamma, ndim, unshared) * factor
        normalized = (input - aligned(mean, ndim, unshared)) * factor
        if self.beta is not None:
            normalized = normalized + aligned(self.beta, ndim, unshared)
        return normalized

    def _averaged(self, average: Any, newest: Any, used: Any) -> Any:
        """Return what is used, made to depend on an update of the running average.

        The update hangs on a twin of the parameter that shares its storage. The parameter itself
        stays plain, so that other functions may read it without changing it.
        """
        if not isinstance(average, SharedVariable):
            return used
        sizes = [n for axis, n in enumerate(self.input_shape) if axis not in self.axes]
        # PyTensor wants the update to have exactly the type of the variable.
        twin = type(average)(
            name=average.name,
            type=average.type.clone(shape=sizes),
            value=None,
            strict=None,
            container=average.container,
        )
        updated = (1.0 - self.alpha) * twin + self.alpha * pt.cast(newest, twin.dtype)
        set_default_update(twin, pt.specify_shape(updated, sizes))
        if used is average:
            return twin
        # PyTensor collects the updates of the variables that it finds in the graph, before it
        # simplifies the graph. Unlike 0 * twin, this stays finite if the average is not.
        return used + pt.zeros_like(twin)


def _axes(layer: Layer, axes: Any, words: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    ndim = len(layer.input_shape)
    if isinstance(axes, str):
        if axes not in words:
            raise ValueError(
                f"{_label(layer)}: axes={axes!r} is not known; use an axis, a tuple of axes or "
                f"one of {tuple(words)!r}."
            )
        return words[axes]
    found = (axes,) if isinstance(axes, int) else tuple(axes)
    if any(not -ndim <= axis < ndim for axis in found):
        raise ValueError(
            f"{_label(layer)}: axes={axes!r} must be among the {ndim} axes of the input "
            f"{layer.input_shape!r}."
        )
    return tuple(axis % ndim for axis in found)


def _take_nonlinearity(layer: Any) -> Any:
    """Remove a layer's nonlinearity and bias, and return the nonlinearity."""
    nonlinearity = getattr(layer, "nonlinearity", None)
    if nonlinearity is not None:
        layer.nonlinearity = nonlinearities.identity
    if getattr(layer, "b", None) is not None:
        del layer.params[layer.b]
        layer.b = None
    return nonlinearity


def _suffixed(name: str | None, suffix: str) -> str | None:
    return name and name + suffix


def batch_norm(layer: Any, layer_class: Any = BatchNormLayer, **kwargs: Any) -> Any:
    """Add batch normalization to a layer, between its weights and its nonlinearity.

    Parameters
    ----------
    layer : Layer
        The layer. It is changed: its bias is removed, as the normalization would cancel it, and
        its nonlinearity is moved behind the normalization.
    layer_class : class
        What to add. Default: :class:`BatchNormLayer`.
    **kwargs
        Passed to that class. The default for ``name`` is the layer's name and
        ``"_bn"``.

    Returns
    -------
    BatchNormLayer or NonlinearityLayer
        The last of the new layers.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, batch_norm, get_all_layers
    >>> network = batch_norm(DenseLayer(InputLayer((None, 3)), 2, name="hidden"))
    >>> get_all_layers(network)[1:]
    [<DenseLayer 'hidden'>, <BatchNormLayer 'hidden_bn'>, <NonlinearityLayer 'hidden_bn_nonlin'>]
    """
    nonlinearity = _take_nonlinearity(layer)
    name = kwargs.pop("name", None) or _suffixed(getattr(layer, "name", None), "_bn")
    layer = layer_class(layer, name=name, **kwargs)
    if nonlinearity is not None:
        layer = NonlinearityLayer(layer, nonlinearity, name=_suffixed(name, "_nonlin"))
    return layer


class StandardizationLayer(Layer):
    r"""A layer that subtracts the mean and divides by the standard deviation, item by item.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    axes : 'auto', 'spatial', 'features', int or tuple of int
        Axes to take mean and variance over. ``'features'`` is all but the first, ``'spatial'`` all
        but the first two, and ``'auto'`` is ``'spatial'`` if there are more than two axes and else
        ``'features'``. Default: 'auto'.
    epsilon : float
        Added to the variance. Default: 1e-4.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `axes` is none of these.

    See Also
    --------
    instance_norm, layer_norm : Add this and a trainable scale and bias to a layer.

    Examples
    --------
    >>> from nncore.layers import InputLayer, StandardizationLayer
    >>> StandardizationLayer(InputLayer((None, 3, 8, 8))).axes
    (2, 3)
    """

    def __init__(
        self, incoming: Any, axes: Any = "auto", epsilon: float = 1e-4, **kwargs: Any
    ) -> None:
        super().__init__(incoming, **kwargs)
        ndim = len(self.input_shape)
        features, spatial = tuple(range(1, ndim)), tuple(range(2, ndim))
        words = {
            "auto": spatial if ndim > 2 else features,
            "spatial": spatial,
            "features": features,
        }
        self.axes = _axes(self, axes, words)
        self.epsilon = float(epsilon)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        mean = input.mean(self.axes, keepdims=True)
        std = pt.sqrt(input.var(self.axes, keepdims=True) + self.epsilon)
        return (input - mean) / std


def instance_norm(
    layer: Any, learn_scale: bool = True, learn_bias: bool = True, **kwargs: Any
) -> Any:
    """Add instance normalization [1]_ to a layer, between its weights and its nonlinearity.

    Parameters
    ----------
    layer : Layer
        The layer, with an output of shape ``(batch, channels, *spatial)``. It is changed: its bias
        is removed, and its nonlinearity is moved behind the normalization.
    learn_scale, learn_bias : bool
        Whether a trainable scale and bias for each channel follow. Default: True.
    **kwargs
        Passed to :class:`StandardizationLayer`. The default for ``name`` is the layer's name and
        ``"_in"``.

    Returns
    -------
    Layer
        The last of the new layers.

    References
    ----------
    .. [1] Ulyanov, D., Vedaldi, A. and Lempitsky, V. (2016): Instance Normalization: The Missing
           Ingredient for Fast Stylization. arXiv:1607.08022.

    Examples
    --------
    >>> from nncore.layers import InputLayer, NINLayer, get_all_layers, instance_norm
    >>> network = instance_norm(NINLayer(InputLayer((None, 3, 8, 8)), 4), learn_scale=False)
    >>> get_all_layers(network)[2:]
    [<StandardizationLayer>, <BiasLayer>, <NonlinearityLayer>]
    """
    nonlinearity = _take_nonlinearity(layer)
    name = kwargs.pop("name", None) or _suffixed(getattr(layer, "name", None), "_in")
    layer = StandardizationLayer(layer, **{"axes": "spatial", "name": name, **kwargs})
    return _finished(layer, name, learn_scale, learn_bias, nonlinearity)


def layer_norm(layer: Any, **kwargs: Any) -> Any:
    """Add layer normalization [1]_ to a layer, between its weights and its nonlinearity.

    Parameters
    ----------
    layer : Layer
        The layer. It is changed: its bias is removed, and its nonlinearity is moved behind the
        normalization.
    **kwargs
        Passed to :class:`StandardizationLayer`. The default for ``name`` is the layer's name and
        ``"_ln"``.

    Returns
    -------
    Layer
        The last of the new layers; a trainable scale and bias for each unit or channel are among
        them.

    References
    ----------
    .. [1] Ba, J. L., Kiros, J. R. and Hinton, G. E. (2016): Layer Normalization.
           arXiv:1607.06450.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, get_all_layers, layer_norm
    >>> network = layer_norm(DenseLayer(InputLayer((None, 3)), 2))
    >>> get_all_layers(network)[2:]
    [<StandardizationLayer>, <ScaleLayer>, <BiasLayer>, <NonlinearityLayer>]
    """
    nonlinearity = _take_nonlinearity(layer)
    name = kwargs.pop("name", None) or _suffixed(getattr(layer, "name", None), "_ln")
    layer = StandardizationLayer(layer, **{"axes": "features", "name": name, **kwargs})
    return _finished(layer, name, True, True, nonlinearity)


def _finished(layer: Any, name: str | None, scale: bool, bias: bool, nonlinearity: Any) -> Any:
    """Put the trainable scale and bias and the nonlinearity on a standardized layer."""
    if scale:
        layer = ScaleLayer(layer, name=_suffixed(name, "_scale"))
    if bias:
        layer = BiasLayer(layer, name=_suffixed(name, "_bias"))
    if nonlinearity is not None:
        layer = NonlinearityLayer(layer, nonlinearity, name=_suffixed(name, "_nonlin"))
    return layer
