"""Networks that give classes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from nncore import nonlinearities
from nncore.layers._docs import describe
from nncore.models.networks.arguments import PARAMETERS
from nncore.models.networks.base import Network
from nncore.models.networks.sampling import sample_sequence
from nncore.models.networks.scores import accuracy

__all__ = ["Classifier"]


@describe(PARAMETERS.replace("<loss>", '``"xe"``, the categorical cross-entropy'))
class Classifier(Network):
    """A network that is trained to give a probability for each class.

    Parameters
    ----------
    <parameters>

    Raises
    ------
    TypeError, ValueError
        If a layer is not possible.
    nncore.errors.UnknownNameError
        If a name is not known; with the nearest one.

    See Also
    --------
    Regressor : For targets that are numbers.
    nncore.estimators.NetworkClassifier : For pipelines and searches of scikit-learn.

    Notes
    -----
    The targets are the numbers of classes, from 0 on: ``(batch,)``, or ``(batch, time)`` for
    sequences of which each step has one. The output's activation is the softmax unless it has
    another.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models import Classifier
    >>> network = Classifier([4, (10, "relu"), 3], backend="python")
    >>> x = np.zeros((5, 4), "float32")
    >>> network.predict(x).shape, network.predict_proba(x).shape
    ((5,), (5, 3))
    """

    _output_activation = "softmax"
    _loss = "xe"

    def predict_proba(self, x: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        """The probabilities of the classes.

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.

        Returns
        -------
        array
            Shape ``(samples, ..., classes)``.
        """
        return super().predict(x, **kwargs)

    def predict_logit(self, x: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        """What the softmax makes the probabilities of.

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.

        Returns
        -------
        array
            Shape ``(samples, ..., classes)``.

        Raises
        ------
        ValueError
            If the output layer does not end in a softmax.
        """
        if getattr(self.output, "nonlinearity", None) is not nonlinearities.softmax:
            raise ValueError(
                f"the output layer {self.output!r} has no softmax as its nonlinearity, so there "
                "are no logits; predict_proba gives its output."
            )
        if "logit" not in self._functions:
            # The same layer, with the same parameters, without the softmax.
            layer = copy.copy(self.output)
            layer.nonlinearity = nonlinearities.linear
            self._functions["logit"] = layer
        return self._forward([self._functions["logit"]], x, kwargs)[0]

    def classify(self, x: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        """The most probable classes.

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.

        Returns
        -------
        array of int
            Shape ``(samples, ...)``.
        """
        return self.predict_proba(x, **kwargs).argmax(axis=-1)

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        """The most probable classes, as :meth:`classify`.

        Parameters
        ----------
        x : array, scipy.sparse matrix, or tuple
            The input, ``(samples, ...)``; with a mask, a tuple of both.
        **kwargs
            Regularizers that change outputs, such as ``input_noise=0.1``.

        Returns
        -------
        array of int
            Shape ``(samples, ...)``.

        Raises
        ------
        nncore.errors.DataError
            If the data do not fit the network.
        """
        return self.classify(x, **kwargs)

    def score(self, x: Any, y: Any, w: Any = None, **kwargs: Any) -> float:
        """The accuracy: the part of the samples whose most probable class is right.

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.
        y : array of int
            The classes, of the shape of what :meth:`predict` gives.
        w : array, optional
            Weights of the same shape, or of its first axes. Default: all equal.

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        nncore.errors.DataError
            If the shapes do not fit.
        """
        return accuracy(y, self.classify(x, **kwargs), w)

    def predict_sequence(
        self, labels: Any, steps: int, streams: int = 1, rng: Any = None
    ) -> Iterator[Any]:
        """Draw a sequence of classes, each fed back as the next input.

        Parameters
        ----------
        labels : sequence of int
            The classes that the sequence begins with; at least one.
        steps : int
            How many more to draw.
        streams : int
            How many sequences to draw side by side. Default: 1.
        rng : numpy.random.Generator, numpy.random.RandomState, int or None
            Draws the classes, or the seed of it. Default: None, others each time.

        Yields
        ------
        int or list of int
            The class of the next step; with several streams, a list of them.

        Raises
        ------
        ValueError
            If the labels are no classes, or the network cannot go step by step: it must take
            sequences of class indices, or of rows with a one at the class, and give a
            probability for each class at each step without looking ahead.

        Notes
        -----
        The states of recurrent layers are carried from step to step, so that a step takes the
        same time however long the sequence is.

        Examples
        --------
        >>> from nncore.models import Classifier
        >>> network = Classifier([5, (8, "gru"), 5], backend="python")
        >>> len(list(network.predict_sequence([0, 3], steps=4, rng=0)))
        4
        """
        return sample_sequence(self, labels, steps, streams, rng)
