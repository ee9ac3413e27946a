"""A recurrent layer that goes through the sequences in both directions."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from nncore import registry, utils
from nncore.layers._recurrent_base import LoopLayer
from nncore.layers.base import Layer, MergeLayer, _label

__all__ = ["BidirectionalLayer", "bidirectional"]


class BidirectionalLayer(MergeLayer):
    """Two recurrent layers of a class, one forwards and one backwards, side by side [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``.
    num_units : int
        The number of hidden units of each of the two.
    worker : str or class
        The class of the two, a recurrent layer that takes ``backwards``, or its name in the
        registry, such as ``"LSTM"``. Default: ``"Recurrent"``.
    mask_input : Layer, tuple or None
        As for :class:`RecurrentLayer`; both use it. Default: None.
    name : str, optional
        A name for the layer; those of the two are ``name.forward`` and ``name.backward``.
    **options
        More arguments for both, such as ``grad_clipping``. An initializer draws for each; a
        shared variable is shared by them.

    Attributes
    ----------
    forward, backward : Layer
        The two layers. Their parameters are this layer's.

    Raises
    ------
    TypeError, ValueError
        If `worker` is no recurrent layer, an option is a layer, or the two refuse an argument.
    nncore.errors.UnknownNameError
        If nothing registered the name.

    Notes
    -----
    The output is that of the forward layer, ``num_units`` wide, followed by that of the backward
    layer along the last axis. With ``only_return_final=True`` each gives the state after it has
    gone through all of the sequence.

    References
    ----------
    .. [1] Schuster, M. and Paliwal, K. K. (1997): Bidirectional recurrent neural networks. IEEE
           Transactions on Signal Processing, 45, 2673-2681.

    Examples
    --------
    >>> from nncore.layers import BidirectionalLayer, InputLayer, LSTMLayer
    >>> words, mask = InputLayer((None, None, 16)), InputLayer((None, None))
    >>> layer = BidirectionalLayer(words, 32, LSTMLayer, mask_input=mask)
    >>> layer.output_shape
    (None, None, 64)
    >>> layer.backward.backwards
    True
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        worker: Any = "Recurrent",
        mask_input: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        incomings = [incoming] if mask_input is None else [incoming, mask_input]
        super().__init__(incomings, name=name)
        self.mask_incoming_index = -1 if mask_input is None else 1
        cls = registry.get("layer", worker) if isinstance(worker, str) else worker
        if not (isinstance(cls, type) and issubclass(cls, LoopLayer)):
            raise TypeError(
                f"{_label(self)}: worker={worker!r} must be a class of recurrent layers, or the "
                "name of one, such as 'Recurrent', 'LSTM' or 'GRU'."
            )
        # The name stands for the class in a model file.
        self.worker = cls.__name__.removesuffix("Layer")
        if "backwards" in options:
            raise TypeError(
                f"{_label(self)} takes no backwards=, as it goes in both directions. Use "
                f"{cls.__name__} for one."
            )
        for option, value in options.items():
            if isinstance(value, Layer):
                raise TypeError(
                    f"{_label(self)}: {option} must not be a layer. Make the two layers yourself, "
                    "one with backwards=True, and join them with a ConcatLayer."
                )
        shapes = [tuple(shape) for shape in self.input_shapes]
        options["mask_input"] = shapes[1] if len(shapes) > 1 else None
        make: Any = cls
        prefix = f"{name}." if name else ""
        self.forward: Any = make(shapes[0], num_units, name=f"{prefix}forward", **options)
        self.backward: Any = make(
            shapes[0], num_units, name=f"{prefix}backward", backwards=True, **options
        )
        self.num_units = self.forward.num_units
        for layer in (self.forward, self.backward):
            self.params.update(layer.params)
        self.get_output_kwargs = sorted(
            {*utils.inspect_kwargs(self.forward.get_output_for), *self.forward.get_output_kwargs}
        )

    def get_output_shape_for(self, input_shapes: Any) -> Any:
        *sizes, units = self.forward.get_output_shape_for(input_shapes)
        return (*sizes, 2 * units)

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        both = [layer.get_output_for(inputs, **kwargs) for layer in (self.forward, self.backward)]
        return pt.concatenate(both, axis=-1)


bidirectional = BidirectionalLayer
