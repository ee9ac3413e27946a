"""Compilers that are absent, broken, old or slow: scripts in their place."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from nncore_cuda_convnet import compilers
from nncore_cuda_convnet.compilers import BuildError, host_compiler, nvcc, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the compilers are shell scripts")

VERSION = "Cuda compilation tools, release {}.{}, V{}.{}.88"


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A machine without any compiler; the folder on its path is returned."""
    for variable in ("CUDACXX", "CUDA_HOME", "CUDA_PATH", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(compilers, "_TOOLKIT", str(tmp_path / "absent"))
    monkeypatch.setattr(compilers, "_wheel_folders", list)
    return folder


def script(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def fake_nvcc(path, major=13, minor=0, architectures=(75, 80, 90)):
    known = " ".join(f"compute_{a}" for a in architectures)
    return script(
        path,
        f'if [ "$1" = --version ]; then echo "{VERSION.format(major, minor, major, minor)}";\n'
        f'elif [ "$1" = --list-gpu-arch ]; then for a in {known}; do echo $a; done; fi',
    )


def test_without_nvcc_the_reason_says_what_to_install(empty):
    with pytest.raises(BuildError, match=r"no nvcc, .*CUDA toolkit.*pip install 'nncore-cuda-conv"):
        nvcc(["9.0"])


def test_nvcc_is_asked_for_each_kind_of_gpu_once(empty):
    path = fake_nvcc(empty / "nvcc")
    found = nvcc(["9.0", "8.0", "9.0"])
    assert (found.path, found.release) == (str(path), (13, 0))
    assert found.flags[-2:] == (
        "-gencode=arch=compute_80,code=sm_80",
        "-gencode=arch=compute_90,code=sm_90",
    )
    assert "-std=c++17" in found.flags


@pytest.mark.parametrize("variable", ["CUDA_HOME", "CUDA_PATH"])
def test_nvcc_is_found_beside_the_path(empty, monkeypatch, tmp_path, variable):
    path = fake_nvcc(tmp_path / "toolkit" / "bin" / "nvcc")
    monkeypatch.setenv(variable, str(tmp_path / "toolkit"))
    assert nvcc(["9.0"]).path == str(path)


def test_nvcc_is_found_in_the_wheel(empty, monkeypatch, tmp_path):
    path = fake_nvcc(tmp_path / "nvidia" / "cu13" / "bin" / "nvcc")
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setattr(compilers, "_TOOLKIT", str(tmp_path / "absent"))
    for variable in ("CUDACXX", "CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "nvidia" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    assert nvcc(["9.0"]).path == str(path)


def test_a_named_nvcc_goes_before_all_others(empty, monkeypatch, tmp_path):
    fake_nvcc(empty / "nvcc", 12)
    path = fake_nvcc(tmp_path / "mine" / "nvcc-13", 13)
    monkeypatch.setenv("CUDACXX", str(path))
    assert nvcc(["9.0"]).release == (13, 0)
    monkeypatch.setenv("CUDACXX", str(tmp_path / "gone"))
    with pytest.raises(BuildError, match=r"CUDACXX='.*gone' is not a program; correct it or unset"):
        nvcc(["9.0"])


def test_a_broken_nvcc_is_told_from_an_absent_one(empty):
    script(empty / "nvcc", "echo noise; echo 'nvcc fatal : no license'; exit 3")
    with pytest.raises(BuildError, match=r"bin/nvcc failed with exit code 3: nvcc fatal : no lic"):
        nvcc(["9.0"])
    script(empty / "nvcc", "exit 1")
    with pytest.raises(BuildError, match=r"exit code 1: it says nothing"):
        nvcc(["9.0"])
    script(empty / "nvcc", "echo hello")
    with pytest.raises(BuildError, match=r"--version does not say which release of CUDA it is"):
        nvcc(["9.0"])


def test_an_old_nvcc_is_refused(empty):
    fake_nvcc(empty / "nvcc", 10, 2)
    with pytest.raises(BuildError, match=r"is of CUDA 10\.2, and 11\.0 or newer is needed"):
        nvcc(["7.0"])


def test_an_nvcc_that_does_not_know_the_gpu_is_refused(empty):
    fake_nvcc(empty / "nvcc", 11, 8, (70, 80, 90))
    with pytest.raises(
        BuildError,
        match=r"CUDA 11\.8, does not compile for .* 12\.0 of the GPU, only for 7\.0 to 9",
    ):
        nvcc(["9.0", "12.0"])


def test_a_host_compiler_is_taken_from_the_environment_or_the_path(empty, monkeypatch):
    with pytest.raises(BuildError, match=r"no C\+\+ compiler \(g\+\+, clang\+\+, c\+\+\)"):
        host_compiler()
    clang = script(empty / "clang++", "echo clang 17")
    assert (host_compiler().path, host_compiler().version) == (str(clang), "clang 17\n")
    mine = script(empty / "mine", "echo mine")
    monkeypatch.setenv("CXX", "mine")
    assert host_compiler().path == str(mine)


def test_a_compiler_that_does_not_end_is_given_up(tmp_path):
    slow = script(tmp_path / "slow", "exec sleep 60")
    with pytest.raises(BuildError, match=r"slow did not end within 0 seconds"):
        run([str(slow)], 0.1)


def test_a_file_that_is_no_program_is_named(tmp_path):
    path = tmp_path / "text"
    path.write_text("no program")
    with pytest.raises(BuildError, match=r"text cannot be run: Permission denied"):
        run([str(path)], 1)
