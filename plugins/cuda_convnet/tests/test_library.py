from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from types import SimpleNamespace

import pytensor
import pytensor.tensor as pt
import pytest

from nncore import devices, plugins, registry
from nncore.backends import get_mode
from nncore.errors import ImplementationUnavailable
from nncore.hookspecs import AVAILABLE, unavailable
from nncore.layers import InputLayer, get_output
from nncore_cuda_convnet import compilers, library
from nncore_cuda_convnet.compilers import BuildError, Compiler
from nncore_cuda_convnet.layers import Conv2DCCLayer
from nncore_cuda_convnet.library import build, library_available

jax = pytest.importorskip("jax")
pytestmark = [
    pytest.mark.jax,
    pytest.mark.skipif(os.name != "posix", reason="the compilers are shell scripts"),
]

# It does with the last argument, the file to write, what an ordinary compiler does.
WRITES = 'echo "$@" >> {log}; for last; do :; done; echo compiled > "$last"'


def script(path, body):
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNCORE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cuda_convnet"


@pytest.fixture
def compiler(tmp_path):
    path = script(tmp_path / "cc", WRITES.format(log=tmp_path / "log"))
    return Compiler(path, "version 1", ("-fast",))


def test_the_library_is_compiled_once_and_then_found(cache, compiler, tmp_path):
    first, second = build(compiler), build(compiler)
    assert first == second
    assert first.parent == cache
    assert first.read_text() == "compiled\n"
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith(f"-fast -isystem {jax.ffi.include_dir()} ")
    assert "handlers.cu -o " in line


def test_what_the_library_depends_on_makes_it_another(cache, compiler, tmp_path, monkeypatch):
    paths = {build(compiler)}
    paths.add(build(replace(compiler, version="version 2")))
    paths.add(build(replace(compiler, flags=("-gencode=arch=compute_80,code=sm_80",))))
    headers = tmp_path / "include" / "xla" / "ffi" / "api"
    headers.mkdir(parents=True)
    (headers / "c_api.h").write_text("#define XLA_FFI_API_MINOR 99\n")
    monkeypatch.setattr(jax.ffi, "include_dir", lambda: str(tmp_path / "include"))
    paths.add(build(compiler))
    sources = tmp_path / "sources"
    shutil.copytree(library._SOURCES, sources)
    monkeypatch.setattr(library, "_SOURCES", sources)
    (sources / "pooling.h").write_text("// another\n")
    paths.add(build(compiler))
    assert len(paths) == 5


def test_a_compiler_that_fails_leaves_no_file_behind(cache, compiler, tmp_path):
    script(
        tmp_path / "cc",
        'for last; do :; done; echo half > "$last"; echo "pooling.h(9): error: no such"; exit 2',
    )
    with pytest.raises(BuildError, match=r"cc failed with exit code 2: pooling\.h\(9\): error: no"):
        build(compiler)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(compiler, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NNCORE_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(BuildError, match=r"file.* cannot be written: .*NNCORE_CACHE_DIR"):
        build(compiler)


@pytest.fixture
def gpu(cache, monkeypatch, tmp_path):
    """A machine that seems to have a GPU, and only the nvcc that a test gives it."""
    monkeypatch.delenv(library.PLATFORM_VARIABLE, raising=False)
    monkeypatch.setattr(devices, "cuda", lambda **_: AVAILABLE)
    device = SimpleNamespace(compute_capability="9.0")
    monkeypatch.setattr(jax, "local_devices", lambda backend: [device])
    monkeypatch.setattr(library, "_registered", set())
    monkeypatch.setattr(compilers, "_TOOLKIT", str(tmp_path))
    monkeypatch.setattr(compilers, "_wheel_folders", list)
    for variable in ("CUDACXX", "CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(shutil, "which", _which_in(tmp_path))
    registry.forget()
    yield tmp_path
    monkeypatch.undo()
    registry.forget()


def _which_in(folder):
    real = shutil.which
    return lambda name, path=None: real(name, path=folder if path is None else path)


NVCC = """
case "$1" in
  --version) echo "release {release}" ;;
  --list-gpu-arch) echo compute_90 ;;
  *) {compile} ;;
esac
"""


def reason_of_naming_it():
    layer = Conv2DCCLayer(InputLayer((4, 3, 8, 8)), 16, 3)
    x = pt.tensor("x", dtype="float32", shape=(4, 3, 8, 8))
    registry.forget()
    with pytest.raises(ImplementationUnavailable) as caught:
        pytensor.function([x], get_output(layer, x), mode=get_mode("jax"))
    assert "jax" in caught.value.alternatives
    assert "cuda_convnet" not in caught.value.alternatives
    return caught.value.reason


def test_naming_it_without_nvcc_says_what_to_install(gpu):
    assert "there is no nvcc, the CUDA compiler (install" in reason_of_naming_it()


def test_naming_it_with_an_old_nvcc_says_which_is_needed(gpu):
    script(gpu / "nvcc", NVCC.format(release="10.1", compile="exit 1"))
    assert "is of CUDA 10.1, and 11.0 or newer is needed" in reason_of_naming_it()


def test_naming_it_when_compilation_fails_says_what_the_compiler_said(gpu, cache):
    failing = "echo 'handlers.cu(1): error: broken'; exit 2"
    script(gpu / "nvcc", NVCC.format(release="13.0", compile=failing))
    assert "exit code 2: handlers.cu(1): error: broken" in reason_of_naming_it()
    assert list(cache.iterdir()) == []


def test_a_driver_older_than_the_compiler_is_told(gpu, monkeypatch):
    script(gpu / "nvcc", NVCC.format(release="13.0", compile="exit 1"))

    def cuda(minimum_cuda=(0, 0)):
        return AVAILABLE if minimum_cuda < (13, 0) else unavailable("the driver supports CUDA 12.4")

    monkeypatch.setattr(devices, "cuda", cuda)
    assert "supports CUDA 12.4, or name an older nvcc in CUDACXX" in reason_of_naming_it()


def test_a_library_that_cannot_be_loaded_is_named(gpu, tmp_path):
    script(gpu / "nvcc", NVCC.format(release="13.0", compile=WRITES.format(log=tmp_path / "log")))
    assert ".so cannot be loaded: " in reason_of_naming_it()


def test_a_reason_against_the_gpu_comes_before_one_against_the_compiler(gpu, monkeypatch):
    monkeypatch.setattr(devices, "cuda", lambda: unavailable("there is no NVIDIA driver"))
    assert reason_of_naming_it() == "there is no NVIDIA driver"


def test_only_known_platforms_can_be_asked_for(monkeypatch):
    monkeypatch.setenv(library.PLATFORM_VARIABLE, "tpu")
    answer = library_available()
    assert not answer
    assert answer.reason == "NNCORE_CUDA_CONVNET_PLATFORM='tpu' is neither 'cuda' nor 'cpu'"


def test_the_cpu_is_asked_for_in_the_list_of_plugins(on_cpu):
    found = {i.name: registry.availability(i) for _, i in registry.implementations("pool")}
    assert found["cuda_convnet"] == AVAILABLE
    assert any(p.name == "cuda_convnet" for p in plugins.all_plugins())
