"""Shows how a training goes on: a live bar on a terminal, plain lines elsewhere.

Both kinds can be given to :func:`nncore.training.train` as its ``progress``. Used as a context
manager, or after ``start()``, they also say that the functions are being compiled.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from nncore.training.records import EpochRecord

__all__ = ["LineProgress", "RichProgress", "make_progress"]

_COMPILING = "compiling (some seconds; much faster when this network was compiled before) ..."


def _number(value: float) -> str:
    """Four decimals, or an exponent for what they cannot show."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"


def _values(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in values.items())


class _Reporter:
    """The state that both kinds of progress share."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.epoch = 0
        self.epochs: int | None = None
        self.batches: int | None = None
        self.samples: int | None = None
        self._compiling = False
        self._began = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Say that the functions are being compiled, which the first batch ends."""

    def close(self) -> None:
        """Leave nothing on the screen that is not final."""

    def begin(
        self, epoch: int, epochs: int | None, batches: int | None, samples: int | None
    ) -> None:
        """Take note of an epoch that begins."""
        self.epoch, self.epochs = epoch, epochs
        self.batches, self.samples = batches, samples
        self._began = time.perf_counter()

    def _rate(self, samples_done: int) -> float:
        return samples_done / max(time.perf_counter() - self._began, 1e-9)

    def _epoch(self) -> str:
        if self.epochs is None:
            return str(self.epoch)
        return f"{self.epoch:{len(str(self.epochs))}d}/{self.epochs}"


class LineProgress(_Reporter):
    """One line of text for each epoch, for logs and pipes.

    Parameters
    ----------
    file : text file, optional
        Where to write. Default: ``sys.stdout``.
    unit : str
        What the samples are. Default: ``"samples"``.
    interval : float
        Number of seconds after which an epoch that is not over gets a line of its own.
        Default: 30.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> progress = LineProgress(unit="images")
    >>> progress.begin(1, 20, 8, 1024)
    >>> progress.end(SimpleNamespace(
    ...     epoch=1, train={"loss": 0.5, "accuracy": 0.875}, validation={"loss": 0.25},
    ...     seconds=2.0, samples_per_second=512.0, is_best=True, interrupted=False))
    epoch  1/20: loss 0.5000, accuracy 0.8750; validation loss 0.2500; 512 images/s, 2.0 s; best
    """

    def __init__(
        self, file: TextIO | None = None, unit: str = "samples", interval: float = 30.0
    ) -> None:
        super().__init__(unit)
        self.file = file
        self.interval = interval
        self._said = 0.0

    def _say(self, line: str) -> None:
        print(line, file=self.file or sys.stdout, flush=True)

    def start(self) -> None:
        """Say that the functions are being compiled."""
        if not self._compiling:
            self._compiling = True
            self._say(_COMPILING)

    def begin(
        self, epoch: int, epochs: int | None, batches: int | None, samples: int | None
    ) -> None:
        """Take note of an epoch that begins."""
        super().begin(epoch, epochs, batches, samples)
        self._said = self._began

    def batch(self, done: int, samples_done: int, values: dict[str, float]) -> None:
        """Write a line if the last one was long ago."""
        now = time.perf_counter()
        if now - self._said < self.interval:
            return
        self._said = now
        of = f" of {self.batches}" if self.batches else ""
        self._say(
            f"epoch {self._epoch()}, batch {done}{of}: {_values(values)}; "
            f"{self._rate(samples_done):,.0f} {self.unit}/s"
        )

    def end(self, record: EpochRecord) -> None:
        """Write the line of an epoch."""
        self.epoch = record.epoch
        parts = [_values(record.train)]
        if record.validation:
            parts.append("validation " + _values(record.validation))
        parts.append(f"{record.samples_per_second:,.0f} {self.unit}/s, {_duration(record.seconds)}")
        if record.is_best:
            parts.append("best")
        if record.interrupted:
            parts.append("interrupted")
        self._say(f"epoch {self._epoch()}: " + "; ".join(part for part in parts if part))

    def close(self) -> None:
        """Do nothing: every line is final."""


class RichProgress(_Reporter):
    """A live bar for the epoch under way, and a kept table row for each finished one.

    It needs the package ``rich``.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to draw. Default: the standard output.
    unit : str
        What the samples are. Default: ``"samples"``.
    """

    def __init__(self, console: Any = None, unit: str = "samples") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        super().__init__(unit)
        self.console = console or Console(highlight=False)
        self._bars = Bars(
            SpinnerColumn(style="cyan"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24, complete_style="cyan", finished_style="cyan"),
            TextColumn("{task.fields[values]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            refresh_per_second=8,
        )
        self._waiting = Bars(
            SpinnerColumn(style="cyan"),
            TextColumn("[dim]{task.description}"),
            console=self.console,
            transient=True,
            refresh_per_second=8,
        )
        self._task: Any = None
        self._columns: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._widths: dict[str, int] = {}

    def start(self) -> None:
        """Show that the functions are being compiled, until the first batch is done."""
        if not self._compiling:
            self._compiling = True
            self._waiting.add_task(_COMPILING, total=None)
            self._waiting.start()

    def _show_bars(self) -> None:
        self._waiting.stop()
        if self._task is None:
            self._bars.start()
            self._task = self._bars.add_task(
                f"epoch {self._epoch()}", total=self.batches, values=""
            )

    def begin(
        self, epoch: int, epochs: int | None, batches: int | None, samples: int | None
    ) -> None:
        """Begin the bar of an epoch."""
        super().begin(epoch, epochs, batches, samples)
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = self._bars.add_task(f"epoch {self._epoch()}", total=batches, values="")

    def batch(self, done: int, samples_done: int, values: dict[str, float]) -> None:
        """Move the bar on."""
        self._show_bars()
        self._bars.update(
            self._task,
            completed=done,
            values=f"{_values(values)}  [dim]{self._rate(samples_done):,.0f} {self.unit}/s[/]",
        )

    def _header(self, record: EpochRecord) -> None:
        """Print the names of the columns when they are new."""
        columns = tuple(record.train), tuple(record.validation)
        if columns == self._columns:
            return
        self._columns = columns
        self._widths = {name: max(10, len(name) + 2) for names in columns for name in names}
        epoch = f"{'epoch':>{max(5, len(self._epoch()))}}"
        names = ["".join(f"{name:>{self._widths[name]}}" for name in group) for group in columns]
        if columns[1]:
            self.console.print(
                f"[dim]{' ' * len(epoch)}{'training':>{len(names[0])}} │"
                f"{'validation':>{len(names[1])}}[/]"
            )
            names.insert(1, " [dim]│[/]")
        self.console.print(f"[bold]{epoch}{''.join(names)}  {self.unit + '/s':>12}      time[/]")

    def end(self, record: EpochRecord) -> None:
        """Print the row of an epoch."""
        self._waiting.stop()
        self.epoch = record.epoch
        self._header(record)
        groups = [
            "".join(f"{_number(value):>{self._widths[name]}}" for name, value in group.items())
            for group in (record.train, record.validation)
            if group
        ]
        row = f"{self._epoch():>5}" + " [dim]│[/]".join(groups)
        row += f"  {record.samples_per_second:>12,.0f}  {_duration(record.seconds):>8}"
        if record.is_best:
            row += "  [green]best[/]"
        if record.interrupted:
            row += "  [yellow]interrupted[/]"
        self.console.print(row)

    def close(self) -> None:
        """Take the bar off the screen; the rows stay."""
        self._waiting.stop()
        self._bars.stop()


def make_progress(file: TextIO | None = None, unit: str = "samples") -> LineProgress | RichProgress:
    """Make the progress that suits the output.

    Parameters
    ----------
    file : text file, optional
        Where it will be shown. Default: ``sys.stdout``.
    unit : str
        What the samples are. Default: ``"samples"``.

    Returns
    -------
    LineProgress or RichProgress
        :class:`RichProgress` if the file is a terminal and the package ``rich`` is installed.

    Examples
    --------
    >>> import io
    >>> progress = make_progress(io.StringIO())
    >>> type(progress).__name__
    'LineProgress'
    """
    stream = file or sys.stdout
    if stream.isatty():
        try:
            from rich.console import Console
        except ImportError:
            pass
        else:
            console = Console(file=file, highlight=False)
            if console.is_terminal and not console.is_dumb_terminal:
                return RichProgress(console, unit)
    return LineProgress(file, unit)
