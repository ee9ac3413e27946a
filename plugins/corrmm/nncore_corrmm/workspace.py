"""The bound on the memory that a matrix of patches may take."""

from __future__ import annotations

import os
from numbers import Integral

__all__ = ["DEFAULT", "check_max_workspace", "max_workspace", "set_max_workspace"]

#: Bytes that a matrix of patches may take if nothing else is said: 256 MiB.
DEFAULT = 256 * 2**20

_VARIABLE = "NNCORE_CORRMM_MAX_WORKSPACE"

_process: list[int] = []


def check_max_workspace(size: object) -> int:
    """Check a bound.

    Parameters
    ----------
    size : int
        Bytes.

    Returns
    -------
    int
        The same.

    Raises
    ------
    ValueError
        If it is not a positive integer.
    """
    if isinstance(size, bool) or not isinstance(size, Integral) or int(size) < 1:
        raise ValueError(f"max_workspace must be a positive number of bytes, not {size!r}.")
    return int(size)


def max_workspace() -> int:
    """The process's bound, for what has none of its own.

    Returns
    -------
    int
        Bytes: of :func:`set_max_workspace`, of the environment variable
        ``NNCORE_CORRMM_MAX_WORKSPACE``, or else :data:`DEFAULT`.

    Raises
    ------
    ValueError
        If the environment variable is not a positive integer.

    Examples
    --------
    >>> import nncore_corrmm
    >>> nncore_corrmm.max_workspace() > 0
    True
    """
    if _process:
        return _process[-1]
    text = os.environ.get(_VARIABLE, "")
    if not text:
        return DEFAULT
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{_VARIABLE} must be a positive number of bytes, not {text!r}.")
    return int(text)


def set_max_workspace(size: int | None) -> None:
    """Bound the matrices of patches of what the process compiles from now on.

    Parameters
    ----------
    size : int or None
        Bytes; None goes back to the environment variable, or else to :data:`DEFAULT`.

    Raises
    ------
    ValueError
        If it is not a positive integer.

    Examples
    --------
    >>> import nncore_corrmm
    >>> nncore_corrmm.set_max_workspace(64 * 2**20)
    >>> nncore_corrmm.max_workspace()
    67108864
    >>> nncore_corrmm.set_max_workspace(None)
    """
    _process[:] = [] if size is None else [check_max_workspace(size)]
