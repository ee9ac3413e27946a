"""What this machine can compute on, asked without a risk: JAX, and a GPU that JAX can use."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import logging
import os
import pkgutil
import sys
import threading
import warnings
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from nncore.hookspecs import AVAILABLE, Availability, unavailable

__all__ = ["cuda", "jax_available"]

_INSTALL_CUDA = "pip install 'nncore-pytensor[cuda12]' or 'nncore-pytensor[cuda13]'"

_lock = threading.RLock()


def jax_available() -> Availability:
    """Say whether JAX is installed; it is not imported for that, as its import takes a while.

    Returns
    -------
    nncore.hookspecs.Availability
        With what to install if it is not.

    Examples
    --------
    >>> from nncore.devices import jax_available
    >>> str(jax_available()).partition(":")[0] in ("available", "unavailable")
    True
    """
    for name, label in (("jax", "JAX"), ("jaxlib", "jaxlib, a part of JAX,")):
        try:
            found = importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):
            found = False
        if not found:
            return unavailable(f"{label} is not installed (pip install 'nncore-pytensor[jax]')")
    return AVAILABLE


def cuda(
    *,
    minimum_capability: tuple[int, int] | None = None,
    minimum_cuda: tuple[int, int] | None = None,
) -> Availability:
    """Say whether there is an NVIDIA GPU that JAX can use.

    It looks for JAX, for JAX's CUDA plugin, for the driver, and only if all of them are there lets
    JAX start. It neither raises nor prints, and where there is no GPU, JAX still computes on the
    CPU afterwards.

    Parameters
    ----------
    minimum_capability : tuple of int, optional
        The least compute capability that the first GPU must have, ``(major, minor)``.
    minimum_cuda : tuple of int, optional
        The least version of CUDA that the driver must support, ``(major, minor)``.

    Returns
    -------
    nncore.hookspecs.Availability
        With the first reason against it.

    Notes
    -----
    The environment variables ``JAX_PLATFORMS`` and ``CUDA_VISIBLE_DEVICES`` hide GPUs from it as
    they do from JAX. Once JAX has started, it keeps the devices that it found then.

    Examples
    --------
    >>> from nncore.devices import cuda
    >>> answer = cuda(minimum_capability=(7, 0))
    >>> bool(answer) or "JAX" in answer.reason or "driver" in answer.reason
    True
    """
    try:
        with _lock:
            return _cuda(minimum_capability, minimum_cuda)
    except Exception as error:
        return unavailable(
            f"looking for a GPU raised {type(error).__name__}: {_reason(str(error))}"
        )


def _cuda(
    minimum_capability: tuple[int, int] | None, minimum_cuda: tuple[int, int] | None
) -> Availability:
    if not (answer := jax_available()):
        return answer
    if not _has_cuda_plugin():
        return unavailable(f"JAX is installed for the CPU only ({_INSTALL_CUDA})")
    if platforms := _platforms():
        return unavailable(
            f"JAX is told to use {platforms!r} and not CUDA (by JAX_PLATFORMS or jax.config)"
        )
    if not (answer := _driver(minimum_cuda)):
        return answer
    device, reason = _first_device()
    if device is None:
        return unavailable(reason)
    found = str(device.compute_capability)
    if minimum_capability and _version(found) < minimum_capability:
        return unavailable(
            f"the GPU {device.device_kind} has compute capability {found}, and "
            f"{minimum_capability[0]}.{minimum_capability[1]} is needed"
        )
    return AVAILABLE


def _has_cuda_plugin() -> bool:
    """Whether a plugin for CUDA is among those that JAX will find when it starts."""
    names = [entry.value for entry in metadata.entry_points(group="jax_plugins")]
    with contextlib.suppress(ModuleNotFoundError):
        package = importlib.import_module("jax_plugins")
        names += [module.name for module in pkgutil.iter_modules(package.__path__)]
    return any("cuda" in name for name in names)


def _platforms() -> str:
    """The platforms that JAX is told to use, if CUDA is not one of them."""
    jax = sys.modules.get("jax")
    told = jax.config.jax_platforms if jax else os.environ.get("JAX_PLATFORMS", "")
    allowed = {word.strip() for word in (told or "").split(",")}
    return "" if allowed & {"", "cuda", "gpu"} else str(told)


def _driver(minimum_cuda: tuple[int, int] | None) -> Availability:
    """Ask the driver itself, whose answers are more exact than what JAX makes of them."""
    try:
        driver: Any = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return unavailable("there is no NVIDIA driver on this machine (libcuda cannot be loaded)")
    if status := driver.cuInit(0):
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        return unavailable(
            f"the NVIDIA driver does not start: {_driver_error(driver, status)}"
            + ("" if hidden is None else f" (with CUDA_VISIBLE_DEVICES={hidden!r})")
        )
    number = ctypes.c_int()
    if minimum_cuda and not driver.cuDriverGetVersion(ctypes.byref(number)):
        version = number.value // 1000, number.value % 1000 // 10
        if version < minimum_cuda:
            return unavailable(
                f"the NVIDIA driver supports CUDA {version[0]}.{version[1]}, and "
                f"{minimum_cuda[0]}.{minimum_cuda[1]} is needed; install a newer driver"
            )
    return AVAILABLE


def _driver_error(driver: Any, status: int) -> str:
    name, text = ctypes.c_char_p(), ctypes.c_char_p()
    with contextlib.suppress(AttributeError):
        driver.cuGetErrorName(status, ctypes.byref(name))
        driver.cuGetErrorString(status, ctypes.byref(text))
    words = [word.value.decode(errors="replace") for word in (name, text) if word.value]
    return ", ".join(words) or f"error {status}"


@functools.cache
def _first_device() -> tuple[Any, str]:
    """The first GPU of this process and no reason, or None and why JAX has none."""
    with _silence() as logged:
        try:
            import jax

            return jax.local_devices(backend="cuda")[0], ""
        except Exception as error:
            reason = str(error)
    # JAX says why a plugin did not start in its log alone, and only when it starts itself.
    if logged:
        reason = logged[0]
    elif "Unknown backend" in reason:
        reason = (
            "it has started without its CUDA backend, and python -c 'import jax; jax.devices()' "
            "shows what it says to that"
        )
    return None, f"JAX does not use the GPU: {_reason(reason)}"


class _Record(logging.Handler):
    """Keeps what JAX logs about plugins that fail."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception, or else the message, if it is about CUDA."""
        error = record.exc_info[1] if record.exc_info else None
        message = record.getMessage()
        if "cuda" in message.lower():
            self.messages.append(str(error) if error else message)


@contextlib.contextmanager
def _silence() -> Iterator[list[str]]:
    """Keep JAX's log, and what XLA writes to the standard error, from the user's eyes."""
    logger = logging.getLogger("jax._src.xla_bridge")
    record, propagate = _Record(), logger.propagate
    logger.addHandler(record)
    logger.propagate = False
    try:
        with _no_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield record.messages
    finally:
        logger.propagate = propagate
        logger.removeHandler(record)


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Turn off the standard error below Python, where XLA writes; its own switch comes too late."""
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _reason(message: str) -> str:
    """What a message of JAX's start says, in one line and without the frame around it."""
    text = message.strip()
    # The advice is for those who want to use the CPU, which nncore does by itself.
    for advice in (" (you may need to uninstall", " (set JAX_PLATFORMS=''", "(Set TF_CPP_MIN_LOG"):
        text = text.partition(advice)[0]
    for frame in (
        "Unable to initialize backend 'cuda': ",
        "Backend 'cuda' failed to initialize: ",
        "CUDA backend failed to initialize: ",
    ):
        text = text.removeprefix(frame)
    text = text.partition(". Available backends are")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    joined = "".join(line + (" " if line.endswith((".", ":", "?")) else "; ") for line in lines)
    return joined.rstrip("; .")


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)
