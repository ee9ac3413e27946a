"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncore.cli.errors import CommandError, check_choice

if TYPE_CHECKING:
    from rich.console import Console

    from nncore.datasets import Dataset

__all__ = [
    "Backend",
    "DataDirectory",
    "Debug",
    "ImageSize",
    "Implementation",
    "Json",
    "check_backend",
    "chosen_implementations",
    "help_text",
    "image_shape",
    "load_data",
    "make_console",
    "using",
]

Backend = Annotated[
    str,
    typer.Option(
        "--backend",
        metavar="NAME",
        help="What computes: [bold]numba[/] (CPU), [bold]jax[/] (GPU, or CPU) or python (slow, but "
        "nothing is compiled).",
    ),
]
DataDirectory = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="PATH",
        help="Where the data is: the folder of the IDX files for mnist and fashion-mnist, the "
        "file for npz, the folder with one sub-folder per class for folder.",
    ),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        "--image-size",
        metavar="ROWS[,COLS]",
        help="For --data folder: resize all images to this size.",
    ),
]
Implementation = Annotated[
    str | None,
    typer.Option(
        "--implementation",
        "-i",
        metavar="NAME",
        help="Implementation of convolution and pooling, where it has both ('nncore plugins' "
        "lists them; 'auto' takes the best, 'fastest' measures).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[
    bool,
    typer.Option("--debug", expose_value=False, help="Show the traceback of an error."),
]


def make_console(width: int = 120) -> Console:
    """Make a console on the standard output, wide enough for tables if that is no terminal.

    Parameters
    ----------
    width : int
        Number of columns where there is no terminal. Default: 120.

    Returns
    -------
    rich.console.Console
        Without automatic colours.
    """
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=width)


def check_backend(name: str) -> str:
    """Raise unless a backend is known and installed.

    Parameters
    ----------
    name : str
        Value of ``--backend``.

    Returns
    -------
    str
        The value.

    Raises
    ------
    CommandError
        With what to do.
    """
    from nncore.backends import BACKENDS

    check_choice("--backend", name, BACKENDS)
    if name != "python" and importlib.util.find_spec(name) is None:
        install = "pip install 'nncore-pytensor[jax]'" if name == "jax" else f"pip install {name}"
        other = "numba" if name == "jax" else "python"
        raise CommandError(
            f"--backend {name}: it is not installed: {install}, or take --backend {other}."
        )
    return name


def image_shape(text: str | None) -> tuple[int, int] | None:
    """Read the value of ``--image-size``.

    Parameters
    ----------
    text : str or None
        For example ``"32"`` or ``"24,32"``.

    Returns
    -------
    tuple of int, or None
        Rows and columns.

    Raises
    ------
    CommandError
        If it is not that.

    Examples
    --------
    >>> image_shape("32"), image_shape("24,32")
    ((32, 32), (24, 32))
    """
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if len(parts) not in (1, 2) or not all(p.strip().isdecimal() and int(p) for p in parts):
        raise CommandError(
            f"--image-size: {text!r} is not a size; give one number for square images, or "
            "ROWS,COLS, for example 24,32."
        )
    return int(parts[0]), int(parts[-1])


def load_data(
    name: str, data_dir: Path | str | None, image_size: tuple[int, int] | None
) -> Dataset:
    """Load the data that the options name.

    The division into splits does not depend on ``--seed``, so that runs with different seeds
    are tested on the same images.

    Parameters
    ----------
    name : str
        Value of ``--data``.
    data_dir : path or None
        Value of ``--data-dir``.
    image_size : tuple of int or None
        Rows and columns.

    Returns
    -------
    nncore.datasets.Dataset
        The data.

    Raises
    ------
    nncore.errors.NNCoreError
        If the name is unknown or the data is not usable.
    """
    from nncore import datasets

    check_choice("--data", name, datasets.NAMES)
    return datasets.load(name, data_dir, image_size=image_size)


def chosen_implementations(
    implementation: str | None, conv: str | None = None, pool: str | None = None
) -> dict[str, str]:
    """Bring the choice of implementations into one form.

    Parameters
    ----------
    implementation : str or None
        For every kind for which the name is registered.
    conv, pool : str or None
        For one kind, before the former.

    Returns
    -------
    dict of str to str
        Kind to name; without an entry for what was not chosen.

    Raises
    ------
    nncore.errors.NNCoreError
        For a name that is not registered.
    """
    from nncore import registry
    from nncore.config import KINDS

    chosen: dict[str, str] = {}
    if implementation is not None:
        bare = implementation.rpartition(":")[2]
        fitting = [kind for kind in KINDS if bare in registry.implementation_choices(kind)]
        # With no kind for it, the first one says what is known or why a plugin lacks it.
        for kind in fitting or KINDS:
            registry.check_implementation_name(kind, implementation)
            chosen[kind] = implementation
    for kind, name in (("conv", conv), ("pool", pool)):
        if name is not None:
            registry.check_implementation_name(kind, name)
            chosen[kind] = name
    return chosen


def help_text(command: Callable[..., Any]) -> str:
    r"""Take a command's help from its docstring, one line for each paragraph.

    Parameters
    ----------
    command : callable
        The command.

    Returns
    -------
    str
        Lines that the terminal breaks where it is necessary.

    Examples
    --------
    >>> def command():
    ...     '''Do a thing.
    ...
    ...     It may take
    ...     a while.
    ...     '''
    >>> help_text(command)
    'Do a thing.\n\nIt may take a while.'
    """
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(p.split("\n")) for p in paragraphs)


@contextlib.contextmanager
def using(chosen: dict[str, Any]) -> Iterator[None]:
    """Build and compile with the chosen implementations.

    Parameters
    ----------
    chosen : dict of str to str
        As from :func:`chosen_implementations`.
    """
    from nncore import config

    with config.using(**chosen):
        yield
