"""Functions on the whole graph of layers that ends in a given layer."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections import deque
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from nncore import utils
from nncore.layers.base import Layer, MergeLayer
from nncore.layers.input import InputLayer

__all__ = [
    "count_params",
    "get_all_layers",
    "get_all_param_values",
    "get_all_params",
    "get_output",
    "get_output_shape",
    "set_all_param_values",
]


def _listed(layer_or_layers: Any) -> list[Any]:
    if isinstance(layer_or_layers, Iterable):
        return list(layer_or_layers)
    return [layer_or_layers]


def _inputs_of(layer: Any) -> list[Any]:
    """List the layers feeding into one, without those that are only shapes."""
    if hasattr(layer, "input_layers"):
        found = list(layer.input_layers)
    elif hasattr(layer, "input_layer"):
        found = [layer.input_layer]
    else:
        found = []
    return [incoming for incoming in found if incoming is not None]


def get_all_layers(layer: Any, treat_as_input: Iterable[Any] | None = None) -> list[Any]:
    """List the layers that a layer depends on, each after those that feed into it.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    treat_as_input : iterable of Layer, optional
        Layers at which to stop, as if nothing fed into them. Default: None.

    Returns
    -------
    list of Layer
        The layers in topological order, the given layer last.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, get_all_layers
    >>> first = InputLayer((None, 3), name="in")
    >>> second = DenseLayer(first, 2, name="out")
    >>> get_all_layers(second)
    [<InputLayer 'in'>, <DenseLayer 'out'>]
    """
    # Depth-first with an explicit queue: a deep network must not exhaust the recursion limit. A
    # layer is entered when it is first met and listed when it is met again, after its inputs.
    queue = deque(_listed(layer))
    entered: set[Any] = set(treat_as_input or ())
    result: dict[Any, None] = {}
    while queue:
        current = queue[0]
        if current is not None and current not in entered:
            entered.add(current)
            queue.extendleft(reversed(_inputs_of(current)))
        else:
            queue.popleft()
            if current is not None:
                result.setdefault(current)
    return list(result)


def get_output(layer_or_layers: Any, inputs: Any = None, **kwargs: Any) -> Any:
    """Build the expression of the output of a network at one or several layers.

    Parameters
    ----------
    layer_or_layers : Layer or list of Layer
        Where to read the output.
    inputs : None, expression, array or dict
        What to feed. None takes each input layer's own variable; one expression or array is for
        every input layer; a dict maps layers, of any kind, to what should stand for their output;
        its key None is for whatever was built on a shape. Default: None.
    **kwargs
        Options for the layers, such as ``deterministic=True``; each layer gets all of them.

    Returns
    -------
    expression or list of expressions
        The output, or the list of outputs if a list of layers was given.

    Raises
    ------
    TypeError
        If a key of a dict is not a layer.
    ValueError
        If a layer without incoming layer has no expression.

    Warns
    -----
    UserWarning
        About options that no layer knows; with the nearest known one.

    Examples
    --------
    >>> from nncore.layers import DropoutLayer, InputLayer, get_output
    >>> layer = DropoutLayer(InputLayer((None, 3)))
    >>> get_output(layer, deterministic=True) is layer.input_layer.input_var
    True
    """
    given = inputs if isinstance(inputs, dict) else {}
    _check_keys(given)
    all_layers = get_all_layers(layer_or_layers, given.keys())
    outputs: dict[Any, Any] = {
        layer: layer.input_var
        for layer in all_layers
        if isinstance(layer, InputLayer) and layer not in given
    }
    if isinstance(inputs, dict):
        outputs.update((layer, utils.as_theano_expression(value)) for layer, value in given.items())
    elif inputs is not None:
        expression = utils.as_theano_expression(inputs)
        outputs = dict.fromkeys(outputs, expression)

    known = {"deterministic"}
    for layer in all_layers:
        if layer in outputs:
            continue
        try:
            incoming = (
                [outputs[one] for one in layer.input_layers]
                if isinstance(layer, MergeLayer)
                else outputs[layer.input_layer]
            )
        except KeyError:
            raise ValueError(
                f"get_output() has no expression for the input of {layer!r}, which was built on a "
                "shape instead of a layer. Give a dict that maps this layer to an expression of "
                "its output, or build the network on an InputLayer."
            ) from None
        outputs[layer] = layer.get_output_for(incoming, **kwargs)
        # What cannot be inspected, such as a built-in function, is left out.
        with contextlib.suppress(TypeError):
            known |= set(utils.inspect_kwargs(layer.get_output_for))
        known |= set(layer.get_output_kwargs)
    _warn_of_unknown(set(kwargs) - known, known)
    if isinstance(layer_or_layers, Iterable):
        return [outputs[layer] for layer in layer_or_layers]
    return outputs[layer_or_layers]


def _check_keys(given: dict[Any, Any]) -> None:
    for key in given:
        if key is not None and not isinstance(key, Layer):
            raise TypeError(
                f"the keys of a dict of inputs must be layers, not {key!r}; to feed every input "
                "layer, give the expression itself."
            )


def _warn_of_unknown(unknown: set[str], known: set[str]) -> None:
    if not unknown:
        return
    parts = []
    for name in sorted(unknown):
        nearest = get_close_matches(name, sorted(known), n=1)
        parts.append(name + (f" (perhaps you meant {nearest[0]})" if nearest else ""))
    warnings.warn(
        "get_output() was called with options that no layer of the network knows: "
        + ", ".join(parts),
        stacklevel=3,
    )


def get_output_shape(layer_or_layers: Any, input_shapes: Any = None) -> Any:
    """Compute the output shape of a network at one or several layers.

    Parameters
    ----------
    layer_or_layers : Layer or list of Layer
        Where to read the shape.
    input_shapes : None, tuple or dict
        None takes the shapes that the input layers were built with; a tuple is for every input
        layer; a dict maps layers, of any kind, to shapes of their outputs; its key None is for
        whatever was built on a shape. Default: None.

    Returns
    -------
    tuple or list of tuple
        The shape, or the list of shapes if a list of layers was given.

    Examples
    --------
    >>> from nncore.layers import FlattenLayer, InputLayer, get_output_shape
    >>> layer = FlattenLayer(InputLayer((None, 3, 4)))
    >>> get_output_shape(layer, (10, 3, 5))
    (10, 15)
    """
    if input_shapes is None or input_shapes == {}:
        if isinstance(layer_or_layers, Iterable):
            return [layer.output_shape for layer in layer_or_layers]
        return layer_or_layers.output_shape
    given = input_shapes if isinstance(input_shapes, dict) else {}
    all_layers = get_all_layers(layer_or_layers, given.keys())
    shapes: dict[Any, Any] = {
        layer: layer.shape
        for layer in all_layers
        if isinstance(layer, InputLayer) and layer not in given
    }
    if given:
        shapes.update(given)
    else:
        shapes = dict.fromkeys(shapes, input_shapes)
    for layer in all_layers:
        if layer in shapes:
            continue
        if isinstance(layer, MergeLayer):
            incoming: Any = [
                shapes.get(None, layer.input_shapes[index]) if one is None else shapes[one]
                for index, one in enumerate(layer.input_layers)
            ]
        elif layer.input_layer is None:
            incoming = shapes.get(None, layer.input_shape)
        else:
            incoming = shapes[layer.input_layer]
        shapes[layer] = layer.get_output_shape_for(incoming)
    if isinstance(layer_or_layers, Iterable):
        return [shapes[layer] for layer in layer_or_layers]
    return shapes[layer_or_layers]


def get_all_params(layer: Any, unwrap_shared: bool = True, **tags: bool) -> list[Any]:
    """List the parameters of all layers that a layer depends on, each once.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    unwrap_shared : bool
        If true, a parameter that is an expression is replaced by the shared variables in it.
        Default: True.
    **tags : bool
        ``tag=True`` keeps only parameters with the tag, ``tag=False`` only those without. The
        tags in use are ``trainable``, ``regularizable`` and ``batch_norm_stat``.

    Returns
    -------
    list of variables
        The parameters, those of the first layers first.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, get_all_params
    >>> layer = DenseLayer(InputLayer((None, 3)), 2, name="out")
    >>> get_all_params(layer), get_all_params(layer, regularizable=True)
    ([out.W, out.b], [out.W])
    """
    params: list[Any] = []
    for one in get_all_layers(layer):
        params += one.get_params(unwrap_shared=unwrap_shared, **tags)
    return utils.unique(params)


def count_params(layer: Any, **tags: bool) -> int:
    """Count the numbers in all parameters.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    **tags : bool
        As for :func:`get_all_params`.

    Returns
    -------
    int
        The total number of elements.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, count_params
    >>> count_params(DenseLayer(InputLayer((None, 3)), 2))
    8
    """
    return sum(
        math.prod(np.shape(param.get_value(borrow=True))) for param in get_all_params(layer, **tags)
    )


def get_all_param_values(layer: Any, **tags: bool) -> list[Any]:
    """Return copies of the values of all parameters.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    **tags : bool
        As for :func:`get_all_params`.

    Returns
    -------
    list of arrays
        In the order of :func:`get_all_params`.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer, get_all_param_values
    >>> [value.shape for value in get_all_param_values(DenseLayer(InputLayer((None, 3)), 2))]
    [(3, 2), (2,)]
    """
    return [param.get_value() for param in get_all_params(layer, **tags)]


def set_all_param_values(layer: Any, values: Sequence[Any], **tags: bool) -> None:
    """Set the values of all parameters; either all of them or, after an error, none.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    values : list of arrays
        In the order of :func:`get_all_params`.
    **tags : bool
        As for :func:`get_all_params`.

    Raises
    ------
    ValueError
        If the number of values, or the shape of one, is wrong.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.layers import get_all_param_values, set_all_param_values
    >>> first, second = (DenseLayer(InputLayer((None, 3)), 2) for _ in range(2))
    >>> set_all_param_values(second, get_all_param_values(first))
    >>> bool((first.W.get_value() == second.W.get_value()).all())
    True
    """
    params = get_all_params(layer, **tags)
    values = list(values)
    if len(params) != len(values):
        raise ValueError(
            f"set_all_param_values() got {len(values)} values, but there are {len(params)} "
            f"parameters: {', '.join(map(str, params))}. Give one value for each, in the order of "
            "get_all_params()."
        )
    for index, (param, value) in enumerate(zip(params, values, strict=True)):
        expected = np.shape(param.get_value(borrow=True))
        if np.shape(value) != expected:
            raise ValueError(
                f"the value for parameter {index}, {param}, has the shape {np.shape(value)}, but "
                f"the parameter has the shape {expected}; no parameter has been changed."
            )
    for param, value in zip(params, values, strict=True):
        param.set_value(np.asarray(value).astype(param.dtype, copy=True), borrow=True)
