# ruff: noqa: B008  (initializers have no state; overridden methods keep Layer's text)
"""Recurrent layers whose units, or some of them, change at rates of their own."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import Any

import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers._docs import describe
from nncore.layers._recurrent_base import LOOP_PARAMETERS, LoopLayer, check_elements
from nncore.layers.base import _label
from nncore.layers.dense import check_count

__all__ = ["RRNNLayer", "SCRNLayer"]

_RATES = ("uniform", "vector", "matrix")

_RATE_PARAMETERS = """
rate : str
    Where the rates come from: ``'uniform'``, drawn from the uniform distribution over (0, 1) when
    the layer is made, and not trained; ``'vector'``, :math:`\\sigma(b_r)`, one trained rate for
    each unit; or ``'matrix'``, :math:`\\sigma(x_t W_r + b_r)`, which depend on the input.
    Default: <default>.
W_in_to_rate : shared variable, expression, array, number or callable
    The weights :math:`W_r`, ``(num_inputs, <units>)``, used with ``rate='matrix'``. Default:
    uniformly distributed.
b_rate : shared variable, expression, array, number or callable
    The biases :math:`b_r`, ``(<units>,)``, not used with ``rate='uniform'``. Default: normally
    distributed around 2 with a standard deviation of 1, which is rates of around 0.88.
uniform_rate : shared variable, expression, array, number or callable
    The fixed rates, ``(<units>,)``, used with ``rate='uniform'``. Default: uniformly distributed.
"""


def _rate_parameters(default: str, units: str) -> str:
    filled = _RATE_PARAMETERS.replace("<default>", f"``'{default}'``").replace("<units>", units)
    return filled.strip() + "\n" + LOOP_PARAMETERS.strip()


class _RatedLayer(LoopLayer):
    """A layer with a rate for each of some units; a base class."""

    rate: str
    W_in_to_rate: Any = None
    b_rate: Any = None
    uniform_rate: Any = None

    def _add_rates(self, num_inputs: int, units: int, W: Any, b: Any, uniform: Any) -> None:
        if self.rate not in _RATES:
            nearest = get_close_matches(str(self.rate), _RATES, n=1)
            hint = f" Perhaps you meant {nearest[0]!r}." if nearest else ""
            raise ValueError(
                f"{_label(self)}: rate={self.rate!r} must be one of {', '.join(map(repr, _RATES))}."
                + hint
            )
        if self.rate == "uniform":
            self.uniform_rate = self.add_param(
                uniform, (units,), name="uniform_rate", trainable=False, regularizable=False
            )
            return
        if self.rate == "matrix":
            self.W_in_to_rate = self.add_param(W, (num_inputs, units), name="W_in_to_rate")
        self.b_rate = self.add_param(b, (units,), name="b_rate", regularizable=False)

    def _with_rates(self, W: Any, b: Any) -> tuple[Any, Any]:
        """Join what a step needs of the input with what its rates need, along the units."""
        if self.rate != "matrix":
            return W, b
        return (
            pt.concatenate([W, self.W_in_to_rate], axis=1),
            pt.concatenate([b, self.b_rate]),
        )

    def _rates(self, from_input: Any) -> Any:
        if self.rate == "uniform":
            return self.uniform_rate
        return nonlinearities.sigmoid(from_input if self.rate == "matrix" else self.b_rate)

    def _rate_weights(self) -> list[Any]:
        """What the rates of a step use besides its element."""
        return [] if self.rate == "matrix" else [self._rates(None)]


@describe(_rate_parameters("matrix", "num_units"))
class RRNNLayer(_RatedLayer):
    r"""A fully connected recurrent layer whose units have rates of change [1]_.

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
    b : shared variable, expression, array, number or callable
        The biases, ``(num_units,)``. Default: zeros.
    nonlinearity : callable or None
        Applied to the sum; None for none. Default: the hyperbolic tangent.
    hid_init : shared variable, expression, array, number, callable or Layer
        The hidden state before the first step, ``(1, num_units)``, for all items of the
        mini-batch, or a layer that gives ``(batch, num_units)``. Default: zeros.
    <parameters>

    Raises
    ------
    ValueError
        If `rate` is something else, shapes do not fit, a loop would be unrolled without a fixed
        length or with `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math:: h_t = (1 - z) \odot h_{t-1} + z \odot \sigma(x_t W_x + h_{t-1} W_h + b)

    with the rates :math:`z`. Clipping acts on the gradient by the sum in :math:`\sigma`.

    References
    ----------
    .. [1] Bengio, Y., Boulanger-Lewandowski, N. and Pascanu, R. (2012): Advances in optimizing
           recurrent networks. arXiv:1212.0901.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import InputLayer, RRNNLayer
    >>> layer = RRNNLayer(InputLayer((None, None, 16)), num_units=32, rate="vector")
    >>> layer.output_shape
    (None, None, 32)
    >>> layer.b_rate.get_value().shape
    (32,)
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        rate: str = "matrix",
        W_in_to_hid: Any = init.Uniform(),
        W_hid_to_hid: Any = init.Uniform(),
        b: Any = init.Constant(0.0),
        W_in_to_rate: Any = init.Uniform(),
        b_rate: Any = init.Normal(std=1.0, mean=2.0),
        uniform_rate: Any = init.Uniform(range=(0.0, 1.0)),
        nonlinearity: Any = nonlinearities.tanh,
        hid_init: Any = init.Constant(0.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, {"hid_init": hid_init}, **kwargs)
        n = self.num_units = check_count(self, "num_units", num_units)
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        num_inputs = check_elements(self, self.input_shapes[0])
        self.rate = rate
        self.W_in_to_hid = self.add_param(W_in_to_hid, (num_inputs, n), name="W_in_to_hid")
        self.W_hid_to_hid = self.add_param(W_hid_to_hid, (n, n), name="W_hid_to_hid")
        self.b = self.add_param(b, (n,), name="b", regularizable=False)
        self._add_rates(num_inputs, n, W_in_to_rate, b_rate, uniform_rate)
        self.hid_init = self._add_state("hid_init", hid_init, self._state_shape())

    def _state_shape(self) -> tuple[Any, ...]:
        return (self.num_units,)

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        n, W_hid = self.num_units, self.W_hid_to_hid
        fixed = self._rate_weights()

        def step(element: Any, hidden: Any) -> list[Any]:
            rates = fixed[0] if fixed else self._rates(element[:, n:])
            total = self._clipped(element[:, :n] + pt.dot(hidden, W_hid))
            return [(1.0 - rates) * hidden + rates * self.nonlinearity(total)]

        W, b = self._with_rates(self.W_in_to_hid, self.b)
        width = n if fixed else 2 * n
        return self._project(step, inputs, ["hid_init"], [W_hid, *fixed], W, b, width, carry=carry)


@describe(_rate_parameters("vector", "context_size"))
class SCRNLayer(_RatedLayer):
    r"""A structurally constrained recurrent layer: hidden units beside a slow context [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``; all axes from the
        third on are flattened into the ``num_inputs`` of a step.
    num_units : int
        The number of hidden units, and of outputs.
    context_size : int or None
        The number of context units. Default: the square root of `num_units`, rounded down, and
        one more.
    W_in_to_hid, W_hid_to_hid, W_context_to_hid : shared variable, expression, array, number or \
callable
        The weights :math:`A`, ``(num_inputs, num_units)``, :math:`R`, ``(num_units, num_units)``,
        and :math:`P`, ``(context_size, num_units)``, of the hidden units. Default: uniformly
        distributed.
    W_in_to_context : shared variable, expression, array, number or callable
        The weights :math:`B`, ``(num_inputs, context_size)``. Default: uniformly distributed.
    W_hid_to_out, W_context_to_out : shared variable, expression, array, number or callable
        The weights :math:`U`, ``(num_units, num_units)``, and :math:`V`,
        ``(context_size, num_units)``, of the output. Default: uniformly distributed.
    b, b_out : shared variable, expression, array, number or callable
        The biases of the hidden units and of the output, ``(num_units,)``. Default: zeros.
    nonlinearity : callable or None
        Applied to the sum of a hidden unit; None for none. Default: the logistic sigmoid.
    nonlinearity_out : callable or None
        :math:`f`, applied to the output; None for none. Default: None.
    hid_init, context_init : shared variable, expression, array, number, callable or Layer
        The states of hidden and context units before the first step, ``(1, num_units)`` and
        ``(1, context_size)``, for all items of the mini-batch, or layers that give
        ``(batch, num_units)`` and ``(batch, context_size)``. Default: zeros.
    <parameters>

    Raises
    ------
    ValueError
        If `rate` is something else, shapes do not fit, a loop would be unrolled without a fixed
        length or with `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math::

       s_t &= (1 - \alpha) \odot (x_t B) + \alpha \odot s_{t-1} \\
       h_t &= \sigma(x_t A + s_t P + h_{t-1} R + b) \\
       y_t &= f(h_t U + s_t V + b_y)

    with the rates :math:`\alpha`; the context does not pass through a nonlinearity. The output is
    :math:`y_t`. The paper has no biases, a fixed :math:`\alpha = 0.95`, and the softmax for
    :math:`f`, as its :math:`y_t` is the output of the network; so is this layer with
    ``rate='uniform', uniform_rate=nncore.init.Constant(0.95)`` and biases of 0 that are not
    trained. Clipping acts on the gradient by the sum in
    :math:`\sigma`.

    References
    ----------
    .. [1] Mikolov, T., Joulin, A., Chopra, S., Mathieu, M. and Ranzato, M. (2014): Learning longer
           memory in recurrent neural networks. arXiv:1412.7753.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import InputLayer, SCRNLayer
    >>> layer = SCRNLayer(InputLayer((None, None, 16)), num_units=32)
    >>> layer.output_shape
    (None, None, 32)
    >>> layer.context_size
    6
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        rate: str = "vector",
        context_size: int | None = None,
        W_in_to_hid: Any = init.Uniform(),
        W_hid_to_hid: Any = init.Uniform(),
        W_context_to_hid: Any = init.Uniform(),
        W_in_to_context: Any = init.Uniform(),
        W_hid_to_out: Any = init.Uniform(),
        W_context_to_out: Any = init.Uniform(),
        b: Any = init.Constant(0.0),
        b_out: Any = init.Constant(0.0),
        W_in_to_rate: Any = init.Uniform(),
        b_rate: Any = init.Normal(std=1.0, mean=2.0),
        uniform_rate: Any = init.Uniform(range=(0.0, 1.0)),
        nonlinearity: Any = nonlinearities.sigmoid,
        nonlinearity_out: Any = None,
        hid_init: Any = init.Constant(0.0),
        context_init: Any = init.Constant(0.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, {"context_init": context_init, "hid_init": hid_init}, **kwargs)
        n = self.num_units = check_count(self, "num_units", num_units)
        m = self.context_size = check_count(
            self, "context_size", math.isqrt(n) + 1 if context_size is None else context_size
        )
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        self.nonlinearity_out = (
            nonlinearities.identity if nonlinearity_out is None else nonlinearity_out
        )
        num_inputs = check_elements(self, self.input_shapes[0])
        self.rate = rate
        self.W_in_to_hid = self.add_param(W_in_to_hid, (num_inputs, n), name="W_in_to_hid")
        self.W_hid_to_hid = self.add_param(W_hid_to_hid, (n, n), name="W_hid_to_hid")
        self.W_context_to_hid = self.add_param(W_context_to_hid, (m, n), name="W_context_to_hid")
        self.W_in_to_context = self.add_param(
            W_in_to_context, (num_inputs, m), name="W_in_to_context"
        )
        self.W_hid_to_out = self.add_param(W_hid_to_out, (n, n), name="W_hid_to_out")
        self.W_context_to_out = self.add_param(W_context_to_out, (m, n), name="W_context_to_out")
        self.b = self.add_param(b, (n,), name="b", regularizable=False)
        self.b_out = self.add_param(b_out, (n,), name="b_out", regularizable=False)
        self._add_rates(num_inputs, m, W_in_to_rate, b_rate, uniform_rate)
        self.context_init = self._add_state("context_init", context_init, (m,))
        self.hid_init = self._add_state("hid_init", hid_init, (n,))

    def _state_shape(self) -> tuple[Any, ...]:
        return (self.num_units,)

    def _sizes_of_state(self, name: str) -> tuple[Any, ...]:
        return (self.context_size if name == "context_init" else self.num_units,)

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        n, m = self.num_units, self.context_size
        W_hid, W_context = self.W_hid_to_hid, self.W_context_to_hid
        fixed = self._rate_weights()

        def step(element: Any, context: Any, hidden: Any) -> list[Any]:
            rates = fixed[0] if fixed else self._rates(element[:, n + m :])
            context = (1.0 - rates) * element[:, n : n + m] + rates * context
            total = element[:, :n] + pt.dot(context, W_context) + pt.dot(hidden, W_hid)
            return [context, self.nonlinearity(self._clipped(total))]

        W = pt.concatenate([self.W_in_to_hid, self.W_in_to_context], axis=1)
        b = pt.concatenate([self.b, pt.zeros((m,), dtype=self.b.dtype)])
        W, b = self._with_rates(W, b)
        context, hidden = self._project(
            step, inputs, ["context_init", "hid_init"], [W_hid, W_context, *fixed], W, b,
            n + m if fixed else n + 2 * m, carry=carry, outputs=2,
        )  # fmt: skip
        total = pt.dot(hidden, self.W_hid_to_out) + pt.dot(context, self.W_context_to_out)
        return self.nonlinearity_out(total + self.b_out)
