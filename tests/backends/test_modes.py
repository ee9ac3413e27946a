from __future__ import annotations

import importlib.util

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import NUMBA

from nncore.backends import BACKENDS, BackendUnavailable, get_mode
from nncore.errors import NNCoreError, UnknownNameError


def test_numba_is_the_default_backend():
    assert get_mode() is get_mode("numba") is NUMBA
    assert BACKENDS[0] == "numba"


def test_the_python_backend_computes():
    x = pt.vector("x", dtype="float32")
    double = pytensor.function([x], 2 * x, mode=get_mode("python"))
    assert double(np.ones(2, "float32")).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nunba",
            "'nunba' is not a known backend. Did you mean 'numba'? Known: numba, jax, python.",
        ),
        ("torch", "'torch' is not a known backend. Known: numba, jax, python."),
        (None, "None is not a known backend. Known: numba, jax, python."),
    ],
)
def test_an_unknown_backend_is_answered_with_the_nearest(name, message):
    with pytest.raises(UnknownNameError) as caught:
        get_mode(name)
    assert str(caught.value) == message


def test_jax_that_is_not_installed_is_explained(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "jax" else find(name, *rest),
    )
    with pytest.raises(BackendUnavailable, match=r"pip install 'nncore-pytensor\[jax\]'") as caught:
        get_mode("jax")
    assert isinstance(caught.value, NNCoreError)
