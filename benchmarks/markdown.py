"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.tables import Table


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def rows(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; its first column is a name, and the others are numbers."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join([_line(columns), _line(rule), *(_line(line) for line in lines)])


def section(table: Table, level: int = 3) -> str:
    """A table under its title, with its notes as a list below."""
    parts = [f"{'#' * level} {table.title}", rows(table.columns, table.rows)]
    if table.notes:
        parts.append("\n".join(f"- {_cell(note)}" for note in table.notes))
    return "\n\n".join(parts)
