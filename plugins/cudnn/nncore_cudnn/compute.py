"""The precision in which cuDNN computes convolutions of single precision."""

from __future__ import annotations

import os

__all__ = ["COMPUTE", "check_compute", "compute", "set_compute"]

#: What there is to choose from, the default first.
COMPUTE = ("float32", "tf32", "bfloat16")

_VARIABLE = "NNCORE_CUDNN_COMPUTE"

_process: list[str] = []


def check_compute(name: object, what: str = "compute") -> str:
    """Check a choice.

    Parameters
    ----------
    name : str
        One of :data:`COMPUTE`.
    what : str
        What to name in the message. Default: ``"compute"``.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ValueError
        If it is not one of them.
    """
    if not isinstance(name, str) or name not in COMPUTE:
        raise ValueError(f"{what} must be one of {', '.join(map(repr, COMPUTE))}, not {name!r}.")
    return name


def compute() -> str:
    """The process's choice, for what has none of its own.

    Returns
    -------
    str
        That of :func:`set_compute`, of the environment variable ``NNCORE_CUDNN_COMPUTE``, or else
        ``"float32"``.

    Raises
    ------
    ValueError
        If the environment variable is not one of :data:`COMPUTE`.

    Examples
    --------
    >>> import nncore_cudnn
    >>> nncore_cudnn.compute() in ("float32", "tf32", "bfloat16")
    True
    """
    if _process:
        return _process[-1]
    return check_compute(os.environ.get(_VARIABLE) or COMPUTE[0], _VARIABLE)


def set_compute(name: str | None) -> None:
    """Choose the precision of what the process compiles from now on.

    Parameters
    ----------
    name : str or None
        ``"float32"`` is exact single precision. ``"tf32"`` lets tensor cores round the operands to
        10 bits of mantissa, on GPUs of compute capability 8.0 and up. ``"bfloat16"`` rounds the
        operands and the results of convolutions to 7 bits of mantissa. None goes back to the
        environment variable, or else to ``"float32"``.

    Raises
    ------
    ValueError
        If it is not one of these.

    Examples
    --------
    >>> import nncore_cudnn
    >>> nncore_cudnn.set_compute("tf32")
    >>> nncore_cudnn.compute()
    'tf32'
    >>> nncore_cudnn.set_compute(None)
    """
    _process[:] = [] if name is None else [check_compute(name)]
