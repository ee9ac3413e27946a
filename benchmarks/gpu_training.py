"""A training step of whole networks by every implementation, on one device."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.process import Competitor, Failed, Process, in_turns
from benchmarks.settings import Settings
from benchmarks.tables import Table, duration, titled


def competitors(
    case: Mapping[str, Any], available: Mapping[str, Sequence[str]], peers: Sequence[Competitor]
) -> list[Competitor]:
    """Those for a network, given the names of the usable implementations of each kind."""

    def nncore(name: str, choices: dict[str, str], **options: Any) -> Competitor:
        options |= {"backend": "jax", "choices": choices}
        return Competitor(name, "training_nncore", options)

    if all(kind == "dense" for kind, *_ in case["layers"]):
        return [nncore("nncore", {}), *peers]
    found = []
    for name in available["conv"]:
        kinds = [kind for kind in ("conv", "pool") if name in available[kind]]
        found.append(nncore(f"nncore {name}", dict.fromkeys(kinds, name)))
        if name == "cuda_convnet":
            found.append(nncore(f"nncore {name} in c01b", {}, c01b=True))
    return [*found, *peers]


def run(
    cases: Sequence[dict[str, Any]],
    available: Mapping[str, Sequence[str]],
    peers: Sequence[Competitor],
    settings: Settings,
) -> list[dict[str, Any]]:
    """Measure all networks."""
    return [
        row
        for case in cases
        if settings.wants(case["name"])
        for row in _network(case, competitors(case, available, peers), settings)
    ]


def _network(
    case: dict[str, Any], those: Sequence[Competitor], settings: Settings
) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    errors: dict[str, str] = {}
    with ExitStack() as stack:
        running = []
        for competitor in those:
            print(f"training {case['name']}: {competitor.name} ...", file=sys.stderr, flush=True)
            row = rows[competitor.name] = {
                "network": case["name"],
                "competitor": competitor.name,
                "batch_size": case["batch_size"],
            }
            process = stack.enter_context(Process(competitor, settings))
            try:
                info = process.ask("prepare", case=case)
            except Failed as failure:
                errors[competitor.name] = str(failure)
                continue
            running.append(process)
            row |= {key: info[key] for key in ("compile_seconds", "parameters", "first_loss")}
        for name, calls in in_turns(running, ["step"], settings, errors).items():
            rows[name].update(calls)
    for name, error in errors.items():
        rows[name]["error"] = error
    sizes = {row["parameters"] for row in rows.values() if "error" not in row}
    if len(sizes) > 1:
        raise RuntimeError(f"the networks of {case['name']} are not the same: {rows}")
    return list(rows.values())


def tables(rows: list[dict[str, Any]], reference: str, precision: str) -> list[Table]:
    """One table with a line for each network and competitor."""
    ratio = f"ratio_to_{reference.replace(' ', '_')}"
    title = titled("Training", reference, True, precision)
    table = Table(title, ["network", "by", "compile", "step"])
    for row in rows:
        name = f"{row['network']} x{row['batch_size']}"
        if "error" in row:
            table.rows.append([name, row["competitor"], "-", "failed"])
            table.notes.append(f"{row['network']}, {row['competitor']}: {row['error']}")
            continue
        step = duration(row["step"]["median_seconds"])
        if row["step"].get(ratio) is not None:
            step += f" ({row['step'][ratio]:.2f})"
        compiled = duration(row["compile_seconds"])
        table.rows.append([name, row["competitor"], compiled, step])
    return [table]
