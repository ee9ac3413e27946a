"""Penalties on parameters, as functions of layers or expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from nncore.utils import as_tensor, unique

if TYPE_CHECKING:
    from nncore.layers.base import Layer

__all__ = [
    "apply_penalty",
    "l1",
    "l2",
    "regularize_layer_params",
    "regularize_layer_params_weighted",
    "regularize_network_params",
]

Penalty = Callable[..., Any]

_REGULARIZABLE: Mapping[str, bool] = MappingProxyType({"regularizable": True})


def l1(x: Any) -> TensorVariable:
    r"""Sum of absolute values: :math:`\sum_i |x_i|`.

    Parameters
    ----------
    x : TensorVariable
        A parameter, of any shape.

    Returns
    -------
    TensorVariable
        The penalty, a scalar.

    Examples
    --------
    >>> from nncore.regularization import l1
    >>> l1([1.0, -2.0]).eval()
    array(3., dtype=float32)
    """
    return pt.abs(as_tensor(x)).sum()


def l2(x: Any) -> TensorVariable:
    r"""Sum of squares: :math:`\sum_i x_i^2`, without a factor of 1/2.

    Parameters
    ----------
    x : TensorVariable
        A parameter, of any shape.

    Returns
    -------
    TensorVariable
        The penalty, a scalar.

    Examples
    --------
    >>> from nncore.regularization import l2
    >>> l2([1.0, -2.0]).eval()
    array(5., dtype=float32)
    """
    return pt.sqr(as_tensor(x)).sum()


def apply_penalty(
    tensor_or_tensors: Variable | Iterable[Variable], penalty: Penalty, **kwargs: Any
) -> TensorVariable:
    """Sum up a penalty over one or several expressions.

    Parameters
    ----------
    tensor_or_tensors : TensorVariable or iterable of TensorVariable
        What to penalize.
    penalty : callable
        Called with an expression and ``kwargs``, it returns a scalar; :func:`l1`, for example.
    **kwargs
        Passed on to the penalty.

    Returns
    -------
    TensorVariable
        The sum of the penalties, a scalar; 0 if there is nothing to penalize.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.regularization import apply_penalty, l2
    >>> apply_penalty([pt.ones(3), pt.ones((2, 2))], l2).eval()
    array(7., dtype=float32)
    """
    if isinstance(tensor_or_tensors, Variable) or not isinstance(tensor_or_tensors, Iterable):
        return penalty(tensor_or_tensors, **kwargs)
    penalties = [penalty(tensor, **kwargs) for tensor in tensor_or_tensors]
    if not penalties:
        return pt.zeros((), dtype=pytensor.config.floatX)
    return sum(penalties[1:], start=penalties[0])


def regularize_layer_params(
    layer: Layer | Iterable[Layer],
    penalty: Penalty,
    tags: Mapping[str, Any] = _REGULARIZABLE,
    **kwargs: Any,
) -> TensorVariable:
    """Sum up a penalty over the parameters of one or several layers.

    Parameters
    ----------
    layer : Layer or iterable of Layer
        The layers; those that they are fed by are not included. A parameter that several of
        them share counts once.
    penalty : callable
        As for :func:`apply_penalty`.
    tags : dict, default ``{'regularizable': True}``
        Which parameters to take, as for :meth:`nncore.layers.Layer.get_params`.
    **kwargs
        Passed on to the penalty.

    Returns
    -------
    TensorVariable
        The sum of the penalties, a scalar.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.init import Constant
    >>> from nncore.regularization import l2, regularize_layer_params
    >>> layer = DenseLayer(InputLayer((None, 4)), num_units=3, W=Constant(1))
    >>> regularize_layer_params(layer, l2).eval()
    array(12., dtype=float32)
    """
    layers = layer if isinstance(layer, Iterable) else [layer]
    params = unique(param for one in layers for param in one.get_params(**tags))
    return apply_penalty(params, penalty, **kwargs)


def regularize_layer_params_weighted(
    layers: Mapping[Layer, Any],
    penalty: Penalty,
    tags: Mapping[str, Any] = _REGULARIZABLE,
    **kwargs: Any,
) -> TensorVariable:
    """Sum up a penalty over the parameters of layers, each with its own coefficient.

    Parameters
    ----------
    layers : dict
        From layer to coefficient, a float or a scalar expression.
    penalty : callable
        As for :func:`apply_penalty`.
    tags : dict, default ``{'regularizable': True}``
        Which parameters to take, as for :meth:`nncore.layers.Layer.get_params`.
    **kwargs
        Passed on to the penalty.

    Returns
    -------
    TensorVariable
        The weighted sum of the penalties, a scalar.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.init import Constant
    >>> from nncore.regularization import l2, regularize_layer_params_weighted
    >>> layer = DenseLayer(InputLayer((None, 4)), num_units=3, W=Constant(1))
    >>> regularize_layer_params_weighted({layer: 0.5}, l2).eval()
    array(6., dtype=float32)
    """
    penalties = [
        apply_penalty(layer.get_params(**tags), penalty, **kwargs)
        * (coefficient if isinstance(coefficient, Variable) else float(coefficient))
        for layer, coefficient in layers.items()
    ]
    return apply_penalty(penalties, lambda weighted: weighted)


def regularize_network_params(
    layer: Layer | Iterable[Layer],
    penalty: Penalty,
    tags: Mapping[str, Any] = _REGULARIZABLE,
    **kwargs: Any,
) -> TensorVariable:
    """Sum up a penalty over the parameters of a whole network.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layers; all that feeds them is included.
    penalty : callable
        As for :func:`apply_penalty`.
    tags : dict, default ``{'regularizable': True}``
        Which parameters to take, as for :func:`nncore.layers.get_all_params`.
    **kwargs
        Passed on to the penalty.

    Returns
    -------
    TensorVariable
        The sum of the penalties, a scalar.

    Examples
    --------
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.init import Constant
    >>> from nncore.regularization import l1, regularize_network_params
    >>> hidden = DenseLayer(InputLayer((None, 4)), num_units=3, W=Constant(1))
    >>> regularize_network_params(DenseLayer(hidden, num_units=2, W=Constant(1)), l1).eval()
    array(18., dtype=float32)
    """
    from nncore.layers.helper import get_all_params

    return apply_penalty(get_all_params(layer, **tags), penalty, **kwargs)
