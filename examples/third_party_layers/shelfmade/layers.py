"""A layer that lets channels be scaled by each other."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers import Layer

__all__ = ["SqueezeExciteLayer"]


class SqueezeExciteLayer(Layer):
    """Scale each channel by a gate that is computed from the means of all channels.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape ``(batch, channels, *spatial)``.
    ratio : int
        How many times fewer units than channels the gate has inside. Default: 4.
    W_in, W_out : shared variable, expression, array, number or callable
        Weights of the gate, ``(channels, channels // ratio)`` and back. Default: He's and Glorot's
        uniform initialization.
    b_in, b_out : shared variable, expression, array, number or callable
        Its biases. Default: zeros.
    **kwargs
        Passed to :class:`nncore.layers.Layer`.

    Raises
    ------
    ValueError
        If there are fewer channels than `ratio`.

    References
    ----------
    .. [1] Hu, Shen, Sun (2018): Squeeze-and-Excitation Networks. CVPR.

    Examples
    --------
    >>> from shelfmade import SqueezeExciteLayer
    >>> SqueezeExciteLayer((None, 16, 8, 8), ratio=4).output_shape
    (None, 16, 8, 8)
    """

    def __init__(
        self,
        incoming: Any,
        ratio: int = 4,
        W_in: Any = init.HeUniform(gain="relu"),  # noqa: B008
        b_in: Any = init.Constant(0.0),  # noqa: B008
        W_out: Any = init.GlorotUniform(),  # noqa: B008
        b_out: Any = init.Constant(0.0),  # noqa: B008
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, **kwargs)
        channels = self.input_shape[1]
        if channels is None or channels < ratio:
            raise ValueError(
                f"{self!r}: {channels} channels cannot be squeezed by ratio={ratio}; use a ratio "
                "of at most the number of channels."
            )
        self.ratio = ratio
        inside = channels // ratio
        self.W_in = self.add_param(W_in, (channels, inside), "W_in")
        self.b_in = self.add_param(b_in, (inside,), "b_in", regularizable=False)
        self.W_out = self.add_param(W_out, (inside, channels), "W_out")
        self.b_out = self.add_param(b_out, (channels,), "b_out", regularizable=False)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        """Scale the input.

        Parameters
        ----------
        input : expression
            ``(batch, channels, *spatial)``.
        **kwargs
            Not used.

        Returns
        -------
        expression
            Of the same shape.
        """
        means = input.mean(axis=tuple(range(2, input.ndim)))
        hidden = nonlinearities.rectify(pt.dot(means, self.W_in) + self.b_in)
        gate = nonlinearities.sigmoid(pt.dot(hidden, self.W_out) + self.b_out)
        return input * gate.dimshuffle(0, 1, *"x" * (input.ndim - 2))
