"""Networks and data that are quickly learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nncore
from nncore import layers


@pytest.fixture(scope="session")
def regression() -> tuple[np.ndarray, np.ndarray]:
    """A linear map with some noise: 96 samples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 4)).astype("float32")
    y = x @ rng.normal(size=(4, 2)) + 0.01 * rng.normal(size=(96, 2))
    return x, y.astype("float32")


@pytest.fixture
def make_mlp() -> Any:
    """Build a perceptron with hidden layers of the sizes given."""

    def make(*hidden: int, outputs: int = 2, seed: int = 0, **options: Any) -> layers.Layer:
        nncore.random.set_rng(seed)
        net: layers.Layer = layers.InputLayer((None, 4))
        for units in hidden:
            net = layers.DenseLayer(net, units, nonlinearity=nncore.nonlinearities.tanh)
        options = {"nonlinearity": None, **options}
        return layers.DenseLayer(net, outputs, **options)

    return make


@pytest.fixture
def make_autoencoder() -> Any:
    """Build an autoencoder of 4, 3, 2, 3 and 4 units with tied weights."""

    def make(seed: int = 0) -> layers.Layer:
        nncore.random.set_rng(seed)
        net: layers.Layer = layers.InputLayer((None, 4))
        first = layers.DenseLayer(net, 3, nonlinearity=None, name="first")
        second = layers.DenseLayer(first, 2, nonlinearity=None, name="second")
        net = layers.DenseLayer(second, 3, W=second.W.T, nonlinearity=None, name="third")
        return layers.DenseLayer(net, 4, W=first.W.T, nonlinearity=None)

    return make
