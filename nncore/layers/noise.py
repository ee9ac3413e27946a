# ruff: noqa: D102  (overridden methods keep the documentation of Layer)
"""Layers that disturb their input during training."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Variable

from nncore.layers._random import RandomStream, sizes_of
from nncore.layers.base import Layer, _label
from nncore.utils import number_like

__all__ = [
    "DropoutLayer",
    "GaussianNoiseLayer",
    "dropout",
    "dropout_channels",
    "dropout_locations",
    "spatial_dropout",
]


class DropoutLayer(Layer):
    """A layer that sets random elements to zero during training [1]_, [2]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    p : float or scalar expression
        The probability of setting an element to zero; a shared variable allows changing it during
        training. Default: 0.5.
    rescale : bool
        If true, the elements that are kept are divided by ``1 - p``, so that the expectation does
        not change. Default: True.
    shared_axes : tuple of int
        Axes along which elements are dropped or kept together. Default: none.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `p` is a number outside ``[0, 1)``, or an axis does not exist.

    Notes
    -----
    With ``get_output(..., deterministic=True)`` the layer does nothing, which is for validation
    and testing. The layer's random numbers come from a seed drawn from
    :func:`nncore.random.get_rng` when it is built.

    References
    ----------
    .. [1] Hinton, G. et al. (2012): Improving neural networks by preventing co-adaptation of
           feature detectors. arXiv:1207.0580.
    .. [2] Srivastava, N. et al. (2014): Dropout: a simple way to prevent neural networks from
           overfitting. Journal of Machine Learning Research, 15, 1929-1958.

    Examples
    --------
    >>> from nncore.layers import DropoutLayer, InputLayer, get_output
    >>> layer = DropoutLayer(InputLayer((None, 3)), p=0.2)
    >>> noisy, clean = get_output(layer), get_output(layer, deterministic=True)
    """

    def __init__(
        self,
        incoming: Any,
        p: Any = 0.5,
        rescale: bool = True,
        shared_axes: tuple[int, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        if not isinstance(p, Variable):
            if not 0 <= p < 1:
                raise ValueError(
                    f"{_label(self)}: p={p!r} is the probability of dropping an element, so it "
                    "must be at least 0 and less than 1."
                )
            p = float(p)
        self._srng = RandomStream()
        self.p = p
        self.rescale = rescale
        self.shared_axes = tuple(shared_axes)
        ndim = len(self.input_shape)
        if any(not -ndim <= axis < ndim for axis in self.shared_axes):
            raise ValueError(
                f"{_label(self)}: shared_axes={shared_axes!r} must be among the {ndim} axes of "
                f"the input {self.input_shape!r}."
            )

    def get_output_for(self, input: Any, deterministic: bool = False, **kwargs: Any) -> Any:
        if deterministic or (isinstance(self.p, float) and self.p == 0):
            return input
        retained = 1 - self.p
        if isinstance(retained, Variable):
            retained = pt.cast(retained, input.dtype)
        retained = number_like(retained, input)
        shared = tuple(axis % input.ndim for axis in self.shared_axes)
        numbers = self._srng.uniform(sizes_of(input, self.input_shape, shared))
        mask = pt.cast(pt.lt(numbers, pt.cast(retained, numbers.dtype)), input.dtype)
        if self.rescale:
            input = input / retained
        return input * mask


dropout = DropoutLayer


def dropout_channels(incoming: Any, *args: Any, **kwargs: Any) -> DropoutLayer:
    """Drop whole channels, the same at every position [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, *spatial)``.
    *args, **kwargs
        Passed to :class:`DropoutLayer`.

    Returns
    -------
    DropoutLayer
        With all axes from the third on in ``shared_axes``.

    References
    ----------
    .. [1] Tompson, J. et al. (2014): Efficient Object Localization Using Convolutional Networks.
           arXiv:1411.4280.

    Examples
    --------
    >>> from nncore.layers import InputLayer, dropout_channels
    >>> dropout_channels(InputLayer((None, 3, 8, 8)), p=0.1).shared_axes
    (2, 3)
    """
    kwargs["shared_axes"] = tuple(range(2, len(getattr(incoming, "output_shape", incoming))))
    return DropoutLayer(incoming, *args, **kwargs)


spatial_dropout = dropout_channels


def dropout_locations(incoming: Any, *args: Any, **kwargs: Any) -> DropoutLayer:
    """Drop positions, in all channels at once.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, *spatial)``.
    *args, **kwargs
        Passed to :class:`DropoutLayer`.

    Returns
    -------
    DropoutLayer
        With the second axis in ``shared_axes``.

    Examples
    --------
    >>> from nncore.layers import InputLayer, dropout_locations
    >>> dropout_locations(InputLayer((None, 3, 8, 8)), p=0.1).shared_axes
    (1,)
    """
    kwargs["shared_axes"] = (1,)
    return DropoutLayer(incoming, *args, **kwargs)


class GaussianNoiseLayer(Layer):
    """A layer that adds normally distributed noise during training [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    sigma : float or scalar expression
        Standard deviation of the noise. Default: 0.1.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `sigma` is a negative number.

    Notes
    -----
    With ``get_output(..., deterministic=True)`` the layer does nothing.

    References
    ----------
    .. [1] Jim, K.-C., Giles, C. L. and Horne, B. G. (1996): An analysis of noise in recurrent
           neural networks: convergence and generalization. IEEE Transactions on Neural Networks,
           7, 1424-1438.

    Examples
    --------
    >>> from nncore.layers import GaussianNoiseLayer, InputLayer, get_output
    >>> noisy = get_output(GaussianNoiseLayer(InputLayer((None, 3)), sigma=0.5))
    """

    def __init__(self, incoming: Any, sigma: Any = 0.1, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        if not isinstance(sigma, Variable):
            if sigma < 0:
                raise ValueError(f"{_label(self)}: sigma={sigma!r} must not be negative.")
            sigma = float(sigma)
        self._srng = RandomStream()
        self.sigma = sigma

    def get_output_for(self, input: Any, deterministic: bool = False, **kwargs: Any) -> Any:
        if deterministic or (isinstance(self.sigma, float) and self.sigma == 0):
            return input
        size = sizes_of(input, self.input_shape)
        return input + self._srng.normal(size, avg=0.0, std=self.sigma, dtype=input.dtype)
