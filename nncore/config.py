"""The user's choices: which implementation each kind of operation uses by default.

In order of strength: the ``implementation=`` of a layer or an operation, the innermost
:func:`using` block, :func:`set_default` for the process, the environment variables
``NNCORE_CONV`` and ``NNCORE_POOL``, and else ``"auto"``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextvars import ContextVar

from nncore.errors import NNCoreError

__all__ = [
    "KINDS",
    "block_choice",
    "choice",
    "get_default",
    "probe_timeout",
    "set_default",
    "using",
]

#: Kinds of operation that have interchangeable implementations.
KINDS = ("conv", "pool")

_process: dict[str, str] = {}
_block: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("nncore_implementations", default=())


def _check(kind: str, name: object) -> str:
    from nncore import registry

    if kind not in KINDS:
        raise TypeError(
            f"{kind!r} is not a kind of operation with implementations to choose from; "
            f"the kinds are {', '.join(KINDS)}."
        )
    if not isinstance(name, str):
        raise TypeError(
            f"the implementation for {kind} must be a name (a string), not {name!r}; "
            f"known names: {', '.join(registry.implementation_choices(kind))}."
        )
    registry.check_implementation_name(kind, name)
    return name


def set_default(**choices: str | None) -> None:
    """Choose implementations for the whole process.

    Parameters
    ----------
    **choices : str or None
        ``conv=`` and ``pool=``: the name of an implementation, ``"auto"`` or ``"fastest"``.
        ``None`` goes back to the environment variable, or else to ``"auto"``.

    Raises
    ------
    nncore.errors.UnknownNameError
        If nothing registered the name.

    Examples
    --------
    >>> import nncore
    >>> nncore.config.set_default(conv="numba")
    >>> nncore.config.get_default("conv")
    'numba'
    >>> nncore.config.set_default(conv=None)
    """
    checked = {
        kind: None if name is None and kind in KINDS else _check(kind, name)
        for kind, name in choices.items()
    }
    for kind, name in checked.items():
        if name is None:
            _process.pop(kind, None)
        else:
            _process[kind] = name


def get_default(kind: str) -> str:
    """The process's choice for a kind, without regard to :func:`using` blocks.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.

    Returns
    -------
    str
        A name, ``"auto"`` when nothing was chosen.
    """
    if kind in _process:
        return _process[kind]
    return os.environ.get(f"NNCORE_{kind.upper()}") or "auto"


@contextlib.contextmanager
def using(**choices: str) -> Iterator[None]:
    """Choose implementations for a block of code.

    The choice applies to the layers and operations that are built in the block, which keep
    it, and to what is compiled in the block and has no choice of its own.

    Parameters
    ----------
    **choices : str
        ``conv=`` and ``pool=``: the name of an implementation, ``"auto"`` or ``"fastest"``.

    Raises
    ------
    nncore.errors.UnknownNameError
        If nothing registered the name.

    Examples
    --------
    >>> import nncore
    >>> with nncore.using(conv="numba"):
    ...     nncore.config.block_choice("conv")
    'numba'
    """
    checked = tuple((kind, _check(kind, name)) for kind, name in choices.items())
    token = _block.set(_block.get() + checked)
    try:
        yield
    finally:
        _block.reset(token)


def block_choice(kind: str) -> str | None:
    """The choice of the innermost :func:`using` block for a kind, or None outside of one.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.

    Returns
    -------
    str or None
        The name.
    """
    for candidate, name in reversed(_block.get()):
        if candidate == kind:
            return name
    return None


def choice(kind: str) -> str:
    """The name in force for an operation that has none of its own.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.

    Returns
    -------
    str
        The name chosen by the innermost block, the process or the environment, or ``"auto"``.
    """
    return block_choice(kind) or get_default(kind)


def probe_timeout() -> float:
    """How long an implementation may take to say whether it is available.

    Returns
    -------
    float
        Seconds: the environment variable ``NNCORE_PROBE_TIMEOUT``. Default: 10.

    Raises
    ------
    nncore.errors.NNCoreError
        If the variable is no positive number.

    Examples
    --------
    >>> from nncore import config
    >>> config.probe_timeout()
    10.0
    """
    text = os.environ.get("NNCORE_PROBE_TIMEOUT") or "10"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise NNCoreError(
            f"NNCORE_PROBE_TIMEOUT={text!r} must be a positive number of seconds, at most "
            f"{threading.TIMEOUT_MAX:.0f}, for example 10."
        )
    return seconds
