"""The kernels on the CPU, and on a GPU if there is one, for tests that call them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nncore import devices, plugins, registry
from nncore.testing import values
from nncore_cuda_convnet.compilers import BuildError, host_compiler


@pytest.fixture(scope="session")
def kernels_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the kernels are compiled to, once for all tests."""
    return str(tmp_path_factory.mktemp("kernels"))


@contextlib.contextmanager
def _kernels_on(platform: str, folder: str) -> Iterator[None]:
    """Make ``cuda_convnet`` available on a platform, or skip with the reason against it."""
    jax = pytest.importorskip("jax")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNCORE_CUDA_CONVNET_PLATFORM", platform)
        patch.setenv("NNCORE_CACHE_DIR", folder)
        plugins.reload()
        try:
            if platform == "cpu":
                host_compiler()
            elif not (answer := devices.cuda()):
                pytest.skip(answer.reason)
        except BuildError as error:
            pytest.skip(f"the kernels cannot be compiled for the CPU: {error}")
        for kind in ("conv", "pool"):
            answer = registry.availability(registry.get(kind, "cuda_convnet"))
            if platform == "cuda" and not answer:
                pytest.skip(answer.reason)
            assert answer, answer.reason
        with jax.default_device(jax.local_devices(backend=platform)[0]):
            yield
    plugins.reload()


@pytest.fixture(scope="module")
def on_cpu(kernels_folder: str) -> Iterator[None]:
    """Make ``cuda_convnet`` available on the CPU."""
    with _kernels_on("cpu", kernels_folder):
        yield


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def on_each(request: pytest.FixtureRequest, kernels_folder: str) -> Iterator[None]:
    """Make ``cuda_convnet`` available on the CPU, and then on a GPU if there is one."""
    with _kernels_on(request.param, kernels_folder):
        yield


def _close(actual: Any, expected: np.ndarray) -> None:
    values.close(np.asarray(actual), expected, str(expected.dtype))


@pytest.fixture(scope="session")
def close() -> Callable[[Any, np.ndarray], None]:
    """Say that two arrays are equal to rounding, which grows with what was summed up."""
    return _close
