"""The kernels on the CPU, for tests that call them."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nncore import plugins, registry

# Without the plugin there is nothing to test.
if importlib.util.find_spec("nncore_cuda_convnet") is None:
    collect_ignore_glob = ["test_*.py"]


def needs_host_compiler() -> None:
    """Skip without JAX or a C++ compiler."""
    pytest.importorskip("jax")
    if not any(map(shutil.which, ("g++", "clang++", "c++"))):
        pytest.skip("there is no C++ compiler to compile the kernels for the CPU")


@pytest.fixture(scope="session")
def kernels_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the kernels are compiled to, once for all tests."""
    return str(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="module")
def on_cpu(kernels_folder: str) -> Iterator[None]:
    """Make ``cuda_convnet`` available, on the CPU."""
    needs_host_compiler()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNCORE_CUDA_CONVNET_PLATFORM", "cpu")
        patch.setenv("NNCORE_CACHE_DIR", kernels_folder)
        plugins.reload()
        for kind in ("conv", "pool"):
            answer = registry.availability(registry.get(kind, "cuda_convnet"))
            assert answer, answer.reason
        yield
    plugins.reload()


def _close(actual: Any, expected: np.ndarray) -> None:
    actual = np.asarray(actual)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    tolerance = 3e-5 if expected.dtype == np.float32 else 1e-11
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(1.0, finite.max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * scale)


@pytest.fixture(scope="session")
def close() -> Callable[[Any, np.ndarray], None]:
    """Say that two arrays are equal to rounding, which grows with what was summed up."""
    return _close
