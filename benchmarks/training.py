"""Whole training steps: compile time, step time, inference and memory."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.process import Competitor, Failed, Process, in_turns, installed, ratios
from benchmarks.settings import Settings
from benchmarks.tables import Table, duration, titled

#: Convolutions are (filters, size, padding) and followed by a rectifier, as are dense layers.
NETWORKS: list[dict[str, Any]] = [
    {
        "name": "lenet",
        "input_shape": [1, 28, 28],
        "layers": [
            ["conv", 32, 5, 0],
            ["pool", 2],
            ["conv", 32, 5, 0],
            ["pool", 2],
            ["dense", 256],
        ],
        "classes": 10,
        "batch_size": 128,
    },
    {
        "name": "cnn",
        "input_shape": [3, 32, 32],
        "layers": [
            ["conv", 64, 3, 1],
            ["conv", 64, 3, 1],
            ["pool", 2],
            ["conv", 128, 3, 1],
            ["conv", 128, 3, 1],
            ["pool", 2],
            ["dense", 256],
        ],
        "classes": 10,
        "batch_size": 128,
    },
    {
        "name": "mlp",
        "input_shape": [784],
        "layers": [["dense", 800], ["dense", 800]],
        "classes": 10,
        "batch_size": 500,
    },
]

CALLS = ("step", "inference_1", "inference_128")


def competitors() -> list[Competitor]:
    """Those that can take part here."""
    found = [Competitor("nncore numba", "training_nncore", {"backend": "numba"})]
    if installed("jax"):
        found.append(Competitor("nncore jax", "training_nncore", {"backend": "jax"}))
    if installed("torch"):
        found.append(Competitor("torch", "training_torch"))
    return found


def _compiled_twice(
    competitor: Competitor,
    case: dict[str, Any],
    settings: Settings,
    caches: Path,
    stack: ExitStack,
) -> tuple[Process, dict[str, Any]]:
    """Prepare in a process without caches, and again in one that finds them."""
    with Process(competitor, settings, caches) as process:
        first = process.ask("prepare", case=case)
        first_memory = process.ask("memory")
    process = stack.enter_context(Process(competitor, settings, caches))
    second = process.ask("prepare", case=case)
    return process, {
        "import_seconds": second["import_seconds"],
        "first_compile_seconds": first["compile_seconds"],
        "first_compile_cpu_seconds": first["compile_cpu_seconds"],
        "second_compile_seconds": second["compile_seconds"],
        "second_compile_cpu_seconds": second["compile_cpu_seconds"],
        "first_compile_peak_memory_bytes": first_memory,
        "parameters": second["parameters"],
        "first_loss": second["first_loss"],
    }


def _network(case: dict[str, Any], settings: Settings) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        caches = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nncore-benchmark-")))
        running = []
        for competitor in competitors():
            print(f"training {case['name']}: {competitor.name} ...", file=sys.stderr, flush=True)
            row = rows[competitor.name] = {
                "network": case["name"],
                "competitor": competitor.name,
                "batch_size": case["batch_size"],
            }
            directory = caches / competitor.name.replace(" ", "-")
            try:
                process, info = _compiled_twice(competitor, case, settings, directory, stack)
            except Failed as failure:
                row["error"] = str(failure)
                continue
            running.append(process)
            row.update(info)
        errors: dict[str, str] = {}
        measured = in_turns(running, CALLS, settings, errors)
        for process in running:
            row = rows[process.competitor.name]
            if process.competitor.name in errors:
                row["error"] = errors[process.competitor.name]
                continue
            row.update(measured[process.competitor.name])
            row["peak_memory_bytes"] = process.ask("memory")
    _compare([row for row in rows.values() if "error" not in row])
    return list(rows.values())


def _compare(rows: list[dict[str, Any]]) -> None:
    sizes = {row["competitor"]: row["parameters"] for row in rows}
    if len(set(sizes.values())) > 1:
        raise RuntimeError(f"the networks are not the same, by their parameters: {sizes}")
    for call in CALLS:
        medians = {row["competitor"]: row[call]["median_seconds"] for row in rows}
        for row in rows:
            row[call]["ratio_to_torch"] = ratios(medians, "torch").get(row["competitor"])


def run(settings: Settings) -> list[dict[str, Any]]:
    """Measure all networks."""
    return [
        row for case in NETWORKS if settings.wants(case["name"]) for row in _network(case, settings)
    ]


def _timing(row: dict[str, Any], call: str) -> str:
    text = duration(row[call]["median_seconds"])
    ratio = row[call]["ratio_to_torch"]
    return text if ratio is None else f"{text} ({ratio:.2f})"


def tables(rows: list[dict[str, Any]]) -> list[Table]:
    """One table for all networks."""
    table = Table(
        titled("Training", "torch", any(row["competitor"] == "torch" for row in rows)),
        ["network", "by", "1st compile", "2nd compile", "step", "inference 1", "128", "memory"],
    )
    for row in rows:
        name = f"{row['network']} x{row['batch_size']}"
        if "error" in row:
            table.rows.append([name, row["competitor"], "failed", *[""] * 5])
            table.notes.append(f"{row['network']}, {row['competitor']}: {row['error']}")
            continue
        table.rows.append(
            [
                name,
                row["competitor"],
                duration(row["first_compile_seconds"]),
                duration(row["second_compile_seconds"]),
                *(_timing(row, call) for call in CALLS),
                f"{row['peak_memory_bytes'] / 2**20:.0f} MiB",
            ]
        )
    return [table]
