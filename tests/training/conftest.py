"""A small problem that is quickly learnt, and a network for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nncore
from nncore import layers


@pytest.fixture(scope="session")
def problem() -> tuple[np.ndarray, np.ndarray]:
    """Two classes of points in the plane, divided by a line: 96 samples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 2)).astype("float32")
    return x, (x[:, 0] + 0.5 * x[:, 1] > 0).astype("int32")


@pytest.fixture
def make_network() -> Any:
    """Build a network with dropout and batch normalization from a seed."""

    def make(seed: int = 0, units: int = 8) -> layers.Layer:
        nncore.random.set_rng(seed)
        net: layers.Layer = layers.InputLayer((None, 2), name="input")
        net = layers.DenseLayer(net, units, name="hidden")
        net = layers.batch_norm(net)
        net = layers.DropoutLayer(net, 0.3, name="dropout")
        return layers.DenseLayer(net, 2, nonlinearity=nncore.nonlinearities.softmax, name="output")

    return make
