r"""Feedback alignment: training with fixed random feedback instead of transposed weights.

In backpropagation the error of a layer :math:`y = x W` comes back as
:math:`\delta_x = \delta_y W^T`. Feedback alignment takes a fixed random matrix :math:`B` of the
shape of :math:`W` instead, :math:`\delta_x = \delta_y B^T`, and leaves all the rest as it is. The
gradients it gives go into any update rule.

Examples
--------
>>> from nncore.feedback import feedback_alignment
>>> from nncore.layers import DenseLayer, InputLayer, get_all_params, get_output
>>> from nncore.updates import adam
>>> network = DenseLayer(DenseLayer(InputLayer((None, 3)), 4), 2, name="out")
>>> loss = get_output(network).mean()
>>> params = get_all_params(network, trainable=True)
>>> updates = adam(feedback_alignment(loss, network, params), params)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.op import Op
from pytensor.graph.traversal import toposort
from pytensor.scalar.basic import Mul
from pytensor.tensor.blas import BatchedDot
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Dot

from nncore import init, utils
from nncore.layers.helper import get_all_params
from nncore.ops.conv import Conv, ConvGradInput
from nncore.updates.gradients import get_or_compute_grads

__all__ = ["feedback_alignment"]


def feedback_alignment(
    loss: Any,
    network: Any,
    params: Iterable[SharedVariable] | None = None,
    feedback: Any = None,
) -> list[Any]:
    r"""Compute gradients in which errors go back through fixed weights of their own [1]_.

    Parameters
    ----------
    loss : scalar expression
        The loss, an expression of the network's output.
    network : Layer or list of Layer
        The output layer or layers.
    params : list of SharedVariable, optional
        What to give gradients for. Default: the trainable parameters of the network.
    feedback : callable or dict, optional
        An initializer for the feedback weights of every weight that errors go back through; or a
        dict from weights, shared variables, to an initializer, an array or a shared variable of
        the same shape each; weights that are not in it keep the transposed weights of
        backpropagation. Default: :class:`nncore.init.GlorotUniform`.

    Returns
    -------
    list of expressions
        A gradient for each of `params`, for the ``loss_or_grads`` of any update rule. They
        contain the feedback weights as shared variables, named after the weights as in
        ``W.feedback``.

    Raises
    ------
    ValueError
        If there is no weight that could have feedback, or one in `feedback` has no place in the
        graph where it could be, or the loss does not depend on one of `params`.

    Notes
    -----
    Feedback weights take the place of weights wherever a matrix product, a convolution, a
    transposed convolution or an elementwise product joins something made of parameters alone with
    something that depends on other parameters too. Everything else, such as biases, penalties on
    the weights, and nonlinearities, is differentiated as ever. There is none inside of loops
    (``scan``).

    With the weights themselves as feedback this is backpropagation.

    References
    ----------
    .. [1] Lillicrap, T. P., Cownden, D., Tweed, D. B. and Akerman, C. J. (2016): Random synaptic
           feedback weights support error backpropagation for deep learning. Nature
           Communications, 7, 13276.

    Examples
    --------
    >>> from nncore.feedback import feedback_alignment
    >>> from nncore.layers import DenseLayer, InputLayer, get_output
    >>> from nncore.utils import collect_shared_vars
    >>> hidden = DenseLayer(InputLayer((None, 3)), 4, name="hidden")
    >>> network = DenseLayer(hidden, 2, name="out")
    >>> grads = feedback_alignment(get_output(network).mean(), network, [hidden.W])
    >>> collect_shared_vars(grads)
    [hidden.W, hidden.b, out.W, out.b, out.W.feedback]
    """
    wanted = get_all_params(network, trainable=True) if params is None else list(params)
    joins = _joins(loss, {*get_all_params(network), *wanted}, set(wanted))
    chosen = _feedback_weights(joins, feedback)

    def join(node: Apply[Any], new: Apply[Any]) -> Any:
        if node not in joins:
            return None
        place = joins[node][0]
        (weight,) = _rebuilt([node.inputs[place]], lambda *_: None, chosen)
        return _Aligned(new.op, place)(new.outputs[0], *new.inputs, weight)

    def dissolve(node: Apply[Any], new: Apply[Any]) -> Any:
        return new.inputs[0] if isinstance(node.op, _Aligned) else None

    (aligned,) = _rebuilt([loss], join)
    return _rebuilt(get_or_compute_grads(aligned, wanted), dissolve)


class _Aligned(Op):
    """Stands for the output of a bilinear operation, differentiated with another weight.

    Its inputs are the output, the operation's inputs, and the weight to take instead for the
    gradients by all inputs but the weight. It is gone before anything is compiled.
    """

    __props__ = ("op", "place")

    def __init__(self, op: Op, place: int) -> None:
        self.op = op
        self.place = place

    def make_node(self, output: Any, *others: Any) -> Apply[Any]:
        return Apply(self, [output, *others], [output.type()])

    def perform(self, node: Apply[Any], inputs: Any, output_storage: Any) -> None:
        output_storage[0][0] = inputs[0]

    def connection_pattern(self, node: Apply[Any]) -> list[list[bool]]:
        inner = node.inputs[1:-1]
        pattern = [[True]] * len(inner)
        if hasattr(self.op, "connection_pattern"):
            pattern = self.op.connection_pattern(self.op.make_node(*inner))
        return [[False], *pattern, [False]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        _, *own, other = inputs
        swapped = [*own]
        swapped[self.place] = other
        found = [
            self._gradient(own if index == self.place else swapped, index, cotangents[0])
            for index in range(len(own))
        ]
        return [DisconnectedType()(), *found, DisconnectedType()()]

    def _gradient(self, inputs: list[Any], index: int, cotangent: Any) -> Any:
        (output,) = self.op.make_node(*inputs).outputs
        return pt.grad(
            None,
            inputs[index],
            known_grads={output: cotangent},
            consider_constant=[one for one in inputs if one is not inputs[index]],
            disconnected_inputs="ignore",
            return_disconnected="disconnected",
        )


def _is_bilinear(op: Op) -> bool:
    if isinstance(op, Blockwise):
        return _is_bilinear(op.core_op)
    if isinstance(op, Elemwise):
        return isinstance(op.scalar_op, Mul)
    return isinstance(op, Dot | BatchedDot | Conv | ConvGradInput)


def _joins(
    loss: Any, known: set[SharedVariable], wanted: set[SharedVariable]
) -> dict[Apply[Any], tuple[int, set[SharedVariable]]]:
    """The operations that errors go back through, with place and parameters of their weights."""
    params: dict[Variable, frozenset[SharedVariable]] = {}
    with_data: set[Variable] = set()
    joins: dict[Apply[Any], tuple[int, set[SharedVariable]]] = {}

    def note(variable: Any) -> None:
        if variable in known:
            params[variable] = frozenset([variable])
        else:
            params[variable] = frozenset()
            if not isinstance(variable, Constant):
                with_data.add(variable)

    for node in toposort([loss]):
        for variable in node.inputs:
            if variable not in params:
                note(variable)
        found = frozenset().union(*(params[variable] for variable in node.inputs))
        for output in node.outputs:
            params[output] = found
            if any(variable in with_data for variable in node.inputs):
                with_data.add(output)
        weights = [
            place
            for place, variable in enumerate(node.inputs)
            if params[variable] and variable not in with_data
        ]
        has_errors = any(params[v] & wanted for v in node.inputs if v in with_data)
        if len(weights) == 1 and has_errors and _is_bilinear(node.op):
            joins[node] = weights[0], set(params[node.inputs[weights[0]]])
    return joins


def _feedback_weights(
    joins: Mapping[Apply[Any], tuple[int, set[SharedVariable]]], feedback: Any
) -> dict[Any, Any]:
    """The feedback weights, by the weights that they stand for."""
    places = {param: None for _, params in joins.values() for param in params}
    if isinstance(feedback, Mapping):
        specs = dict(feedback)
    else:
        spec = init.GlorotUniform() if feedback is None else feedback
        specs = {param: spec for param in places if param.ndim >= 2}
        if not specs:
            raise ValueError(
                "no error goes back through a weight here, so there is nothing for feedback "
                "alignment to do: the network needs a matrix product or a convolution above "
                "another layer with parameters."
            )
    for param in specs:
        if param not in places:
            raise ValueError(
                f"{param} cannot have feedback weights: no error goes back through it in a matrix "
                "product, a convolution or an elementwise product. Those that can are "
                f"{', '.join(map(str, places)) or 'none'}."
            )
    return {
        param: utils.create_param(
            spec, param.get_value(borrow=True).shape, f"{param.name or 'W'}.feedback"
        )
        for param, spec in specs.items()
    }


def _rebuilt(
    outputs: Sequence[Any],
    change: Callable[[Apply[Any], Apply[Any]], Any],
    replacements: Mapping[Any, Any] | None = None,
) -> list[Any]:
    """Rebuild expressions from their roots.

    `change` is called with every operation as it was and as it is rebuilt, and may return what to
    take for its output.
    """
    new: dict[Any, Any] = dict(replacements or {})
    for node in toposort(outputs):
        inputs = [new.get(variable, variable) for variable in node.inputs]
        is_same = all(one is two for one, two in zip(inputs, node.inputs, strict=True))
        rebuilt = node if is_same else node.clone_with_new_inputs(inputs)
        new.update(zip(node.outputs, rebuilt.outputs, strict=True))
        changed = change(node, rebuilt)
        if changed is not None:
            new[node.outputs[0]] = changed
    return [new.get(variable, variable) for variable in outputs]
