"""The multilayer perceptron with momentum on two Gaussians, the classical Theano tutorial."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

import nncore.random
from nncore import layers, nonlinearities, reporting
from nncore.reproductions.base import Context, Reproduction, Result, follow
from nncore.training import evaluate, predict, train

__all__ = ["BAYES_ERROR", "TWO_GAUSSIANS", "draw"]

#: The means of the classes are at minus and plus this, and the variances are 1.
MEAN = (1.0, 1.0)

#: The least error that any classifier can have: half the mass beyond the middle of the means.
BAYES_ERROR = 0.5 * math.erfc(math.hypot(*MEAN) / math.sqrt(2))

#: How many percentage points above the least error are allowed.
MARGIN = 0.5


def draw(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the two classes.

    Parameters
    ----------
    count : int
        How many.
    rng : numpy.random.Generator
        Where they come from.

    Returns
    -------
    points, labels : numpy.ndarray
        ``(count, 2)``, float32, and ``(count,)``, int32.

    Examples
    --------
    >>> import numpy as np
    >>> points, labels = draw(10_000, np.random.default_rng(0))
    >>> (points[labels == 1].mean(axis=0).round() == MEAN).all()
    np.True_
    """
    labels = rng.integers(0, 2, count).astype("int32")
    points = rng.normal(size=(count, 2)) + np.where(labels[:, None] == 1, MEAN, np.negative(MEAN))
    return points.astype("float32"), labels


def run(context: Context) -> Result:
    """Train a perceptron of one hidden layer by gradient descent with momentum.

    Parameters
    ----------
    context : Context
        The quick version has fewer points and epochs.

    Returns
    -------
    Result
        The share of 100,000 new points that are taken for the wrong class.
    """
    count, epochs = (1_000, 20) if context.quick else (4_000, 60)
    rng = np.random.default_rng(context.seed)
    sets = [draw(size, rng) for size in (count, count, 100_000)]
    nncore.random.set_rng(context.seed)
    network = layers.DenseLayer(
        layers.DenseLayer(
            layers.InputLayer((None, 2)), 8, nonlinearity=nonlinearities.tanh, name="hidden"
        ),
        2,
        nonlinearity=nonlinearities.softmax,
        name="output",
    )
    history = follow(
        train(
            network,
            sets[0],
            sets[1],
            epochs=epochs,
            batch_size=50,
            updates="momentum",
            learning_rate=0.01,
            update_options={"momentum": 0.9},
            seed=context.seed,
            progress=context.progress("training", "points"),
        )
    )
    result = evaluate(network, sets[2], batch_size=10_000)
    span = np.linspace(-5, 5, 201)
    grid = np.stack(np.meshgrid(span, span), axis=-1).reshape(-1, 2).astype("float32")
    probability = predict(network, grid, batch_size=len(grid))[:, 1].reshape(201, 201)
    return Result(
        measure="test error (%)",
        target=round(100 * BAYES_ERROR + (2 * MARGIN if context.quick else MARGIN), 2),
        reached=round(100 * (1 - result["accuracy"]), 2),
        settings={
            "Data": f"two Gaussians of variance 1 around -(1, 1) and (1, 1): {count:,} training, "
            f"{count:,} validation, 100,000 test points",
            "Network": "2-8-2, tanh units",
            "Training": f"{epochs} epochs, momentum 0.9, learning rate 0.01",
            "Batches of": "50 points",
        },
        numbers={"least possible error (%)": round(100 * BAYES_ERROR, 2)},
        history=history,
        pictures={
            "decision-surface": reporting.Picture(
                "Decision surface",
                partial(_surface, span, probability, sets[0][0][:500], sets[0][1][:500]),
                "The probability that the network gives to the second class, and some of the "
                "points that it was trained on. The line is where it changes its mind; the best "
                "one runs straight from the upper left to the lower right.",
            ),
        },
        network=network,
        unit="points",
    )


def _surface(
    span: np.ndarray, probability: np.ndarray, points: np.ndarray, labels: np.ndarray, theme: str
) -> bytes:
    def paint(axes: Any, look: Any) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        colors = LinearSegmentedColormap.from_list(
            "classes", [look.first, look.background, look.second]
        )
        axes.contourf(span, span, probability, levels=21, cmap=colors, alpha=0.6)
        axes.contour(span, span, probability, levels=[0.5], colors=[look.ink], linewidths=1.2)
        for label, color in ((0, look.first), (1, look.second)):
            axes.scatter(*points[labels == label].T, s=6, color=color, label=f"class {label}")
        axes.set_aspect("equal")
        axes.legend(loc="upper left", fontsize=9, labelcolor=look.ink, frameon=False)

    return reporting.draw(paint, 5.6, 5.0, theme)


TWO_GAUSSIANS = Reproduction(
    "mlp-tutorial",
    "A multilayer perceptron with momentum on two Gaussians",
    "The classical Theano tutorial. The least possible error follows from the distributions.",
    run,
)
