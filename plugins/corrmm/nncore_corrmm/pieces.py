"""How a matrix of patches is cut into pieces that fit into a bound."""

from __future__ import annotations

import math

__all__ = ["piece_sizes"]


def piece_sizes(lengths: tuple[int, ...], column: int, limit: int) -> tuple[int, ...]:
    """Cut the output of a convolution into pieces with few enough columns of patches.

    The axes are cut from the first on, the batch, and only as far as is needed. The pieces of
    an axis are of one size, but for the last one.

    Parameters
    ----------
    lengths : tuple of int
        Lengths of the output's axes: the batch and the spatial ones.
    column : int
        Bytes for each position: those of one patch.
    limit : int
        The bound in bytes. A piece has at least one position, even if that is more.

    Returns
    -------
    tuple of int
        Size of a piece on each axis, at least 1.

    Examples
    --------
    >>> from nncore_corrmm.pieces import piece_sizes
    >>> piece_sizes((64, 28, 28), column=100, limit=3_000_000)
    (32, 28, 28)
    >>> piece_sizes((64, 28, 28), column=100, limit=40_000)
    (1, 14, 28)
    """
    sizes = [1] * len(lengths)
    for axis, length in enumerate(lengths):
        rest = column * math.prod(lengths[axis + 1 :])
        count = limit // max(1, rest)
        if count:
            pieces = math.ceil(length / count)
            sizes[axis] = math.ceil(length / max(1, pieces)) or 1
            sizes[axis + 1 :] = [max(1, n) for n in lengths[axis + 1 :]]
            break
    return tuple(sizes)
