"""The training loop: a generator that yields one record for each epoch."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pytensor.tensor.variable import TensorVariable

from nncore.backends.threads import one_pool
from nncore.errors import TrainingDiverged
from nncore.layers.helper import get_all_params
from nncore.regularization import Regularizer
from nncore.training._interrupt import Interrupt
from nncore.training._means import IN_FLIGHT, Means, as_values, run_evaluation
from nncore.training.batches import ArrayBatches, IterableBatches, as_batches
from nncore.training.functions import Compiled, check_count, check_data, compile_network
from nncore.training.gradients import GradientLimits
from nncore.training.plateau import ReduceOnPlateau, improves
from nncore.training.records import EpochRecord
from nncore.training.state import TrainingState, to_host

__all__ = ["Progress", "train"]


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


def _length(batches: ArrayBatches | IterableBatches) -> int | None:
    try:
        return len(batches)
    except TypeError:
        return None


def _first_arrays(batches: ArrayBatches | IterableBatches) -> tuple[Any, ...] | None:
    return batches.arrays if isinstance(batches, ArrayBatches) else None


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
        min_improvement: float,
        validate_every: int,
        plateau: ReduceOnPlateau | None,
        rate_scale: Any,
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
        self.min_improvement = min_improvement
        self.validate_every = validate_every
        self.plateau = plateau
        self.rate_scale = rate_scale
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

    def scored(self, record: EpochRecord) -> bool:
        """Whether an epoch can be the best: not if it was not validated though others are."""
        return bool(record.validation) or self.validation is None

    def finished(self) -> bool:
        if self.epochs is not None and len(self.history) >= self.epochs:
            return True
        if self.patience is None:
            return False
        since = sum(self.scored(record) for record in self.history[self.best_epoch :])
        return since >= self.patience

    def judge(self, record: EpochRecord) -> EpochRecord:
        """Take a finished epoch into the history, and keep its parameters if it is the best."""
        better = False
        if self.scored(record):
            score = self.score(record)
            better = improves(score, self.best_score, self.min_improvement)
            if better:
                self.best_score, self.best_epoch = score, record.epoch
                self.best_values = self.state.parameters()
        record = dataclasses.replace(record, is_best=better)
        self.history.append(record)
        if self.plateau is not None:
            scores = [self.score(one) for one in self.history if self.scored(one)]
            scale = np.asarray(self.plateau.scale(scores), dtype=self.rate_scale.type.dtype)
            self.rate_scale.set_value(scale)
        return record

    def epoch(self, number: int, interrupt: Interrupt) -> EpochRecord:
        started = time.perf_counter()
        total = _length(self.train)
        if self.progress:
            samples = self.train.samples if self.train.batches is None else None
            self.progress.begin(number, self.epochs, total, samples)
        means = Means(number, total, self.in_flight)
        first_samples, first_done = 0, started
        # The order of an epoch depends on nothing but the seed and the epoch's number.
        for batch in self.train.training(self.seed, number):
            means.add(len(batch[0]), as_values(self.step(*batch)))
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
        due = (number - 1) % self.validate_every == 0 or number == self.epochs
        if (
            due
            and self.validation is not None
            and self.evaluate is not None
            and not interrupt.requested
        ):
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
        try:
            while not self.finished():
                with Interrupt() as interrupt, one_pool(self.step):
                    try:
                        record = self.epoch(len(self.history) + 1, interrupt)
                    except TrainingDiverged as error:
                        raise TrainingDiverged(f"{error} {self._after_divergence()}") from None
                    if not record.interrupted:
                        record = self.judge(record)
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
    objective: Any = "categorical_crossentropy",
    updates: str | Callable[..., Any] = "adam",
    learning_rate: Any = None,
    update_options: Mapping[str, Any] | None = None,
    penalty: TensorVariable | None = None,
    monitors: Any = ("accuracy",),
    best: str = "loss",
    patience: int | None = None,
    seed: int = 0,
    backend: str = "numba",
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    step: Callable[..., Any] | None = None,
    compiled: Compiled | None = None,
    regularizers: Iterable[Regularizer] = (),
    weighted: bool | int = False,
    min_improvement: float = 0.0,
    validate_every: int = 1,
    train_batches: int | None = None,
    valid_batches: int | None = None,
    chunk_batches: int | None = None,
    reduce_on_plateau: ReduceOnPlateau | None = None,
    max_gradient_elem: float | None = None,
    max_gradient_norm: float | None = None,
    max_gradient_total_norm: float | None = None,
    monitor_gradients: bool = False,
) -> Iterator[EpochRecord]:
    """Train a network, one epoch for each item that is taken from the result.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer, or several.
    train, validation : tuple of array, object with ``x`` and ``y``, iterable, or callable
        The data: the network's inputs, then the targets of each loss, each followed by weights if
        it is weighted. Arrays have a row for each sample and may be memory-mapped; a callable
        returns a new iterable of batches for each epoch, or a batch each time it is called.
    epochs : int or None
        How many epochs to make in all; None goes on until the consumer or `patience` stops.
        Default: 10.
    batch_size : int
        Samples in a batch of arrays. Default: 128.
    objective : str, callable, Loss, or sequence of these
        A registered objective, a function of predictions and targets, or terms of a sum, with
        outputs, targets and weights of their own (see :class:`nncore.objectives.Loss`).
        Default: ``"categorical_crossentropy"``.
    updates : str or callable
        A registered update rule, or a function of ``(loss, params, ...)``. Default: ``"adam"``.
    learning_rate : float, expression or Schedule, optional
        A schedule, such as :func:`nncore.updates.cosine_schedule`, counts batches.
        Default: the rule's own, or 0.01 if it has none.
    update_options : dict, optional
        More arguments of the rule.
    penalty : expression, optional
        A scalar that is added to the training loss, for example
        ``1e-4 * nncore.regularization.regularize_network_params(network, l2)``.
    monitors : iterable or dict
        What to report beside the loss: ``"accuracy"``, ``"err"`` (the loss without penalties), the
        name of an objective, a name with a function of predictions and targets or with an
        expression, or a pattern with levels, as in ``{"hid*": [0.1, 0.9]}``: the fraction of
        outputs below each level. See :class:`nncore.training.monitors.Monitors`.
        Default: ``("accuracy",)``.
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
    regularizers : iterable of Regularizer
        What is added to the training loss, or makes outputs noisy while training; see
        :func:`nncore.regularization.from_kwargs`.
    weighted : bool or int
        Whether the data have weights of the samples after the targets; a number says how many axes
        they have. Default: False.
    min_improvement : float
        By which fraction of its size the best value must fall for an epoch to be the new best, and
        for patience to begin anew. Default: 0.
    validate_every : int
        In which epochs to validate: the first, every so many after it, and the last if `epochs` is
        given. `patience` counts validations. Default: 1.
    train_batches, valid_batches : int, optional
        How many batches make an epoch, and a validation, which takes the first ones. Default: as
        many as the data have.
    chunk_batches : int, optional
        How many batches to put on the device at once, for data that do not fit into its memory as
        a whole: a batch is then a slice of what is there already. Default: each batch by itself.
    reduce_on_plateau : ReduceOnPlateau, optional
        When to reduce the learning rate. Default: never.
    max_gradient_elem, max_gradient_norm, max_gradient_total_norm : float, optional
        Limits on the elements of gradients, on the norm of the gradient by each parameter, and on
        the norm of all gradients together, which act in this order. Default: none.
    monitor_gradients : bool
        Whether to report the norm of the gradient by each parameter, before the limits, as
        ``grad(hid1.W)``. Default: False.

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
    for name, number in (
        ("validate_every", validate_every),
        ("train_batches", train_batches),
        ("valid_batches", valid_batches),
        ("chunk_batches", chunk_batches),
    ):
        if number is not None and (not isinstance(number, int) or number < 1):
            raise ValueError(f"{name} must be a whole number of at least 1, not {number!r}")
    if min_improvement < 0:
        raise ValueError(f"min_improvement must be at least 0, not {min_improvement!r}")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs checkpoint=, the file to go on from")
    own = step is not None
    if own and reduce_on_plateau is not None:
        raise ValueError("reduce_on_plateau cannot change the rate of a step of your own.")

    if compiled is not None:
        backend = compiled.backend
    on_jax = backend == "jax" and not own
    batches = as_batches(
        train,
        batch_size,
        "the training data",
        train_batches,
        chunk_batches,
        _placing() if on_jax and chunk_batches is not None else None,
    )
    checks = None
    if validation is not None:
        checks = as_batches(validation, batch_size, "the validation data", valid_batches)
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
            regularizers=regularizers,
            weighted=weighted,
            limits=GradientLimits(max_gradient_elem, max_gradient_norm, max_gradient_total_norm)
            or None,
            monitor_gradients=monitor_gradients,
            scaled_rate=reduce_on_plateau is not None,
        )
    if reduce_on_plateau is not None and compiled.rate_scale is None:
        raise ValueError(
            "reduce_on_plateau needs functions that were compiled with scaled_rate=True."
        )
    for data in (batches, checks):
        arrays = _first_arrays(data) if data is not None else None
        if arrays is not None:
            check_data(network, arrays)
            if not own:
                check_count(arrays, compiled.inputs)

    run_step: Any = step if own else compiled.step
    if on_jax and chunk_batches is not None:
        # What is on the device already must not come back to be looked at.
        run_step.function.trust_input = True
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
        min_improvement=min_improvement,
        validate_every=validate_every,
        plateau=reduce_on_plateau,
        rate_scale=compiled.rate_scale,
        seed=seed,
        checkpoint=path,
        progress=progress,
        choices={
            "seed": seed,
            "batch_size": batch_size,
            "backend": compiled.backend,
            "best": best,
            # Absent from checkpoints of trainings that went through all data in every epoch.
            "train_batches": train_batches,
        },
        in_flight=IN_FLIGHT if compiled.backend == "jax" and not own else 0,
    )
    if resume and path is not None and path.exists():
        loop.resume()
    return loop.run()


def _placing() -> Callable[[Any], Any]:
    import jax

    return jax.device_put
