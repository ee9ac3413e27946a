"""Greedy pretraining: one layer after the other, each on the output of the finished ones."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore.backends import get_mode
from nncore.errors import DataError
from nncore.layers import InputLayer, Layer
from nncore.models.sda.functions import as_array, number
from nncore.training import ArrayBatches, Compiled, EpochRecord, Progress, train

__all__ = ["LayerRecord", "per_layer", "pretrain"]


@dataclass(frozen=True)
class LayerRecord(EpochRecord):
    """One epoch of the pretraining of one layer.

    Attributes
    ----------
    layer : int
        Its number, from 1; the other attributes are those of
        :class:`nncore.training.EpochRecord`.
    """

    layer: int = 1


def per_layer(what: str, value: Any, count: int) -> list[Any]:
    """Bring a setting into the form of one value for each layer.

    Parameters
    ----------
    what : str
        What to call it in a message.
    value : object or sequence
        One value for all layers, or one for each.
    count : int
        The number of layers.

    Returns
    -------
    list
        One value for each.

    Raises
    ------
    ValueError
        If there are more or fewer values than layers.

    Examples
    --------
    >>> per_layer("epochs", 5, 3), per_layer("epochs", (1, 2), 2)
    ([5, 5, 5], [1, 2])
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{what} has {len(value)} values, but there are {count} layers to train; give one "
            "value for all of them, or one for each."
        )
    return list(value)


class _Continued:
    """A progress of several trainings: it counts their epochs on, and stays open between them."""

    def __init__(self, progress: Progress, before: int, total: int) -> None:
        self.progress = progress
        self.before = before
        self.total = total
        self.batch = progress.batch

    def begin(
        self, epoch: int, epochs: int | None, batches: int | None, samples: int | None
    ) -> None:
        """Begin an epoch."""
        self.progress.begin(self.before + epoch, self.total, batches, samples)

    def end(self, record: EpochRecord) -> None:
        """End an epoch."""
        self.progress.end(dataclasses.replace(record, epoch=self.before + record.epoch))

    def close(self) -> None:
        """Leave it to the last training."""


class _Parameters(Layer):
    """Shows the training loop what is trained."""

    def __init__(self, stage: Any) -> None:
        super().__init__(InputLayer((None, stage.num_visible)))
        for param in stage.params:
            self.add_param(param, param.get_value(borrow=True).shape)


class _Worker:
    """Trains any stage of a kind with functions that are compiled once."""

    def __init__(
        self,
        stage: Any,
        updates: str | Callable[..., Any],
        update_options: Mapping[str, Any] | None,
        backend: str,
        options: Mapping[str, Any],
    ) -> None:
        self.twin = stage.twin()
        self.rate = pytensor.shared(number(0.0), name="learning_rate")
        x = pt.matrix("x")
        cost, changes = self.twin.get_cost_updates(
            x, self.rate, updates=updates, update_options=update_options, **options
        )
        params = self.twin.params
        self.compiled = Compiled([x], {"loss": cost}, {}, changes, params, backend)
        self._first = {v: v.get_value() for v in changes if v not in params}
        self._code = [x], self.twin.get_hidden_values(x)
        self._encode: Any = None

    def load(self, stage: Any) -> None:
        """Take a stage's parameters over, and let the update rule start anew."""
        for mine, its in zip(self.twin.params, stage.params, strict=True):
            mine.set_value(its.get_value(borrow=True))
        for variable, value in self._first.items():
            variable.set_value(value)

    def store(self, stage: Any) -> None:
        """Give the parameters to the stage."""
        for mine, its in zip(self.twin.params, stage.params, strict=True):
            its.set_value(np.asarray(mine.get_value(borrow=True)))

    def transform(self, x: np.ndarray, batch_size: int) -> np.ndarray:
        """Encode all of the data."""
        if self._encode is None:
            mode = get_mode(self.compiled.backend)
            self._encode = pytensor.function(*self._code, mode=mode, name="encode")
        result = np.empty((len(x), self.twin.num_units), dtype=pytensor.config.floatX)
        start = 0
        for (batch,) in ArrayBatches((x,), batch_size).epoch():
            result[start : start + len(batch)] = self._encode(batch)
            start += len(batch)
        return result


def _rows(x: Any, stage: Any) -> np.ndarray:
    array, num_visible = as_array(x), stage.num_visible
    if array.ndim < 2 or int(np.prod(array.shape[1:])) != num_visible:
        raise DataError(
            f"the data have shape {array.shape}, but the first layer has {num_visible} inputs. "
            f"Give an array of shape (samples, {num_visible})."
        )
    if stage.binary and array.size and not (array.min() >= 0 and array.max() <= 1):
        raise DataError(
            f"the data reach from {array.min():g} to {array.max():g}, but sigmoid units can only "
            "restore values from 0 to 1. Scale the data, or give autoencoders another "
            "visible_nonlinearity."
        )
    return array.reshape(len(array), num_visible)


def pretrain(
    stages: Sequence[Any],
    x: Any,
    *,
    epochs: int | Sequence[int] = 15,
    batch_size: int = 128,
    updates: str | Callable[..., Any] = "sgd",
    learning_rate: float | Sequence[float] = 0.1,
    update_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    backend: str = "numba",
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Iterator[LayerRecord]:
    """Train autoencoders or Boltzmann machines that stand on each other.

    As soon as a layer is finished the data are encoded by it, once, and the next layer is trained
    on the result. Layers of the same sizes share their compiled functions.

    Parameters
    ----------
    stages : sequence of DenoisingAutoencoder or RBM
        The layers, the first one first.
    x : array or shared variable
        ``(samples, ...)``; of the values of an image from 0 to 1.
    epochs : int or sequence of int
        How many epochs for each layer. Default: 15.
    batch_size : int
        Samples in a batch. Default: 128.
    updates : str or callable
        A registered update rule, or a function of ``(loss_or_grads, params, ...)``.
        Default: ``"sgd"``.
    learning_rate : float or sequence of float
        For each layer. Default: 0.1.
    update_options : dict, optional
        More arguments of the rule.
    seed : int
        Of the order of the samples. Default: 0.
    backend : str
        ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.
    checkpoint : path, optional
        A folder, which gets one file for each layer, written after every epoch.
    resume : bool
        Go on from `checkpoint`, at the layer and the epoch that were reached, or start if there
        is nothing. Layers that were not reached begin with the values that they have, so the
        stack is to be built from the same seed as before. Default: False.
    progress : Progress, optional
        Is told of every batch; the epochs of all layers are counted together.
    **options
        More arguments of the layers' ``get_cost_updates``.

    Returns
    -------
    iterator of LayerRecord
        One record for each epoch of each layer.

    Raises
    ------
    nncore.errors.DataError
        If the data do not fit.
    ValueError
        If a setting has not one value for each layer, or `resume` has no `checkpoint`.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models.sda import RBM, DenoisingAutoencoder, pretrain
    >>> stages = [DenoisingAutoencoder(6, 4), RBM(4, 3)]
    >>> x = np.tile(np.eye(6, dtype="float32"), (4, 1))
    >>> [record.layer for record in pretrain(stages, x, epochs=2, backend="python")]
    [1, 1, 2, 2]
    """
    count = len(stages)
    lengths = per_layer("epochs", epochs, count)
    rates = per_layer("learning_rate", learning_rate, count)
    if resume and checkpoint is None:
        raise ValueError("resume=True needs checkpoint=, the folder to go on from")
    rows = _rows(x, stages[0])
    folder = None if checkpoint is None else Path(checkpoint)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)

    # Now and not when a layer is reached, so that what is drawn in between changes nothing.
    workers: dict[Any, _Worker] = {}
    for stage in stages:
        if stage.kind not in workers:
            workers[stage.kind] = _Worker(stage, updates, update_options, backend, options)

    def run() -> Iterator[LayerRecord]:
        data = rows
        try:
            for position, stage in enumerate(stages):
                worker = workers[stage.kind]
                worker.load(stage)
                step = worker.compiled.step
                before = sum(lengths[:position])
                path = None if folder is None else folder / f"layer-{position + 1}.safetensors"
                records: Any = train(
                    _Parameters(worker.twin),
                    (data,),
                    epochs=lengths[position],
                    batch_size=batch_size,
                    seed=seed + position,
                    checkpoint=path,
                    resume=resume,
                    progress=_Continued(progress, before, sum(lengths)) if progress else None,
                    step=step,
                    compiled=worker.compiled,
                )
                # A checkpoint holds these too; what the caller says now counts.
                worker.rate.set_value(number(rates[position]))
                if getattr(stage, "corruption", None) is not None:
                    worker.twin.set_corruption(float(stage.corruption.get_value()))
                worker.store(stage)
                with contextlib.closing(records):
                    for record in records:
                        worker.store(stage)
                        fields = {
                            f.name: getattr(record, f.name) for f in dataclasses.fields(record)
                        }
                        yield LayerRecord(**fields, layer=position + 1)
                        if record.interrupted:
                            return
                if position + 1 < count:
                    data = worker.transform(data, batch_size)
        finally:
            if progress is not None:
                progress.close()

    return run()
