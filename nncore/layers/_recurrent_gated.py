# ruff: noqa: B008  (initializers have no state; overridden methods keep Layer's text)
"""Recurrent layers with gates: LSTM and GRU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers._docs import describe
from nncore.layers._recurrent_base import LOOP_PARAMETERS, LoopLayer, check_elements
from nncore.layers.base import _label
from nncore.layers.dense import check_count

__all__ = ["GRULayer", "Gate", "LSTMLayer"]


class Gate:
    """The parameters and the nonlinearity of a gate, or of what is gated, in a recurrent layer.

    Parameters
    ----------
    W_in : shared variable, expression, array, number or callable
        The weights of the input, ``(num_inputs, num_units)``. Default: normally distributed with
        a standard deviation of 0.1.
    W_hid : shared variable, expression, array, number or callable
        The weights of the hidden state, ``(num_units, num_units)``. Default: as `W_in`.
    W_cell : shared variable, expression, array, number, callable or None
        The weights of the peephole connection from the cell, ``(num_units,)``; None where there is
        none, as in a :class:`GRULayer`. Default: as `W_in`.
    b : shared variable, expression, array, number or callable
        The biases, ``(num_units,)``. Default: zeros.
    nonlinearity : callable or None
        Applied to the sum; None for none. Default: the logistic sigmoid.

    Examples
    --------
    A forget gate that is open at first, a common choice:

    >>> from nncore.init import Constant
    >>> from nncore.layers import Gate, InputLayer, LSTMLayer
    >>> layer = LSTMLayer(InputLayer((None, None, 3)), 4, forgetgate=Gate(b=Constant(1.0)))
    >>> layer.b_forgetgate.get_value()
    array([1., 1., 1., 1.], dtype=float32)

    Weights can be shared:

    >>> other = LSTMLayer(layer, 4, ingate=Gate(W_hid=layer.W_hid_to_ingate))
    >>> other.W_hid_to_ingate is layer.W_hid_to_ingate
    True
    """

    def __init__(
        self,
        W_in: Any = init.Normal(0.1),
        W_hid: Any = init.Normal(0.1),
        W_cell: Any = init.Normal(0.1),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.sigmoid,
    ) -> None:
        self.W_in = W_in
        self.W_hid = W_hid
        self.W_cell = W_cell
        self.b = b
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity


class _GatedLayer(LoopLayer):
    """A layer whose steps multiply all gates' weights at once; a base class."""

    num_units: int
    _gates: tuple[str, ...]

    def _add_gate(self, name: str, gate: Any, num_inputs: int) -> None:
        if not isinstance(gate, Gate):
            raise TypeError(
                f"{_label(self)}: {name} must be a nncore.layers.Gate, not {type(gate).__name__}."
            )
        n = self.num_units
        W_in = self.add_param(gate.W_in, (num_inputs, n), name=f"W_in_to_{name}")
        W_hid = self.add_param(gate.W_hid, (n, n), name=f"W_hid_to_{name}")
        b = self.add_param(gate.b, (n,), name=f"b_{name}", regularizable=False)
        setattr(self, f"W_in_to_{name}", W_in)
        setattr(self, f"W_hid_to_{name}", W_hid)
        setattr(self, f"b_{name}", b)
        # What the gate holds now stands for what it was made from, as in a pickled layer.
        setattr(self, name, Gate(W_in, W_hid, None, b, gate.nonlinearity))

    def _state_shape(self) -> tuple[Any, ...]:
        return (self.num_units,)

    def _stacked(self, form: str) -> Any:
        """Join a parameter of all gates along the units."""
        return pt.concatenate([getattr(self, form + name) for name in self._gates], axis=-1)

    def _slice(self, stacked: Any, name: str) -> Any:
        place = self._gates.index(name)
        return stacked[:, place * self.num_units : (place + 1) * self.num_units]

    def _run(
        self, step: Any, inputs: Sequence[Any], states: Sequence[str], weights: Any, carry: Any
    ) -> Any:
        """Do the loop with ``step(element, *states)``; an element is all that comes from the input.

        ``element`` has the gates' parts side by side, ``(batch, gates * num_units)``.
        """
        W, b = self._stacked("W_in_to_"), self._stacked("b_")
        width = len(self._gates) * self.num_units
        return self._project(step, inputs, states, weights, W, b, width, carry=carry)


@describe(LOOP_PARAMETERS)
class LSTMLayer(_GatedLayer):
    r"""A layer of long short-term memory [1]_, with forget gates and peephole connections [2]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``; all axes from the
        third on are flattened into the ``num_inputs`` of a step.
    num_units : int
        The number of hidden units.
    ingate, forgetgate, outgate : Gate
        Parameters and nonlinearities of the gates. Default: ``Gate()``.
    cell : Gate
        Those of what goes into the cell; its `W_cell` is not used. Default:
        ``Gate(W_cell=None, nonlinearity=nonlinearities.tanh)``.
    nonlinearity : callable or None
        Applied to the cell on its way out; None for none. Default: the hyperbolic tangent.
    cell_init, hid_init : shared variable, expression, array, number, callable or Layer
        The states of the cell and of the hidden units before the first step, ``(1, num_units)``,
        for all items of the mini-batch, or layers that give ``(batch, num_units)``. Default:
        zeros.
    peepholes : bool
        Whether the gates see the cell. Default: True.
    <parameters>

    Raises
    ------
    TypeError
        If a gate is not a :class:`Gate`.
    ValueError
        If shapes do not fit, a gate has no `W_cell` for its peephole, a loop would be unrolled
        without a fixed length or with `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math::

       i_t &= \sigma_i(x_t W_{xi} + h_{t-1} W_{hi} + w_{ci} \odot c_{t-1} + b_i) \\
       f_t &= \sigma_f(x_t W_{xf} + h_{t-1} W_{hf} + w_{cf} \odot c_{t-1} + b_f) \\
       c_t &= f_t \odot c_{t-1} + i_t \odot \sigma_c(x_t W_{xc} + h_{t-1} W_{hc} + b_c) \\
       o_t &= \sigma_o(x_t W_{xo} + h_{t-1} W_{ho} + w_{co} \odot c_t + b_o) \\
       h_t &= o_t \odot \sigma_h(c_t)

    The output is :math:`h_t`. Clipping acts on the gradient by the sums before the
    nonlinearities :math:`\sigma_i, \sigma_f, \sigma_c, \sigma_o`, without the peepholes.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997): Long short-term memory. Neural Computation,
           9, 1735-1780.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import InputLayer, LSTMLayer
    >>> words, mask = InputLayer((None, None, 16)), InputLayer((None, None))
    >>> layer = LSTMLayer(words, num_units=32, mask_input=mask, grad_clipping=100)
    >>> layer.output_shape
    (None, None, 32)
    >>> LSTMLayer(layer, 8, backwards=True, only_return_final=True).output_shape
    (None, 8)
    """

    _gates = ("ingate", "forgetgate", "cell", "outgate")

    ingate: Gate
    forgetgate: Gate
    cell: Gate
    outgate: Gate
    W_cell_to_ingate: Any
    W_cell_to_forgetgate: Any
    W_cell_to_outgate: Any

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        ingate: Gate = Gate(),
        forgetgate: Gate = Gate(),
        cell: Gate = Gate(W_cell=None, nonlinearity=nonlinearities.tanh),
        outgate: Gate = Gate(),
        nonlinearity: Any = nonlinearities.tanh,
        cell_init: Any = init.Constant(0.0),
        hid_init: Any = init.Constant(0.0),
        backwards: bool = False,
        learn_init: bool = False,
        peepholes: bool = True,
        gradient_steps: int = -1,
        grad_clipping: float = 0,
        unroll_scan: bool = False,
        precompute_input: bool = True,
        mask_input: Any = None,
        only_return_final: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, {"hid_init": hid_init, "cell_init": cell_init}, backwards, learn_init,
            gradient_steps, grad_clipping, unroll_scan, precompute_input, mask_input,
            only_return_final, **kwargs,
        )  # fmt: skip
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        self.num_units = check_count(self, "num_units", num_units)
        self.peepholes = peepholes
        num_inputs = check_elements(self, self.input_shapes[0])
        gates = dict(zip(self._gates, (ingate, forgetgate, cell, outgate), strict=True))
        for name, gate in gates.items():
            self._add_gate(name, gate, num_inputs)
        if peepholes:
            for name in ("ingate", "forgetgate", "outgate"):
                self._add_peephole(name, gates[name].W_cell)
        self.cell_init = self._add_state("cell_init", cell_init, self._state_shape())
        self.hid_init = self._add_state("hid_init", hid_init, self._state_shape())
        self.nonlinearity_ingate = self.ingate.nonlinearity
        self.nonlinearity_forgetgate = self.forgetgate.nonlinearity
        self.nonlinearity_cell = self.cell.nonlinearity
        self.nonlinearity_outgate = self.outgate.nonlinearity

    def _add_peephole(self, name: str, W_cell: Any) -> None:
        if W_cell is None:
            raise ValueError(
                f"{_label(self)}: {name} has W_cell=None, so there is nothing for its peephole "
                "connection. Give the Gate a W_cell, or use peepholes=False."
            )
        param = self.add_param(W_cell, (self.num_units,), name=f"W_cell_to_{name}")
        setattr(self, f"W_cell_to_{name}", param)
        getattr(self, name).W_cell = param

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        W_hid = self._stacked("W_hid_to_")
        weights = [W_hid]
        if self.peepholes:
            weights += [self.W_cell_to_ingate, self.W_cell_to_forgetgate, self.W_cell_to_outgate]

        def step(element: Any, cell: Any, hidden: Any) -> list[Any]:
            sums = self._clipped(element + pt.dot(hidden, W_hid))
            ingate, forgetgate, new, outgate = (self._slice(sums, name) for name in self._gates)
            if self.peepholes:
                ingate = ingate + cell * self.W_cell_to_ingate
                forgetgate = forgetgate + cell * self.W_cell_to_forgetgate
            kept = self.nonlinearity_forgetgate(forgetgate) * cell
            cell = kept + self.nonlinearity_ingate(ingate) * self.nonlinearity_cell(new)
            if self.peepholes:
                outgate = outgate + cell * self.W_cell_to_outgate
            return [cell, self.nonlinearity_outgate(outgate) * self.nonlinearity(cell)]

        return self._run(step, inputs, ["cell_init", "hid_init"], weights, carry)


@describe(LOOP_PARAMETERS)
class GRULayer(_GatedLayer):
    r"""A layer of gated recurrent units [1]_, [3]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``; all axes from the
        third on are flattened into the ``num_inputs`` of a step.
    num_units : int
        The number of hidden units.
    resetgate, updategate : Gate
        Parameters and nonlinearities of the gates; `W_cell` is not used. Default:
        ``Gate(W_cell=None)``.
    hidden_update : Gate
        Those of the new hidden state. Default:
        ``Gate(W_cell=None, nonlinearity=nonlinearities.tanh)``.
    hid_init : shared variable, expression, array, number, callable or Layer
        The hidden state before the first step, ``(1, num_units)``, for all items of the
        mini-batch, or a layer that gives ``(batch, num_units)``. Default: zeros.
    <parameters>

    Raises
    ------
    TypeError
        If a gate is not a :class:`Gate`.
    ValueError
        If shapes do not fit, a loop would be unrolled without a fixed length or with
        `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math::

       r_t &= \sigma_r(x_t W_{xr} + h_{t-1} W_{hr} + b_r) \\
       u_t &= \sigma_u(x_t W_{xu} + h_{t-1} W_{hu} + b_u) \\
       c_t &= \sigma_c(x_t W_{xc} + r_t \odot (h_{t-1} W_{hc}) + b_c) \\
       h_t &= (1 - u_t) \odot h_{t-1} + u_t \odot c_t

    As in [3]_, and unlike [1]_, an update gate of 1 replaces the state; and the reset gate
    multiplies :math:`h_{t-1} W_{hc}` instead of :math:`h_{t-1}`, so that all products with
    :math:`h_{t-1}` are one. Clipping acts on the gradient by what comes from the input and by
    what comes from the hidden state, and by the sum in :math:`\sigma_c`.

    References
    ----------
    .. [1] Cho, K. et al. (2014): On the properties of neural machine translation: encoder-decoder
           approaches. arXiv:1409.1259.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.
    .. [3] Chung, J. et al. (2014): Empirical evaluation of gated recurrent neural networks on
           sequence modeling. arXiv:1412.3555.

    Examples
    --------
    >>> from nncore.layers import GRULayer, InputLayer
    >>> GRULayer(InputLayer((None, None, 16)), num_units=32).output_shape
    (None, None, 32)
    """

    _gates = ("resetgate", "updategate", "hidden_update")

    resetgate: Gate
    updategate: Gate
    hidden_update: Gate

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        resetgate: Gate = Gate(W_cell=None),
        updategate: Gate = Gate(W_cell=None),
        hidden_update: Gate = Gate(W_cell=None, nonlinearity=nonlinearities.tanh),
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
        self.num_units = check_count(self, "num_units", num_units)
        num_inputs = check_elements(self, self.input_shapes[0])
        gates = (resetgate, updategate, hidden_update)
        for name, gate in zip(self._gates, gates, strict=True):
            self._add_gate(name, gate, num_inputs)
        self.hid_init = self._add_state("hid_init", hid_init, self._state_shape())
        self.nonlinearity_resetgate = self.resetgate.nonlinearity
        self.nonlinearity_updategate = self.updategate.nonlinearity
        self.nonlinearity_hid = self.hidden_update.nonlinearity

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        W_hid = self._stacked("W_hid_to_")

        def step(element: Any, hidden: Any) -> list[Any]:
            element = self._clipped(element)
            product = self._clipped(pt.dot(hidden, W_hid))
            both = element + product
            reset = self.nonlinearity_resetgate(self._slice(both, "resetgate"))
            update = self.nonlinearity_updategate(self._slice(both, "updategate"))
            candidate = self.nonlinearity_hid(
                self._clipped(
                    self._slice(element, "hidden_update")
                    + reset * self._slice(product, "hidden_update")
                )
            )
            return [(1.0 - update) * hidden + update * candidate]

        return self._run(step, inputs, ["hid_init"], [W_hid], carry)
