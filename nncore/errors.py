"""The errors that nncore raises on purpose, under one base class."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DataError",
    "ImplementationUnavailable",
    "KernelError",
    "ModelFileError",
    "NNCoreError",
    "PluginError",
    "TrainingDiverged",
    "UnknownNameError",
    "did_you_mean",
]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that is most like another.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What is allowed.

    Returns
    -------
    str
        ``" Did you mean 'this'?"``, or nothing.

    Examples
    --------
    >>> did_you_mean("lenett", ["mlp", "lenet"])
    " Did you mean 'lenet'?"
    """
    found = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""


class NNCoreError(Exception):
    """Base class of every error that has a message written for the user."""

    def __str__(self) -> str:
        # LookupError's children quote their message; the user should read it as written.
        return str(self.args[0]) if self.args else ""


class UnknownNameError(NNCoreError, LookupError):
    """A name that nothing registered."""


class ImplementationUnavailable(NNCoreError, RuntimeError):
    """A named implementation that cannot run here, or not for this geometry.

    Parameters
    ----------
    message : str
        The whole message.
    name : str, optional
        The implementation that was asked for.
    reason : str, optional
        Why it cannot be used.
    alternatives : tuple of str, optional
        Names that would work instead.
    """

    def __init__(
        self,
        message: str,
        name: str | None = None,
        reason: str | None = None,
        alternatives: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.name = name
        self.reason = reason
        self.alternatives = alternatives


class PluginError(NNCoreError, RuntimeError):
    """A plugin that failed to load, or that claims a name which is taken."""


class KernelError(PluginError):
    """An implementation whose kernel does not keep the plugin contract.

    Parameters
    ----------
    message : str
        What is wrong, and with which implementation, direction and geometry.
    returned, expected : tuple of int, optional
        Shape that the kernel returned, and the one that was due.
    operands : tuple of tuple of int
        Shapes of the arrays that the kernel was given.
    """

    def __init__(
        self,
        message: str,
        returned: tuple[int, ...] | None = None,
        expected: tuple[int, ...] | None = None,
        operands: tuple[tuple[int, ...], ...] = (),
    ) -> None:
        # Compiled code raises this, and can give arguments of run time but not put them into text.
        super().__init__(message, returned, expected, operands)

    def __str__(self) -> str:
        message, returned, expected, operands = self.args
        if returned is None:
            return str(message)
        return (
            f"{message} an array of shape {returned} instead of {expected}, for operands of "
            f"shapes {', '.join(map(str, operands))}."
        )


class DataError(NNCoreError, ValueError):
    """Data that cannot be used: missing, truncated, out of range or not finite."""


class ModelFileError(NNCoreError, ValueError):
    """A model file that is cut short, altered, or of a newer format."""


class TrainingDiverged(NNCoreError, ArithmeticError):
    """A loss that is not a number any more."""
