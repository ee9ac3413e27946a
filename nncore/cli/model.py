"""A saved model, with what the command line put into its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nncore.cli.errors import CommandError
from nncore.cli.runs import find_model

__all__ = ["Classifier", "load_classifier"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network that names what is in images.

    Parameters
    ----------
    path : Path
        Where it was loaded from.
    network : Layer
        The output layer.
    class_names : tuple of str
        Name of each class.
    input_shape : tuple of int
        The shape ``(channels, rows, cols)`` of an image.
    data : dict
        Name, place and image size of the data that it was trained on; empty if unknown.
    """

    path: Path
    network: Any
    class_names: tuple[str, ...]
    input_shape: tuple[int, int, int]
    data: dict[str, Any]


def load_classifier(argument: Path) -> Classifier:
    """Load the model that a command's argument names.

    Parameters
    ----------
    argument : Path
        A run folder, or a model's .safetensors or .json file.

    Returns
    -------
    Classifier
        The model.

    Raises
    ------
    nncore.errors.NNCoreError
        If there is none, it is damaged, or it is no classifier of images.
    """
    import pytensor

    from nncore.layers import InputLayer, get_all_layers
    from nncore.serialization import load_model

    pytensor.config.floatX = "float32"
    path = find_model(argument)
    model = load_model(path)
    metadata = model.metadata
    inputs = [la for la in get_all_layers(model.layer) if isinstance(la, InputLayer)]
    shapes: list[Any] = [la.output_shape[1:] for la in inputs]
    classes = model.layer.output_shape[1:]
    if len(shapes) != 1 or len(shapes[0]) != 3 or None in shapes[0] or len(classes) != 1:
        raise CommandError(
            f"{path} is no classifier of images: its inputs have the shapes {shapes}, where one of "
            f"(channels, rows, cols) is needed, and its output {model.layer.output_shape}."
        )
    names = metadata.get("class_names") or [str(n) for n in range(classes[0])]
    if len(names) != classes[0]:
        raise CommandError(
            f"{path} has {classes[0]} classes, but its metadata have {len(names)} class names."
        )
    data = metadata.get("data")
    return Classifier(
        path,
        model.layer,
        tuple(str(name) for name in names),
        shapes[0],
        data if isinstance(data, dict) else {},
    )
