"""Stacked denoising autoencoders on MNIST, as in the Deep Learning Tutorials."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import nncore.random
from nncore import nonlinearities, reporting
from nncore.models.sda import LayerRecord, StackedDenoisingAutoencoder
from nncore.reproductions.base import (
    Context,
    Reproduction,
    ReproductionError,
    Result,
    Schedule,
    follow,
    images,
)
from nncore.training import evaluate, train

__all__ = ["SDA"]

#: Of the first, second and third layer.
CORRUPTION = (0.1, 0.2, 0.3)


@dataclass(frozen=True)
class _Plan:
    """What is trained how; one for each of the three versions."""

    target: float
    samples: int | None
    units: tuple[int, int, int]
    batch_size: int
    pretraining_epochs: int
    epochs: int
    pretraining_rate: float = 1e-3
    rate: float = 1e-3
    input_dropout: float = 0.2
    dropout: float = 0.2


_FULL = _Plan(1.3, None, (1000, 1000, 1000), 128, 6, 40, dropout=0.5)
_QUICK = _Plan(8.0, 6000, (256, 256, 256), 100, 3, 8)
_DIGITS = _Plan(6.0, None, (128, 128, 128), 32, 10, 30)


def run(context: Context) -> Result:
    """Pretrain layer by layer, train the classifier, and test it once.

    Parameters
    ----------
    context : Context
        The full version needs MNIST; the quick one takes scikit-learn's digits without it.

    Returns
    -------
    Result
        The share of the test images that are taken for a wrong digit.

    Raises
    ------
    ReproductionError
        If the full version has no MNIST.
    """
    if context.data_dir is None and not context.quick:
        raise ReproductionError(
            "sda is about MNIST: give --data-dir, the directory of its four IDX files, or --quick, "
            "which does with the digits of scikit-learn."
        )
    plan = _DIGITS if context.data_dir is None else _QUICK if context.quick else _FULL
    data = images(context)
    x, y = data.train.x[: plan.samples], data.train.y[: plan.samples]
    nncore.random.set_rng(context.seed)
    stack = StackedDenoisingAutoencoder(
        (None, *data.input_shape),
        plan.units,
        data.num_classes,
        CORRUPTION,
        nonlinearity=nonlinearities.rectify,
        input_dropout=plan.input_dropout,
        dropout=plan.dropout,
    )
    began = time.perf_counter()
    layers = follow(
        stack.pretrain(
            x,
            epochs=plan.pretraining_epochs,
            batch_size=plan.batch_size,
            updates="adam",
            learning_rate=plan.pretraining_rate,
            seed=context.seed,
            progress=context.progress("pretraining, layer by layer", "images"),
        )
    )
    pretrained = time.perf_counter()
    filters = stack.hidden_layers[0].W.get_value()
    schedule = Schedule(plan.rate, plan.epochs)
    history = follow(
        train(
            stack.network,
            (x, y),
            data.validation,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            updates="adam",
            learning_rate=schedule.rate,
            best="accuracy",
            seed=context.seed,
            progress=context.progress("fine-tuning", "images"),
        ),
        schedule,
    )
    finished = time.perf_counter()
    best = max(history, key=lambda record: record.epoch if record.is_best else 0)
    accuracy = evaluate(stack.network, data.test)["accuracy"]
    sizes = "-".join(str(n) for n in (filters.shape[0], *plan.units, data.num_classes))
    shape = data.input_shape
    return Result(
        measure="test error (%)",
        target=plan.target,
        reached=round(100 * (1 - accuracy), 2),
        settings={
            "Data": f"{data.name}: {len(x):,} training, {len(data.validation):,} validation, "
            f"{len(data.test):,} test images",
            "Network": f"{sizes}, rectifiers (the original had sigmoid units)",
            "Corruption": ", ".join(str(level) for level in CORRUPTION),
            "Pretraining": f"{plan.pretraining_epochs} epochs for each layer, adam, learning rate "
            f"{plan.pretraining_rate:g}",
            "Fine-tuning": f"{plan.epochs} epochs, adam, learning rate {plan.rate:g} falling "
            f"linearly to 0; dropout of {plan.input_dropout:g} before the first and "
            f"{plan.dropout:g} after every hidden layer",
            "Batches of": f"{plan.batch_size} images",
        },
        numbers={
            "validation error (%)": round(100 * (1 - best.validation["accuracy"]), 2),
            **_losses(layers),
            "pretraining (s)": round(pretrained - began, 1),
            "fine-tuning (s)": round(finished - pretrained, 1),
        },
        history=history,
        selection="the lowest validation error",
        pictures={
            "filters-pretrained": reporting.Picture(
                "What the first layer looks for after pretraining",
                partial(reporting.filters, filters, shape),
                "The weights of the first units, learnt without labels, as images.",
            ),
            "filters": reporting.Picture(
                "What the first layer looks for after fine-tuning",
                partial(reporting.filters, stack.hidden_layers[0].W.get_value(), shape),
                "The weights of the same units after the labels were seen.",
            ),
        },
        network=stack.network,
    )


def _losses(layers: list[LayerRecord]) -> dict[str, float]:
    """The reconstruction error of each layer's last epoch."""
    last = {record.layer: record.train["loss"] for record in layers}
    return {f"reconstruction loss of layer {n}": round(loss, 2) for n, loss in last.items()}


SDA = Reproduction(
    "sda",
    "Stacked denoising autoencoders on MNIST",
    "Deep Learning Tutorials, SdA: 1.39 % validation and 1.3 % test error, after 585 minutes of "
    "pretraining and 444 of fine-tuning on one core.",
    run,
    takes_data=True,
)
