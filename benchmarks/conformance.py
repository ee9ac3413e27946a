"""Whether implementations are right, by the conformance suite in a process of its own for each."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import environment
from benchmarks.settings import Settings
from benchmarks.tables import Table, duration

#: For how long the suite may run for one implementation, in seconds.
_TIMEOUT = 3600
#: What a quick run leaves out is all that compares numbers, but for one geometry.
_QUICK = ["-k", "test_contract"]


def command(name: str, settings: Settings) -> list[str]:
    """How the suite is run for an implementation."""
    options = ["--implementation", name, "--backend", "jax", *(_QUICK if settings.quick else [])]
    return ["pytest", "--pyargs", "nncore.testing", *options]


def run(names: Sequence[str], settings: Settings) -> list[dict[str, Any]]:
    """Run the suite for each implementation."""
    rows = []
    for name in names:
        print(f"conformance {name} ...", file=sys.stderr, flush=True)
        rows.append({"implementation": name, **_suite(command(name, settings), settings)})
    return rows


def _suite(command: list[str], settings: Settings) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="nncore-benchmark-") as folder:
        report = Path(folder) / "report.xml"
        # The suite attaches what it found to its tests, which only the first form has a place for.
        options = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
        try:
            done = subprocess.run(
                [sys.executable, "-m", *command, *options, f"--junitxml={report}"],
                capture_output=True,
                text=True,
                cwd=folder,
                env=environment(settings),
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"command": " ".join(command), "error": f"not done after {_TIMEOUT} s"}
        outcome = {"command": " ".join(command), "status": done.returncode}
        if not report.exists():
            said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no output"]
            return {**outcome, "error": said[-1]}
        _, _, supported = done.stdout.partition("what is supported")
        return {**outcome, **_counts(report), "supported": supported.strip("= \n").splitlines()}


def _counts(report: Path) -> dict[str, Any]:
    """How many tests passed, and which did not."""
    passed, skipped, failed = 0, 0, []
    suites = ElementTree.parse(report).getroot()
    for test in suites.iter("testcase"):
        outcomes = {child.tag: child.get("message", "") for child in test}
        if "failure" in outcomes or "error" in outcomes:
            reason = outcomes.get("failure") or outcomes.get("error") or ""
            failed.append(f"{test.get('name')}: {reason.partition(chr(10))[0]}")
        elif "skipped" in outcomes:
            skipped += 1
        else:
            passed += 1
    seconds = sum(float(suite.get("time", 0)) for suite in suites.iter("testsuite"))
    return {"passed": passed, "skipped": skipped, "failed": failed, "seconds": seconds}


def tables(rows: list[dict[str, Any]]) -> list[Table]:
    """One table with the outcome for each implementation."""
    table = Table(
        "Conformance", ["implementation", "outcome", "passed", "skipped", "failed", "time"]
    )
    for row in rows:
        name = row["implementation"]
        if "error" in row:
            table.rows.append([name, "did not run", *["-"] * 4])
            table.notes.append(f"{name}: {row['error']}")
            continue
        failed = row["failed"]
        outcome = "right" if not failed and row["passed"] and not row["status"] else "WRONG"
        counts = [str(row["passed"]), str(row["skipped"]), str(len(failed))]
        table.rows.append([name, outcome, *counts, duration(row["seconds"])])
        table.notes += [f"{name}: {text}" for text in failed]
    return [table]
