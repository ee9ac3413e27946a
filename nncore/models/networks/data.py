"""What networks take as data: arrays, sparse matrices and sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.errors import DataError

__all__ = ["SparseRows", "as_array", "as_arrays", "is_sparse"]


def is_sparse(value: Any) -> bool:
    """Say whether something is a sparse matrix or array of SciPy.

    Parameters
    ----------
    value : object
        Anything; SciPy is not imported for it.

    Returns
    -------
    bool
        True for a sparse matrix.
    """
    return hasattr(value, "tocsr") and hasattr(value, "nnz")


class SparseRows:
    """A sparse matrix whose rows are made dense when they are taken, one batch at a time.

    Parameters
    ----------
    matrix : scipy.sparse matrix or array
        Shape ``(samples, features)``.

    Raises
    ------
    nncore.errors.DataError
        If it has values that are not finite.

    Examples
    --------
    >>> import scipy.sparse
    >>> from nncore.models.networks.data import SparseRows
    >>> rows = SparseRows(scipy.sparse.identity(1000, dtype="float32"))
    >>> rows.shape, rows[2:4].shape, type(rows[2:4]).__name__
    ((1000, 1000), (2, 1000), 'ndarray')
    """

    ndim = 2

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix.tocsr()
        self.shape: tuple[int, ...] = tuple(self.matrix.shape)
        self.dtype = np.dtype(self.matrix.dtype)
        bad = np.count_nonzero(~np.isfinite(self.matrix.data))
        if bad:
            raise DataError(
                f"the sparse matrix of shape {self.shape} has {bad} values that are not finite. "
                "Remove or replace them."
            )

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray[Any, Any]:
        """Dense rows: those of a slice or of an array of indices."""
        dense: np.ndarray[Any, Any] = self.matrix[rows].toarray()
        return dense

    def sum(self, dtype: Any = None) -> Any:
        """The sum of all elements, which tells whether they are finite."""
        return self.matrix.data.sum(dtype=dtype)


def as_array(value: Any, name: str, masked: bool = False) -> Any:
    """Turn data into an array, or into what is indexed like one.

    Parameters
    ----------
    value : array, scipy.sparse matrix, sequence
        The data.
    name : str
        What to call them in messages.
    masked : bool
        Whether the network takes a mask. Default: False.

    Returns
    -------
    array or SparseRows
        With a row for each sample.

    Raises
    ------
    nncore.errors.DataError
        If it is a list of sequences of different lengths.
    """
    if is_sparse(value):
        return SparseRows(value)
    if isinstance(value, np.ndarray | SparseRows) or (
        hasattr(value, "shape") and hasattr(value, "dtype")
    ):
        return value
    try:
        return np.asarray(value)
    except ValueError:
        lengths = sorted({len(one) for one in value if hasattr(one, "__len__")})
        if len(lengths) > 1:
            how = (
                "Pad them with nncore.models.recurrent.padded, which makes a mask, too, and give "
                "both" + ("." if masked else ", to a network that was made with masked=True.")
            )
            raise DataError(
                f"{name} has sequences of different lengths, from {lengths[0]} to {lengths[-1]}. "
                + how
            ) from None
        raise


def as_arrays(data: Any, names: list[str], masked: bool = False) -> Any:
    """Turn a tuple of data into arrays; what makes batches by itself stays as it is.

    Parameters
    ----------
    data : tuple or list, array, object with ``x`` and ``y``, iterable of batches, or callable
        As for :func:`nncore.training.train`.
    names : list of str
        What to call the arrays in messages; their number is how many there must be.
    masked : bool
        Whether the network takes a mask. Default: False.

    Returns
    -------
    tuple of array, or what was given
        The arrays.

    Raises
    ------
    nncore.errors.DataError
        If there are more or fewer.
    """
    if len(names) == 1 and not callable(data) and not isinstance(data, tuple):
        data = (data,)
    several = isinstance(data, list) and len(data) == len(names) and not _is_batch(data[0])
    if not isinstance(data, tuple) and not several:
        return data
    if len(data) != len(names):
        raise DataError(
            f"the network takes {len(names)} arrays, {', '.join(names)}, but was given {len(data)}."
        )
    return tuple(as_array(one, name, masked) for one, name in zip(data, names, strict=True))


def _is_batch(value: Any) -> bool:
    return isinstance(value, tuple | list) and bool(value) and isinstance(value[0], np.ndarray)
