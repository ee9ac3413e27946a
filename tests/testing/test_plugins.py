"""The implementations of nncore's own plugins, as far as the machine has what they need."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

pytestmark = [pytest.mark.jax, pytest.mark.slow]


def needs(package):
    pytest.importorskip("jax")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def test_corrmm_passes_the_conformance_suite(conformance):
    needs("nncore_corrmm")
    run = conformance("--implementation", "corrmm", "--examples", "1")
    assert run.code == 0, run.output
    assert "FAILED" not in run.output


def test_cuda_convnet_passes_the_conformance_suite_on_the_emulated_gpu(conformance):
    needs("nncore_cuda_convnet")
    if not any(map(shutil.which, ("g++", "clang++", "c++"))):
        pytest.skip("there is no C++ compiler")
    options = ["--implementation", "cuda_convnet", "--examples", "1"]
    run = conformance(*options, NNCORE_CUDA_CONVNET_PLATFORM="cpu")
    assert run.code == 0, run.output
    assert "FAILED" not in run.output


@pytest.mark.gpu
def test_cudnn_passes_the_conformance_suite(conformance):
    needs("nncore_cudnn")
    from nncore import devices

    if not (answer := devices.cuda()):
        pytest.skip(answer.reason)
    run = conformance("--implementation", "cudnn", "--examples", "3")
    assert run.code == 0, run.output
    assert "FAILED" not in run.output
