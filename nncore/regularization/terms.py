"""Penalties on weights, on the outputs of hidden layers and on the states of recurrent ones."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from nncore.errors import UnknownNameError
from nncore.graph import NetworkGraph
from nncore.regularization.base import Regularizer, mean_of

__all__ = ["HiddenL1", "RecurrentNorm", "RecurrentState", "WeightL1", "WeightL2"]


class WeightL2(Regularizer):
    r"""The mean square of weights: :math:`\frac{1}{|W|} \sum_i W_i^2`, averaged over parameters.

    Weights are the trainable parameters with at least two axes, so biases are never among them.

    Parameters
    ----------
    pattern : str or sequence of str
        Patterns over names of parameters. Default: ``"*"``.
    weight : float or scalar expression
        What the penalty is multiplied by. Default: 0.

    References
    ----------
    .. [1] Geoffrey E. Hinton (1987): Learning translation invariant recognition in a massively
           parallel network. PARLE, 1-13.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.init import Constant
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.regularization import WeightL2
    >>> graph = NetworkGraph(DenseLayer(InputLayer((None, 3)), 2, W=Constant(3.0)))
    >>> float(WeightL2().penalty(graph).eval())
    9.0
    """

    def penalty(self, graph: NetworkGraph) -> Any:
        """The penalty without its weight, a scalar."""
        return mean_of([pt.sqr(weight).mean() for _, weight in graph.weights(self.pattern)])


class WeightL1(Regularizer):
    r"""The mean size of weights: :math:`\frac{1}{|W|} \sum_i |W_i|`, averaged over parameters.

    Parameters
    ----------
    pattern, weight
        As for :class:`WeightL2`.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.init import Constant
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.regularization import WeightL1
    >>> graph = NetworkGraph(DenseLayer(InputLayer((None, 3)), 2, W=Constant(-3.0)))
    >>> float(WeightL1().penalty(graph).eval())
    3.0
    """

    def penalty(self, graph: NetworkGraph) -> Any:
        """The penalty without its weight, a scalar."""
        return mean_of([pt.abs(weight).mean() for _, weight in graph.weights(self.pattern)])


class HiddenL1(Regularizer):
    r"""The mean size of hidden outputs: :math:`\frac{1}{|h|} \sum_i |h_i|`, averaged over layers.

    It makes representations sparse.

    Parameters
    ----------
    pattern : str or sequence of str
        Patterns over names of layers. Default: ``"*"``, all hidden layers
        (:attr:`nncore.graph.NetworkGraph.hidden`).
    weight : float or scalar expression
        What the penalty is multiplied by. Default: 0.

    References
    ----------
    .. [1] Honglak Lee, Chaitanya Ekanadham and Andrew Y. Ng (2008): Sparse deep belief net model
           for visual area V2. Advances in NIPS 20.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.regularization import HiddenL1
    >>> hidden = DenseLayer(InputLayer((None, 3)), 2)
    >>> HiddenL1().penalty(NetworkGraph(DenseLayer(hidden, 1))).ndim
    0
    """

    def penalty(self, graph: NetworkGraph) -> Any:
        """The penalty without its weight, a scalar."""
        layers = hidden_layers(graph, self.pattern)
        return mean_of([pt.abs(graph.outputs[layer]).mean() for layer in layers])


def hidden_layers(graph: NetworkGraph, pattern: Any) -> list[Any]:
    """The layers of a pattern, of which ``*`` stands for all hidden ones."""
    if pattern != "*":
        return graph.layers(pattern)
    if not graph.hidden:
        raise UnknownNameError(
            "the network has no hidden layer; its layers are "
            f"{', '.join(graph.names.values())}. Name those that are meant."
        )
    return graph.hidden


def _sequences(graph: NetworkGraph, pattern: Any) -> list[Any]:
    """The outputs of the layers of a pattern that are sequences."""
    if pattern == "*":
        # What layers with a loop over time have in common.
        found = [layer for layer in graph.names if hasattr(layer, "only_return_final")]
    else:
        found = graph.layers(pattern)
    outputs = [graph.outputs[layer] for layer in found if len(layer.output_shape) == 3]
    if not outputs:
        raise UnknownNameError(
            f"no recurrent layer of the network that gives a whole sequence, (batch, time, units), "
            f"is called {pattern!r}. Its layers are "
            + ", ".join(f"{name} {layer.output_shape}" for layer, name in graph.names.items())
            + "."
        )
    return outputs


class RecurrentState(Regularizer):
    r"""The mean squared change of recurrent states: the mean of :math:`(h_{t,i} - h_{t-1,i})^2`.

    Parameters
    ----------
    pattern : str or sequence of str
        Patterns over names of layers with outputs of shape ``(batch, time, units)``. Default:
        ``"*"``, all recurrent layers that give whole sequences.
    weight : float or scalar expression
        What the penalty is multiplied by. Default: 0.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import InputLayer, RecurrentLayer
    >>> from nncore.regularization import RecurrentState
    >>> network = RecurrentLayer(InputLayer((None, 5, 3)), 2)
    >>> RecurrentState().penalty(NetworkGraph(network)).ndim
    0
    """

    def penalty(self, graph: NetworkGraph) -> Any:
        """The penalty without its weight, a scalar."""
        outputs = _sequences(graph, self.pattern)
        return mean_of([pt.sqr(h[:, 1:] - h[:, :-1]).mean() for h in outputs])


class RecurrentNorm(Regularizer):
    r"""The mean squared change of the squared norms of recurrent states.

    The mean of :math:`(\|h_t\|_2^2 - \|h_{t-1}\|_2^2)^2`, which keeps the size of the states
    steady and lets their direction change.

    Parameters
    ----------
    pattern, weight
        As for :class:`RecurrentState`.

    References
    ----------
    .. [1] David Krueger and Roland Memisevic (2015): Regularizing RNNs by stabilizing activations.
           arXiv:1511.08400. There it is the change of the norms themselves.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import InputLayer, RecurrentLayer
    >>> from nncore.regularization import RecurrentNorm
    >>> network = RecurrentLayer(InputLayer((None, 5, 3)), 2)
    >>> RecurrentNorm().penalty(NetworkGraph(network)).ndim
    0
    """

    def penalty(self, graph: NetworkGraph) -> Any:
        """The penalty without its weight, a scalar."""
        norms = [pt.sqr(h).sum(axis=2) for h in _sequences(graph, self.pattern)]
        return mean_of([pt.sqr(n[:, 1:] - n[:, :-1]).mean() for n in norms])
