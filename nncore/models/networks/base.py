"""Networks in one line; what all kinds have in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytensor

from nncore import layers, training
from nncore.backends import get_mode
from nncore.backends.threads import one_pool
from nncore.errors import DataError, ModelFileError, UnknownNameError, did_you_mean
from nncore.graph import NetworkGraph
from nncore.models.networks.arguments import loss_from
from nncore.models.networks.building import build_layers
from nncore.models.networks.data import as_arrays
from nncore.models.networks.scores import r_squared
from nncore.models.networks.storage import read_network, save_network
from nncore.objectives import Loss
from nncore.random import seeded
from nncore.regularization import from_kwargs, penalty_of
from nncore.training import ArrayBatches
from nncore.training.functions import check_data

__all__ = ["Network"]


class Network:
    """A network with its losses; a base class.

    A subclass sets the attributes below and may override :meth:`_loss_defaults`.

    Attributes
    ----------
    layers : dict of str to Layer
        The layers by name, the input first and the output last.
    output : Layer
        The output layer.
    losses : list of Loss
        What is minimized.
    """

    _output_activation: ClassVar[Any] = None
    _loss: ClassVar[str] = "mse"
    _kinds: ClassVar[dict[str, type[Network]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Network._kinds[cls.__name__] = cls

    def __init__(
        self,
        layers: Sequence[Any],
        loss: Any = None,
        weighted: bool | int = False,
        masked: bool = False,
        rng: Any = 13,
        backend: str = "numba",
    ) -> None:
        if rng is None:
            built = build_layers(layers, self._output_activation, masked)
        else:
            with seeded(rng):
                built = build_layers(layers, self._output_activation, masked)
        self._settle(built, self._loss if loss is None else loss, weighted, masked, backend)

    def _settle(
        self, built: dict[str, Any], loss: Any, weighted: bool | int, masked: bool, backend: str
    ) -> None:
        get_mode(backend)
        self.layers = built
        self.output = next(reversed(built.values()))
        self.weighted = weighted
        self.masked = masked
        self.backend = backend
        self._functions: dict[Any, Any] = {}
        steps = len(self.output.output_shape) == 3
        self._mask_weighs = masked and not weighted and steps
        self.set_loss(loss)
        self._check()

    def _check(self) -> None:
        """Raise for layers or losses that this kind of network cannot have."""

    def _loss_defaults(self) -> dict[str, Any]:
        return {}

    @property
    def inputs(self) -> list[Any]:
        """The input layers: the input, and the mask if there is one."""
        everything = layers.get_all_layers(list(self.layers.values()))
        given = [one for one in everything if isinstance(one, layers.InputLayer)]
        first = next(iter(self.layers.values()))
        return [first, *(one for one in given if one is not first)]

    @property
    def params(self) -> list[Any]:
        """All parameters, in the order of the layers."""
        return layers.get_all_params(self._heads())

    def _heads(self) -> list[Any]:
        """The output, and those of the layers that nothing above takes but a loss may."""
        below = {
            one
            for layer in self.layers.values()
            for one in layers.get_all_layers(layer)
            if one is not layer
        }
        loose = [one for one in self.layers.values() if one not in below and one is not self.output]
        return [self.output, *(one for one in loose if not isinstance(one, layers.InputLayer))]

    def find(self, which: str | int, param: str | None = None) -> Any:
        """Find a layer, or one of its parameters.

        Parameters
        ----------
        which : str or int
            The name of a layer, or its place, 0 for the input.
        param : str, optional
            The name of a parameter, such as ``"W"``. Default: none, the layer is wanted.

        Returns
        -------
        Layer or variable
            What was found.

        Raises
        ------
        nncore.errors.UnknownNameError
            If there is none; with the nearest name.
        """
        names = [name for name in self.layers if name != "mask"]
        if isinstance(which, int | np.integer) and not isinstance(which, bool):
            if not -len(names) <= which < len(names):
                raise UnknownNameError(
                    f"there is no layer {which}; the network has {len(names)} layers, from 0 to "
                    f"{len(names) - 1}."
                )
            which = names[int(which)]
        if which not in self.layers:
            raise _unknown("layer", which, list(self.layers))
        layer = self.layers[which]
        if param is None:
            return layer
        found: dict[str, Any] = {}
        while True:
            for one in layer.params:
                found.setdefault(str(one.name).removeprefix(f"{layer.name}."), one)
            below = getattr(layer, "input_layer", None)
            if below is None or not str(below.name).startswith(f"{which}."):
                break
            layer = below
        if param not in found:
            raise _unknown(f"parameter of the layer {which!r}", param, list(found))
        return found[param]

    # --- losses -----------------------------------------------------------------------------------

    def set_loss(self, loss: Any = None, **kwargs: Any) -> None:
        """Put a loss in place of all that there are.

        Parameters
        ----------
        loss : str, dict, Loss, callable, or sequence of these
            As for the constructor; if it is left out, ``form`` is to be among `kwargs`.
        **kwargs
            More arguments of :class:`nncore.objectives.Loss`.
        """
        self.losses: list[Loss] = []
        self._loss_specs: list[Any] = []
        for one in loss if isinstance(loss, list | tuple) else [loss]:
            self.add_loss(one, **kwargs)

    def add_loss(self, loss: Any = None, **kwargs: Any) -> None:
        """Add a loss to those that there are.

        Parameters
        ----------
        loss : str, dict, Loss or callable
            As for the constructor; if it is left out, ``form`` is to be among `kwargs`.
        **kwargs
            More arguments of :class:`nncore.objectives.Loss`, such as ``weight`` or ``output``.
        """
        if kwargs:
            own = (
                {} if loss is None else dict(loss) if isinstance(loss, Mapping) else {"form": loss}
            )
            loss = {**own, **kwargs}
        weighted = 2 if self._mask_weighs else self.weighted
        self.losses += loss_from(loss, weighted, **self._loss_defaults())
        self._loss_specs.append(loss)

    def loss(self, **kwargs: Any) -> Any:
        """Build the expression of what is minimized.

        Parameters
        ----------
        **kwargs
            Regularizers, as for :meth:`train`.

        Returns
        -------
        TensorVariable
            A scalar; its targets are new variables.
        """
        regularizers = self._regularizers(kwargs)
        graph = NetworkGraph(self._heads(), regularizers)
        total = sum(one.weight * one(graph) for one in self.losses)
        penalty = penalty_of(regularizers, graph)
        return total if penalty is None else total + penalty

    # --- training ---------------------------------------------------------------------------------

    def _data_names(self) -> list[str]:
        names = [layer.name for layer in self.inputs]
        for loss in self.losses:
            if loss.target is None:
                names.append("targets" if "targets" not in names else f"targets of {loss.name}")
            if loss.weighted and not self._mask_weighs:
                names.append("weights" if "weights" not in names else f"weights of {loss.name}")
        return names

    def itertrain(
        self,
        train: Any,
        valid: Any = None,
        algo: str | Callable[..., Any] = "rmsprop",
        subalgo: str | Callable[..., Any] = "rmsprop",
        **kwargs: Any,
    ) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
        """Train, one pass through the data for each item that is taken from the result.

        Parameters
        ----------
        train, valid : tuple of array, iterable of batches, or callable
            The data to train on, and those that tell the best parameters, by default the same: the
            input, the mask if there is one, the targets of each loss, and weights if there are
            any. Arrays have a row for each sample; the input may be a sparse matrix of SciPy, of
            which each batch is made dense. A callable returns the batches of a pass, or one batch
            each time.
        algo, subalgo : str or callable
            The name of an update rule or of another trainer, and how that trains each layer; see
            :func:`nncore.training.itertrain`. Default: ``"rmsprop"``.
        **kwargs
            Regularizers, as for :func:`nncore.regularization.from_kwargs`, such as
            ``input_noise=0.1`` or ``weight_l2=1e-4``, and options of
            :func:`nncore.training.itertrain`, such as ``max_updates`` or ``learning_rate``.

        Returns
        -------
        iterator of (dict, dict)
            The monitors of the training data, such as ``"loss"``, and of the validation data. When
            it ends, the network has its best parameters.

        Raises
        ------
        TypeError
            For an unknown option, with the nearest known one.
        nncore.errors.NNCoreError
            For bad data and unknown names.
        """
        names = self._data_names()
        data = self._with_weights(as_arrays(train, names, self.masked))
        checks = None
        if valid is not None:
            checks = self._with_weights(as_arrays(valid, names, self.masked))
        trainer = training.make_trainer(self._network(), algo, subalgo)
        # That one computes no loss.
        losses = {} if isinstance(trainer, training.SampleTrainer) else {"loss": self.losses}
        options = {"backend": self.backend, **losses, **self._noise_by_name(kwargs)}
        return iter(trainer.itertrain(data, checks, **options))

    def train(
        self,
        train: Any,
        valid: Any = None,
        algo: str | Callable[..., Any] = "rmsprop",
        subalgo: str | Callable[..., Any] = "rmsprop",
        **kwargs: Any,
    ) -> tuple[dict[str, float], dict[str, float]] | None:
        """Train until nothing gets better, or to another end that the options say.

        Parameters
        ----------
        train, valid, algo, subalgo, **kwargs
            As for :meth:`itertrain`.

        Returns
        -------
        tuple of dict, or None
            The last item of :meth:`itertrain`; None if there was none.
        """
        last = deque(self.itertrain(train, valid, algo, subalgo, **kwargs), maxlen=1)
        return last[0] if last else None

    def _with_weights(self, data: Any) -> Any:
        """Data with the mask as weights of the steps, where the user gives no weights."""
        if not self._mask_weighs:
            return data
        inputs = len(self.inputs)

        def complete(batch: Any) -> tuple[Any, ...]:
            own = iter(batch[inputs:])
            return (
                *batch[:inputs],
                *(a for one in self.losses for a in ([next(own)] if one.target is None else [])
                  + ([batch[1]] if one.weighted else [])),
            )  # fmt: skip

        if isinstance(data, tuple):
            return complete(data)
        return lambda: (complete(batch) for batch in (data() if callable(data) else data))

    def _network(self) -> Any:
        heads = self._heads()
        return heads if len(heads) > 1 else heads[0]

    def _noise_by_name(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Options in which noise of the input is not noise of the mask, which is an input, too."""
        given = dict(kwargs)
        source = next(iter(self.layers))
        for noise in ("noise", "dropout"):
            if self.masked and f"input_{noise}" in given:
                value = given.pop(f"input_{noise}")
                given[noise] = {source: value, **given.get(noise, {})}
        return given

    def _regularizers(self, kwargs: Mapping[str, Any]) -> list[Any]:
        return from_kwargs(self._network(), **self._noise_by_name(kwargs))

    # --- use --------------------------------------------------------------------------------------

    def _forward(
        self, wanted: Sequence[Any], x: Any, kwargs: Mapping[str, Any], batch_size: int = 128
    ) -> list[np.ndarray[Any, Any]]:
        """The outputs of layers for data."""
        names = [layer.name for layer in self.inputs]
        arrays = as_arrays(x, names, self.masked)
        if not isinstance(arrays, tuple):
            raise DataError(
                f"the network takes {len(names)} arrays, {', '.join(names)}; give a tuple of them."
            )
        batches = ArrayBatches(arrays, batch_size, names)
        check_data(self._network(), batches.arrays)
        function = self._function(wanted, kwargs)
        with one_pool(function):
            parts = [function(*batch) for batch in batches.epoch()]
        return [
            np.concatenate([np.asarray(one) for one in each]) for each in zip(*parts, strict=True)
        ]

    def _function(self, wanted: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        def build() -> Any:
            graph = NetworkGraph(
                [*self._heads(), *(one for one in wanted if one not in self._heads())],
                self._regularizers(kwargs),
                deterministic=True,
            )
            outputs = [graph.outputs[layer] for layer in wanted]
            return self._compiled([one.input_var for one in self.inputs], outputs)

        return build() if kwargs else self._cached(("forward", *wanted), build)

    def _compiled(self, inputs: list[Any], outputs: list[Any]) -> Any:
        return pytensor.function(
            inputs, outputs, mode=get_mode(self.backend), on_unused_input="ignore"
        )

    def _cached(self, key: Any, build: Any) -> Any:
        if key not in self._functions:
            self._functions[key] = build()
        return self._functions[key]

    def predict(self, x: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        """The output of the network.

        Parameters
        ----------
        x : array, scipy.sparse matrix, or tuple
            The input, ``(samples, ...)``; with a mask, a tuple of both.
        **kwargs
            Regularizers that change outputs, such as ``input_noise=0.1``.

        Returns
        -------
        array
            Shape ``(samples, ...)``.

        Raises
        ------
        nncore.errors.DataError
            If the data do not fit the network.
        """
        return self._forward([self.output], x, kwargs)[0]

    def feed_forward(self, x: Any, **kwargs: Any) -> dict[str, np.ndarray[Any, Any]]:
        """The outputs of all layers.

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.

        Returns
        -------
        dict of str to array
            The outputs by the names of the layers.
        """
        names = [name for name in self.layers if name != "mask"]
        outputs = self._forward([self.layers[name] for name in names], x, kwargs)
        return dict(zip(names, outputs, strict=True))

    def score(self, x: Any, y: Any, w: Any = None, **kwargs: Any) -> float:
        """The coefficient of determination of the output, R².

        Parameters
        ----------
        x, **kwargs
            As for :meth:`predict`.
        y : array
            The targets, of the shape of the output.
        w : array, optional
            Weights, of the shape of the targets or of its first axes. Default: all equal.

        Returns
        -------
        float
            1 for a perfect output, 0 for one that is no better than the mean of the targets.
        """
        return r_squared(y, self.predict(x, **kwargs), w)

    # --- on disk ----------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Save the network: layers, parameters and losses, no code.

        Parameters
        ----------
        path : str or pathlib.Path
            Of the two files, ``.safetensors`` and ``.json``, without or with a suffix.

        Raises
        ------
        nncore.errors.ModelFileError
            If something cannot be saved, such as a loss that is a function of your own, or the
            files cannot be written.
        """
        save_network(self, path)

    @classmethod
    def load(cls, path: str | Path, backend: str = "numba") -> Self:
        """Read a network; no code in the files is run.

        Parameters
        ----------
        path : str or pathlib.Path
            As for :meth:`save`.
        backend : str
            As for the constructor. Default: ``"numba"``.

        Returns
        -------
        Network
            Of the class that it was saved from.

        Raises
        ------
        nncore.errors.ModelFileError
            If the files are damaged, or hold something else.
        """
        kind, built, about = read_network(path, Network._kinds)
        if not issubclass(kind, cls):
            raise ModelFileError(
                f"{path} holds a {kind.__name__}, not a {cls.__name__}; read it with "
                f"{kind.__name__}.load."
            )
        network: Any = kind.__new__(kind)
        network._settle(built, about["loss"], about["weighted"], about["masked"], backend)
        return network


def _unknown(what: str, name: Any, known: list[str]) -> UnknownNameError:
    hint = did_you_mean(str(name), known)
    return UnknownNameError(
        f"there is no {what} called {name!r}.{hint} There are: {', '.join(known)}."
    )
