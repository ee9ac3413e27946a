from __future__ import annotations

import pytest

import nncore_cudnn


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch):
    monkeypatch.delenv("NNCORE_CUDNN_COMPUTE", raising=False)
    yield
    nncore_cudnn.set_compute(None)


def test_single_precision_is_exact_unless_something_else_is_chosen(monkeypatch):
    assert nncore_cudnn.compute() == "float32"
    monkeypatch.setenv("NNCORE_CUDNN_COMPUTE", "tf32")
    assert nncore_cudnn.compute() == "tf32"
    nncore_cudnn.set_compute("bfloat16")
    assert nncore_cudnn.compute() == "bfloat16"
    nncore_cudnn.set_compute(None)
    assert nncore_cudnn.compute() == "tf32"


@pytest.mark.parametrize("name", ["float64", "TF32", 32, ["tf32"]], ids=repr)
def test_an_unknown_precision_is_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="compute must be one of 'float32', 'tf32', 'bfloat16'"):
        nncore_cudnn.set_compute(name)


def test_an_unknown_precision_in_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("NNCORE_CUDNN_COMPUTE", "half")
    with pytest.raises(ValueError, match=r"NNCORE_CUDNN_COMPUTE must be one of .*'half'"):
        nncore_cudnn.compute()
