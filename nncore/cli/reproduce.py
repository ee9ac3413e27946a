"""``nncore reproduce``: makes a known result again."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncore.cli.errors import CommandError
from nncore.cli.options import Debug, make_console

if TYPE_CHECKING:
    from rich.console import Console

    from nncore.reproductions import Reproduction

__all__ = ["reproduce"]


def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="What to reproduce; --list shows what there is."),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", "-l", help="Show what can be reproduced, and stop.")
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="PATH", help="Directory of MNIST's four IDX files, plain or .gz."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where the results go. Default: runs/reproduce-<name>-<time>.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of all randomness."),
    ] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small version of a minute, with a target of its own.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but the result.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Make a known result again, and compare it with a target that was stated before.

    [bold]Examples:[/]

      nncore reproduce --list

      nncore reproduce mlp-tutorial

      nncore reproduce sda --data-dir ~/mnist -o runs/sda

      nncore reproduce sda --quick

    The folder gets report.html, the same table as result.md and result.json, the pictures, and
    the model. Exit code 1 says that the target was missed.
    """
    import pytensor

    from nncore import reproductions
    from nncore.reproductions.report import check_folder

    if show_list:
        _show_list(make_console())
        return
    if name is None:
        raise CommandError(
            "NAME is missing: what to reproduce. There is "
            f"{', '.join(reproductions.REPRODUCTIONS)}."
        )
    reproduction = reproductions.get(name)
    if data_dir is not None and not reproduction.takes_data:
        raise CommandError(f"{name} makes its own data; leave --data-dir out.")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = output or Path("runs") / f"reproduce-{name}-{stamp}"
    check_folder(folder)
    pytensor.config.floatX = "float32"
    raise typer.Exit(_make(reproduction, folder, seed, quick, data_dir, quiet))


def _show_list(console: Console) -> None:
    from rich import box
    from rich.table import Table

    from nncore.reproductions import REPRODUCTIONS

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Name", no_wrap=True, style="bold")
    table.add_column("What it is")
    table.add_column("Original")
    for name, reproduction in REPRODUCTIONS.items():
        table.add_row(name, reproduction.title, reproduction.original)
    console.print(table)


def _make(
    reproduction: Reproduction,
    folder: Path,
    seed: int,
    quick: bool,
    data_dir: Path | None,
    quiet: bool,
) -> int:
    from nncore.cli.runs import versions
    from nncore.reproductions import Context
    from nncore.reproductions.report import describe, write
    from nncore.training.progress import make_progress

    console = make_console()

    def progress(heading: str, unit: str) -> Any:
        if quiet:
            return None
        console.print(f"[bold]{heading}[/]")
        return make_progress(unit=unit)

    if not quiet:
        console.print(f"[bold]{reproduction.title}[/]\n{reproduction.original}\n", soft_wrap=True)
    context = Context(seed=seed, quick=quick, data_dir=data_dir, progress=progress)
    clock, processor = time.perf_counter(), time.process_time()
    # Before the work, so that a folder which cannot be made is no surprise after it.
    folder.mkdir(parents=True, exist_ok=True)
    try:
        result = reproduction.run(context)
    except BaseException:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise
    content = describe(
        reproduction,
        context,
        result,
        time.perf_counter() - clock,
        time.process_time() - processor,
        versions(),
    )
    files = write(folder, content, result)
    verdict = "[green]reached[/]" if result.is_reached else "[yellow]missed[/]"
    console.print(
        f"[bold]{result.measure}[/] {result.reached:g}; the target of at most {result.target:g} "
        f"was {verdict}",
        soft_wrap=True,
    )
    if not quiet:
        for what, path in files.items():
            console.print(f"[bold]{what:12}[/] {path}", soft_wrap=True)
    return 0 if result.is_reached else 1
