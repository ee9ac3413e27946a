"""``nncore predict``: says what is in pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from nncore.cli.options import (
    Backend,
    Debug,
    Implementation,
    Json,
    check_backend,
    chosen_implementations,
    make_console,
    using,
)

__all__ = ["predict"]


def predict(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A run folder, or a model's .safetensors or .json file.",
        ),
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    top: Annotated[
        int, typer.Option("--top", "-t", metavar="N", min=1, help="How many classes to name.")
    ] = 3,
    invert: Annotated[
        bool,
        typer.Option(
            "--invert",
            help="Swap dark and light: MNIST's digits are white on black, ink on paper is not.",
        ),
    ] = False,
    resize: Annotated[
        bool,
        typer.Option(
            "--resize/--no-resize",
            help="Resize pictures of another size than the model's, or refuse them.",
        ),
    ] = True,
    implementation: Implementation = None,
    backend: Backend = "numba",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Name what is in pictures, with probabilities.

    Colours become grey levels for a model with one channel.

    [bold]Examples:[/]

      nncore predict runs/photos holiday.jpg

      nncore predict runs/digits --invert scan1.png scan2.png

      nncore predict model.json *.png --top 1 --json
    """
    from nncore.cli.model import load_classifier
    from nncore.cli.network import class_predictions, implementations_of
    from nncore.datasets import read_image

    check_backend(backend)
    chosen = chosen_implementations(implementation)
    classifier = load_classifier(model)
    x = np.concatenate(
        [read_image(path, classifier.input_shape, allow_resize=resize) for path in images]
    )
    if invert:
        x = np.float32(1) - x
    with using(chosen):
        implementations_of(classifier.network, backend)
        probabilities = class_predictions(classifier.network, x, 128, backend)
    best = [
        [(classifier.class_names[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:top]]
        for row in probabilities
    ]
    if as_json:
        content = [
            {
                "image": str(path),
                "predictions": [{"class": name, "probability": value} for name, value in found],
            }
            for path, found in zip(images, best, strict=True)
        ]
        print(json.dumps(content, indent=2))
        return
    _show(images, best)


def _show(images: list[Path], best: list[list[tuple[str, float]]]) -> None:
    from rich.markup import escape

    console = make_console()
    width = max(len(name) for found in best for name, _ in found)
    for path, found in zip(images, best, strict=True):
        console.print(f"[bold]{escape(str(path))}[/]", soft_wrap=True)
        for place, (name, value) in enumerate(found):
            style = "cyan" if place == 0 else "dim"
            bar = f"  [{style}]{'━' * round(24 * value)}[/]" if value >= 1 / 48 else ""
            console.print(f"  {escape(f'{name:{width}}')}  {100 * value:5.1f} %{bar}")
