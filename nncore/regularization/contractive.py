"""A penalty on the Jacobian of hidden outputs by the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import jacobian

from nncore import nonlinearities
from nncore.errors import DataError
from nncore.graph import NetworkGraph
from nncore.layers._random import RandomStream, sizes_of
from nncore.layers.dense import DenseLayer
from nncore.regularization.base import Regularizer, mean_of
from nncore.regularization.noise import seed_for
from nncore.regularization.terms import hidden_layers

__all__ = ["Contractive"]

#: Nonlinearities of nncore that are not applied element by element.
_NOT_ELEMENTWISE = (nonlinearities.softmax,)


class Contractive(Regularizer):
    r"""The squared Frobenius norm of a Jacobian, as a mean over the samples.

    :math:`\| \partial h / \partial x \|_F^2 = \sum_{j,i} (\partial h_j / \partial x_i)^2`, averaged
    over the pairs of a layer :math:`h` and a layer :math:`x`.

    Parameters
    ----------
    pattern : str or sequence of str
        Patterns over the names of layers :math:`h`. Default: ``"*"``, all hidden layers
        (:attr:`nncore.graph.NetworkGraph.hidden`).
    weight : float or scalar expression
        What the penalty is multiplied by. Default: 0.
    wrt : str or sequence of str
        Patterns over the names of layers :math:`x`. Default: ``"*"``, the input layers.
    exact : bool, optional
        True computes the Jacobian, one gradient for each unit of :math:`h`; False estimates the
        norm. Default: exact by a formula for a dense layer directly on :math:`x` with one of
        nncore's elementwise nonlinearities, and estimated for all others.
    projections : int
        Over how many random vectors an estimate is the mean. Default: 1.
    rng : int
        The seed of the random vectors. Default: 13.

    Raises
    ------
    ValueError
        If `projections` is less than 1.
    nncore.errors.DataError
        When it acts, if a layer to differentiate by gives integers.

    Notes
    -----
    The estimate is :math:`\| v^T \partial h / \partial x \|^2` with independent signs :math:`v_j =
    \pm 1` for every sample, whose expectation is the norm, as :math:`\mathrm{E}[v v^T] = I`.
    Samples must not depend on each other: behind batch normalization the penalty is that of the
    batch, not of its samples.

    References
    ----------
    .. [1] Salah Rifai, Pascal Vincent, Xavier Muller, Xavier Glorot and Yoshua Bengio (2011):
           Contractive auto-encoders: explicit invariance during feature extraction. ICML.
    .. [2] Michael F. Hutchinson (1990): A stochastic estimator of the trace of the influence
           matrix for Laplacian smoothing splines. Communications in Statistics 19(2), 433-450.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.init import Constant
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.regularization import Contractive
    >>> below = InputLayer((None, 3))
    >>> hidden = DenseLayer(below, 2, W=Constant(0.5), nonlinearity=None)
    >>> graph = NetworkGraph(DenseLayer(hidden, 1))
    >>> x = below.input_var
    >>> float(Contractive().penalty(graph).eval({x: [[1.0, 2.0, 3.0]]}))
    1.5
    """

    def __init__(
        self,
        pattern: str | Sequence[str] = "*",
        weight: Any = 0.0,
        wrt: str | Sequence[str] = "*",
        exact: bool | None = None,
        projections: int = 1,
        rng: int = 13,
    ) -> None:
        super().__init__(pattern, weight)
        if projections < 1:
            raise ValueError(f"projections must be at least 1, not {projections!r}")
        self.wrt = wrt
        self.exact = exact
        self.projections = projections
        self.rng = rng

    def penalty(self, graph: NetworkGraph) -> Any:
        """The penalty without its weight, a scalar."""
        below = graph.inputs if self.wrt == "*" else graph.layers(self.wrt)
        pairs = [(h, x) for h in hidden_layers(graph, self.pattern) for x in below if h is not x]
        return mean_of([self._of(graph, h, x) for h, x in pairs])

    def _of(self, graph: NetworkGraph, layer: Any, below: Any) -> Any:
        h, x = graph.outputs[layer], graph.outputs[below]
        if np.dtype(x.dtype).kind != "f":
            raise DataError(
                f"Contractive needs derivatives by {graph.names[below]}, which is of type "
                f"{x.dtype}; name a layer above it that gives floating-point numbers as wrt=."
            )
        if self.exact is None and _has_formula(graph, layer, below):
            return _by_formula(layer, x)
        if self.exact:
            rows = h.flatten(2)
            # Of a sum over samples that do not depend on each other: (units, batch, ...).
            return pt.sqr(jacobian(rows.sum(axis=0), x)).sum() / _count(x)
        stream = RandomStream(
            seed_for(self.rng, "Contractive", graph.names[layer], graph.names[below])
        )
        estimates = []
        for _ in range(self.projections):
            numbers = stream.uniform(sizes_of(h, layer.output_shape), dtype=h.dtype)
            signs = pt.switch(numbers < 0.5, -1.0, 1.0).astype(h.dtype)
            projected = pt.grad((h * signs).sum(), x, consider_constant=[signs])
            estimates.append(pt.sqr(projected).sum() / _count(x))
        return mean_of(estimates)


def _count(x: Any) -> Any:
    return x.shape[0].astype(x.dtype)


def _has_formula(graph: NetworkGraph, layer: Any, below: Any) -> bool:
    """Whether a layer is dense, directly on another, and elementwise after its product."""
    changed = any(name.startswith(f"{graph.names[layer]}:out-") for name in graph.before)
    known = [getattr(nonlinearities, name) for name in nonlinearities.__all__]
    function = getattr(layer, "nonlinearity", None)
    return (
        type(layer) is DenseLayer
        and layer.num_leading_axes == 1
        and layer.input_layer is below
        and not changed
        and function not in _NOT_ELEMENTWISE
        and any(
            function is one or (isinstance(one, type) and isinstance(function, one))
            for one in known
        )
    )


def _by_formula(layer: Any, x: Any) -> Any:
    """The norm of ``diag(f'(a)) W``: that of each column of the weights, times a slope."""
    activation = pt.dot(x.flatten(2), layer.W)
    if layer.b is not None:
        activation = activation + layer.b
    slopes = pt.grad(layer.nonlinearity(activation).sum(), activation)
    return (pt.sqr(slopes) * pt.sqr(layer.W).sum(axis=0)).sum() / _count(x)
