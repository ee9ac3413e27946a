"""Strictness and shared fixtures for the whole suite."""

from __future__ import annotations

import importlib.util
import os

# Scan compiles its loop in C under the Python linker, slowly and with a warning about BLAS.
os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, [os.environ.get("PYTENSOR_FLAGS"), "cxx="]))

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import Mode

pytensor.config.floatX = "float32"

import nncore

# What needs an optional library is not collected without it.
collect_ignore = [
    path
    for library, path in (
        ("jax", "nncore/ops/dispatch/jax.py"),
        ("sklearn", "nncore/estimators"),
        ("sklearn", "nncore/datasets/digits.py"),
        ("typer", "nncore/cli"),
        ("matplotlib", "nncore/reporting"),
    )
    if importlib.util.find_spec(library) is None
]


@pytest.fixture(scope="session")
def fast() -> Mode:
    """The Python linker without rewrites: the quickest way to run a small graph once."""
    return Mode(linker="py", optimizer=None)


@pytest.fixture(autouse=True)
def _same_numbers_every_time() -> None:
    """Seed the generator that initial values and noise come from, so that no test is a lottery."""
    np.random.seed(0)  # noqa: NPY002
    nncore.random.set_rng(np.random)
