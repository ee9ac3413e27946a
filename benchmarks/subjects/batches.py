"""The data of the training benchmark, the same for everyone."""

from __future__ import annotations

from typing import Any

import numpy as np

INFERENCE_BATCHES = (1, 128)


def batch(case: dict[str, Any], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels."""
    rng = np.random.default_rng(0)
    images = rng.random((size, *case["input_shape"]), dtype="float32")
    return images, rng.integers(0, case["classes"], size).astype("int32")
