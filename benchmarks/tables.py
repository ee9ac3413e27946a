"""Tables on the terminal: by rich where it is installed, else plain."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of text under a title; the first column is a name."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def titled(title: str, reference: str, with_ratios: bool, precision: str = "") -> str:
    """A title that explains the numbers in brackets, if there are any."""
    title = f"{title}, {precision}" if precision else title
    return f"{title} (in brackets: time relative to {reference})" if with_ratios else title


def duration(seconds: float | None) -> str:
    """Seconds in a handy unit."""
    if seconds is None:
        return "-"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} us"


def _plain(table: Table) -> None:
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    print(f"\n{table.title}")
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  ".join(cells))


def show(table: Table) -> None:
    """Print a table."""
    try:
        from rich.console import Console
        from rich.table import Table as RichTable
    except ImportError:
        _plain(table)
    else:
        rich = RichTable(title=table.title, title_justify="left")
        for i, column in enumerate(table.columns):
            rich.add_column(column, justify="right" if i else "left")
        for row in table.rows:
            rich.add_row(*row)
        # A file has no width, and cells that are broken into lines are hard to read.
        Console(width=None if sys.stdout.isatty() else 200).print(rich)
    for note in table.notes:
        print(note)
