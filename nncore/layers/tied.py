# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""The layer that uses another one's weights the other way round."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers.base import Layer, _label
from nncore.layers.dense import DenseLayer

__all__ = ["TiedLayer"]


class TiedLayer(Layer):
    r"""A fully connected layer whose weights are the transpose of another one's [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(..., partner.num_units)``.
    partner : DenseLayer or TiedLayer
        The layer whose weights are used. They are not copied, so that what trains them trains
        both.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_units,)``, one for each input of the partner; None for none.
        Default: zeros.
    nonlinearity : callable or None
        Applied to the result; None for none. Default: the logistic sigmoid.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    TypeError
        If the partner is another kind of layer.
    ValueError
        If the partner does not have as many units as the incoming layer.

    See Also
    --------
    InverseLayer : For every other kind of layer.

    Notes
    -----
    .. math:: y = \sigma(x W^\top + b)

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. (2008): Extracting and
           composing robust features with denoising autoencoders. International Conference on
           Machine Learning.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, TiedLayer
    >>> code = DenseLayer(InputLayer((None, 784)), 100, name="code")
    >>> layer = TiedLayer(code, partner=code, name="out")
    >>> layer.output_shape
    (None, 784)
    >>> layer.get_params()
    [out.b]
    """

    def __init__(
        self,
        incoming: Any,
        partner: Any,
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.sigmoid,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        if not isinstance(partner, DenseLayer | TiedLayer):
            raise TypeError(
                f"{_label(self)}: partner must be a DenseLayer or a TiedLayer, not {partner!r}. "
                "An InverseLayer turns other layers back."
            )
        self.partner = partner
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        if self.input_shape[-1] != partner.num_units:
            raise ValueError(
                f"{_label(self)}: the input shape {self.input_shape!r} must end in the "
                f"{partner.num_units} units of the partner {_label(partner)}."
            )
        self.num_units: int = partner.num_inputs
        self.b = (
            None
            if b is None
            else self.add_param(b, (self.num_units,), name="b", regularizable=False)
        )

    @property
    def num_inputs(self) -> int:
        """The number of inputs."""
        return int(self.partner.num_units)

    @property
    def W(self) -> Any:
        """The weights, ``(num_inputs, num_units)``: an expression."""
        return self.partner.W.T

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.num_units)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        leading = [
            input.shape[axis] if size is None else size
            for axis, size in enumerate(input.type.shape[:-1])
        ]
        # One product of two matrices, as in DenseLayer.
        rows = input if input.ndim == 2 else input.reshape((-1, self.num_inputs))
        activation = pt.dot(rows, self.W)
        if input.ndim != 2:
            activation = activation.reshape((*leading, self.num_units))
        if self.b is not None:
            activation = activation + self.b
        return self.nonlinearity(activation)
