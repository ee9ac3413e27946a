"""What all recurrent layers have in common: their states, masks and loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

import pytensor
import pytensor.tensor as pt
from pytensor.compile.ops import ViewOp
from pytensor.graph.traversal import ancestors

from nncore import utils
from nncore.layers.base import Layer, MergeLayer, _label

__all__ = ["LOOP_PARAMETERS", "Carry", "LoopLayer", "agree", "check_elements", "sizes_of"]

LOOP_PARAMETERS = """
backwards : bool
    Go through the sequences from their end to their beginning. The output is still in the order of
    the input. Default: False.
learn_init : bool
    Whether initial states that are parameters are trained. Default: False.
gradient_steps : int
    Number of steps through which the gradient is followed back (truncated backpropagation through
    time); -1 for all. Default: -1.
grad_clipping : float
    Clip the gradient, at every step, to ``-grad_clipping ... grad_clipping`` before it goes on to
    the parameters and to earlier steps [2]_; 0 for no clipping. Default: 0.
unroll_scan : bool
    Build the graph of every step instead of a loop: more compilation, less overhead when it runs.
    The input shape must then give the length of the sequences, and `gradient_steps` must be -1.
    Default: False.
precompute_input : bool
    Multiply the input of all steps by the weights at once, before the loop: faster, with more
    memory. Default: True.
mask_input : Layer, tuple or None
    A layer, or its shape, of the shape ``(batch, time)``, whose output is nonzero where an element
    of a sequence counts. Elsewhere the states keep their values, which allows for sequences of
    different lengths in a mini-batch. Default: None, all elements count.
only_return_final : bool
    Give only the state after the last step (with `backwards`, the one at the beginning of the
    sequence) and no time axis. Default: False.
**kwargs
    Passed to :class:`MergeLayer`.
"""


def agree(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Say whether two shapes may be the same.

    Parameters
    ----------
    first, second : sequence of int or None
        The shapes.

    Returns
    -------
    bool
        False if they have different numbers of axes, or an axis different known sizes.
    """
    return len(first) == len(second) and all(
        a is None or b is None or a == b for a, b in zip(first, second, strict=True)
    )


def check_elements(layer: Layer, shape: Any) -> int:
    """Count the inputs of a step; raise ValueError unless the input shape gives their number.

    Parameters
    ----------
    layer : Layer
        The layer.
    shape : tuple
        The shape of its input, ``(batch, time, ...)``.

    Returns
    -------
    int
        The product of all sizes from the third on.
    """
    if len(shape) < 3 or None in shape[2:]:
        raise ValueError(
            f"{_label(layer)}: the input shape {shape!r} must be (batch, time, ...) with a fixed "
            "size for every axis from the third on; only batch and time may be None."
        )
    return math.prod(shape[2:])


def sizes_of(expression: Any) -> list[Any]:
    """Find the sizes of an expression.

    Parameters
    ----------
    expression : expression
        The expression.

    Returns
    -------
    list of int or expression
        Integers where the sizes are known.
    """
    known = expression.type.shape
    return [expression.shape[axis] if n is None else n for axis, n in enumerate(known)]


class _ClipGradient(ViewOp):
    """The identity, which clips the gradient that comes back through it.

    All of PyTensor's own ``GradClip`` count as equal, whatever their bounds, and of loops that are
    equal but for them PyTensor makes one.
    """

    __props__ = ("bound",)

    def __init__(self, bound: float) -> None:
        self.bound = bound

    def pullback(self, inputs: Any, outputs: Any, gradients: Any) -> list[Any]:
        """Clip the gradients."""
        return [pt.clip(gradient, -self.bound, self.bound) for gradient in gradients]


class Carry:
    """States that recurrent layers begin with, and those that they end with.

    Given to :func:`nncore.layers.get_output` as ``carry=``, it lets a sequence go through a
    network in pieces.

    Parameters
    ----------
    before : dict
        Maps pairs of a layer and the name of one of its states, such as ``"hid_init"``, to
        expressions, ``(batch, ...)``. States that are not in it begin as always.
    time : expression, optional
        The number of steps that went before. Default: none.

    Attributes
    ----------
    after : dict
        The states after the last step, with keys as in `before`; filled by ``get_output``.
    """

    def __init__(self, before: Mapping[Any, Any], time: Any = None) -> None:
        self.before = dict(before)
        self.time = time
        self.after: dict[Any, Any] = {}


class LoopLayer(MergeLayer):
    """A layer that carries states through time; a base class.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, time, ...)``.
    states : dict
        Initial values by name; those that are layers become further incoming layers.
    backwards, gradient_steps, grad_clipping, unroll_scan, precompute_input, mask_input, \
only_return_final
        As for :class:`nncore.layers.RecurrentLayer`.
    **kwargs
        Passed to :class:`MergeLayer`.

    Raises
    ------
    ValueError
        If an argument is out of range or the mask does not fit.
    """

    def __init__(
        self,
        incoming: Any,
        states: dict[str, Any],
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
        incomings = [incoming]
        self.mask_incoming_index = -1
        if mask_input is not None:
            self.mask_incoming_index = len(incomings)
            incomings.append(mask_input)
        for name, initial in states.items():
            is_layer = isinstance(initial, Layer)
            setattr(self, f"{name}_incoming_index", len(incomings) if is_layer else -1)
            if is_layer:
                incomings.append(initial)
        super().__init__(incomings, **kwargs)
        self.learn_init = learn_init
        self.backwards = backwards
        self.gradient_steps = gradient_steps
        self.grad_clipping = grad_clipping
        self.unroll_scan = unroll_scan
        self.precompute_input = precompute_input
        self.only_return_final = only_return_final
        self._check_loop(mask_input)

    def _check_loop(self, mask_input: Any) -> None:
        label, shape = _label(self), self.input_shapes[0]
        if len(shape) < 2:
            raise ValueError(
                f"{label}: the input shape {shape!r} must have an axis for the mini-batch, an axis "
                "for the time, and those of each element."
            )
        steps: Any = self.gradient_steps
        if isinstance(steps, bool) or not isinstance(steps, Integral) or steps < -1 or steps == 0:
            raise ValueError(
                f"{label}: gradient_steps={steps!r} must be a positive integer, or -1 to follow "
                "the gradient through all steps."
            )
        if not self.grad_clipping >= 0:
            raise ValueError(
                f"{label}: grad_clipping={self.grad_clipping!r} must be a positive number, or 0 "
                "for no clipping."
            )
        if self.unroll_scan and steps != -1:
            raise ValueError(
                f"{label}: gradient_steps={steps!r} must be -1 with unroll_scan=True; only a loop "
                "can follow the gradient through a limited number of steps."
            )
        if self.unroll_scan and shape[1] is None:
            raise ValueError(
                f"{label}: unroll_scan=True needs a fixed length of the sequences, but the input "
                f"shape is {shape!r}. Fix the size of axis 1, or use unroll_scan=False."
            )
        if mask_input is not None:
            mask_shape = self.input_shapes[self.mask_incoming_index]
            if not agree(mask_shape, shape[:2]):
                raise ValueError(
                    f"{label}: the shape of mask_input is {mask_shape!r}, but it must be "
                    f"(batch, time), here {shape[:2]!r}."
                )

    def _index_of(self, name: str) -> int:
        """Return the place of a state's layer among the inputs, -1 if it has none."""
        return int(getattr(self, f"{name}_incoming_index"))

    def _add_state(self, name: str, initial: Any, sizes: Sequence[Any]) -> Any:
        """Return a state's initial value: its layer, or a new parameter."""
        if self._index_of(name) < 0:
            return self.add_param(
                initial, (1, *sizes), name=name, trainable=self.learn_init, regularizable=False
            )
        given, expected = initial.output_shape, (self.input_shapes[0][0], *sizes)
        if not agree(given, expected):
            raise ValueError(
                f"{_label(self)}: the layer given as {name} has the output shape {given!r}, but "
                f"it must be {expected!r}, the size of the mini-batch and the shape of the state."
            )
        return initial

    def get_output_shape_for(self, input_shapes: Any) -> Any:
        kept = 1 if self.only_return_final else 2
        return (*input_shapes[0][:kept], *self._state_shape())

    def _state_shape(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _sizes_of_state(self, name: str) -> tuple[Any, ...]:
        """Sizes of a state for one item of the mini-batch; by default those of the output."""
        return self._state_shape()

    def _clipped(self, expression: Any) -> Any:
        """Return the expression, with its gradient clipped."""
        if not self.grad_clipping:
            return expression
        return _ClipGradient(float(self.grad_clipping))(expression)

    def _initial(self, name: str, inputs: Sequence[Any], batch: Any, carry: Carry | None) -> Any:
        """Build a state before the first step, for every item of the mini-batch."""
        if carry is not None and (self, name) in carry.before:
            return carry.before[self, name]
        index = self._index_of(name)
        if index > 0:
            value = inputs[index]
        else:
            value = getattr(self, name)
            if value.type.shape[0] != 1:
                value = pt.specify_shape(value, (1,) + (None,) * (value.ndim - 1))
        sizes = zip(sizes_of(value)[1:], self._sizes_of_state(name), strict=True)
        return pt.alloc(value, batch, *(found if n is None else n for found, n in sizes))

    def _loop(
        self,
        step: Callable[..., Sequence[Any]],
        elements: Any,
        inputs: Sequence[Any],
        states: Sequence[str],
        non_sequences: Sequence[Any],
        carry: Carry | None = None,
        clock: Callable[[Any], Any] | None = None,
        outputs: int = 1,
    ) -> Any:
        """Carry the states through time; return the last of them, in the layer's form.

        ``step`` takes an element of ``elements``, ``(time, batch, ...)``, and the states, and
        returns the new states. With ``clock``, a function of the numbers of the steps, from 0 on,
        it takes a row of what that returned as well, between the two. If more than one of the
        states is wanted, a list of the last ``outputs`` of them is returned.
        """
        steps, batch = sizes_of(elements)[:2]
        if self.unroll_scan:
            steps = self.input_shapes[0][1]
        initial = [self._initial(name, inputs, batch, carry) for name in states]
        non_sequences = utils.unique(non_sequences)
        sequences = {"element": elements}
        if self.mask_incoming_index > 0:
            sequences["mask"] = inputs[self.mask_incoming_index].dimshuffle(1, 0)
        if self.backwards and not self.unroll_scan:
            sequences = {name: _reversed(value, steps) for name, value in sequences.items()}
        if clock is not None:
            numbers = _counted(steps) - 1
            if carry is not None and carry.time is not None:
                numbers = numbers + carry.time
            if self.backwards and self.unroll_scan:
                numbers = _reversed(numbers, steps)
            sequences["clock"] = clock(numbers)
        if self.gradient_steps != -1:
            sequences["followed"] = pt.gt(_counted(steps), steps - int(self.gradient_steps))

        def advance(*args: Any) -> list[Any]:
            now = dict(zip(sequences, args, strict=False))
            before = args[len(sequences) : len(sequences) + len(initial)]
            ticked = [now["clock"]] if "clock" in now else []
            after = list(step(now["element"], *ticked, *before))
            if "mask" in now:
                after = [
                    pt.switch(now["mask"].dimshuffle(0, *["x"] * (new.ndim - 1)), new, old)
                    for new, old in zip(after, before, strict=True)
                ]
            after = [_conform(new, old) for new, old in zip(after, before, strict=True)]
            if "followed" in now:
                after = [
                    pt.switch(now["followed"], new, pytensor.gradient.disconnected_grad(new))
                    for new in after
                ]
            return after

        def checked(*args: Any) -> list[Any]:
            after = advance(*args)
            self._refuse_updates(after, non_sequences)
            return after

        arguments: tuple[Any, Any, Any] = (list(sequences.values()), initial, non_sequences)
        if self.unroll_scan:
            found = utils.unroll_scan(
                advance, *arguments, n_steps=steps, go_backwards=self.backwards
            )
        else:
            # Without n_steps, scan takes the least of the lengths, which JAX cannot work out.
            found = pytensor.scan(
                checked, *arguments, n_steps=steps, return_list=True, return_updates=False
            )
        if carry is not None:
            carry.after.update(
                ((self, name), one[-1]) for name, one in zip(states, found, strict=True)
            )
        formed = [self._formed(one, steps, batch) for one in found[-outputs:]]
        return formed if outputs > 1 else formed[0]

    def _formed(self, output: Any, steps: Any, batch: Any) -> Any:
        """Give a state at all steps the form of the layer's output."""
        if self.only_return_final:
            return output[-1]
        if self.backwards:
            output = _reversed(output, steps)
        # What scan says of the length is long-winded, and too much for JAX in a layer above.
        output = pt.specify_shape(output, (steps, batch, *output.type.shape[2:]))
        return output.dimshuffle(1, 0, *range(2, output.ndim))

    def _project(
        self,
        step: Callable[..., Sequence[Any]],
        inputs: Sequence[Any],
        states: Sequence[str],
        weights: Sequence[Any],
        W: Any,
        b: Any,
        width: int,
        **options: Any,
    ) -> Any:
        """Do the loop with elements ``x_t W + b``, ``(batch, width)``.

        All of the input's axes from the third on are flattened. ``weights`` are what else
        ``step`` uses; further arguments are those of :meth:`_loop`.
        """
        elements = inputs[0].dimshuffle(1, 0, *range(2, inputs[0].ndim))
        length, batch = sizes_of(elements)[:2]
        num_inputs = sizes_of(W)[0]
        if elements.dtype != W.dtype:
            elements = pt.cast(elements, W.dtype)
        if self.precompute_input:
            rows = pt.dot(elements.reshape((-1, num_inputs)), W) + b
            elements = rows.reshape((length, batch, width))
            return self._loop(step, elements, inputs, states, weights, **options)
        if elements.ndim > 3:
            elements = elements.reshape((length, batch, num_inputs))

        def complete(element: Any, *rest: Any) -> Any:
            return step(pt.dot(element, W) + b, *rest)

        return self._loop(complete, elements, inputs, states, [*weights, W, b], **options)

    def _refuse_updates(self, outputs: list[Any], non_sequences: Sequence[Any]) -> None:
        for variable in ancestors(outputs, blockers=non_sequences):
            if getattr(variable, "default_update", None) is not None:
                raise ValueError(
                    f"{_label(self)}: its loop would have to update {variable} in every step, "
                    "which random numbers and running averages need, but no loop can. Use "
                    "unroll_scan=True, get_output(..., deterministic=True), or put what needs it "
                    "outside of the loop: before this layer, or with precompute_input=True into "
                    "what transforms the input."
                )


def _counted(length: Any) -> Any:
    """Count from 1 to a length; ``arange`` is more than JAX can do with most lengths."""
    # Not int32, of which NumPy makes int64, so that PyTensor could not fold a constant sum.
    return pt.cumsum(pt.ones((length,), dtype="int64"))


def _reversed(sequence: Any, length: Any) -> Any:
    """Turn a sequence round.

    The gradient of a slice with a step of -1 makes XLA abort the process ("Invalid binary
    instruction opcode map"), at least up to JAX 0.12.
    """
    return sequence[length - _counted(length)]


def _conform(new: Any, old: Any) -> Any:
    """Give a state the type that it had before, which a loop insists on."""
    if new.dtype != old.dtype:
        new = pt.cast(new, old.dtype)
    if new.type.broadcastable != old.type.broadcastable:
        new = pt.specify_shape(new, old.type.shape)
    return new
