# ruff: noqa: B008  (initializers have no state; overridden methods keep Layer's text)
"""Recurrent layers whose step adds what input and hidden state give, and applies a nonlinearity."""

from __future__ import annotations

from typing import Any

from nncore import init, nonlinearities, utils
from nncore.layers import helper
from nncore.layers._docs import describe
from nncore.layers._recurrent_base import (
    LOOP_PARAMETERS,
    LoopLayer,
    agree,
    check_elements,
    sizes_of,
)
from nncore.layers.base import Layer, _label
from nncore.layers.dense import DenseLayer, check_count
from nncore.layers.input import InputLayer

__all__ = ["CustomRecurrentLayer", "RecurrentLayer"]


def _only_input(layer: Layer, argument: str, network: Any) -> Any:
    """Return the one input layer of a network for a step."""
    found = [one for one in helper.get_all_layers(network) if isinstance(one, InputLayer)]
    if len(found) != 1:
        raise ValueError(
            f"{_label(layer)}: {argument} must have exactly one InputLayer, which stands for what "
            f"it is applied to, but has {len(found)}."
        )
    return found[0]


def _options(network: Any) -> set[str]:
    """Names of the options of ``get_output`` that a network knows."""
    known = {"deterministic"}
    for layer in helper.get_all_layers(network):
        known |= {*utils.inspect_kwargs(layer.get_output_for), *layer.get_output_kwargs}
    return known


def _apply(network: Any, input: Any, options: dict[str, Any]) -> Any:
    known = _options(network)
    chosen = {name: value for name, value in options.items() if name in known}
    return helper.get_output(network, input, **chosen)


@describe(LOOP_PARAMETERS)
class CustomRecurrentLayer(LoopLayer):
    r"""A recurrent layer whose transformations are networks [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``.
    input_to_hidden : Layer
        The output layer of a network that is applied to the input of a step. It has one
        :class:`InputLayer`, of the shape ``(batch, ...)``; as all steps go through it at once
        unless `precompute_input` is false, ``(None, ...)`` is best.
    hidden_to_hidden : Layer
        The output layer of a network that is applied to the previous hidden state. It has one
        :class:`InputLayer`, with the shape of its output.
    nonlinearity : callable or None
        Applied to the sum of both; None for none. Default: rectification.
    hid_init : shared variable, expression, array, number, callable or Layer
        The hidden state before the first step, ``(1, ...)``, for all items of the mini-batch, or a
        layer that gives one for each. Default: zeros.
    <parameters>

    Raises
    ------
    ValueError
        If shapes do not fit, a network does not have exactly one input layer, a loop would be
        unrolled without a fixed length or with `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math:: h_t = \sigma(f_i(x_t) + f_h(h_{t-1}))

    The parameters of both networks are parameters of this layer. In the loop, a network cannot
    draw random numbers or keep running averages; see the message of the error for what can be
    done.

    References
    ----------
    .. [1] Graves, A. (2012): Supervised Sequence Labelling with Recurrent Neural Networks.
           Springer.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import Conv2DLayer, CustomRecurrentLayer, InputLayer
    >>> film = InputLayer((None, 10, 3, 8, 8))
    >>> to_hidden = Conv2DLayer(InputLayer((None, 3, 8, 8)), 5, 3, pad="same", nonlinearity=None)
    >>> hidden = InputLayer((None, 5, 8, 8))
    >>> hidden = Conv2DLayer(hidden, 5, 3, pad="same", nonlinearity=None, b=None)
    >>> CustomRecurrentLayer(film, to_hidden, hidden).output_shape
    (None, 10, 5, 8, 8)
    """

    def __init__(
        self,
        incoming: Any,
        input_to_hidden: Any,
        hidden_to_hidden: Any,
        nonlinearity: Any = nonlinearities.rectify,
        hid_init: Any = init.Constant(0.0),
        backwards: bool = False,
        learn_init: bool = False,
        gradient_steps: int = -1,
        grad_clipping: float = 0,
        unroll_scan: bool = False,
        precompute_input: bool = True,
        mask_input: Any = None,
        only_return_final: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, {"hid_init": hid_init}, backwards, learn_init, gradient_steps, grad_clipping,
            unroll_scan, precompute_input, mask_input, only_return_final, **kwargs,
        )  # fmt: skip
        self.input_to_hidden = input_to_hidden
        self.hidden_to_hidden = hidden_to_hidden
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        self._check_networks()
        if self._index_of("hid_init") < 0 and None in self._state_shape():
            raise ValueError(
                f"{_label(self)}: the hidden state has the shape {self._state_shape()!r} without "
                "the mini-batch, which must be fixed for hid_init to be a parameter. Fix the "
                "sizes of the networks' input layers, or give hid_init as a layer."
            )
        self.hid_init = self._add_state("hid_init", hid_init, self._state_shape())
        known = _options(input_to_hidden) | _options(hidden_to_hidden)
        self.get_output_kwargs = sorted(known - {"deterministic"})

    def _check_networks(self) -> None:
        label, element = _label(self), self.input_shapes[0][2:]
        source = _only_input(self, "input_to_hidden", self.input_to_hidden).output_shape
        state = _only_input(self, "hidden_to_hidden", self.hidden_to_hidden).output_shape
        from_input = self.input_to_hidden.output_shape
        from_state = self.hidden_to_hidden.output_shape
        if not agree(source[1:], element):
            raise ValueError(
                f"{label}: the InputLayer of input_to_hidden has the shape {source!r}, but each "
                f"step's input has {(None, *element)!r}."
            )
        if not agree(from_input[1:], from_state[1:]):
            raise ValueError(
                f"{label}: the output shapes of input_to_hidden, {from_input!r}, and of "
                f"hidden_to_hidden, {from_state!r}, must be equal after the first axis."
            )
        if not agree(state[1:], from_state[1:]):
            raise ValueError(
                f"{label}: the InputLayer of hidden_to_hidden has the shape {state!r} and its "
                f"output {from_state!r}; they must be equal after the first axis."
            )
        if not self.precompute_input and not agree(from_input[:1], from_state[:1]):
            raise ValueError(
                f"{label}: with precompute_input=False, the first axes of the output shapes of "
                f"input_to_hidden, {from_input!r}, and of hidden_to_hidden, {from_state!r}, must "
                "be equal. None leaves the size of the mini-batch open."
            )

    def get_params(self, unwrap_shared: bool = True, **tags: bool) -> list[Any]:
        params = super().get_params(unwrap_shared=unwrap_shared, **tags)
        for network in (self.input_to_hidden, self.hidden_to_hidden):
            params += helper.get_all_params(network, unwrap_shared=unwrap_shared, **tags)
        return utils.unique(params)

    def _state_shape(self) -> tuple[Any, ...]:
        return tuple(
            first if second is None else second
            for first, second in zip(
                self.input_to_hidden.output_shape[1:],
                self.hidden_to_hidden.output_shape[1:],
                strict=True,
            )
        )

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        elements = inputs[0].dimshuffle(1, 0, *range(2, inputs[0].ndim))
        params = helper.get_all_params(self.hidden_to_hidden, unwrap_shared=False)
        if self.precompute_input:
            steps, batch, *sizes = sizes_of(elements)
            elements = _apply(self.input_to_hidden, elements.reshape((-1, *sizes)), kwargs)
            elements = elements.reshape((steps, batch, *sizes_of(elements)[1:]))
        else:
            params += helper.get_all_params(self.input_to_hidden, unwrap_shared=False)

        def step(element: Any, hidden: Any) -> list[Any]:
            if not self.precompute_input:
                element = _apply(self.input_to_hidden, element, kwargs)
            total = element + _apply(self.hidden_to_hidden, hidden, kwargs)
            return [self.nonlinearity(self._clipped(total))]

        return self._loop(step, elements, inputs, ["hid_init"], params, carry)


@describe(LOOP_PARAMETERS)
class RecurrentLayer(CustomRecurrentLayer):
    r"""A fully connected recurrent layer [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``; all axes from the
        third on are flattened into the ``num_inputs`` of a step.
    num_units : int
        The number of hidden units.
    W_in_to_hid : shared variable, expression, array, number or callable
        The weights of the input, ``(num_inputs, num_units)``. Default: uniformly distributed.
    W_hid_to_hid : shared variable, expression, array, number or callable
        The weights of the hidden state, ``(num_units, num_units)``. Default: uniformly
        distributed.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_units,)``; None for none. Default: zeros.
    nonlinearity : callable or None
        Applied to the result of a step; None for none. Default: rectification.
    hid_init : shared variable, expression, array, number, callable or Layer
        The hidden state before the first step, ``(1, num_units)``, for all items of the
        mini-batch, or a layer that gives ``(batch, num_units)``. Default: zeros.
    <parameters>

    Raises
    ------
    ValueError
        If shapes do not fit, a loop would be unrolled without a fixed length or with
        `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math:: h_t = \sigma(x_t W_x + h_{t-1} W_h + b)

    References
    ----------
    .. [1] Elman, J. L. (1990): Finding structure in time. Cognitive Science, 14, 179-211.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import InputLayer, RecurrentLayer
    >>> words = InputLayer((None, None, 16))
    >>> RecurrentLayer(words, num_units=32).output_shape
    (None, None, 32)
    >>> mask = InputLayer((None, None))
    >>> RecurrentLayer(words, 32, mask_input=mask, only_return_final=True).output_shape
    (None, 32)
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        W_in_to_hid: Any = init.Uniform(),
        W_hid_to_hid: Any = init.Uniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        hid_init: Any = init.Constant(0.0),
        backwards: bool = False,
        learn_init: bool = False,
        gradient_steps: int = -1,
        grad_clipping: float = 0,
        unroll_scan: bool = False,
        precompute_input: bool = True,
        mask_input: Any = None,
        only_return_final: bool = False,
        **kwargs: Any,
    ) -> None:
        self.name = kwargs.get("name")
        self.num_units = check_count(self, "num_units", num_units)
        shape = incoming if isinstance(incoming, tuple) else incoming.output_shape
        check_elements(self, shape)
        prefix = f"{self.name}." if self.name else ""
        to_hidden = DenseLayer(
            InputLayer((None, *shape[2:])), num_units, W=W_in_to_hid, b=b, nonlinearity=None,
            name=f"{prefix}input_to_hidden",
        )  # fmt: skip
        hidden = DenseLayer(
            InputLayer((None, num_units)), num_units, W=W_hid_to_hid, b=None, nonlinearity=None,
            name=f"{prefix}hidden_to_hidden",
        )  # fmt: skip
        super().__init__(
            incoming, to_hidden, hidden, nonlinearity=nonlinearity, hid_init=hid_init,
            backwards=backwards, learn_init=learn_init, gradient_steps=gradient_steps,
            grad_clipping=grad_clipping, unroll_scan=unroll_scan,
            precompute_input=precompute_input, mask_input=mask_input,
            only_return_final=only_return_final, **kwargs,
        )  # fmt: skip
        self.W_in_to_hid = to_hidden.W
        self.W_hid_to_hid = hidden.W
        self.b = to_hidden.b
        # The two networks are made here and not arguments, so their parameters are kept here.
        self.params.update(to_hidden.params)
        self.params.update(hidden.params)

    def get_params(self, unwrap_shared: bool = True, **tags: bool) -> list[Any]:
        return Layer.get_params(self, unwrap_shared=unwrap_shared, **tags)
