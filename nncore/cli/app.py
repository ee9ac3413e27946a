"""Puts the commands together and turns every error into one line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from nncore._version import __version__
from nncore.cli.bench import bench
from nncore.cli.errors import describe
from nncore.cli.evaluate import evaluate
from nncore.cli.options import help_text
from nncore.cli.plugins import plugins
from nncore.cli.predict import predict
from nncore.cli.reproduce import reproduce
from nncore.cli.train import train

__all__ = ["app", "run"]

app = typer.Typer(
    name="nncore",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (train, evaluate, predict, reproduce, plugins):
    app.command(help=help_text(command))(command)
app.add_typer(bench)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nncore {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Train, test and use neural networks, and see what computes them.

    Every convolution and pooling implementation is a plugin that is chosen by name.

    [bold]To begin with:[/]

      nncore train -o runs/digits             [dim]# handwritten digits, a minute[/]

      nncore evaluate runs/digits             [dim]# how each class fares[/]

      nncore predict runs/digits seven.png    [dim]# what is in a picture[/]

      nncore reproduce --list                 [dim]# known results, made again[/]

      nncore plugins                          [dim]# what works on this machine[/]

    Each command has a --help of its own. Exit codes: 0 done; 2 not possible as asked (the message
    says why); 1 the training diverged, a target was missed, or something unforeseen happened; 130
    interrupted.
    """
    if context.invoked_subcommand is None:
        text = context.get_help()
        if text:
            typer.echo(text)


app.callback(invoke_without_command=True, help=help_text(_root))(_root)


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments. Default: those of the process.

    Returns
    -------
    int
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = typer.main.get_command(app)
    try:
        result = command.main(args=arguments, prog_name="nncore", standalone_mode=False)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        message, code = describe(error)
        print(f"nncore: error: {message}", file=sys.stderr)
        return code
    return result if isinstance(result, int) else 0
