"""``nncore evaluate``: tests a model on data."""

from __future__ import annotations

import json
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
    Json,
    check_backend,
    chosen_implementations,
    image_shape,
    load_data,
    make_console,
    using,
)

if TYPE_CHECKING:
    from nncore.cli.model import Classifier
    from nncore.datasets import Dataset

__all__ = ["evaluate"]

SPLITS = ("train", "validation", "test")


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A run folder, or a model's .safetensors or .json file.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="NAME",
            help="digits, mnist, fashion-mnist, npz or folder. Default: what it was trained on.",
        ),
    ] = None,
    data_dir: DataDirectory = None,
    image_size: ImageSize = None,
    split: Annotated[
        str,
        typer.Option("--split", "-s", metavar="NAME", help="train, validation or [bold]test[/]."),
    ] = "test",
    implementation: Implementation = None,
    backend: Backend = "numba",
    batch_size: Annotated[
        int, typer.Option("--batch-size", "-b", metavar="N", min=1, help="Images at a time.")
    ] = 128,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show a model's loss and accuracy, and how each class fares.

    [bold]Examples:[/]

      nncore evaluate runs/photos

      nncore evaluate runs/photos --split validation

      nncore evaluate model.safetensors --data mnist --data-dir ~/mnist --json
    """
    from nncore.cli.model import load_classifier
    from nncore.cli.network import class_predictions, implementations_of, score
    from nncore.reporting import class_results, count_confusions

    check_choice("--split", split, SPLITS)
    check_backend(backend)
    chosen = chosen_implementations(implementation)
    classifier = load_classifier(model)
    dataset = _load(classifier, data, data_dir, image_size)
    part = getattr(dataset, split)
    with using(chosen):
        implementations_of(classifier.network, backend)
        probabilities = class_predictions(classifier.network, part.x, batch_size, backend)
    values = score(probabilities, part.y)
    confusion = count_confusions(part.y, probabilities.argmax(axis=1), dataset.num_classes)
    results = class_results(confusion, classifier.class_names)
    if as_json:
        from nncore.cli.runs import plain

        content = {
            "model": str(classifier.path),
            "data": dataset.name,
            "split": split,
            "images": len(part),
            **values,
            "classes": [result.as_dict() for result in results],
        }
        print(json.dumps(plain(content), indent=2))
        return
    _show(dataset.name, split, values, results)


def _load(
    classifier: Classifier, name: str | None, data_dir: Path | None, image_size: str | None
) -> Dataset:
    """Load the data, and make sure that they are for the model."""
    known = classifier.data
    size = image_shape(image_size)
    place: Any = data_dir
    if name is None:
        name = known.get("name")
        if name is None:
            raise CommandError(f"{classifier.path} does not say what data it is for; give --data.")
    if name == known.get("name"):
        place = data_dir or known.get("data_dir")
        size = size or image_shape(known.get("image_size"))
    if name == "folder" and size is None:
        size = classifier.input_shape[1], classifier.input_shape[2]
    dataset = load_data(name, place, size)
    if dataset.input_shape != classifier.input_shape:
        raise CommandError(
            f"{classifier.path} takes images of shape {classifier.input_shape}, and those of "
            f"{dataset.name} have {dataset.input_shape}. Take the data that it was trained on"
            + (f" ({known['name']})." if known.get("name") else ".")
        )
    if dataset.class_names != classifier.class_names:
        raise CommandError(
            f"{classifier.path} has other classes than {dataset.name}: "
            f"{_names(classifier.class_names)} against {_names(dataset.class_names)}."
        )
    return dataset


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return f"{len(names)} ({shown}{', ...' if len(names) > 5 else ''})"


def _show(name: str, split: str, values: dict[str, float], results: list[Any]) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    console = make_console()
    correct, count = sum(r.correct for r in results), sum(r.count for r in results)
    console.print(
        f"[bold]{escape(name)}, {split}[/]: loss {values['loss']:.4f}, accuracy "
        f"{values['accuracy']:.4f} ({correct:,} of {count:,})"
    )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Class")
    for column in ("Images", "Correct", "Accuracy", "Precision"):
        table.add_column(column, justify="right")
    table.add_column("Most often taken for")
    for r in results:
        table.add_row(
            escape(r.name),
            f"{r.count:,}",
            f"{r.correct:,}",
            f"{r.accuracy:.4f}" if r.count else "-",
            "-" if r.precision != r.precision else f"{r.precision:.4f}",
            f"{escape(r.mistaken_for)} ({r.mistaken_count:,})" if r.mistaken_for else "",
        )
    console.print(table)
