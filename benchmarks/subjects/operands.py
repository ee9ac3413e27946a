"""The operands of the convolution benchmark, and what to say about its results."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import output_shape


def operands(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Input, filters and gradient by the output."""
    rng = np.random.default_rng(0)
    shapes = [case["input_shape"], case.get("filters_shape"), output_shape(case)]
    x, w, gy = (
        None if shape is None else rng.standard_normal(shape, dtype="float32") for shape in shapes
    )
    assert x is not None
    assert gy is not None
    return x, w, gy


def checksums(calls: dict[str, Any]) -> dict[str, float]:
    """A number for each result, by which competitors that compute something else stand out."""
    sums = {}
    for name, call in calls.items():
        result = call()
        if hasattr(result, "cpu"):
            # NumPy does not fetch PyTorch's arrays from a GPU.
            result = result.cpu()
        result = np.asarray(result, dtype="float64")
        weights = np.cos(np.arange(result.shape[-1]))
        sums[name] = float(np.abs(result @ weights).mean())
    return sums
