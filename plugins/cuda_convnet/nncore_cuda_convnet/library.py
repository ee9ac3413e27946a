"""The compiled kernels: built at first use, kept on disk, and made known to JAX."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from pathlib import Path

from nncore import devices
from nncore.errors import ImplementationUnavailable
from nncore.hookspecs import Availability, unavailable
from nncore_cuda_convnet.compilers import BuildError, Compiler, host_compiler, nvcc, run

__all__ = ["PLATFORM_VARIABLE", "TARGETS", "build", "library_available", "load_library"]

#: Environment variable that moves the kernels to the CPU, to look for errors in them.
PLATFORM_VARIABLE = "NNCORE_CUDA_CONVNET_PLATFORM"

#: The functions of the library, by which XLA calls it.
TARGETS = tuple(
    f"nncore_cuda_convnet_{name}"
    for name in (
        "conv_forward",
        "conv_grad_input",
        "conv_grad_filters",
        "max_pool_take",
        "max_pool_spread",
    )
)

_SOURCES = Path(__file__).parent / "sources"

#: For how long a compiler may run, in seconds.
_TIMEOUT = 900

_lock = threading.Lock()
_registered: set[str] = set()


def _cache() -> Path:
    from nncore.measure import cache_file

    return cache_file().parent / "cuda_convnet"


def _digest(compiler: Compiler, headers: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(_SOURCES.iterdir()) + sorted((headers / "xla" / "ffi" / "api").glob("*.h")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for text in (compiler.path, compiler.version, *compiler.flags):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:32]


def build(compiler: Compiler) -> Path:
    """Compile the kernels, unless that was done before.

    Parameters
    ----------
    compiler : Compiler
        What to compile with.

    Returns
    -------
    Path
        The shared library, in the folder that ``NNCORE_CACHE_DIR`` names, or else in the user's
        cache. Its name depends on the sources, on the compiler and its arguments, and on JAX's
        headers.

    Raises
    ------
    BuildError
        If it cannot be compiled or written. No half-written file is left.
    """
    from jax import ffi

    from nncore._atomic import atomic_write

    headers = Path(ffi.include_dir())
    path = _cache() / f"{_digest(compiler, headers)}.so"
    if path.exists():
        return path
    command = (compiler.path, *compiler.flags, "-isystem", str(headers))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            run([*command, str(_SOURCES / "handlers.cu"), "-o", str(temporary)], _TIMEOUT)
    except OSError as error:
        raise BuildError(
            f"{error.filename or path} cannot be written: {error.strerror or error}; name a folder "
            "in NNCORE_CACHE_DIR"
        ) from None
    return path


def _compiler(platform: str) -> Compiler:
    if platform == "cpu":
        return host_compiler()
    import jax

    compiler = nvcc(device.compute_capability for device in jax.local_devices(backend="cuda"))
    # The library holds CUDA's runtime, which needs a driver of the same major version.
    if not (answer := devices.cuda(minimum_cuda=(compiler.release[0], 0))):
        raise BuildError(f"{answer.reason}, or name an older nvcc in CUDACXX")
    return compiler


def _register(path: Path, platform: str) -> None:
    import jax

    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise BuildError(f"{path} cannot be loaded: {error}; delete it") from None
    for target in TARGETS:
        jax.ffi.register_ffi_target(
            target, jax.ffi.pycapsule(getattr(library, target)), platform=platform
        )


def _platform() -> str:
    """Where the kernels run: ``"cuda"``, or ``"cpu"`` to look for errors in them."""
    platform = os.environ.get(PLATFORM_VARIABLE) or "cuda"
    if platform not in ("cpu", "cuda"):
        raise BuildError(f"{PLATFORM_VARIABLE}={platform!r} is neither 'cuda' nor 'cpu'")
    return platform


def library_available() -> Availability:
    """Say whether there is all that the kernels need; they are not compiled for that.

    Returns
    -------
    nncore.hookspecs.Availability
        With the first reason against it: JAX, the GPU, or the compiler.
    """
    try:
        platform = _platform()
        answer = devices.jax_available() if platform == "cpu" else devices.cuda()
        if answer:
            _compiler(platform)
        return answer
    except BuildError as error:
        return unavailable(str(error))


def load_library() -> None:
    """Make the kernels known to JAX, after compiling them if they are not yet.

    Raises
    ------
    nncore.errors.ImplementationUnavailable
        With what the compiler or the loader says.
    """
    try:
        platform = _platform()
        with _lock:
            if platform not in _registered:
                _register(build(_compiler(platform)), {"cuda": "CUDA"}.get(platform, platform))
                _registered.add(platform)
    except BuildError as error:
        raise ImplementationUnavailable(str(error)) from None
