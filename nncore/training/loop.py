"""The training loop: a generator that yields one record for each epoch."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pytensor.tensor.variable import TensorVariable

from nncore.backends.threads import one_pool
from nncore.errors import DataError, TrainingDiverged
from nncore.layers.helper import get_all_params
from nncore.training.batches import ArrayBatches, IterableBatches, as_batches
from nncore.training.functions import Compiled, check_data, compile_network
from nncore.training.records import EpochRecord
from nncore.training.state import TrainingState, to_host

__all__ = ["Progress", "train"]

#: How many batches may be under way on a device before their losses are looked at.
_IN_FLIGHT = 16


class Progress(Protocol):
    """What follows a training while it goes on."""

    def begin(
        self, epoch: int, epochs: int | None, batches: int | None, samples: int | None
    ) -> None:
        """An epoch starts, of so many batches and samples, if that is known."""

    def batch(self, done: int, samples_done: int, values: dict[str, float]) -> None:
        """So many batches and samples of the epoch are done; `values` are the means so far."""

    def end(self, record: EpochRecord) -> None:
        """An epoch ended."""

    def close(self) -> None:
        """Training ended."""


class _Interrupt:
    """Turns the first Ctrl-C into a flag, so that a batch is not torn apart; a second one acts."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: Any = None
        self._installed = False

    def __enter__(self) -> _Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.getsignal(signal.SIGINT)
            if self._previous is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._handle)
                self._installed = True
        return self

    def _handle(self, number: int, frame: Any) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(self, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._previous)
            self._installed = False


class _Means:
    """Means over the samples of an epoch, from values that a device may still be computing."""

    def __init__(self, epoch: int, total: int | None, in_flight: int) -> None:
        self.epoch = epoch
        self.total = total
        self.in_flight = in_flight
        self.samples = 0
        self.batches = 0
        self._counted = 0
        self._sums: dict[str, float] = {}
        self._pending: list[tuple[int, int, dict[str, Any]]] = []

    def add(self, count: int, values: Mapping[str, Any]) -> None:
        self.samples += count
        self.batches += 1
        self._pending.append((self.batches, count, dict(values)))
        if len(self._pending) > self.in_flight:
            self.flush(keep=self.in_flight // 2)

    def flush(self, keep: int = 0) -> None:
        while len(self._pending) > keep:
            number, count, values = self._pending.pop(0)
            for name, value in values.items():
                number_value = float(value)
                if name == "loss" and not math.isfinite(number_value):
                    of = f" of {self.total}" if self.total else ""
                    raise TrainingDiverged(
                        f"the loss became {number_value} in epoch {self.epoch}, at batch "
                        f"{number}{of}."
                    )
                self._sums[name] = self._sums.get(name, 0.0) + number_value * count
            self._counted += count

    def values(self) -> dict[str, float]:
        return {name: total / max(1, self._counted) for name, total in self._sums.items()}


def _as_values(result: Any) -> dict[str, Any]:
    """What a step returned, by name; a step of one's own may return just the loss."""
    if isinstance(result, Mapping):
        return dict(result)
    if result is None:
        return {}
    if isinstance(result, list | tuple):
        return {"loss": result[0]} if result else {}
    return {"loss": result}


def _length(batches: ArrayBatches | IterableBatches) -> int | None:
    try:
        return len(batches)
    except TypeError:
        return None


def _first_arrays(batches: ArrayBatches | IterableBatches) -> tuple[Any, ...] | None:
    return batches.arrays if isinstance(batches, ArrayBatches) else None


def run_evaluation(
    function: Callable[..., Any], batches: ArrayBatches | IterableBatches
) -> dict[str, float]:
    """Means of a function's values over all samples."""
    means = _Means(0, None, _IN_FLIGHT)
    with one_pool(function):
        for batch in batches.epoch():
            values = _as_values(function(*batch))
            # Under another name than "loss", so that a bad value is reported and not raised.
            means.add(len(batch[0]), {f"={name}": value for name, value in values.items()})
        means.flush()
    return {name.removeprefix("="): value for name, value in means.values().items()}


class _Loop:
    """One training, from its first epoch to the return of the best parameters."""

    def __init__(
        self,
        step: Callable[..., Any],
        evaluate: Callable[..., Any] | None,
        train: ArrayBatches | IterableBatches,
        validation: ArrayBatches | IterableBatches | None,
        state: TrainingState,
        *,
        epochs: int | None,
        best: str,
        patience: int | None,
        seed: int,
        checkpoint: Path | None,
        progress: Progress | None,
        choices: dict[str, Any],
        in_flight: int,
    ) -> None:
        self.step = step
        self.evaluate = evaluate
        self.train = train
        self.validation = validation
        self.state = state
        self.epochs = epochs
        self.best = best
        self.patience = patience
        self.seed = seed
        self.checkpoint = checkpoint
        self.progress = progress
        self.choices = choices
        self.in_flight = in_flight
        self.history: list[EpochRecord] = []
        self.best_score = math.inf
        self.best_epoch = 0
        self.best_values: list[Any] | None = None

    def resume(self) -> None:
        assert self.checkpoint is not None
        progress, best = self.state.load(self.checkpoint, self.choices)
        self.history = [EpochRecord.from_dict(record) for record in progress["history"]]
        self.best_epoch = progress["best_epoch"]
        if progress["best_score"] is not None:
            self.best_score = progress["best_score"]
        if self.best_epoch:
            self.best_values = best if best is not None else self.state.parameters()

    def save(self) -> None:
        if self.checkpoint is None:
            return
        current = self.best_epoch == len(self.history)
        self.state.save(
            self.checkpoint,
            None if current else self.best_values,
            self.choices,
            {
                "history": [record.as_dict() for record in self.history],
                "best_epoch": self.best_epoch,
                "best_score": self.best_score if math.isfinite(self.best_score) else None,
            },
        )

    def score(self, record: EpochRecord) -> float:
        """What the best epoch has least of."""
        values = record.validation or record.train
        if self.best not in values:
            raise ValueError(
                f"best={self.best!r} is not among the values of an epoch: {', '.join(values)}."
            )
        sign = -1.0 if "accuracy" in self.best else 1.0
        return sign * values[self.best]

    def finished(self) -> bool:
        done = len(self.history)
        if self.epochs is not None and done >= self.epochs:
            return True
        return self.patience is not None and done - self.best_epoch >= self.patience > 0

    def epoch(self, number: int, interrupt: _Interrupt) -> EpochRecord:
        started = time.perf_counter()
        total = _length(self.train)
        if self.progress:
            self.progress.begin(number, self.epochs, total, self.train.samples)
        means = _Means(number, total, self.in_flight)
        first_samples, first_done = 0, started
        # The order of an epoch depends on nothing but the seed and the epoch's number.
        for batch in self.train.epoch(np.random.default_rng([self.seed, number])):
            means.add(len(batch[0]), _as_values(self.step(*batch)))
            if means.batches == 1 and total != 1:
                # The first batch may have had to wait for the compiler.
                first_samples, first_done = means.samples, time.perf_counter()
            if self.progress:
                self.progress.batch(means.batches, means.samples, means.values())
            if interrupt.requested:
                break
        means.flush()
        trained = time.perf_counter() - first_done
        validation: dict[str, float] = {}
        if self.validation is not None and self.evaluate is not None and not interrupt.requested:
            validation = run_evaluation(self.evaluate, self.validation)
        return EpochRecord(
            epoch=number,
            train=means.values(),
            validation=validation,
            seconds=time.perf_counter() - started,
            samples_per_second=(means.samples - first_samples) / max(trained, 1e-9),
            is_best=False,
            interrupted=interrupt.requested,
        )

    def finish(self) -> None:
        """Put the best parameters into the network, and everything back into host memory."""
        to_host(self.state.variables)
        if self.validation is not None and self.best_values is not None:
            self.state.set_parameters(self.best_values)
        if self.progress:
            self.progress.close()

    def run(self) -> Iterator[EpochRecord]:
        import dataclasses

        try:
            while not self.finished():
                with _Interrupt() as interrupt, one_pool(self.step):
                    try:
                        record = self.epoch(len(self.history) + 1, interrupt)
                    except TrainingDiverged as error:
                        raise TrainingDiverged(f"{error} {self._after_divergence()}") from None
                    if not record.interrupted:
                        score = self.score(record)
                        better = score < self.best_score
                        record = dataclasses.replace(record, is_best=better)
                        self.history.append(record)
                        if better:
                            self.best_score, self.best_epoch = score, record.epoch
                            self.best_values = self.state.parameters()
                        self.save()
                if self.progress:
                    self.progress.end(record)
                yield record
                if record.interrupted:
                    return
        finally:
            self.finish()

    def _after_divergence(self) -> str:
        kept = (
            f"The parameters of epoch {self.best_epoch}, the best so far, are kept"
            if self.best_epoch
            else "No epoch had been completed"
        )
        if self.best_values is not None:
            self.state.set_parameters(self.best_values)
        if self.checkpoint is not None and self.history:
            kept += f", and {self.checkpoint} holds epoch {len(self.history)}"
        return f"{kept}. Try a lower learning rate, or look for extreme values in the data."


def train(
    network: Any,
    train: Any,
    validation: Any = None,
    *,
    epochs: int | None = 10,
    batch_size: int = 128,
    objective: str | Callable[..., Any] = "categorical_crossentropy",
    updates: str | Callable[..., Any] = "adam",
    learning_rate: Any = None,
    update_options: Mapping[str, Any] | None = None,
    penalty: TensorVariable | None = None,
    monitors: Iterable[Any] = ("accuracy",),
    best: str = "loss",
    patience: int | None = None,
    seed: int = 0,
    backend: str = "numba",
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    step: Callable[..., Any] | None = None,
    compiled: Compiled | None = None,
) -> Iterator[EpochRecord]:
    """Train a network, one epoch for each item that is taken from the result.

    Parameters
    ----------
    network : Layer
        The output layer.
    train, validation : pair of array, object with ``x`` and ``y``, iterable of batches, or callable
        The data. Arrays have a row for each sample and may be memory-mapped; a callable returns a
        new iterable of batches for each epoch.
    epochs : int or None
        How many epochs to make in all; None goes on until the consumer or `patience` stops.
        Default: 10.
    batch_size : int
        Samples in a batch of arrays. Default: 128.
    objective : str or callable
        A registered objective, or a function of predictions and targets.
        Default: ``"categorical_crossentropy"``.
    updates : str or callable
        A registered update rule, or a function of ``(loss, params, ...)``. Default: ``"adam"``.
    learning_rate : float or expression, optional
        Default: the rule's own, or 0.01 if it has none.
    update_options : dict, optional
        More arguments of the rule.
    penalty : expression, optional
        A scalar that is added to the training loss, for example
        ``1e-4 * nncore.regularization.regularize_network_params(network, l2)``.
    monitors : iterable of str or (str, callable)
        What to report beside the loss: ``"accuracy"``, the name of an objective, or a name with a
        function of predictions and targets. Default: ``("accuracy",)``.
    best : str
        The value by which epochs are compared, of the validation data if there are any: more is
        better for an accuracy, less for everything else. Default: ``"loss"``.
    patience : int, optional
        Stop after this many epochs without a better one. Default: never.
    seed : int
        Of the order of the samples. The layers' own random streams were seeded when they were
        built, from :func:`nncore.random.get_rng`. Default: 0.
    backend : str
        ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.
    checkpoint : path, optional
        A .safetensors file that is written after every epoch, whole or not at all.
    resume : bool
        Go on from `checkpoint`, bit for bit as if training had never stopped (on the Numba
        backend), or start if there is no such file. Default: False.
    progress : Progress, optional
        Is told of every batch.
    step : callable, optional
        A training step of your own: called with the arrays of a batch, it returns the loss or a
        dictionary with ``"loss"``. `objective` is then used for the validation only, and the
        update arguments are not used.
    compiled : Compiled, optional
        What :func:`compile_network` returned for this network, so that several trainings share
        their functions and the state of the optimizer. The arguments that it was called with are
        then not used here.

    Returns
    -------
    iterator of EpochRecord
        When it ends, by `epochs`, `patience`, Ctrl-C or being closed, the network has its best
        parameters if there are validation data, and else its last.

    Raises
    ------
    nncore.errors.NNCoreError
        For bad data, unknown names, an unavailable implementation, or a checkpoint of something
        else. While iterating, :class:`~nncore.errors.TrainingDiverged` when the loss is not
        finite.

    Examples
    --------
    >>> import numpy as np, nncore
    >>> from nncore import layers
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(64, 2)).astype("float32")
    >>> y = (x[:, 0] > 0).astype("int32")
    >>> net = layers.DenseLayer(
    ...     layers.InputLayer((None, 2)), 2, nonlinearity=nncore.nonlinearities.softmax
    ... )
    >>> records = list(nncore.training.train(
    ...     net, (x, y), epochs=5, batch_size=16, learning_rate=0.1, backend="python"
    ... ))
    >>> records[-1].train["loss"] < records[0].train["loss"]
    True
    """
    if epochs is not None and (not isinstance(epochs, int) or epochs < 0):
        raise ValueError(f"epochs must be a whole number of at least 0, or None, not {epochs!r}")
    if patience is not None and (not isinstance(patience, int) or patience < 1):
        raise ValueError(
            f"patience must be a whole number of at least 1, or None, not {patience!r}"
        )
    if resume and checkpoint is None:
        raise ValueError("resume=True needs checkpoint=, the file to go on from")

    batches = as_batches(train, batch_size, "the training data")
    checks = None
    if validation is not None:
        checks = as_batches(validation, batch_size, "the validation data")
    for data in (batches, checks):
        arrays = _first_arrays(data) if data is not None else None
        if arrays is not None:
            check_data(network, arrays)
            if step is None and len(arrays) < 2:
                raise DataError("training needs targets: give a pair (x, y).")

    if compiled is None:
        compiled = compile_network(
            network,
            objective,
            updates,
            learning_rate,
            update_options,
            penalty,
            monitors,
            backend,
        )
    own = step is not None
    run_step: Any = step if own else compiled.step
    path = Path(checkpoint) if checkpoint is not None else None
    loop = _Loop(
        run_step,
        compiled.evaluate if checks is not None else None,
        batches,
        checks,
        TrainingState(run_step, get_all_params(network)),
        epochs=epochs,
        best=best,
        patience=patience,
        seed=seed,
        checkpoint=path,
        progress=progress,
        choices={"seed": seed, "batch_size": batch_size, "backend": compiled.backend, "best": best},
        in_flight=_IN_FLIGHT if compiled.backend == "jax" and not own else 0,
    )
    if resume and path is not None and path.exists():
        loop.resume()
    return loop.run()
