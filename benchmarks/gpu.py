"""Checks and measures every implementation for JAX on a GPU, beside JAX itself and PyTorch."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import conformance, convolution, gpu_training, machine, markdown
from benchmarks.gpu_cases import CASES, NETWORKS, small, small_network
from benchmarks.process import Competitor, Failed, Process, installed
from benchmarks.settings import Settings
from benchmarks.tables import Table, show

PARTS = ("conformance", "kernels", "training")
#: What nncore is compared with; the faster of the two is the reference.
PEERS = ("jax", "torch")
REFERENCE = "best peer"
_RATIO = "ratio_to_best_peer"

REHEARSAL = "A rehearsal on the CPU with small shapes: nothing here is about a GPU."


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"which ones: {', '.join(PARTS)} (all)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="JSON (benchmarks/results/gpu-TIME.json)"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the tables, for a page")
    parser.add_argument("--tf32", action="store_true", help="measure once more, in TF32")
    parser.add_argument("--quick", action="store_true", help="few repetitions: rough numbers")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="cases with TEXT in their name, or TEXT,TEXT"
    )
    parser.add_argument(
        "--implementation",
        action="append",
        metavar="NAME",
        help="only this one of nncore's; may be given several times (all that have JAX kernels)",
    )
    parser.add_argument(
        "--platform",
        choices=("gpu", "cpu"),
        default="gpu",
        help="cpu: rehearse with small shapes, and the kernels of cuda_convnet emulated",
    )
    options = parser.parse_args(given)
    if unknown := sorted(set(options.parts) - set(PARTS)):
        parser.error(f"unknown: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    return options


def _device(settings: Settings) -> dict[str, Any]:
    """The device, or a reason why there is none."""
    asked = Competitor("nncore", "device", {"platform": settings.platform})
    try:
        with Process(asked, settings) as process:
            return process.ask("prepare", case={})
    except Failed as failure:
        return {"reason": str(failure)}


def _implementations(
    settings: Settings, wanted: Sequence[str] | None
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Names of the usable implementations of each kind, and the reasons against the others."""
    options = {"wanted": wanted}
    with Process(Competitor("nncore", "implementations", options), settings) as process:
        answer = process.ask("prepare", case={})
    if unknown := sorted(set(wanted or ()) - set(answer["for_jax"])):
        raise Failed(
            f"{', '.join(unknown)}: nothing of that name has kernels for JAX here; there are: "
            f"{', '.join(answer['for_jax'])}"
        )
    available: dict[str, list[str]] = {"conv": [], "pool": []}
    unavailable = {}
    for entry in answer["implementations"]:
        if entry["backend"] != "jax":
            continue
        if entry["reason"]:
            unavailable[f"{entry['name']} ({entry['kind']})"] = entry["reason"]
        else:
            available[entry["kind"]].append(entry["name"])
    return available, unavailable


def _peers(subject: str, settings: Settings) -> list[Competitor]:
    device = "cuda" if settings.platform == "gpu" else "cpu"
    options = {"jax": {}, "torch": {"device": device, "tf32": settings.tf32}}
    return [Competitor(p, f"{subject}_{p}", options[p]) for p in PEERS if installed(p)]


def _kernels(available: dict[str, list[str]], settings: Settings) -> list[dict[str, Any]]:
    by_kind: dict[str, list[Competitor]] = {}
    for kind, names in available.items():
        by_kind[kind] = []
        for name in names:
            options = {"backend": "jax", "implementation": name}
            by_kind[kind].append(Competitor(f"nncore {name}", "kernels_nncore", options))
            if name == "cuda_convnet":
                label = f"nncore {name} in c01b"
                one = Competitor(label, "kernels_nncore", {**options, "c01b": True})
                by_kind[kind].append(one)
        by_kind[kind] += _peers("kernels", settings)
    cases = CASES if settings.platform == "gpu" else [small(case) for case in CASES]
    rows = convolution.measure(cases, by_kind, settings)
    for row in rows:
        _compare(row["results"])
    return rows


def _training(available: dict[str, list[str]], settings: Settings) -> list[dict[str, Any]]:
    cases = NETWORKS if settings.platform == "gpu" else [small_network(case) for case in NETWORKS]
    rows = gpu_training.run(cases, available, _peers("training", settings), settings)
    for name in {row["network"] for row in rows}:
        those = [row for row in rows if row["network"] == name]
        _compare({row["competitor"]: row["step"] for row in those if "error" not in row})
    return rows


def _compare(results: dict[str, dict[str, Any]]) -> None:
    """Give each result its time relative to that of the faster peer."""
    measured = {name: result for name, result in results.items() if "error" not in result}
    best = min((measured[p]["median_seconds"] for p in PEERS if p in measured), default=None)
    for result in measured.values():
        result[_RATIO] = None if best is None else result["median_seconds"] / best


def _tables(results: dict[str, Any]) -> list[Table]:
    found = []
    for name, rows in results.items():
        if not rows:
            continue
        part, _, precision = name.partition(" ")
        if part == "conformance":
            found += conformance.tables(rows)
            continue
        made = convolution.tables if part == "kernels" else gpu_training.tables
        found += made(rows, REFERENCE, precision)
    return found


def page(record: dict[str, Any]) -> str:
    """What was measured and on what, as Markdown."""
    device, versions = record["device"], record["machine"]["versions"]
    about = {
        "device": device["name"],
        "compute capability": device.get("compute_capability"),
        "driver": device.get("driver"),
        "runtime": device.get("runtime"),
        "memory": device.get("memory"),
        "power limit": device.get("power_limit"),
        "date": record["date"],
        "processor": record["machine"]["cpu"],
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "command": f"`{record['command']}`",
    }
    parts = [f"## {device['name']}"]
    if record["rehearsal"]:
        parts.append(f"**{REHEARSAL}**")
    lines = [(name, str(value).replace("\n", ", ")) for name, value in about.items() if value]
    parts.append(markdown.rows(["", ""], lines))
    if record["unavailable"]:
        reasons = (f"- {name}: {reason}" for name, reason in record["unavailable"].items())
        parts += ["Not measured, because it cannot be used here:", "\n".join(reasons)]
    parts += [markdown.section(table) for table in _tables(record["results"])]
    return "\n\n".join(parts) + "\n"


def _measured(
    parts: Iterable[str], available: dict[str, list[str]], settings: Settings, tf32: bool
) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """The name and the rows of each part."""
    if "conformance" in parts:
        names = list(dict.fromkeys([*available["conv"], *available["pool"]]))
        yield "conformance", conformance.run(names, settings)
    for precision in ("float32", "TF32") if tf32 else ("float32",):
        chosen = replace(settings, tf32=precision == "TF32")
        if "kernels" in parts:
            yield f"kernels {precision}", _kernels(available, chosen)
        if "training" in parts:
            yield f"training {precision}", _training(available, chosen)


def main(given: Sequence[str]) -> int:
    """Measure and write; 2 if there is nothing to measure on."""
    options = arguments(given)
    settings = Settings(
        quick=options.quick,
        only=options.only,
        threads=machine.processors(),
        platform=options.platform,
        queued=True,
    )
    rehearsal = options.platform == "cpu"
    if rehearsal:
        os.environ.setdefault("NNCORE_CUDA_CONVNET_PLATFORM", "cpu")
    device = _device(settings)
    if device["reason"]:
        advice = "" if rehearsal else " (--platform cpu rehearses on the CPU)"
        where = "JAX" if rehearsal else "a GPU"
        print(f"nothing to measure without {where}: {device['reason']}{advice}", file=sys.stderr)
        return 2
    try:
        available, unavailable = _implementations(settings, options.implementation)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 2
    now = datetime.now().astimezone()
    output = options.output
    if output is None:
        output = Path(__file__).parent / "results" / f"gpu-{now:%Y-%m-%d-%H%M%S}.json"
    record: dict[str, Any] = {
        "date": now.isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks gpu", *given]),
        "rehearsal": rehearsal,
        "device": device,
        "machine": machine.describe(),
        "settings": settings.as_dict(),
        "unavailable": unavailable,
        "results": {},
    }
    if rehearsal:
        print(REHEARSAL)
    for name, reason in unavailable.items():
        print(f"{name} cannot be used here: {reason}")
    output.parent.mkdir(parents=True, exist_ok=True)
    for name, rows in _measured(options.parts or PARTS, available, settings, options.tf32):
        record["results"][name] = rows
        # After each part, so that an interruption costs only the one that is running.
        output.write_text(json.dumps(record, indent=1) + "\n")
        for table in _tables({name: rows}):
            show(table)
        if options.markdown:
            options.markdown.write_text(page(record), encoding="utf-8")
    print(f"written to {output}")
    return 0
