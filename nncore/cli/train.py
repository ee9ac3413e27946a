"""``nncore train``: trains a network, and leaves a folder that tells how it went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncore.cli.errors import CommandError, check_choice
from nncore.cli.options import (
    Backend,
    DataDirectory,
    Debug,
    ImageSize,
    Implementation,
    check_backend,
    chosen_implementations,
    image_shape,
    load_data,
    make_console,
    using,
)
from nncore.cli.runs import RunFolder

if TYPE_CHECKING:
    from nncore.cli.session import Session

__all__ = ["train"]

MODELS = ("mlp", "lenet", "cnn")

#: Epochs that are enough, where 10 are not.
_EPOCHS = {"digits": 60}

#: The options that make a run what it is, and that ``--resume`` repeats.
CHOICES = (
    "data",
    "data_dir",
    "image_size",
    "model",
    "implementation",
    "conv",
    "pool",
    "backend",
    "epochs",
    "batch_size",
    "update",
    "learning_rate",
    "seed",
    "patience",
)


def train(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            "-d",
            metavar="NAME",
            help="[bold]digits[/] (1,797 images of 8x8, comes with scikit-learn), [bold]mnist[/], "
            "[bold]fashion-mnist[/], [bold]npz[/] or [bold]folder[/].",
        ),
    ] = "digits",
    data_dir: DataDirectory = None,
    image_size: ImageSize = None,
    model: Annotated[
        str,
        typer.Option("--model", "-m", metavar="NAME", help="[bold]mlp[/], lenet or cnn."),
    ] = "lenet",
    implementation: Implementation = None,
    conv: Annotated[
        str | None,
        typer.Option("--conv", metavar="NAME", help="Implementation of convolution."),
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="NAME", help="Implementation of pooling.")
    ] = None,
    backend: Backend = "numba",
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            "-e",
            metavar="N",
            min=1,
            help="Number of epochs. Default: 60 for the digits, which are few and small, else 10.",
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", "-b", metavar="N", min=1, help="Images in a batch.")
    ] = 32,
    update: Annotated[
        str,
        typer.Option(
            "--update",
            "--update-rule",
            "-u",
            metavar="NAME",
            help="Update rule: sgd, momentum, nesterov_momentum, adagrad, rmsprop, adadelta, "
            "adam, adamax, amsgrad, or that of a plugin.",
        ),
    ] = "adam",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate", "-l", metavar="X", help="Default: the rule's own, or else 0.01."
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            max=2**32 - 1,
            help="Of all randomness; the split of the data does not depend on it.",
        ),
    ] = 0,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            metavar="N",
            min=1,
            help="Stop after so many epochs without a lower validation loss.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where the run goes. Default: runs/<data>-<model>-<time>.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in --output, bit for bit as if it had never stopped. Its "
            "choices are those that it was begun with; only --epochs may be raised.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but the test result.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Train a network on images.

    The best epoch, by the validation loss, gives the model; the test images are looked at once,
    at the end. Ctrl-C ends the training early and keeps the best so far (exit code 130).

    [bold]Examples:[/]

      nncore train

      nncore train --data mnist --data-dir ~/mnist --model cnn --epochs 10

      nncore train --data folder --data-dir photos --image-size 32 -o runs/photos

      nncore train --data npz --data-dir mine.npz --update momentum --learning-rate 0.05

      nncore train --resume --output runs/photos --epochs 40

    The folder gets run.json (all choices and versions), checkpoint.safetensors, log.jsonl (a line
    for each epoch), model.safetensors and model.json, three pictures, and report.html.
    """
    values: Mapping[str, Any] = context.params
    given = {name: values[name] for name in CHOICES if _is_given(context, name)}
    if resume:
        if output is None:
            raise CommandError("--resume needs --output, the folder of the run to go on with.")
        folder = RunFolder(output)
        description = folder.read()
        choices = _resumed_choices(folder, description["choices"], _comparable(given))
    else:
        choices = _comparable(values)
        if choices["epochs"] is None:
            choices["epochs"] = _EPOCHS.get(choices["data"], 10)
        description = None
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = RunFolder(output or Path("runs") / f"{choices['data']}-{choices['model']}-{stamp}")
        folder.check_new()
    session = _prepare(choices, folder, description)
    raise typer.Exit(session.run(make_console(), quiet))


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _comparable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Bring choices into the form and the order of ``run.json``."""
    choices = {name: values[name] for name in CHOICES if name in values}
    if choices.get("data_dir") is not None:
        choices["data_dir"] = str(Path(choices["data_dir"]).expanduser().resolve())
    return choices


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _resumed_choices(
    folder: RunFolder, stored: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the choices of a run that goes on.

    Raises
    ------
    CommandError
        If an option says something else than the run.
    """
    conflicts = [
        f"{_option(name)} {value} (the run has {stored.get(name)})"
        for name, value in given.items()
        if name != "epochs" and stored.get(name) != value
    ]
    if conflicts:
        raise CommandError(
            f"{folder.path} was begun with other choices: {', '.join(conflicts)}. Leave "
            "them out, or begin a new run in another folder."
        )
    epochs = given.get("epochs", stored.get("epochs"))
    if epochs < stored["epochs"]:
        raise CommandError(
            f"{folder.path} was begun with --epochs {stored['epochs']}; the number can be raised "
            f"but not lowered to {epochs}."
        )
    return {**stored, "epochs": epochs}


def _prepare(
    choices: dict[str, Any], folder: RunFolder, description: dict[str, Any] | None
) -> Session:
    """Check every choice, load the data and build the network; nothing is written yet."""
    import pytensor

    from nncore import models, registry
    from nncore.cli.session import Session
    from nncore.random import set_rng

    check_choice("--model", choices["model"], MODELS)
    registry.get("update", choices["update"])
    rate = choices["learning_rate"]
    if rate is not None and not 0 < rate < float("inf"):
        raise CommandError(f"--learning-rate: {rate} must be a number above 0.")
    check_backend(choices["backend"])
    implementations = chosen_implementations(
        choices["implementation"], choices["conv"], choices["pool"]
    )
    pytensor.config.floatX = "float32"
    dataset = load_data(choices["data"], choices["data_dir"], image_shape(choices["image_size"]))
    set_rng(choices["seed"])
    with using(implementations):
        network = models.build(choices["model"], dataset.input_shape, dataset.num_classes)
    return Session(choices, implementations, dataset, network, folder, description)
