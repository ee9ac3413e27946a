"""Runs benchmarks, prints their tables and writes what they measured as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import convolution, gpu, machine, training
from benchmarks.settings import Settings
from benchmarks.tables import show

BENCHMARKS = {"training": training, "convolution": convolution}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="python -m benchmarks gpu --help is about the one for GPUs.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"which ones: {', '.join(BENCHMARKS)} (all)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write (benchmarks/results/TIME.json)"
    )
    parser.add_argument("--quick", action="store_true", help="few repetitions: rough numbers")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="cases with TEXT in their name, or TEXT,TEXT"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="processors for everyone (all of them)"
    )
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    available = machine.processors()
    if given.threads is not None and not 1 <= given.threads <= available:
        parser.error(f"--threads {given.threads}: there are 1 to {available} processors")
    return given


def main() -> int:
    given = arguments()
    settings = Settings(
        quick=given.quick, only=given.only, threads=given.threads or machine.processors()
    )
    now = datetime.now().astimezone()
    output = given.output
    if output is None:
        results = Path(__file__).parent / "results"
        output = results / f"{now:%Y-%m-%d-%H%M%S}.json"
    record: dict[str, Any] = {
        "date": now.isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "settings": settings.as_dict(),
        "results": {},
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    for name in given.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        rows = benchmark.run(settings)
        record["results"][name] = rows
        # After each benchmark, so that an interruption costs only the one that is running.
        output.write_text(json.dumps(record, indent=1) + "\n")
        for table in benchmark.tables(rows):
            show(table)
    print(f"written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(gpu.main(sys.argv[2:]) if sys.argv[1:2] == ["gpu"] else main())
