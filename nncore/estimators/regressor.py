"""A regressor for scikit-learn around any network."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pytensor
from sklearn.base import RegressorMixin

from nncore import nonlinearities
from nncore.estimators._base import PARAMETERS, NetworkEstimator
from nncore.layers._docs import describe

__all__ = ["NetworkRegressor"]

_OBJECTIVE = """A registered objective, or a function of the network's output and the targets, both
    ``(batch, targets)``. Default: ``"squared_error"``."""


@describe(PARAMETERS.replace("<objective>", _OBJECTIVE))
class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """A regressor for scikit-learn that trains a network, for one target or several.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    network_ : Layer
        The output layer of the trained network.
    history_ : list of nncore.training.EpochRecord
        One for each epoch, with ``"loss"``.
    n_epochs_ : int
        Number of epochs of training.
    n_features_in_ : int
        Length of the second axis of `X`: features, or channels.

    See Also
    --------
    NetworkClassifier : The same for labels; its notes on the time to compile hold here, too.
    nncore.training.train : The training loop itself.

    Notes
    -----
    Networks learn targets best whose mean is about 0 and whose standard deviation is about 1;
    :class:`sklearn.compose.TransformedTargetRegressor` scales them.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.estimators import NetworkRegressor
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    >>> y = X[:, 0] * 2 + np.abs(X[:, 1])
    >>> regressor = NetworkRegressor(
    ...     hidden_layer_sizes=(16,), learning_rate=0.02, max_epochs=20, random_state=0,
    ...     backend="python",
    ... )
    >>> regressor.fit(X, y).score(X, y) > 0.9
    True
    """

    _objective_for_one = "squared_error"
    _objective_for_many = "squared_error"
    _output_nonlinearity = staticmethod(nonlinearities.identity)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Train for one epoch, on top of what was trained before.

        Parameters
        ----------
        X : array
            As for :meth:`fit`.
        y : array
            As for :meth:`fit`.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            As :meth:`fit`.
        """
        return self._partial_fit(X, y)

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The targets of samples.

        Parameters
        ----------
        X : array
            Samples, as for :meth:`fit`.

        Returns
        -------
        array
            Shape ``(samples,)`` or ``(samples, targets)``, like the targets of the fit, and of
            their type if they were floating-point numbers, else ``floatX``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If there was no fit.
        ValueError
            If `X` does not fit the network.
        """
        output = self._output(X)
        return output.reshape((len(output), *self._target_shape)).astype(self._target_dtype)

    def _targets(self, y: Any, first: bool, classes: Any = None) -> np.ndarray[Any, Any]:
        y = np.asarray(y)
        if first:
            self._target_shape = y.shape[1:]
            self._target_dtype = y.dtype if y.dtype.kind == "f" else pytensor.config.floatX
        elif y.shape[1:] != self._target_shape:
            raise ValueError(
                f"y has the shape {y.shape}, but before it was (samples, "
                f"{', '.join(map(str, self._target_shape))}); the number of targets cannot change."
            )
        return y

    def _num_outputs(self, targets: np.ndarray[Any, Any]) -> int:
        return targets.shape[1] if targets.ndim == 2 else 1
