"""What a network is trained for: an objective, an output, targets, and weights of both kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from nncore.objectives.distributions import gaussian_log_likelihood

if TYPE_CHECKING:
    from nncore.graph import NetworkGraph

__all__ = ["GaussianLogLikelihood", "Loss", "as_losses"]

#: Objectives that take class indices, which have one axis less than the predictions.
_OF_INDICES = ("categorical_crossentropy", "hinge", "multiclass_hinge_loss")


class Loss:
    """One term of what is minimized.

    Parameters
    ----------
    objective : str or callable
        A registered objective, such as ``"mse"``, or a function of predictions and targets.
    weight : float
        What it is multiplied by in the sum of all losses. Default: 1.
    output : Layer, str or None
        The layer whose output it is about, or its name (see :mod:`nncore.graph`); None for the
        network's output. Default: None.
    target : TensorVariable, Layer, str or None
        None for an array of the data of its own; a variable, which several losses may share; or a
        layer of the network, or its name, whose output is to be predicted, such as ``"in"`` for an
        autoencoder. An input layer stands for the data without noise. Default: None.
    weighted : bool or int
        Whether the data have an array of weights for the samples after the targets. A number
        says how many axes it has: 2 for a weight of each step of each sequence. Default: False.
    name : str, optional
        What to call it in reports. Default: the objective's name.
    **options
        More arguments of the objective, such as ``delta``.

    Raises
    ------
    nncore.errors.UnknownNameError
        If the objective is not registered.

    Examples
    --------
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.objectives import Loss
    >>> network = DenseLayer(DenseLayer(InputLayer((None, 3)), 2), 3)
    >>> loss = Loss("mae", target="in")
    >>> loss(NetworkGraph(network)).ndim
    0
    """

    def __init__(
        self,
        objective: str | Callable[..., Any] = "mse",
        weight: float = 1.0,
        output: Any = None,
        target: Any = None,
        weighted: bool | int = False,
        name: str | None = None,
        **options: Any,
    ) -> None:
        from nncore import registry

        self.function: Callable[..., Any] = (
            registry.get("objective", objective) if isinstance(objective, str) else objective
        )
        called = objective if isinstance(objective, str) else getattr(objective, "__name__", "loss")
        self.name: str = name or called
        self.weight = weight
        self.target = target
        self.weighted = int(weighted)
        self.options = options
        self.output = output

    @property
    def classifies(self) -> bool:
        """Whether the targets are class indices, unless another variable was given."""
        return getattr(self.function, "__name__", "") in _OF_INDICES

    def variables(self, graph: NetworkGraph) -> tuple[TensorVariable, TensorVariable | None]:
        """The targets, and the weights if there are any.

        Parameters
        ----------
        graph : NetworkGraph
            The network.

        Returns
        -------
        target : TensorVariable
            A new variable, or what was given.
        weights : TensorVariable or None
            A new variable.
        """
        weights = None
        if self.weighted:
            weights = pt.tensor(
                "weights", dtype=pytensor.config.floatX, shape=(None,) * self.weighted
            )
        if isinstance(self.target, Variable):
            return self.target, weights
        if self.target is not None:
            layer, output = graph.output(self.target)
            return getattr(layer, "input_var", output), weights
        shape = graph.output(self.output)[0].output_shape
        if self.classifies and len(shape) > 1:
            return pt.tensor("targets", dtype="int32", shape=(None,) * (len(shape) - 1)), weights
        fixed = tuple(n if n == 1 else None for n in shape)
        return pt.tensor("targets", dtype=pytensor.config.floatX, shape=fixed), weights

    def predictions(self, graph: NetworkGraph) -> TensorVariable:
        """The output that it is about.

        Parameters
        ----------
        graph : NetworkGraph
            The network.

        Returns
        -------
        TensorVariable
            The expression.
        """
        return graph.output(self.output)[1]

    def values(self, graph: NetworkGraph, target: Any) -> TensorVariable:
        """The loss before it is reduced.

        Parameters
        ----------
        graph : NetworkGraph
            The network.
        target : TensorVariable
            The targets.

        Returns
        -------
        TensorVariable
            As the objective gives it.
        """
        return self.function(self.predictions(graph), target, **self.options)

    def __call__(
        self, graph: NetworkGraph, target: Any = None, weights: Any = None
    ) -> TensorVariable:
        """The mean over the samples, each with its weight, without :attr:`weight`.

        Parameters
        ----------
        graph : NetworkGraph
            The network.
        target, weights : TensorVariable, optional
            What :meth:`variables` gave; by default it is called for them.

        Returns
        -------
        TensorVariable
            A scalar. With weights it is the sum of the weighted losses divided by the sum of the
            weights, so that samples of weight 0 do not count at all.

        Raises
        ------
        ValueError
            If there are weights of samples, but no loss of each sample.
        """
        if target is None:
            target, weights = self.variables(graph)
        # The mean of booleans or integers would be a float64.
        values = self.values(graph, target).astype(pytensor.config.floatX)
        if weights is None:
            return values.mean()
        if values.ndim < weights.ndim:
            advice = (
                f"give weighted={values.ndim}" if values.ndim else "it has none of a single sample"
            )
            raise ValueError(
                f"the loss {self.name} has {values.ndim} axes and cannot be weighted by an array "
                f"with {weights.ndim}: {advice}."
            )
        if values.ndim > weights.ndim:
            values = values.mean(axis=tuple(range(weights.ndim, values.ndim)))
        return (values * weights).sum() / weights.sum()


class GaussianLogLikelihood(Loss):
    """The likelihood of targets under a Gaussian whose mean and covariance two layers give.

    Parameters
    ----------
    mean_name : Layer or str
        The layer of the means, ``(batch, ..., dimensions)``. Default: ``"mean"``.
    covar_name : Layer or str
        The layer of the diagonals of the covariance matrices, at least 0, of the same shape or
        with one value for each sample. Default: ``"covar"``.
    covar_eps : float
        What is added to the variances. Default: 1e-3.
    **kwargs
        Passed to :class:`Loss`.

    See Also
    --------
    nncore.objectives.gaussian_log_likelihood : The formula.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.graph import NetworkGraph
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> from nncore.objectives import GaussianLogLikelihood
    >>> x = InputLayer((None, 3))
    >>> mean = DenseLayer(x, 2, nonlinearity=None, name="mean")
    >>> covar = DenseLayer(x, 2, nonlinearity=pt.exp, name="covar")
    >>> GaussianLogLikelihood()(NetworkGraph([mean, covar])).ndim
    0
    """

    def __init__(
        self,
        mean_name: Any = "mean",
        covar_name: Any = "covar",
        covar_eps: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", "gll")
        super().__init__(gaussian_log_likelihood, output=mean_name, **kwargs)
        self.covar = covar_name
        self.covar_eps = covar_eps

    def values(self, graph: NetworkGraph, target: Any) -> TensorVariable:
        """The loss of each sample.

        Parameters
        ----------
        graph : NetworkGraph
            The network.
        target : TensorVariable
            The targets.

        Returns
        -------
        TensorVariable
            Without the last axis of the targets.
        """
        covariance = graph.output(self.covar)[1]
        return gaussian_log_likelihood(self.predictions(graph), target, covariance, self.covar_eps)


def as_losses(objective: Any, weighted: bool | int = False) -> list[Loss]:
    """Make losses of what a user gave as the objective.

    Parameters
    ----------
    objective : str, callable, Loss, or sequence of these
        One or several; ``"gll"`` is a :class:`GaussianLogLikelihood`.
    weighted : bool or int
        For those that are no :class:`Loss` yet. Default: False.

    Returns
    -------
    list of Loss
        At least one.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> from nncore.objectives import as_losses
    >>> [loss.name for loss in as_losses(["mse", "gll"])]
    ['mse', 'gll']
    """
    several = isinstance(objective, Iterable) and not isinstance(objective, str)
    losses = []
    for one in objective if several else [objective]:
        if isinstance(one, Loss):
            losses.append(one)
        elif one == "gll":
            losses.append(GaussianLogLikelihood(weighted=weighted))
        else:
            losses.append(Loss(one, weighted=weighted))
    if not losses:
        raise ValueError("there is no loss; give at least one.")
    return losses
