"""How the gradient by the filters is divided into partial sums over positions of the output."""

from __future__ import annotations

from typing import Any

__all__ = ["check_partial_sum", "positions_per_sum"]

#: Blocks of threads that keep a GPU busy: a few for each of about a hundred multiprocessors.
_BLOCKS = 512

#: Size of a block's tile: filters, and weights of a filter.
_TILE = (64, 128)


def check_partial_sum(subject: str, value: Any, output: tuple[int | None, ...]) -> None:
    """Raise for a number of positions that does not divide the output.

    Parameters
    ----------
    subject : str
        What to name in the message.
    value : int, None or str
        What was given: a positive integer, 0 or None for all positions, or ``"auto"``.
    output : tuple of int or None
        Rows and columns of the output; None if they are not known yet.

    Raises
    ------
    TypeError, ValueError
        If it is not that.
    """
    if value is None or value == "auto":
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(
            f"{subject}: partial_sum={value!r} must be a positive integer, 0 or None for all "
            "positions of the output, or 'auto'."
        )
    if value < 0:
        raise ValueError(f"{subject}: partial_sum={value!r} must not be negative.")
    rows, columns = output
    if value > 0 and rows is not None and columns is not None and rows * columns % value:
        raise ValueError(
            f"{subject}: partial_sum={value} does not divide the {rows * columns} positions of "
            f"the output map of {rows} by {columns}; divisors are "
            f"{', '.join(map(str, _divisors(rows * columns)))}."
        )


def positions_per_sum(value: Any, output: tuple[int, int], filters_shape: tuple[int, ...]) -> int:
    """Give the number of positions that each partial sum takes.

    Parameters
    ----------
    value : int, None or str
        As for :func:`check_partial_sum`.
    output : tuple of int
        Rows and columns of the output.
    filters_shape : tuple of int
        ``(num_filters, channels, rows, columns)``.

    Returns
    -------
    int
        A divisor of the number of positions. For ``"auto"``, as many positions as leave enough
        partial sums to keep a GPU busy.

    Raises
    ------
    TypeError, ValueError
        As for :func:`check_partial_sum`.

    Examples
    --------
    >>> positions_per_sum("auto", (32, 32), (64, 64, 3, 3))
    8
    >>> positions_per_sum(None, (32, 32), (64, 64, 3, 3))
    1024
    """
    check_partial_sum("cuda_convnet", value, output)
    total = output[0] * output[1]
    if value != "auto":
        return value or total
    filters, *weights = filters_shape
    tiles = -(-filters // _TILE[0]) * -(-weights[0] * weights[1] * weights[2] // _TILE[1])
    wanted = -(-_BLOCKS // tiles)
    return total // next((d for d in _divisors(total) if d >= wanted), total)


def _divisors(number: int) -> list[int]:
    low = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return sorted({*low, *(number // d for d in low)})
