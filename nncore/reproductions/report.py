"""What a reproduction leaves behind: a table as JSON, Markdown and a page, pictures, the model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nncore._atomic import write_bytes_atomic
from nncore.reproductions.base import Context, Reproduction, ReproductionError, Result

__all__ = ["check_folder", "describe", "markdown", "write"]

_RESULT = "result.json"


def check_folder(folder: Path) -> None:
    """Raise unless a reproduction can be written into a folder.

    Parameters
    ----------
    folder : Path
        The folder, which need not exist.

    Raises
    ------
    ReproductionError
        If it is a file, or holds a reproduction.
    """
    if folder.exists() and not folder.is_dir():
        raise ReproductionError(f"--output {folder} is a file; give a folder.")
    if (folder / _RESULT).exists():
        raise ReproductionError(
            f"{folder} holds a reproduction already. Choose another folder with --output."
        )


def describe(
    reproduction: Reproduction,
    context: Context,
    result: Result,
    seconds: float,
    cpu_seconds: float,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Put everything that is to be written down into one dictionary.

    Parameters
    ----------
    reproduction : Reproduction
        What was made.
    context : Context
        How.
    result : Result
        What came out.
    seconds, cpu_seconds : float
        How long it took, by the clock and on all processors together.
    versions : mapping of str to str
        Of the packages.

    Returns
    -------
    dict
        JSON-able.
    """
    return {
        "name": reproduction.name,
        "title": reproduction.title,
        "original": reproduction.original,
        "command": _command(reproduction, context),
        "quick": context.quick,
        "seed": context.seed,
        "measure": result.measure,
        "target": result.target,
        "reached": result.reached,
        "is_reached": result.is_reached,
        "numbers": dict(result.numbers),
        "settings": {**result.settings, "Selection": f"the epoch with {result.selection}"},
        "notes": dict(result.notes),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "processors": os.cpu_count(),
        "versions": dict(versions),
        "history": [record.as_dict() for record in result.history],
    }


def _command(reproduction: Reproduction, context: Context) -> str:
    words = ["nncore reproduce", reproduction.name]
    if context.data_dir is not None:
        words.append("--data-dir MNIST")
    if context.quick:
        words.append("--quick")
    if context.seed:
        words.append(f"--seed {context.seed}")
    return " ".join(words)


def _rows(content: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Command": content["command"],
        f"Target: {content['measure']}, at most": f"{content['target']:g}",
        f"Reached: {content['measure']}": f"{content['reached']:g}"
        + ("" if content["is_reached"] else " (the target was missed)"),
        **{name.capitalize(): f"{value:g}" for name, value in content["numbers"].items()},
        "Time": f"{content['seconds']:.0f} s ({content['cpu_seconds']:.0f} s of processor time, "
        f"{content['processors']} processors)",
        "Seed": str(content["seed"]),
    }


def markdown(content: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """Write the table in Markdown.

    Parameters
    ----------
    content : mapping
        As from :func:`describe`.
    pictures : mapping of str to str
        File names and captions.

    Returns
    -------
    str
        A document.
    """
    tables = {
        "Result": _rows(content),
        "Settings": content["settings"],
        **({"Notes": content["notes"]} if content["notes"] else {}),
        "Versions": content["versions"],
    }
    lines = [f"# {content['title']}", "", content["original"]]
    for heading, rows in tables.items():
        lines += ["", f"## {heading}", "", "| | |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in rows.items()]
    for name, caption in pictures.items():
        lines += ["", f"![{caption}]({name})", "", caption]
    return "\n".join(lines) + "\n"


def write(folder: Path, content: dict[str, Any], result: Result) -> dict[str, Path]:
    """Write everything into a folder, each file whole or not at all.

    Parameters
    ----------
    folder : Path
        The folder; it is made if it does not exist.
    content : dict
        As from :func:`describe`.
    result : Result
        With the pictures and the network.

    Returns
    -------
    dict of str to Path
        The files that a reader begins with.
    """
    from nncore import reporting
    from nncore.serialization import save_model

    folder.mkdir(parents=True, exist_ok=True)
    captions = {}
    for stem, picture in result.pictures.items():
        write_bytes_atomic(folder / f"{stem}.png", picture.draw("light"))
        captions[f"{stem}.png"] = picture.caption
    if result.history:
        write_bytes_atomic(folder / "learning-curve.png", reporting.learning_curve(result.history))
        captions["learning-curve.png"] = "Learning curve."
    if result.network is not None:
        save_model(
            result.network,
            folder / "model",
            {"reproduction": content["name"], "seed": content["seed"]},
        )
    reached = "reached" if content["is_reached"] else "missed"
    page = reporting.render(
        reporting.Report(
            title=content["title"],
            summary=content["original"],
            highlights={
                content["measure"].capitalize(): f"{content['reached']:g}",
                f"Target, {reached}": f"{content['target']:g}",
                "Seconds": f"{content['seconds']:.0f}",
            },
            history=result.history,
            class_names=(),
            confusion=_no_confusion(),
            weights=None,
            input_shape=(),
            facts={
                "Result": _rows(content),
                "Settings": content["settings"],
                **({"Notes": content["notes"]} if content["notes"] else {}),
                "Versions": content["versions"],
            },
            pictures=tuple(result.pictures.values()),
            unit=result.unit,
            selection=result.selection,
        )
    )
    files = {
        "report": folder / "report.html",
        "table": folder / "result.md",
        "numbers": folder / _RESULT,
    }
    write_bytes_atomic(files["report"], page.encode())
    write_bytes_atomic(files["table"], markdown(content, captions).encode())
    # Last, as it is what marks a folder as complete.
    write_bytes_atomic(files["numbers"], (json.dumps(content, indent=2) + "\n").encode())
    return files


def _no_confusion() -> Any:
    import numpy as np

    return np.zeros((0, 0), dtype=np.int64)
