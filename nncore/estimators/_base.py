"""What the classifier and the regressor have in common."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pytensor
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from nncore.estimators._functions import LOCK, Functions
from nncore.estimators._network import make_network
from nncore.layers import Layer
from nncore.training import EpochRecord, train
from nncore.training.functions import check_data, network_inputs
from nncore.training.progress import make_progress

__all__ = ["PARAMETERS", "NetworkEstimator"]

PARAMETERS = """
network : None, str, Layer or callable
    None for a multi-layer perceptron of `hidden_layer_sizes`; ``"mlp"``, ``"lenet"`` or ``"cnn"``
    for a model of :mod:`nncore.models`, which takes images (``"mlp"`` also flat rows); a callable
    that is given the shape of a sample and the number of outputs and returns the output layer; or
    an output layer, of which every fit takes a copy, with its present parameters as the initial
    ones. Default: None.
hidden_layer_sizes : int or sequence
    Number of rectified units of each hidden layer, if `network` is None, or what else stands for a
    layer in :class:`nncore.models.Network`, such as ``(100, "tanh")`` or
    ``dict(form="conv2", size=8, filter_size=3)``. Default: ``(100,)``.
network_options : dict, optional
    More arguments of the model or the callable.
input_shape : tuple of int, optional
    Shape of a sample for the network, such as ``(1, 8, 8)``. Samples that come as flat rows, for
    example out of a scaler, are reshaped to it. Default: as in `X`.
objective : str or callable, optional
    <objective>
updates : str or callable
    A registered update rule, or a function of ``(loss, params, ...)``. Default: ``"adam"``.
learning_rate : float, optional
    Default: the rule's own, or 0.01 if it has none.
update_options : dict, optional
    More arguments of the rule.
l2 : float
    Weight of the sum of the squares of all regularizable parameters in the loss. Default: 0.
batch_size : int
    Samples in a batch. Default: 64.
max_epochs : int
    How many times :meth:`fit` goes through the samples, at most. Default: 100.
validation_fraction : float
    Part of the samples that is not trained on but tells the best epoch, whose parameters are kept.
    Default: 0, no such part: the last parameters are kept.
patience : int, optional
    End training after this many epochs without a lower loss, of the validation samples if there
    are any. Default: never.
warm_start : bool
    Whether :meth:`fit` goes on from the last fit, with the state of the optimizer, and not anew.
    Default: False.
backend : str
    ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.
random_state : int, numpy.random.RandomState or None
    Fixes the initial parameters, the noise of layers and the order of samples; nothing is drawn
    from :func:`nncore.random.get_rng`. Default: None, another result each time.
verbose : bool
    Whether to show the progress. Default: False.
"""


class NetworkEstimator(BaseEstimator):
    """An estimator around a network; a base class.

    A subclass defines :meth:`_targets`, :meth:`_num_outputs` and the attributes below.
    """

    _objective_for_one: str
    _objective_for_many: str
    _output_nonlinearity: Callable[..., Any]
    _monitors: tuple[str, ...] = ()
    _classifies = False

    _functions: Functions
    _random: np.random.RandomState

    def __init__(
        self,
        network: str | Layer | Callable[..., Layer] | None = None,
        *,
        hidden_layer_sizes: int | Sequence[Any] = (100,),
        network_options: Mapping[str, Any] | None = None,
        input_shape: tuple[int, ...] | None = None,
        objective: str | Callable[..., Any] | None = None,
        updates: str | Callable[..., Any] = "adam",
        learning_rate: float | None = None,
        update_options: Mapping[str, Any] | None = None,
        l2: float = 0.0,
        batch_size: int = 64,
        max_epochs: int = 100,
        validation_fraction: float = 0.0,
        patience: int | None = None,
        warm_start: bool = False,
        backend: str = "numba",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network_options = network_options
        self.input_shape = input_shape
        self.objective = objective
        self.updates = updates
        self.learning_rate = learning_rate
        self.update_options = update_options
        self.l2 = l2
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.backend = backend
        self.random_state = random_state
        self.verbose = verbose

    def _targets(self, y: Any, first: bool, classes: Any = None) -> np.ndarray[Any, Any]:
        """What `y` is for the network, and what it says about the estimator when it is new."""
        raise NotImplementedError

    def _num_outputs(self, targets: np.ndarray[Any, Any]) -> int:
        raise NotImplementedError

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments.

        Parameters
        ----------
        deep : bool
            Makes no difference, as none of them is an estimator. Default: True.

        Returns
        -------
        dict
            Maps names to values.
        """
        # A layer has a method of the same name, which scikit-learn would take for this one.
        return super().get_params(deep=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Train on samples.

        Parameters
        ----------
        X : array
            Shape ``(samples, features)``, or whatever the network takes, such as
            ``(samples, channels, rows, cols)``.
        y : array
            The targets, ``(samples,)``; for several targets of a regressor,
            ``(samples, targets)``.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If the data are not as said, or an argument of the constructor is not possible. The
            errors of :mod:`nncore.errors` about data and names are such errors or LookupErrors.
        nncore.errors.TrainingDiverged
            If the loss is not finite.

        Warns
        -----
        UserWarning
            If training was interrupted with Ctrl-C; the estimator is fitted then.
        """
        self._check_arguments()
        first = not (self.warm_start and hasattr(self, "network_"))
        samples, targets = self._begin(X, y, first)
        validation = None
        if self.validation_fraction:
            samples, held_out, targets, held_targets = train_test_split(
                samples,
                targets,
                test_size=self.validation_fraction,
                stratify=targets if self._classifies else None,
                random_state=self._random,
            )
            validation = held_out, held_targets
        return self._train(samples, targets, validation, int(self.max_epochs))

    def _partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        self._check_arguments()
        samples, targets = self._begin(X, y, not hasattr(self, "network_"), classes)
        return self._train(samples, targets, None, 1)

    def _begin(self, X: Any, y: Any, first: bool, classes: Any = None) -> tuple[Any, Any]:
        """Check data, and make a network for them if this is the first time."""
        numeric = {} if self._classifies else {"y_numeric": True, "multi_output": True}
        X, y = validate_data(self, X, y, reset=first, allow_nd=True, **numeric)
        targets = self._targets(y, first, classes)
        if first:
            random = np.random.RandomState(check_random_state(self.random_state).randint(2**31 - 1))
            network = make_network(
                self.network,
                self._sample_shape(X),
                self._num_outputs(targets),
                output=self._output_nonlinearity,
                hidden=self.hidden_layer_sizes,
                options=self.network_options or {},
                random=random,
                one_is_enough=self._classifies and self._num_outputs(targets) == 2,
            )
            samples = self._input(X, network)
            self._random = random
            self.network_ = network
            self.history_: list[EpochRecord] = []
            self.n_epochs_ = 0
        else:
            samples = self._input(X, self.network_)
        single = self.network_.output_shape[1] == 1
        choices = {
            "objective": self.objective
            or (self._objective_for_one if single else self._objective_for_many),
            "updates": self.updates,
            "update_options": dict(self.update_options or {}),
            "backend": self.backend,
            "monitors": self._monitors,
        }
        if first or choices != self._functions.choices:
            self._functions = Functions(self.network_, choices, self._classifies and not single)
        if not self._functions.labels:
            targets = targets.reshape((len(targets), -1)).astype(pytensor.config.floatX)
        return samples, targets

    def _train(self, X: Any, targets: Any, validation: Any, epochs: int) -> Self:
        compiled = self._functions.for_training(self.learning_rate, float(self.l2))
        with LOCK:
            records = train(
                self.network_,
                (X, targets),
                validation,
                epochs=epochs,
                batch_size=int(self.batch_size),
                patience=None if self.patience is None else int(self.patience),
                seed=int(self._random.randint(2**31 - 1)),
                progress=make_progress() if self.verbose else None,
                compiled=compiled,
            )
        for record in records:
            if record.interrupted:
                warnings.warn(
                    f"training was interrupted after {self.n_epochs_} epochs; the estimator can "
                    "be used as it is.",
                    stacklevel=3,
                )
                break
            self.n_epochs_ += 1
            self.history_.append(dataclasses.replace(record, epoch=self.n_epochs_))
        return self

    def _output(self, X: Any) -> np.ndarray[Any, Any]:
        """The network's output for samples, after checks."""
        check_is_fitted(self, "network_")
        X = validate_data(self, X, reset=False, allow_nd=True)
        samples = self._input(X, self.network_)
        return self._functions.predict(samples, int(self.batch_size))

    def _sample_shape(self, X: Any) -> tuple[int, ...]:
        found = tuple(X.shape[1:])
        if self.input_shape is None:
            return found
        shape = tuple(int(n) for n in self.input_shape)
        if found not in (shape, (math.prod(shape),)):
            raise ValueError(
                f"input_shape={self.input_shape!r} takes samples of this shape or flat ones of "
                f"{math.prod(shape)} numbers, but those of X have the shape {found}. Reshape X, "
                "or give another input_shape or None."
            )
        return shape

    def _input(self, X: Any, network: Any) -> np.ndarray[Any, Any]:
        """Samples in the shape and of the type that a network takes."""
        (layer,) = network_inputs(network)
        shape = layer.shape[1:]
        if X.ndim == 2 and None not in shape and math.prod(shape) == X.shape[1]:
            X = X.reshape((len(X), *shape))
        wants_float = np.dtype(layer.input_var.dtype).kind == "f"
        if wants_float and X.dtype.kind != "f":
            X = X.astype(pytensor.config.floatX)
        elif not wants_float and X.dtype.kind == "f":
            whole = X.astype("int32")
            if not np.array_equal(whole, X):
                raise ValueError("the network takes whole numbers, but X has others.")
            X = whole
        check_data(network, (X,))
        return X

    def _check_arguments(self) -> None:
        for name in ("batch_size", "max_epochs", "patience"):
            value = getattr(self, name)
            optional = name == "patience"
            good = bool(isinstance(value, int | np.integer) and value >= 1)
            self._require(
                good or (optional and value is None),
                name,
                "a whole number of at least 1" + (", or None" if optional else ""),
            )
        fraction, l2, rate = _number(self.validation_fraction), _number(self.l2), self.learning_rate
        self._require(0 <= fraction < 1, "validation_fraction", "a number from 0 to less than 1")
        self._require(0 <= l2 < math.inf, "l2", "a finite number of at least 0")
        good = rate is None or 0 < _number(rate) < math.inf
        self._require(good, "learning_rate", "a finite number greater than 0, or None")

    def _require(self, good: bool, name: str, allowed: str) -> None:
        if not good:
            raise ValueError(f"{name}={getattr(self, name)!r} is not possible; give {allowed}.")


def _number(value: Any) -> float:
    """A number, or NaN for anything else."""
    return float(value) if isinstance(value, float | int | np.number) else math.nan
