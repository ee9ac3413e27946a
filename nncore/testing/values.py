"""Operands to compute with, and how much agreement is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry
from nncore.testing import oracle

__all__ = ["TOLERANCES", "close", "conv_values", "disagreement", "operands", "pool_values"]

#: By how much an element may differ, relative to itself and to the largest element.
TOLERANCES = {"float16": 1e-2, "float32": 3e-5, "float64": 1e-11}

Array = NDArray[Any]


def conv_values(g: ConvGeometry, seed: int = 0) -> tuple[Array, Array, Array]:
    """Input, filters and gradient of the output for a convolution.

    Parameters
    ----------
    g : nncore.ops.geometry.ConvGeometry
        With all sizes known.
    seed : int
        For the generator. Default: 0.

    Returns
    -------
    tuple of array
        Normally distributed.
    """
    rng = np.random.default_rng(seed)
    x, w = (
        rng.standard_normal([n or 0 for n in shape]) for shape in (g.input_shape, g.filters_shape)
    )
    gy = rng.standard_normal(oracle.conv(g, x[:0], w).shape[1:])
    gy = rng.standard_normal((len(x), *gy.shape))
    return x.astype(g.dtype), w.astype(g.dtype), gy.astype(g.dtype)


def pool_values(g: PoolGeometry, seed: int = 0, special: bool = True) -> tuple[Array, Array, Array]:
    """Input, gradient of the output, and values to take from, for a pooling.

    Parameters
    ----------
    g : nncore.ops.geometry.PoolGeometry
        With all sizes known.
    seed : int
        For the generator. Default: 0.
    special : bool
        Whether the input of a maximum has elements that are minus infinity and NaN. Default: True.

    Returns
    -------
    tuple of array
        The input has many ties.
    """
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, [n or 0 for n in g.input_shape]).astype(g.dtype)
    if g.mode == "max" and special:
        x[rng.random(x.shape) < 0.2] = -np.inf
        x[rng.random(x.shape) < 0.05] = np.nan
    gy = rng.standard_normal(oracle.pool(g, x)[0].shape).astype(g.dtype)
    return x, gy, rng.standard_normal(x.shape).astype(g.dtype)


def operands(g: Geometry, seed: int = 0) -> tuple[Array, Array, Array]:
    """The values for a geometry of either kind.

    Parameters
    ----------
    g : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        With all sizes known.
    seed : int
        For the generator. Default: 0.

    Returns
    -------
    tuple of array
        Those of :func:`conv_values` or :func:`pool_values`.
    """
    return conv_values(g, seed) if isinstance(g, ConvGeometry) else pool_values(g, seed)


def disagreement(actual: Array, expected: Array, dtype: str) -> float:
    """The largest difference, in units of what is allowed.

    Parameters
    ----------
    actual : array
        What was computed.
    expected : array
        What the oracle gives, in float64.
    dtype : str
        Data type that it was computed in.

    Returns
    -------
    float
        At most 1 if the two agree; infinite if other elements are infinite or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> disagreement(np.array([1.0, 2.0]), np.array([1.0, 2.0]), "float32")
    0.0
    >>> disagreement(np.array([np.nan]), np.array([1.0]), "float32")
    inf
    """
    wide = np.asarray(actual, "float64")
    finite = np.isfinite(expected)
    if not np.array_equal(wide[~finite], expected[~finite], equal_nan=True):
        return float("inf")
    one, other = wide[finite], expected[finite]
    if not np.isfinite(one).all():
        return float("inf")
    scale = max(1.0, np.abs(other).max(initial=0.0))
    allowed = TOLERANCES[dtype] * (np.abs(other) + scale)
    return float((np.abs(one - other) / allowed).max(initial=0.0))


def close(actual: Array, expected: Array, dtype: str = "float32") -> None:
    """Raise unless a result agrees with the oracle's.

    Parameters
    ----------
    actual : array
        What was computed.
    expected : array
        What the oracle gives, in float64.
    dtype : str
        Data type that the result has to have. Default: ``"float32"``.

    Raises
    ------
    AssertionError
        With both shapes, both types, or the elements that differ.
    """
    if actual.dtype != dtype:
        raise AssertionError(f"an array of type {actual.dtype} instead of {dtype}")
    if actual.shape != expected.shape:
        raise AssertionError(f"an array of shape {actual.shape} instead of {expected.shape}")
    measured = disagreement(actual, expected, dtype)
    if not measured <= 1:
        with np.errstate(invalid="ignore"):
            distance = np.abs(actual.astype("float64") - expected)
        same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        distance = np.where(same, 0, np.nan_to_num(distance, nan=np.inf))
        worst = tuple(int(i) for i in np.unravel_index(np.argmax(distance), distance.shape))
        raise AssertionError(
            f"a difference of {measured:.3g} times what is allowed: {actual[worst]} instead of "
            f"{expected[worst]} at {worst}, and {np.count_nonzero(~same)} of {same.size} elements "
            "are not exactly the same"
        )
