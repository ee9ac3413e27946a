"""The base class of regularizers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from nncore.graph import NetworkGraph

__all__ = ["Regularizer", "mean_of", "penalty_of"]


class Regularizer:
    """Something that is added to the loss of a network, or changes outputs of its layers.

    A subclass overrides :meth:`penalty`, or has the methods of
    :class:`nncore.graph.Modifier`.

    Parameters
    ----------
    pattern : str or sequence of str
        Patterns over names; see :mod:`nncore.graph`. Default: ``"*"``.
    weight : float or scalar expression
        What the penalty is multiplied by. Default: 0.

    Raises
    ------
    ValueError
        If the weight is not a finite number of at least 0.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.regularization import Regularizer, penalty_of
    >>> class Small(Regularizer):
    ...     def penalty(self, graph):
    ...         return sum(abs(weight).max() for _, weight in graph.weights(self.pattern))
    >>> graph = NetworkGraph(DenseLayer(InputLayer((None, 3)), 2, W=Constant(-4.0)))
    >>> float(penalty_of([Small("out.W", 0.5)], graph).eval())
    2.0
    """

    def __init__(self, pattern: str | Sequence[str] = "*", weight: Any = 0.0) -> None:
        number = not isinstance(weight, Variable)
        if number and not (isinstance(weight, int | float) and 0 <= weight < math.inf):
            raise ValueError(
                f"{type(self).__name__}: weight must be a finite number of at least 0, not "
                f"{weight!r}"
            )
        self.pattern = pattern
        self.weight = float(weight) if number else weight

    def penalty(self, graph: NetworkGraph) -> TensorVariable | None:
        """The penalty without its weight.

        Parameters
        ----------
        graph : NetworkGraph
            The network.

        Returns
        -------
        TensorVariable or None
            A scalar; None, as here, if there is none.
        """
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pattern!r}, weight={self.weight})"


def mean_of(terms: Sequence[Any]) -> Any:
    """The mean of scalars."""
    total = sum(terms[1:], start=terms[0])
    return total / len(terms) if len(terms) > 1 else total


def penalty_of(regularizers: Iterable[Regularizer], graph: NetworkGraph) -> TensorVariable | None:
    """The weighted sum of all penalties.

    Parameters
    ----------
    regularizers : iterable of Regularizer
        Those that are only modifiers have none.
    graph : NetworkGraph
        The network.

    Returns
    -------
    TensorVariable or None
        A scalar; None if there is nothing to add.
    """
    total: Any = None
    for regularizer in regularizers:
        penalty = regularizer.penalty(graph)
        if penalty is not None:
            term = regularizer.weight * penalty
            total = term if total is None else total + term
    return total
