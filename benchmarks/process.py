"""Competitors in processes of their own.

This side imports none of what is measured: on Linux, the peak memory of a process is at least
that of the process which started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.settings import Settings

ROOT = Path(__file__).parent.parent


class Failed(Exception):
    """A competitor could not do what it was asked for."""


@dataclass(frozen=True)
class Competitor:
    """A name for the tables, and who does the work."""

    name: str
    subject: str
    options: dict[str, Any] = field(default_factory=dict)


def _on_gpu(tf32: bool) -> dict[str, str]:
    """What makes JAX compute on a GPU that others use too, in one precision throughout."""
    return {
        # Without the CPU beside it, JAX raises an error where it would go on there.
        "JAX_PLATFORMS": "cuda",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32" if tf32 else "highest",
        "NNCORE_CUDNN_COMPUTE": "tf32" if tf32 else "float32",
        # It forbids TF32 to NVIDIA's libraries, whoever calls them.
        **({} if tf32 else {"NVIDIA_TF32_OVERRIDE": "0"}),
    }


def environment(settings: Settings, caches: Path | None = None) -> dict[str, str]:
    """The environment variables of a process that is measured."""
    environment = dict(os.environ)
    for variable in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        environment[f"{variable}_NUM_THREADS"] = str(settings.threads)
    if settings.platform == "gpu":
        environment.pop("NVIDIA_TF32_OVERRIDE", None)
        environment.update(_on_gpu(settings.tf32))
    else:
        environment["JAX_PLATFORMS"] = "cpu"
    flags = [environment.get("PYTENSOR_FLAGS", ""), "floatX=float32"]
    if caches is not None:
        flags.append(f"base_compiledir={caches / 'pytensor'}")
        environment["NUMBA_CACHE_DIR"] = str(caches / "numba")
        environment["NNCORE_CACHE_DIR"] = str(caches / "nncore")
    environment["PYTENSOR_FLAGS"] = ",".join(filter(None, flags))
    return environment


class Process:
    """One competitor, running; a context manager."""

    def __init__(
        self, competitor: Competitor, settings: Settings, caches: Path | None = None
    ) -> None:
        self.competitor = competitor
        self._settings = settings
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        options = {**competitor.options, "threads": settings.threads}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", competitor.subject, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env=environment(settings, caches),
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def ask(self, do: str, **arguments: Any) -> Any:
        """Send a request and wait for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            said = self._errors.read()[-1000:].strip()
            raise Failed(f"the process ended with status {self._process.wait()}. {said}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["answer"]

    def measure(self, call: str) -> list[float]:
        """Durations of one turn."""
        settings = self._settings
        return self.ask(
            "measure",
            call=call,
            seconds=settings.seconds,
            at_least=settings.calls,
            queued=settings.queued,
        )


def in_turns(
    processes: Sequence[Process],
    calls: Sequence[str],
    settings: Settings,
    errors: dict[str, str],
) -> dict[str, dict[str, dict[str, float]]]:
    """Measure the calls of all competitors, in turns, so that a disturbance hits them all.

    The result has for each competitor and call the median and the minimum of all turns. Who fails
    on the way is not in the result, but in `errors` with the reason.
    """
    durations: dict[tuple[str, str], list[float]] = {}
    for turn in range(settings.rounds):
        for call in calls:
            # Nobody always comes first.
            shift = turn % max(len(processes), 1)
            for process in [*processes[shift:], *processes[:shift]]:
                name = process.competitor.name
                if name in errors:
                    continue
                try:
                    durations.setdefault((name, call), []).extend(process.measure(call))
                except Failed as failure:
                    errors[name] = str(failure)
    result: dict[str, dict[str, dict[str, float]]] = {}
    for (name, call), values in durations.items():
        if name in errors:
            continue
        result.setdefault(name, {})[call] = {
            "median_seconds": statistics.median(values),
            "min_seconds": min(values),
            "calls": len(values),
        }
    return result


def installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    from importlib.util import find_spec

    return find_spec(package) is not None


def ratios(medians: Mapping[str, float], reference: str | None) -> dict[str, float]:
    """Each competitor's time as a multiple of the reference's."""
    if reference is None or reference not in medians:
        return {}
    return {name: median / medians[reference] for name, median in medians.items()}
