"""The adding problem: a recurrent network that has to remember two numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import nncore.random
from nncore import layers, reporting
from nncore.reproductions.base import (
    Context,
    Reproduction,
    Result,
    Schedule,
    clipped_adam,
    follow,
)
from nncore.training import predict, train

__all__ = ["ADDITION", "CHANCE", "sequences"]

#: The squared error of the answer 1, the mean of all sums: the variance of two uniform numbers.
CHANCE = 1 / 6


@dataclass(frozen=True)
class _Plan:
    """What is trained how."""

    target: float
    length: int
    samples: int
    units: int
    epochs: int
    rate: float = 1e-2
    batch_size: int = 100


_FULL = _Plan(0.002, 50, 20_000, 32, 8)
_QUICK = _Plan(0.02, 15, 4_000, 32, 8)


def sequences(count: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw sequences of numbers, two of which are marked, and the sums of these two.

    Parameters
    ----------
    count : int
        How many.
    length : int
        Elements of a sequence; one is marked in each half.
    rng : numpy.random.Generator
        Where they come from.

    Returns
    -------
    x, sums : numpy.ndarray
        ``(count, length, 2)``, the numbers from 0 to 1 and the marks, and ``(count, 1)``, float32.

    Examples
    --------
    >>> import numpy as np
    >>> x, sums = sequences(3, 10, np.random.default_rng(0))
    >>> np.allclose((x[..., 0] * x[..., 1]).sum(axis=1), sums[:, 0])
    True
    """
    numbers = rng.random((count, length))
    marks = np.zeros((count, length))
    half = length // 2
    rows = np.arange(count)
    marks[rows, rng.integers(0, half, count)] = 1
    marks[rows, rng.integers(half, length, count)] = 1
    sums = (numbers * marks).sum(axis=1, keepdims=True)
    return np.stack([numbers, marks], axis=-1).astype("float32"), sums.astype("float32")


def run(context: Context) -> Result:
    """Train a layer of gated units to add.

    Parameters
    ----------
    context : Context
        The quick version has shorter sequences.

    Returns
    -------
    Result
        The mean squared error on new sequences.
    """
    plan = _QUICK if context.quick else _FULL
    rng = np.random.default_rng(context.seed)
    data, validation, test = (
        sequences(count, plan.length, rng) for count in (plan.samples, 2_000, 10_000)
    )
    nncore.random.set_rng(context.seed)
    gates = layers.GRULayer(
        layers.InputLayer((None, None, 2)),
        plan.units,
        only_return_final=True,
        name="gates",
    )
    network = layers.DenseLayer(gates, 1, nonlinearity=None, name="sum")
    schedule = Schedule(plan.rate, plan.epochs)
    history = follow(
        train(
            network,
            data,
            validation,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            objective="squared_error",
            updates=clipped_adam,
            learning_rate=schedule.rate,
            monitors=(),
            seed=context.seed,
            progress=context.progress("training", "sequences"),
        ),
        schedule,
    )
    answers = predict(network, test[0], batch_size=500)
    return Result(
        measure="squared error of a sum",
        target=plan.target,
        reached=float(f"{np.square(answers - test[1]).mean():.2g}"),
        settings={
            "Data": f"sequences of {plan.length} numbers, drawn anew: {plan.samples:,} training, "
            "2,000 validation, 10,000 test sequences",
            "Network": f"{plan.units} gated recurrent units, a linear unit on the last state",
            "Training": f"{plan.epochs} epochs, adam, learning rate {plan.rate:g} falling linearly "
            "to 0, norm of the gradients at most 1",
            "Batches of": f"{plan.batch_size} sequences",
        },
        numbers={"the same for the answer 1": round(CHANCE, 4)},
        history=history,
        pictures={
            "answers": reporting.Picture(
                "Sums and answers",
                partial(_scatter, test[1][:1000, 0], answers[:1000, 0]),
                "A thousand test sequences: the sum, and what the network says.",
            )
        },
        network=network,
        unit="sequences",
    )


def _scatter(sums: np.ndarray, answers: np.ndarray, theme: str) -> bytes:
    def paint(axes: Any, look: Any) -> None:
        axes.plot([0, 2], [0, 2], color=look.muted, linewidth=0.8)
        axes.scatter(sums, answers, s=4, color=look.first)
        axes.set_xlabel("Sum", color=look.muted, fontsize=9)
        axes.set_ylabel("Answer", color=look.muted, fontsize=9)
        axes.set_aspect("equal")

    return reporting.draw(paint, 5.0, 4.8, theme)


ADDITION = Reproduction(
    "recurrent-addition",
    "The adding problem",
    "Hochreiter and Schmidhuber, Neural Computation 1997: a recurrent network with gates solves it "
    "where the answer 1 has a squared error of 0.1667.",
    run,
)
