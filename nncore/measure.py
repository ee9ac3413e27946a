"""Measures implementations on a geometry, for ``nncore bench`` and for ``"fastest"``."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore import plugins, registry
from nncore._version import __version__
from nncore.backends import get_mode
from nncore.hookspecs import DIRECTIONS, Implementation
from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry

__all__ = ["Measurement", "by_speed", "cache_file", "time_kernels"]

#: Batch size for a geometry that leaves it open, and length for an axis that it leaves open.
_OPEN_BATCH, _OPEN_LENGTH = 32, 32


@dataclass(frozen=True)
class Measurement:
    """How long an implementation takes for one direction.

    Attributes
    ----------
    name : str
        The implementation.
    direction : str
        One of :data:`nncore.hookspecs.DIRECTIONS`.
    median_seconds : float
        Median of the repetitions; infinite if the implementation failed.
    gflops : float or None
        Operations per second in units of 1e9, multiplications and additions counted one by one;
        None for pooling.
    reason : str
        Why it could not be measured; empty if it could.
    """

    name: str
    direction: str
    median_seconds: float
    gflops: float | None = None
    reason: str = ""


def _complete(geometry: Geometry) -> Geometry:
    """The geometry with a number for every size that it leaves open."""
    if isinstance(geometry, ConvGeometry):
        channels = geometry.input_shape[1]
        fan_in = geometry.filters_shape[1]
        if channels is None:
            channels = (fan_in or 4) * geometry.groups
        filters = (
            geometry.filters_shape[0] or 4 * geometry.groups,
            fan_in or channels // geometry.groups,
            *(k or 3 for k in geometry.filters_shape[2:]),
        )
        return replace(
            geometry,
            input_shape=(
                geometry.input_shape[0] or _OPEN_BATCH,
                channels,
                *(n or _OPEN_LENGTH for n in geometry.input_shape[2:]),
            ),
            filters_shape=filters,
        )
    return replace(
        geometry,
        input_shape=(
            geometry.input_shape[0] or _OPEN_BATCH,
            geometry.input_shape[1] or 4,
            *(n or _OPEN_LENGTH for n in geometry.input_shape[2:]),
        ),
    )


def _graph(geometry: Geometry, direction: str, name: str) -> tuple[list[Any], Any, list[Any]]:
    """Inputs, output and values for one direction with an implementation."""
    from nncore.ops.conv import Conv, ConvGradFilters, ConvGradInput
    from nncore.ops.pool import Pool, PoolGradGrad, PoolGradInput

    rng = np.random.default_rng(0)

    def operand(shape: tuple[int | None, ...]) -> tuple[Any, Any]:
        value = rng.standard_normal([n or 1 for n in shape]).astype(geometry.dtype)
        return pt.tensor(dtype=geometry.dtype, shape=shape), value

    x = operand(geometry.input_shape)
    y = operand(geometry.output_shape())
    if isinstance(geometry, ConvGeometry):
        w = operand(geometry.filters_shape)
        arguments: tuple[Any, ...] = (
            geometry.stride,
            geometry.pad,
            geometry.dilation,
            geometry.groups,
            geometry.flip,
            name,
            geometry.options,
        )
        op: Any
        operands: tuple[tuple[Any, Any], ...]
        op, operands = {
            "forward": (Conv, (x, w)),
            "grad_input": (ConvGradInput, (w, y, x)),
            "grad_filters": (ConvGradFilters, (x, y, w)),
        }[direction]
    else:
        assert isinstance(geometry, PoolGeometry)
        arguments = (
            geometry.window,
            geometry.stride,
            geometry.pad,
            geometry.mode,
            geometry.ignore_border,
            name,
        )
        op, operands = {
            "forward": (Pool, (x,)),
            "grad_input": (PoolGradInput, (x, y)),
            "grad_grad": (PoolGradGrad, (x, x)),
        }[direction]
    variables = [variable for variable, _ in operands]
    unique = list(dict.fromkeys(variables))
    values = dict(operands)
    return unique, op(*arguments)(*variables), [values[v] for v in unique]


def _finished(function: Callable[..., Any], values: list[Any]) -> Any:
    """Call a function and wait for its result, which JAX computes in the background."""
    result = function(*values)
    return getattr(result, "block_until_ready", lambda: result)()


def _time(function: Callable[[], Any], seconds: float) -> float:
    """Median duration of a call, from at least five calls."""
    function()
    durations: list[float] = []
    until = time.perf_counter() + seconds
    while len(durations) < 5 or (time.perf_counter() < until and len(durations) < 1000):
        started = time.perf_counter()
        function()
        durations.append(time.perf_counter() - started)
    return statistics.median(durations)


def _operations(geometry: Geometry) -> float | None:
    if not isinstance(geometry, ConvGeometry):
        return None
    outputs = float(np.prod([n or 1 for n in geometry.output_shape()]))
    return 2.0 * outputs * float(np.prod([n or 1 for n in geometry.filters_shape[1:]]))


def time_kernels(
    kind: str,
    backend: str,
    geometry: Geometry,
    directions: Iterable[str] | None = None,
    implementations: Iterable[Implementation] | None = None,
    seconds: float = 0.3,
) -> list[Measurement]:
    """Measure implementations on a geometry.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.
    backend : str
        ``"numba"``, ``"jax"`` or ``"python"``.
    geometry : ConvGeometry or PoolGeometry
        What to compute; sizes that are None are given a usual number.
    directions : iterable of str, optional
        Default: all of the kind (``grad_grad`` only for maximum pooling).
    implementations : iterable of Implementation, optional
        Default: all that can compute the geometry here.
    seconds : float
        How long to repeat each, in seconds. Default: 0.3.

    Returns
    -------
    list of Measurement
        The fastest first, for each direction.
    """
    from nncore.resolve import candidates

    whole = _complete(geometry)
    if implementations is None:
        implementations = candidates(kind, backend, whole)
    if directions is None:
        directions = DIRECTIONS[kind]
        if isinstance(whole, PoolGeometry) and whole.mode != "max":
            directions = directions[:2]
    operations = _operations(whole)
    results = []
    able = list(implementations)
    for direction in directions:
        found = []
        for implementation in able:
            name = registry.name_of(kind, implementation) or implementation.name
            try:
                variables, output, values = _graph(whole, direction, name)
                function = pytensor.function(variables, output, mode=get_mode(backend))
                if backend == "jax":
                    import jax

                    values = [jax.device_put(value) for value in values]
                    function.trust_input = True
                median = _time(partial(_finished, function, values), seconds)
            except Exception as error:
                reason = plugins._describe(error)
                found.append(Measurement(name, direction, float("inf"), None, reason))
                continue
            rate = None if operations is None else operations / median / 1e9
            found.append(Measurement(name, direction, median, rate))
        results += sorted(found, key=lambda m: m.median_seconds)
    return results


def cache_file() -> Path:
    """Where ``"fastest"`` remembers what it measured.

    Returns
    -------
    Path
        In the directory that ``NNCORE_CACHE_DIR`` names, or else in the user's cache directory.
    """
    directory = os.environ.get("NNCORE_CACHE_DIR")
    if directory:
        return Path(directory) / "fastest.json"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "nncore" / "fastest.json"


def _key(able: list[Implementation], backend: str, direction: str, geometry: Geometry) -> str:
    parts = [
        __version__,
        pytensor.__version__,
        platform.machine(),
        platform.processor(),
        str(os.cpu_count()),
        backend,
        direction,
        repr(geometry),
        *sorted(i.cache_key(direction, geometry) for i in able),
    ]
    if backend == "jax":
        import jax

        parts += [jax.__version__, jax.devices()[0].device_kind]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def by_speed(
    able: list[Implementation], kind: str, backend: str, direction: str, geometry: Geometry
) -> list[Implementation]:
    """Implementations in the order of their speed, measured once and then remembered on disk.

    Parameters
    ----------
    able : list of Implementation
        Those that can compute the geometry.
    kind, backend, direction : str
        What to measure.
    geometry : ConvGeometry or PoolGeometry
        What to compute.

    Returns
    -------
    list of Implementation
        The fastest first.
    """
    from nncore._atomic import write_bytes_atomic

    path, key = cache_file(), _key(able, backend, direction, geometry)
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        known = {}
    order = known.get(key) if isinstance(known, dict) else None
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        results = time_kernels(kind, backend, geometry, [direction], able)
        order = [result.name for result in results]
        known = {**known, key: order} if isinstance(known, dict) else {key: order}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes_atomic(path, json.dumps(known, indent=1).encode())
        except OSError:
            # The next process measures again.
            pass
    places = {name: place for place, name in enumerate(order)}
    named = {id(i): registry.name_of(kind, i) or i.name for i in able}
    return sorted(able, key=lambda i: places.get(named[id(i)], len(places)))
