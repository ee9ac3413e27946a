"""Finds the compilers of the kernels and says what each is asked to do."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BuildError", "Compiler", "host_compiler", "nvcc", "run"]

#: The first nvcc that knows C++17, in which the headers of XLA are written.
_MINIMUM_CUDA = (11, 0)

_INSTALL_NVCC = (
    "install the CUDA toolkit, or for a driver of CUDA 13 or newer: pip install "
    "'nncore-cuda-convnet[cuda13]'; an nvcc in an unusual place is found through CUDACXX"
)


#: Where the CUDA toolkit is by default.
_TOOLKIT = "/usr/local/cuda"


class BuildError(Exception):
    """Why the kernels cannot be compiled; one sentence without a full stop."""


@dataclass(frozen=True)
class Compiler:
    """A compiler and its first arguments.

    Attributes
    ----------
    path : str
        The program.
    version : str
        What it says of its version, all of it.
    release : tuple of int
        For nvcc, the version of CUDA as ``(major, minor)``; else empty.
    flags : tuple of str
        Its arguments, but for folders and files.
    """

    path: str
    version: str
    flags: tuple[str, ...]
    release: tuple[int, ...] = ()


def run(command: Sequence[str], timeout: float) -> str:
    """Run a compiler.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    timeout : float
        For how long it may run, in seconds.

    Returns
    -------
    str
        What it wrote.

    Raises
    ------
    BuildError
        If it does not start, fails, or takes longer.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} did not end within {timeout:.0f} seconds") from None
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be run: {error.strerror or error}") from None
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        telling = [line for line in lines if re.search(r"\b(error|fatal)\b", line)]
        said = (telling or lines[-1:] or ["it says nothing"])[0]
        raise BuildError(f"{command[0]} failed with exit code {done.returncode}: {said}")
    return text


def _from_environment(variable: str) -> str | None:
    """The program that a variable names, or None if it is not set."""
    named = os.environ.get(variable)
    if not named:
        return None
    found = shutil.which(named)
    if found is None:
        raise BuildError(f"{variable}={named!r} is not a program; correct it or unset it")
    return found


def _wheel_folders() -> list[Path]:
    """Where pip puts nvcc; the wheel of CUDA 13 has one, that of CUDA 12 has none."""
    spec = importlib.util.find_spec("nvidia")
    places = (spec and spec.submodule_search_locations) or ()
    return [Path(place) / "cu13" / "bin" for place in places]


def _nvcc_path() -> str:
    if found := _from_environment("CUDACXX") or shutil.which("nvcc"):
        return found
    folders = [os.environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH")]
    places = [Path(folder) / "bin" for folder in (*folders, _TOOLKIT) if folder]
    for place in places + _wheel_folders():
        if found := shutil.which("nvcc", path=place):
            return found
    raise BuildError(f"there is no nvcc, the CUDA compiler ({_INSTALL_NVCC})")


def _known(architectures: Iterable[str]) -> str:
    numbers = sorted(int(a) for a in architectures)
    return f"{numbers[0] / 10} to {numbers[-1] / 10}" if numbers else "none"


def nvcc(capabilities: Iterable[str]) -> Compiler:
    """Find nvcc.

    Parameters
    ----------
    capabilities : iterable of str
        Compute capabilities to compile for, such as ``"9.0"``.

    Returns
    -------
    Compiler
        From ``CUDACXX``, ``PATH``, ``CUDA_HOME``, ``CUDA_PATH``, ``/usr/local/cuda`` or the wheel.

    Raises
    ------
    BuildError
        If there is none, or one that is too old or does not know a device.
    """
    path = _nvcc_path()
    version = run([path, "--version"], 60)
    match = re.search(r"release (\d+)\.(\d+)", version)
    if match is None:
        raise BuildError(f"{path} --version does not say which release of CUDA it is")
    release = int(match[1]), int(match[2])
    if release < _MINIMUM_CUDA:
        raise BuildError(
            f"{path} is of CUDA {release[0]}.{release[1]}, and {_MINIMUM_CUDA[0]}."
            f"{_MINIMUM_CUDA[1]} or newer is needed, for C++17 ({_INSTALL_NVCC})"
        )
    known = re.findall(r"compute_(\d+)\b", run([path, "--list-gpu-arch"], 60))
    flags = ["-std=c++17", "-O3", "-shared", "-Xcompiler=-fPIC"]
    for capability in sorted(set(capabilities)):
        number = capability.replace(".", "")
        if number not in known:
            raise BuildError(
                f"{path}, of CUDA {release[0]}.{release[1]}, does not compile for the compute "
                f"capability {capability} of the GPU, only for {_known(known)}; install another "
                "version of the CUDA toolkit, or name another nvcc in CUDACXX"
            )
        flags.append(f"-gencode=arch=compute_{number},code=sm_{number}")
    return Compiler(path, version, tuple(flags), release)


def host_compiler() -> Compiler:
    """Find a C++ compiler, for the kernels on the CPU.

    Returns
    -------
    Compiler
        From ``CXX``, or the first of ``g++``, ``clang++`` and ``c++`` on the ``PATH``.

    Raises
    ------
    BuildError
        If there is none.
    """
    names = ("g++", "clang++", "c++")
    path = _from_environment("CXX") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        raise BuildError(
            f"there is no C++ compiler ({', '.join(names)}); install one or name it in CXX"
        )
    # Warnings of pragmas are for CUDA's unroll, which a host compiler does not know.
    flags = ("-x", "c++", "-std=c++17", "-O2", "-shared", "-fPIC", "-Wno-unknown-pragmas")
    return Compiler(path, run([path, "--version"], 60), flags)
