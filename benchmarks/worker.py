"""The process in which one competitor is measured.

It is told on its input, a line of JSON at a time, what to do: ``prepare`` a case, ``measure`` one
of the calls that were prepared, or say its ``memory``. It answers with a line of JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.subjects.launch import Launch

#: How long a queue of calls is to last in seconds, and how many calls it has at most.
QUEUE_SECONDS, QUEUE_CALLS = 0.02, 100


def _durations(call: Callable[[], Any], seconds: float, at_least: int) -> list[float]:
    durations: list[float] = []
    until = time.perf_counter() + seconds
    while len(durations) < at_least or time.perf_counter() < until:
        started = time.perf_counter()
        call()
        durations.append(time.perf_counter() - started)
    return durations


def _queued(call: Launch, seconds: float, at_least: int) -> list[float]:
    """Durations for each call of queues: what it takes to launch one hides behind the others."""
    started = time.perf_counter()
    call()
    once = max(time.perf_counter() - started, 1e-9)
    many = min(max(int(QUEUE_SECONDS / once), 1), QUEUE_CALLS)

    def queue() -> None:
        for _ in range(many - 1):
            call.launch()
        call()

    return [duration / many for duration in _durations(queue, seconds, at_least)]


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Worker:
    """Answers requests for one subject, a module of :mod:`benchmarks.subjects`."""

    def __init__(self, subject: str, options: dict[str, Any]) -> None:
        self.subject = subject
        self.options = options
        self.calls: dict[str, Callable[[], Any]] = {}

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        self.calls = {}
        gc.collect()
        started = time.perf_counter()
        module = importlib.import_module(f"benchmarks.subjects.{self.subject}")
        imported = time.perf_counter() - started
        info, self.calls = module.prepare(case, **self.options)
        return {"import_seconds": imported, **info, "calls": list(self.calls)}

    def measure(self, call: str, seconds: float, at_least: int, queued: bool) -> list[float]:
        prepared = self.calls[call]
        if not queued:
            return _durations(prepared, seconds, at_least)
        assert isinstance(prepared, Launch)
        return _queued(prepared, seconds, at_least)

    def memory(self) -> int:
        return _peak_memory()


def main() -> None:
    # Libraries print too: the answers get the standard output for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    subject, options = sys.argv[1], json.loads(sys.argv[2])
    threads = options.pop("threads")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    worker = Worker(subject, {**options, "threads": threads})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": getattr(worker, request.pop("do"))(**request)}
        except Exception as error:
            # PyTensor's messages go on with where each variable was made.
            reason = getattr(error, "reason", None) or str(error).strip().partition("\n")[0]
            answer = {"error": f"{type(error).__name__}: {reason}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
