"""The table of what an implementation supports, from the reports of the tests."""

from __future__ import annotations

from typing import Any

from nncore import registry
from nncore.hookspecs import DIRECTIONS
from nncore.testing.kernels import Subject

__all__ = ["PROPERTY", "show"]

#: Under what name a test's report carries what it found.
PROPERTY = "nncore conformance"


def _cell(outcomes: list[tuple[str, str, str]], notes: list[str]) -> str:
    """One word for what became of all directions of a feature."""
    failed = [d for d, state, _ in outcomes if state == "failed"]
    if failed:
        return f"FAILED: {', '.join(failed)}"
    refused = [detail for _, state, detail in outcomes if state == "refused"]
    if refused:
        if refused[0] not in notes:
            notes.append(refused[0])
        return f"refused [{notes.index(refused[0]) + 1}]"
    done = [d for d, state, _ in outcomes if state == "ok"]
    if len(done) == len(outcomes):
        return "ok"
    return f"ok: {', '.join(done)}" if done else "by default"


def show(terminal: Any, subjects: list[Subject], reports: list[Any]) -> None:
    """Write a table for each implementation and backend.

    Parameters
    ----------
    terminal : pytest.TerminalReporter
        Where to write.
    subjects : list of Subject
        What was chosen.
    reports : list of pytest.TestReport
        With what the tests recorded.
    """
    found: dict[str, dict[str, dict[str, list[tuple[str, str, str]]]]] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == PROPERTY:
                rows = found.setdefault(value["subject"], {})
                cells = rows.setdefault(value["feature"], {})
                cells[value["dtype"]] = [(d, s, t) for d, s, t in value["outcomes"]]
    terminal.section("what is supported")
    for subject in subjects:
        where = registry.describe(subject.implementation)
        terminal.line(f"{where}, on the {subject.backend} backend", bold=True)
        rows = found.get(str(subject), {})
        if subject.obstacle:
            terminal.line(f"  NOT CHECKED, it cannot be used here: {subject.obstacle}", red=True)
        elif rows:
            _table(terminal, subject, rows)
        terminal.line("")


def _table(
    terminal: Any,
    subject: Subject,
    rows: dict[str, dict[str, list[tuple[str, str, str]]]],
) -> None:
    used = {dtype for cells in rows.values() for dtype in cells}
    dtypes = [d for d in ("float32", "float64", "float16") if d in used]
    notes: list[str] = []
    lines = [
        [feature, *(_cell(cells[d], notes) if d in cells else "" for d in dtypes)]
        for feature, cells in rows.items()
    ]
    head = ["", *dtypes]
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    for line in [head, *lines]:
        text = "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True))
        terminal.line(f"  {text}".rstrip(), red="FAILED" in text)
    for number, note in enumerate(notes, 1):
        terminal.line(f"  [{number}] {note}")
    states = {(d, s) for cells in rows.values() for o in cells.values() for d, s, _ in o}
    for direction in DIRECTIONS[subject.kind]:
        if (direction, "lacking") in states:
            terminal.line(f"  {direction} is left to the default implementation")
