"""A deep autoencoder with a narrow code, beside principal components."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import nncore.random
from nncore import layers, nonlinearities, reporting
from nncore.reproductions.base import Context, Reproduction, Result, Schedule, follow, images
from nncore.training import predict, train

__all__ = ["DEEP_AUTOENCODER", "pca_error"]


@dataclass(frozen=True)
class _Plan:
    """What is trained how; one for each of the three versions."""

    target: float
    samples: int | None
    units: tuple[int, ...]
    batch_size: int
    epochs: int
    rate: float = 1e-3


# Squared error of a test image, summed over its pixels.
_FULL = _Plan(6.0, None, (500, 250, 30), 250, 20)
_QUICK = _Plan(12.0, 10_000, (256, 128, 30), 100, 20)
_DIGITS = _Plan(1.4, None, (128, 64, 8), 32, 60)


def pca_error(train: np.ndarray, test: np.ndarray, components: int) -> float:
    """Measure what is lost when images are written as sums of principal components.

    Parameters
    ----------
    train, test : numpy.ndarray
        ``(samples, pixels)``.
    components : int
        How many are kept; they come from the training images.

    Returns
    -------
    float
        The squared error of a test image, summed over its pixels.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0.0, 0], [2, 0], [4, 1], [6, -1]])
    >>> pca_error(points, points, 2) < 1e-9 < pca_error(points, points, 1)
    True
    """
    mean = train.mean(axis=0, dtype=np.float64)
    centred = train - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    kept = vectors[:, -components:]
    rest = test - mean
    return float(np.square(rest - rest @ kept @ kept.T).sum(axis=1).mean())


def run(context: Context) -> Result:
    """Train an autoencoder by the cross-entropy of its pixels, and measure its squared error.

    Parameters
    ----------
    context : Context
        Without MNIST it takes scikit-learn's digits.

    Returns
    -------
    Result
        The squared error of a test image.
    """
    plan = _DIGITS if context.data_dir is None else _QUICK if context.quick else _FULL
    data = images(context)
    x, validation, test = (
        part.x.reshape(len(part), -1) for part in (data.train, data.validation, data.test)
    )
    x = x[: plan.samples]
    nncore.random.set_rng(context.seed)
    network = _network(x.shape[1], plan.units)
    schedule = Schedule(plan.rate, plan.epochs)
    history = follow(
        train(
            network,
            (x, x),
            (validation, validation),
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            objective="binary_crossentropy",
            updates="adam",
            learning_rate=schedule.rate,
            monitors=("squared_error",),
            seed=context.seed,
            progress=context.progress("training", "images"),
        ),
        schedule,
    )
    restored = predict(network, test, batch_size=500)
    error = float(np.square(restored - test).sum(axis=1).mean())
    sizes = "-".join(str(n) for n in (x.shape[1], *plan.units, *plan.units[-2::-1], x.shape[1]))
    shown = np.concatenate([test[:16], restored[:16]])
    weights = layers.get_all_params(network)[0].get_value()
    return Result(
        measure="squared error of a test image",
        target=plan.target,
        reached=round(error, 3),
        settings={
            "Data": f"{data.name}: {len(x):,} training, {len(validation):,} validation, "
            f"{len(test):,} test images",
            "Network": f"{sizes}, rectifiers, a linear code, sigmoid pixels",
            "Training": f"{plan.epochs} epochs, adam, learning rate {plan.rate:g} falling linearly "
            "to 0; cross-entropy of the pixels; no pretraining",
            "Batches of": f"{plan.batch_size} images",
        },
        numbers={
            f"the same with {plan.units[-1]} principal components": round(
                pca_error(x, test, plan.units[-1]), 3
            )
        },
        history=history,
        pictures={
            "reconstructions": reporting.Picture(
                "Test images and what the code keeps of them",
                partial(_tiles, shown.reshape(-1, *data.input_shape[1:])),
                "Above the images, below what the network restores.",
            ),
            "filters": reporting.Picture(
                "What the first layer looks for",
                partial(reporting.filters, weights, data.input_shape),
                "The weights of the first units as images.",
            ),
        },
        network=network,
    )


def _network(num_inputs: int, units: tuple[int, ...]) -> Any:
    network: Any = layers.InputLayer((None, num_inputs))
    for position, size in enumerate((*units, *units[-2::-1])):
        code = position == len(units) - 1
        network = layers.DenseLayer(
            network,
            size,
            nonlinearity=None if code else nonlinearities.rectify,
            name="code" if code else f"hidden{position + 1}",
        )
    return layers.DenseLayer(
        network, num_inputs, nonlinearity=nonlinearities.sigmoid, name="pixels"
    )


def _tiles(pictures: np.ndarray, theme: str) -> bytes:
    def paint(axes: Any, look: Any) -> None:
        half = len(pictures) // 2
        rows = [np.concatenate(list(part), axis=1) for part in (pictures[:half], pictures[half:])]
        cmap = "gray_r" if theme == "light" else "gray"
        axes.imshow(np.concatenate(rows), cmap=cmap, vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])

    return reporting.draw(paint, 8.2, 1.5, theme)


DEEP_AUTOENCODER = Reproduction(
    "deep-autoencoder",
    "A deep autoencoder with a code of 30 numbers",
    "Hinton and Salakhutdinov, Science 2006: 784-1000-500-250-30 on MNIST, a squared error of 3.00 "
    "for a test image against 13.87 with 30 principal components.",
    run,
    takes_data=True,
)
