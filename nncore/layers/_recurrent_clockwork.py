# ruff: noqa: B008  (initializers have no state; overridden methods keep Layer's text)
"""A recurrent layer whose units are updated at different periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable

from nncore import init, nonlinearities
from nncore.layers._docs import describe
from nncore.layers._recurrent_base import LOOP_PARAMETERS, LoopLayer, check_elements
from nncore.layers.base import _label
from nncore.layers.dense import check_count

__all__ = ["ClockworkLayer"]


@describe(LOOP_PARAMETERS)
class ClockworkLayer(LoopLayer):
    r"""A clockwork recurrent layer, whose modules run at clocks of their own [1]_.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``; all axes from the
        third on are flattened into the ``num_inputs`` of a step.
    num_units : int
        The number of hidden units, a multiple of the number of `periods`.
    periods : sequence of int
        The period :math:`T_i` of each module, all different. The modules have equal numbers of
        units and lie side by side in this order.
    W_in_to_hid : shared variable, expression, array, number or callable
        The weights of the input, ``(num_inputs, num_units)``. Default: uniformly distributed.
    W_hid_to_hid : shared variable, expression, array, number or callable
        The weights of the hidden state, ``(num_units, num_units)``. Those from a module to a
        slower one count as zero, whatever they are, and have no gradient; in a parameter that is
        made here they are zero. Default: uniformly distributed.
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
        If `periods` are not different positive integers, of which there is a divisor of
        `num_units`; if shapes do not fit, a loop would be unrolled without a fixed length or with
        `gradient_steps`, or a number is out of range.

    Notes
    -----
    .. math::

       h^i_t = \begin{cases}
         \sigma(x_t W^i_x + \sum_{j: T_j \ge T_i} h^j_{t-1} W^{ji}_h + b^i)
           & \text{if } t \bmod T_i = 0 \\
         h^i_{t-1} & \text{otherwise}
       \end{cases}

    for the module :math:`i`, so that a module sees itself and slower ones. The steps are counted
    from :math:`t = 0`, at which all modules are updated; with `backwards`, from the end of the
    sequence. Clipping acts on the gradient by the sum in :math:`\sigma`.

    References
    ----------
    .. [1] Koutník, J., Greff, K., Gomez, F. and Schmidhuber, J. (2014): A clockwork RNN.
           arXiv:1402.3511.
    .. [2] Graves, A. (2013): Generating sequences with recurrent neural networks. arXiv:1308.0850.

    Examples
    --------
    >>> from nncore.layers import ClockworkLayer, InputLayer
    >>> layer = ClockworkLayer(InputLayer((None, None, 16)), num_units=4, periods=[1, 8])
    >>> layer.output_shape
    (None, None, 4)
    >>> layer.W_hid_to_hid.get_value() != 0
    array([[ True,  True, False, False],
           [ True,  True, False, False],
           [ True,  True,  True,  True],
           [ True,  True,  True,  True]])
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        periods: Sequence[int],
        W_in_to_hid: Any = init.Uniform(),
        W_hid_to_hid: Any = init.Uniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.tanh,
        hid_init: Any = init.Constant(0.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, {"hid_init": hid_init}, **kwargs)
        n = self.num_units = check_count(self, "num_units", num_units)
        self.periods = self._checked_periods(periods)
        self.nonlinearity = nonlinearities.identity if nonlinearity is None else nonlinearity
        num_inputs = check_elements(self, self.input_shapes[0])
        self.W_in_to_hid = self.add_param(W_in_to_hid, (num_inputs, n), name="W_in_to_hid")
        self.W_hid_to_hid = self.add_param(W_hid_to_hid, (n, n), name="W_hid_to_hid")
        if isinstance(self.W_hid_to_hid, SharedVariable) and not isinstance(W_hid_to_hid, Variable):
            value = self.W_hid_to_hid.get_value()
            self.W_hid_to_hid.set_value(np.where(self._connected(), value, 0).astype(value.dtype))
        self.b = self.add_param(b, (n,), name="b", regularizable=False)
        self.hid_init = self._add_state("hid_init", hid_init, self._state_shape())

    def _checked_periods(self, periods: Any) -> tuple[int, ...]:
        label = _label(self)
        found = tuple(np.asarray(periods).tolist()) if np.ndim(periods) == 1 else ()
        if not found or not all(isinstance(one, int) and one > 0 for one in found):
            raise ValueError(
                f"{label}: periods={periods!r} must be positive integers, one for each module, "
                "such as (1, 2, 4, 8)."
            )
        if len(set(found)) < len(found):
            raise ValueError(
                f"{label}: periods={periods!r} must all be different; modules with one period "
                "are one module."
            )
        if self.num_units % len(found):
            raise ValueError(
                f"{label}: num_units={self.num_units} must be a multiple of the number of periods, "
                f"{len(found)}, as all modules have equal numbers of units."
            )
        return tuple(int(one) for one in found)

    def _unit_periods(self) -> np.ndarray[Any, Any]:
        periods = np.asarray(self.periods, dtype="int32")
        return np.repeat(periods, self.num_units // len(periods))

    def _connected(self) -> np.ndarray[Any, Any]:
        """Say which unit (row) is seen by which (column)."""
        periods = self._unit_periods()
        return periods[:, None] >= periods[None, :]

    def _state_shape(self) -> tuple[Any, ...]:
        return (self.num_units,)

    def get_output_for(  # type: ignore[override]
        self, inputs: Any, carry: Any = None, **kwargs: Any
    ) -> Any:
        # Other than a product, a switch keeps out values that are not finite, too.
        W_hid = pt.switch(self._connected(), self.W_hid_to_hid, np.zeros((), self.b.dtype))
        periods = self._unit_periods()

        def clock(numbers: Any) -> Any:
            return pt.eq(pt.mod(numbers.dimshuffle(0, "x"), periods[None, :]), 0)

        def step(element: Any, ticks: Any, hidden: Any) -> list[Any]:
            total = self._clipped(element + pt.dot(hidden, W_hid))
            return [pt.switch(ticks.dimshuffle("x", 0), self.nonlinearity(total), hidden)]

        return self._project(
            step, inputs, ["hid_init"], [W_hid], self.W_in_to_hid, self.b, self.num_units,
            carry=carry, clock=clock,
        )  # fmt: skip
