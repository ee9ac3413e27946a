"""A classifier for scikit-learn around any network."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from nncore import nonlinearities
from nncore.estimators._base import PARAMETERS, NetworkEstimator
from nncore.layers._docs import describe

__all__ = ["NetworkClassifier"]

_OBJECTIVE = """A registered objective, or a function of the network's output and the targets, which
    are rows of zeros with a one at the class, or for a network with one output a column of zeros
    and ones. Default: ``"categorical_crossentropy"``, or ``"binary_crossentropy"`` for a network
    with one output."""


@describe(PARAMETERS.replace("<objective>", _OBJECTIVE))
class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A classifier for scikit-learn that trains a network.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    classes_ : array
        The labels, sorted.
    network_ : Layer
        The output layer of the trained network.
    history_ : list of nncore.training.EpochRecord
        One for each epoch, with ``"loss"`` and ``"accuracy"``.
    n_epochs_ : int
        Number of epochs of training.
    n_features_in_ : int
        Length of the second axis of `X`: features, or channels.

    See Also
    --------
    NetworkRegressor : The same for numbers.
    nncore.training.train : The training loop itself.

    Notes
    -----
    The network gives a probability for each class, or, if there are two, it may give one number:
    the probability of the second class.

    A network that was never compiled before takes some seconds to a minute to compile on the Numba
    backend, and after that, in other processes too, a second or two for each fit, whatever the
    seed and the values of `learning_rate` and `l2`. Prediction is compiled once for a fitted
    estimator; :meth:`partial_fit` and ``warm_start`` compile no more. Pickles leave the compiled
    functions out, but training goes on from them as it would have without.

    A search over networks, as with :class:`sklearn.model_selection.GridSearchCV`, takes callables
    or names for `network`, and arguments for them as `network_options`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from nncore.estimators import NetworkClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = NetworkClassifier(
    ...     hidden_layer_sizes=(16,), learning_rate=0.05, max_epochs=10, random_state=0,
    ...     backend="python",
    ... )
    >>> pipeline = make_pipeline(StandardScaler(), classifier).fit(X, y)
    >>> pipeline.score(X, y) > 0.9
    True
    >>> pipeline.predict_proba(X).shape
    (150, 3)
    """

    _objective_for_one = "binary_crossentropy"
    _objective_for_many = "categorical_crossentropy"
    _output_nonlinearity = staticmethod(nonlinearities.softmax)
    _monitors = ("accuracy",)
    _classifies = True

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train for one epoch, on top of what was trained before.

        Parameters
        ----------
        X : array
            As for :meth:`fit`.
        y : array
            As for :meth:`fit`.
        classes : array, optional
            All labels that will ever occur; needed at the first call, if it is not after a fit.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            As :meth:`fit`; if `classes` is missing; or if it is not as before.
        """
        known = getattr(self, "classes_", None) if hasattr(self, "network_") else None
        if classes is None and known is None:
            raise ValueError(
                "the first call of partial_fit needs classes=, all the labels that will occur."
            )
        if classes is not None and known is not None:
            given = np.unique(classes)
            if not np.array_equal(given, known):
                raise ValueError(
                    f"classes={given!r} is not what the first call had, {known!r}; leave it out."
                )
        return self._partial_fit(X, y, classes)

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """The probabilities of the classes.

        Parameters
        ----------
        X : array
            Samples, as for :meth:`fit`.

        Returns
        -------
        array
            Shape ``(samples, classes)``, in the order of ``classes_``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If there was no fit.
        ValueError
            If `X` does not fit the network, or the network's outputs are not probabilities.
        """
        output = self._output(X)
        if output.shape[1] == 1:
            output = np.concatenate([1 - output, output], axis=1)
        if output.min() < 0 or not np.allclose(output.sum(axis=1), 1, atol=1e-3):
            raise ValueError(
                "the network's outputs are not probabilities: they are negative or do not add up "
                "to 1. Use predict, or a network that ends in softmax or sigmoid."
            )
        return output

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The most probable class of each sample.

        Parameters
        ----------
        X : array
            Samples, as for :meth:`fit`.

        Returns
        -------
        array
            Labels, ``(samples,)``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If there was no fit.
        ValueError
            If `X` does not fit the network.
        """
        output = self._output(X)
        if output.shape[1] == 1:
            index = (output[:, 0] > 0.5).astype(np.intp)
        else:
            index = output.argmax(axis=1)
        return self.classes_[index]

    def _targets(self, y: Any, first: bool, classes: Any = None) -> np.ndarray[Any, Any]:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if first:
            labels = np.unique(y if classes is None else classes)
            if len(labels) < 2:
                raise ValueError(
                    f"a classifier needs at least two classes, but there is one class: {labels!r}."
                )
            self.classes_ = labels
        known = np.isin(y, self.classes_)
        if not known.all():
            raise ValueError(
                f"y has labels that are not among the classes {self.classes_!r}: "
                f"{np.unique(y[~known])!r}."
            )
        return np.searchsorted(self.classes_, y).astype("int32")

    def _num_outputs(self, targets: np.ndarray[Any, Any]) -> int:
        return len(self.classes_)
