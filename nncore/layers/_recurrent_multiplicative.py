# ruff: noqa: B008  (initializers have no state; overridden methods keep Layer's text)
"""Recurrent layers in which input and hidden state are multiplied with each other."""

from __future__ import annotations

import math
from typing import Any

import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers._docs import describe
from nncore.layers._recurrent_base import LOOP_PARAMETERS, LoopLayer, check_elements
from nncore.layers.dense import check_count

__all__ = ["MRNNLayer", "MUT1Layer"]


@describe(LOOP_PARAMETERS)
class MRNNLayer(LoopLayer):
    r"""A multiplicative recurrent layer, whose input chooses the recurrent weights [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``; all axes from the
        third on are flattened into the ``num_inputs`` of a step.
    num_units : int
        The number of hidden units.
    factors : int or None
        The number of factors. Default: the square root of `num_units`, rounded up.
    W_in_to_hid : shared variable, expression, array, number or callable
        The weights of the input, ``(num_inputs, num_units)``. Default: uniformly distributed.
    W_in_to_factor, W_hid_to_factor, W_factor_to_hid : shared variable, expression, array, number \
or callable
        The weights from input and hidden state to the factors, ``(num_inputs, factors)`` and
        ``(num_units, factors)``, and from the factors, ``(factors, num_units)``. Default:
        uniformly distributed.
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
        If shapes do not fit, a loop would be unrolled without a fixed length or with
        `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math::

       f_t &= x_t W_{xf} \odot h_{t-1} W_{hf} \\
       h_t &= \sigma(x_t W_{xh} + f_t W_{fh} + b)

    Clipping acts on the gradient by the sum in :math:`\sigma`.

    References
    ----------
    .. [1] Sutskever, I., Martens, J. and Hinton, G. E. (2011): Generating text with recurrent
           neural networks. International Conference on Machine Learning.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import InputLayer, MRNNLayer
    >>> layer = MRNNLayer(InputLayer((None, None, 16)), num_units=32)
    >>> layer.output_shape, layer.factors
    ((None, None, 32), 6)
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        factors: int | None = None,
        W_in_to_hid: Any = init.Uniform(),
        W_in_to_factor: Any = init.Uniform(),
        W_hid_to_factor: Any = init.Uniform(),
        W_factor_to_hid: Any = init.Uniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.tanh,
        hid_init: Any = init.Constant(0.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, {"hid_init": hid_init}, **kwargs)
        n = self.num_units = check_count(self, "num_units", num_units)
        f = self.factors = check_count(
            self, "factors", math.isqrt(n - 1) + 1 if factors is None else factors
        )
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        num_inputs = check_elements(self, self.input_shapes[0])
        self.W_in_to_hid = self.add_param(W_in_to_hid, (num_inputs, n), name="W_in_to_hid")
        self.W_in_to_factor = self.add_param(W_in_to_factor, (num_inputs, f), name="W_in_to_factor")
        self.W_hid_to_factor = self.add_param(W_hid_to_factor, (n, f), name="W_hid_to_factor")
        self.W_factor_to_hid = self.add_param(W_factor_to_hid, (f, n), name="W_factor_to_hid")
        self.b = self.add_param(b, (n,), name="b", regularizable=False)
        self.hid_init = self._add_state("hid_init", hid_init, self._state_shape())

    def _state_shape(self) -> tuple[Any, ...]:
        return (self.num_units,)

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        n, W_to, W_from = self.num_units, self.W_hid_to_factor, self.W_factor_to_hid

        def step(element: Any, hidden: Any) -> list[Any]:
            factors = element[:, n:] * pt.dot(hidden, W_to)
            return [self.nonlinearity(self._clipped(element[:, :n] + pt.dot(factors, W_from)))]

        W = pt.concatenate([self.W_in_to_hid, self.W_in_to_factor], axis=1)
        b = pt.concatenate([self.b, pt.zeros((self.factors,), dtype=self.b.dtype)])
        return self._project(
            step, inputs, ["hid_init"], [W_to, W_from], W, b, n + self.factors, carry=carry
        )


@describe(LOOP_PARAMETERS)
class MUT1Layer(LoopLayer):
    r"""The recurrent layer MUT1, the best of an evolutionary search on its task [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``; all axes from the
        third on are flattened into the ``num_inputs`` of a step.
    num_units : int
        The number of hidden units.
    W_in_to_hid, W_in_to_resetgate, W_in_to_updategate : shared variable, expression, array, \
number or callable
        The weights of the input, ``(num_inputs, num_units)``. Default: uniformly distributed.
    W_hid_to_hid, W_hid_to_resetgate : shared variable, expression, array, number or callable
        The weights of the hidden state, ``(num_units, num_units)``. Default: uniformly
        distributed.
    b, b_resetgate, b_updategate : shared variable, expression, array, number or callable
        The biases, ``(num_units,)``. Default: zeros.
    nonlinearity : callable or None
        Applied to the new hidden state, and to what comes from the input before; None for none.
        Default: the hyperbolic tangent.
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
    .. math::

       z_t &= \sigma(x_t W_{xz} + b_z) \\
       r_t &= \sigma(x_t W_{xr} + h_{t-1} W_{hr} + b_r) \\
       h_t &= z_t \odot \tanh(\tanh(x_t W_{xh}) + (r_t \odot h_{t-1}) W_{hh} + b)
              + (1 - z_t) \odot h_{t-1}

    with the logistic sigmoid :math:`\sigma`. The paper has :math:`\tanh(x_t)`, which
    takes as many inputs as units; that is :math:`W_{xh} = I`. Clipping acts on the gradient by
    the sums in the outer :math:`\tanh` and in :math:`r_t`.

    References
    ----------
    .. [1] Jozefowicz, R., Zaremba, W. and Sutskever, I. (2015): An empirical exploration of
           recurrent network architectures. International Conference on Machine Learning.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import InputLayer, MUT1Layer
    >>> MUT1Layer(InputLayer((None, None, 16)), num_units=32).output_shape
    (None, None, 32)
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        W_in_to_hid: Any = init.Uniform(),
        W_in_to_resetgate: Any = init.Uniform(),
        W_in_to_updategate: Any = init.Uniform(),
        W_hid_to_hid: Any = init.Uniform(),
        W_hid_to_resetgate: Any = init.Uniform(),
        b: Any = init.Constant(0.0),
        b_resetgate: Any = init.Constant(0.0),
        b_updategate: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.tanh,
        hid_init: Any = init.Constant(0.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, {"hid_init": hid_init}, **kwargs)
        n = self.num_units = check_count(self, "num_units", num_units)
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        num_inputs = check_elements(self, self.input_shapes[0])
        for name, spec in (
            ("W_in_to_hid", W_in_to_hid),
            ("W_in_to_resetgate", W_in_to_resetgate),
            ("W_in_to_updategate", W_in_to_updategate),
        ):
            setattr(self, name, self.add_param(spec, (num_inputs, n), name=name))
        self.W_hid_to_hid = self.add_param(W_hid_to_hid, (n, n), name="W_hid_to_hid")
        self.W_hid_to_resetgate = self.add_param(
            W_hid_to_resetgate, (n, n), name="W_hid_to_resetgate"
        )
        for name, spec in (
            ("b", b), ("b_resetgate", b_resetgate), ("b_updategate", b_updategate),
        ):  # fmt: skip
            setattr(self, name, self.add_param(spec, (n,), name=name, regularizable=False))
        self.hid_init = self._add_state("hid_init", hid_init, self._state_shape())

    W_in_to_hid: Any
    W_in_to_resetgate: Any
    W_in_to_updategate: Any
    b: Any
    b_resetgate: Any
    b_updategate: Any

    def _state_shape(self) -> tuple[Any, ...]:
        return (self.num_units,)

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        n, W_hid, W_reset = self.num_units, self.W_hid_to_hid, self.W_hid_to_resetgate
        b, sigmoid = self.b, nonlinearities.sigmoid

        def step(element: Any, hidden: Any) -> list[Any]:
            update = sigmoid(element[:, 2 * n :])
            reset = sigmoid(self._clipped(element[:, n : 2 * n] + pt.dot(hidden, W_reset)))
            from_input = self.nonlinearity(element[:, :n])
            total = self._clipped(from_input + pt.dot(reset * hidden, W_hid) + b)
            return [update * self.nonlinearity(total) + (1.0 - update) * hidden]

        W = pt.concatenate(
            [self.W_in_to_hid, self.W_in_to_resetgate, self.W_in_to_updategate], axis=1
        )
        biases = pt.concatenate([pt.zeros((n,), b.dtype), self.b_resetgate, self.b_updategate])
        weights = [W_hid, W_reset, b]
        return self._project(step, inputs, ["hid_init"], weights, W, biases, 3 * n, carry=carry)
