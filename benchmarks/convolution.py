"""Convolution and pooling, forward and backward, each by itself."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.cases import CASES, directions, output_shape
from benchmarks.process import Competitor, Failed, Process, in_turns, installed, ratios
from benchmarks.settings import Settings
from benchmarks.tables import Table, duration, titled


def competitors(settings: Settings) -> dict[str, list[Competitor]]:
    """Those that can take part here, for each kind of case."""
    with Process(Competitor("nncore", "implementations"), settings) as process:
        found = process.ask("prepare", case={})["implementations"]
    result: dict[str, list[Competitor]] = {"conv": [], "pool": []}
    for entry in found:
        if entry["reason"]:
            continue
        backend, name = entry["backend"], entry["name"]
        label = f"nncore {backend}" if name == backend else f"nncore {backend}/{name}"
        options = {"backend": backend, "implementation": name}
        result[entry["kind"]].append(Competitor(label, "kernels_nncore", options))
    for package in ("jax", "torch"):
        if installed(package):
            for those in result.values():
                those.append(Competitor(package, f"kernels_{package}"))
    return result


def _operations(case: dict[str, Any]) -> float | None:
    """Multiplications and additions of one direction."""
    if case["kind"] != "conv":
        return None
    return 2.0 * math.prod(output_shape(case)) * math.prod(case["filters_shape"][1:])


def _case(
    case: dict[str, Any], processes: list[Process], settings: Settings
) -> list[dict[str, Any]]:
    prepared: list[Process] = []
    sums: dict[str, dict[str, float]] = {}
    errors: dict[str, str] = {}
    for process in processes:
        try:
            sums[process.competitor.name] = process.ask("prepare", case=case)["checksums"]
        except Failed as failure:
            errors[process.competitor.name] = str(failure)
        else:
            prepared.append(process)
    measured = in_turns(prepared, directions(case), settings, errors)
    operations = _operations(case)
    rows = []
    for direction in directions(case):
        results: dict[str, dict[str, Any]] = {}
        medians = {name: calls[direction]["median_seconds"] for name, calls in measured.items()}
        to_torch = ratios(medians, "torch")
        usual = statistics.median([s[direction] for s in sums.values()]) if sums else 0.0
        for process in processes:
            name = process.competitor.name
            if name in errors:
                results[name] = {"error": errors[name]}
                continue
            median = medians[name]
            results[name] = {
                **measured[name][direction],
                "gflops": None if operations is None else operations / median / 1e9,
                "ratio_to_torch": to_torch.get(name),
                "agrees": math.isclose(sums[name][direction], usual, rel_tol=1e-3),
            }
        rows.append({**case, "direction": direction, "results": results})
    return rows


def run(settings: Settings) -> list[dict[str, Any]]:
    """Measure all cases."""
    return measure(CASES, competitors(settings), settings)


def measure(
    cases: Sequence[dict[str, Any]], by_kind: Mapping[str, list[Competitor]], settings: Settings
) -> list[dict[str, Any]]:
    """Measure cases by the competitors for each kind."""
    cases = [case for case in cases if settings.wants(case["name"])]
    rows: list[dict[str, Any]] = []
    for kind, those in by_kind.items():
        with ExitStack() as stack:
            processes = [stack.enter_context(Process(one, settings)) for one in those]
            for case in cases:
                if case["kind"] == kind:
                    print(f"{kind} {case['name']} ...", file=sys.stderr, flush=True)
                    rows += _case(case, processes, settings)
    return rows


def _cell(result: dict[str, Any] | None, ratio: str) -> str:
    if result is None:
        return "-"
    if "error" in result:
        return "refused" if result["error"].startswith("ImplementationUnavailable") else "failed"
    parts = [duration(result["median_seconds"])]
    if result["gflops"] is not None:
        parts.append(f"{result['gflops']:.0f} GF/s")
    if result[ratio] is not None:
        parts.append(f"({result[ratio]:.2f})")
    return " ".join(parts) + ("" if result["agrees"] else " !")


def tables(
    rows: list[dict[str, Any]], reference: str = "torch", precision: str = ""
) -> list[Table]:
    """One table for convolution and one for pooling, with each time relative to a reference's."""
    found = []
    ratio = f"ratio_to_{reference.replace(' ', '_')}"
    for kind, title in (("conv", "Convolution"), ("pool", "Pooling")):
        chosen = [row for row in rows if row["kind"] == kind]
        if not chosen:
            continue
        names = list(dict.fromkeys(name for row in chosen for name in row["results"]))
        related = any(r.get(ratio) for row in chosen for r in row["results"].values())
        table = Table(titled(title, reference, related, precision), ["case", "direction", *names])
        for row in chosen:
            cells = [_cell(row["results"].get(name), ratio) for name in names]
            table.rows.append([row["name"], row["direction"], *cells])
            if any("!" in cell for cell in cells):
                table.notes.append(f"{row['name']}, {row['direction']}: the results differ (!)")
        errors = {
            f"{row['name']}, {name}: {result['error']}"
            for row in chosen
            for name, result in row["results"].items()
            if "error" in result
        }
        table.notes += sorted(errors)
        found.append(table)
    return found
