# ruff: noqa: D102  (overridden methods keep the documentation of Layer)
"""The layer that turns another one back."""

from __future__ import annotations

from typing import Any

from pytensor.gradient import grad

from nncore.layers.base import MergeLayer, _label

__all__ = ["InverseLayer"]


class InverseLayer(MergeLayer):
    """A layer that applies the partial derivative of another layer to its input.

    Its output is the gradient that the other layer's input would get if the other layer's output
    had this layer's input as its gradient. Of a convolutional layer this makes the transposed
    convolution with the same filters, of max-pooling the layer that puts elements back at the
    places of the maxima ("unpooling" [1]_), and of a dense layer the product with the transposed
    weights, each times the derivative of the nonlinearity if there is one.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, with the output shape of `layer`.
    layer : Layer
        The layer to invert. It must have exactly one incoming layer.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    TypeError
        If `layer` is not a layer that has one incoming layer.
    ValueError
        If the shape of `incoming` is not the output shape of `layer`.

    References
    ----------
    .. [1] Zeiler, M. and Fergus, R. (2014): Visualizing and Understanding Convolutional Networks.
           arXiv:1311.2901.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, InverseLayer
    >>> encoder = DenseLayer(InputLayer((None, 100)), num_units=10)
    >>> InverseLayer(encoder, encoder).output_shape
    (None, 100)
    """

    def __init__(self, incoming: Any, layer: Any, **kwargs: Any) -> None:
        self.name = kwargs.get("name")
        if getattr(layer, "input_layer", None) is None:
            raise TypeError(
                f"{_label(self)} inverts a layer that has exactly one incoming layer, which "
                f"{layer!r} is not. (Layers that merge several, input layers and layers built on a "
                "shape have none.)"
            )
        super().__init__([incoming, layer, layer.input_layer], **kwargs)
        given, expected = self.input_shapes[:2]
        if len(given) != len(expected) or any(
            None not in pair and pair[0] != pair[1] for pair in zip(given, expected, strict=True)
        ):
            raise ValueError(
                f"{_label(self)}: the incoming shape {tuple(given)} must be the output shape "
                f"{tuple(expected)} of {layer!r}, which it inverts."
            )

    def get_output_shape_for(self, input_shapes: Any) -> Any:
        return input_shapes[2]

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        input, layer_out, layer_in = inputs
        return grad(None, wrt=layer_in, known_grads={layer_out: input})
