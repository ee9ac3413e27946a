"""From an exception to the one line and the exit code that the user gets."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from nncore.errors import NNCoreError, TrainingDiverged, did_you_mean

__all__ = ["CommandError", "check_choice", "describe"]


class CommandError(NNCoreError):
    """Options that cannot be obeyed."""


def check_choice(option: str, value: str, known: Iterable[str]) -> str:
    """Raise unless an option has one of its allowed values.

    Parameters
    ----------
    option : str
        The option, as it is written.
    value : str
        Its value.
    known : iterable of str
        What is allowed.

    Returns
    -------
    str
        The value.

    Raises
    ------
    CommandError
        With the nearest allowed value.
    """
    allowed = list(known)
    if value not in allowed:
        raise CommandError(
            f"{option}: {value!r} is not known.{did_you_mean(value, allowed)} "
            f"Allowed: {', '.join(allowed)}."
        )
    return value


def describe(error: BaseException) -> tuple[str, int]:
    """Say in one line what went wrong.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    message : str
        One line, without ``nncore: error:``.
    code : int
        The exit code.
    """
    code = 2
    if isinstance(error, NNCoreError):
        message = str(error)
        if isinstance(error, TrainingDiverged):
            code = 1
    elif hasattr(error, "format_message"):  # what typer raises for bad usage
        message = error.format_message().rstrip()
        context = getattr(error, "ctx", None)
        if context is not None:
            message += "" if message.endswith((".", "?", ")")) else "."
            message += f" See '{context.command_path} --help'."
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        message = (
            f"the disk is full{_where(error)}. Make room or choose another folder with --output; "
            "files that were there before are unharmed."
        )
    elif isinstance(error, OSError) and error.strerror:
        message = f"{error.strerror}{_where(error)}."
    else:
        code = 1
        message = f"unforeseen {type(error).__name__}: {error} (--debug shows where it comes from)"
    return " ".join(message.split()), code


def _where(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""
