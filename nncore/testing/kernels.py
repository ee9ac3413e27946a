"""Runs one implementation's kernels on arrays, on each backend, and compares the results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import plugins, registry
from nncore.hookspecs import DIRECTIONS, Availability, Implementation
from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry
from nncore.resolve import usable
from nncore.testing.geometries import Case
from nncore.testing.oracle import expected
from nncore.testing.values import close, operands

__all__ = ["Outcome", "Subject", "arguments_of", "precision"]

Array = NDArray[Any]


@contextlib.contextmanager
def precision(backend: str, dtype: str) -> Iterator[None]:
    """Let JAX compute in float64 where that is asked for.

    Parameters
    ----------
    backend : str
        Nothing is done for other backends than ``"jax"``.
    dtype : str
        What is to be computed in.
    """
    if backend != "jax":
        yield
        return
    import jax

    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


@dataclass
class Outcome:
    """What became of one direction of one geometry.

    Attributes
    ----------
    direction : str
        One of :data:`nncore.hookspecs.DIRECTIONS`.
    state : str
        ``"ok"``, ``"lacking"`` (the default implementation computes it), ``"refused"`` or
        ``"failed"``.
    detail : str
        Why it was refused, or how it failed.
    """

    direction: str
    state: str
    detail: str = ""


@dataclass
class Subject:
    """One implementation on one backend.

    Attributes
    ----------
    name : str
        As ``implementation=`` takes it.
    implementation : nncore.hookspecs.Implementation
        What it stands for.
    backend : str
        ``"python"``, ``"numba"`` or ``"jax"``.
    """

    name: str
    implementation: Implementation
    backend: str
    _compiled: dict[Any, tuple[Geometry, Callable[..., Any]]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind}-{self.backend}-{self.name}"

    @property
    def kind(self) -> str:
        """``"conv"`` or ``"pool"``."""
        return self.implementation.kind

    @cached_property
    def obstacle(self) -> str:
        """Why the implementation cannot be used on this machine, or nothing."""
        here = registry.availability(self.implementation)
        if not here:
            return here.reason or "it gives no reason"
        if self.backend == "jax":
            try:
                import jax  # noqa: F401
            except ImportError:
                return "JAX is not installed (pip install 'nncore-pytensor[jax]')"
        return ""

    def supports(self, geometry: Geometry) -> Availability:
        """Whether the implementation says that it can compute a geometry on this backend.

        Parameters
        ----------
        geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
            What to compute.

        Returns
        -------
        nncore.hookspecs.Availability
            With the reason of a refusal.
        """
        return usable(self.implementation, self.backend, geometry)

    def directions(self, geometry: Geometry) -> tuple[str, ...]:
        """What there is to compute for a geometry.

        Parameters
        ----------
        geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
            What to compute.

        Returns
        -------
        tuple of str
            ``grad_grad`` for a maximum only.
        """
        linear = isinstance(geometry, PoolGeometry) and geometry.mode != "max"
        return DIRECTIONS[self.kind][: 2 if linear else 3]

    def function(self, direction: str, geometry: Geometry) -> Callable[..., Array] | None:
        """A function of NumPy arrays around a kernel, None if the direction is lacking.

        Numba's kernels are compiled once for all geometries that differ by their sizes only and
        have one cache key, as a graph that comes from the cache on disk would use them.

        Parameters
        ----------
        direction : str
            One of :data:`nncore.hookspecs.DIRECTIONS`.
        geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
            What to compute.

        Returns
        -------
        callable or None
            Takes what a kernel takes.
        """
        key: Any = None
        if self.backend == "numba":
            key = (direction, self.implementation.cache_key(direction, geometry), _open(geometry))
            if key in self._compiled:
                return self._compiled[key][1]
        kernel = self.implementation.kernel(self.backend, direction, geometry)
        if kernel is None:
            return None
        function = _WRAPPERS[self.backend](kernel, direction, self.kind)
        if key is not None:
            self._compiled[key] = geometry, function
        return function

    def run(self, case: Case) -> list[Outcome]:
        """Compute a case in every direction, and compare the results with the oracle's.

        Parameters
        ----------
        case : nncore.testing.geometries.Case
            What to compute.

        Returns
        -------
        list of Outcome
            One for each direction.
        """
        directions = self.directions(case.geometry)
        answer = self.supports(case.geometry)
        if not answer:
            return [Outcome(d, "refused", answer.reason) for d in directions]
        with precision(self.backend, case.geometry.dtype):
            return [self._run(d, case) for d in directions]

    def _run(self, direction: str, case: Case) -> Outcome:
        try:
            function = self.function(direction, case.geometry)
            if function is None:
                return Outcome(direction, "lacking")
            for seed, g in enumerate(case.sized):
                given, wanted = _right(g, seed)
                # A kernel that changes its operands is to change them for nobody else.
                copies = tuple(array.copy() for array in given)
                self.compare(direction, g, function, copies, wanted[direction])
        except (Exception, SystemExit) as error:
            described = str(error) if isinstance(error, AssertionError) else ""
            return Outcome(
                direction,
                "failed",
                f"{direction} of {case.geometry}: {described or plugins._describe(error)}",
            )
        return Outcome(direction, "ok")

    def compare(
        self,
        direction: str,
        geometry: Geometry,
        function: Callable[..., Array],
        given: tuple[Array, ...],
        wanted: Array,
    ) -> None:
        """Call a kernel twice, and see that it keeps the contract.

        Parameters
        ----------
        direction : str
            One of :data:`nncore.hookspecs.DIRECTIONS`.
        geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
            With all sizes known.
        function : callable
            From :meth:`function`.
        given : tuple of array
            From :func:`nncore.testing.values.operands`.
        wanted : array
            What the oracle gives.

        Raises
        ------
        AssertionError
            That says what is wrong.
        """
        arguments = arguments_of(direction, geometry, given)
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        before = [a.copy() for a in arrays]
        sizes = f" (operands of shapes {', '.join(str(a.shape) for a in arrays)})"
        for which in ("", " in a second call"):
            result = function(*arguments)
            if not isinstance(result, np.ndarray):
                raise AssertionError(f"something of type {type(result).__name__}, not an array")
            try:
                close(result, wanted, geometry.dtype)
            except AssertionError as error:
                raise AssertionError(f"{error}{which}{sizes}") from None
            for one, other in zip(arrays, before, strict=True):
                if not np.array_equal(one, other, equal_nan=True):
                    raise AssertionError(f"it changes an operand{sizes}")
                if np.shares_memory(one, result):
                    raise AssertionError(f"its result shares memory with an operand{sizes}")


@lru_cache(maxsize=128)
def _right(geometry: Geometry, seed: int) -> tuple[tuple[Array, ...], dict[str, Array]]:
    """Operands, and the oracle's results for every direction, which take the loops a while."""
    given = operands(geometry, seed)
    return given, expected(geometry, given)


def arguments_of(direction: str, geometry: Geometry, given: tuple[Array, ...]) -> tuple[Any, ...]:
    """What a kernel takes.

    Parameters
    ----------
    direction : str
        One of :data:`nncore.hookspecs.DIRECTIONS`.
    geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        What to compute.
    given : tuple of array
        From :func:`nncore.testing.values.operands`.

    Returns
    -------
    tuple
        Arrays and, for a gradient of a convolution, the shape of the result.
    """
    if isinstance(geometry, ConvGeometry):
        x, w, gy = given
        return {
            "forward": (x, w),
            "grad_input": (w, gy, x.shape),
            "grad_filters": (x, gy, w.shape),
        }[direction]
    x, gy, values = given
    return {"forward": (x,), "grad_input": (x, gy), "grad_grad": (x, values)}[direction]


def _open(geometry: Geometry) -> Geometry:
    unknown = (None,) * len(geometry.input_shape)
    if isinstance(geometry, ConvGeometry):
        return replace(geometry, input_shape=unknown, filters_shape=unknown)
    return replace(geometry, input_shape=unknown)


def _python(kernel: Callable[..., Any], direction: str, kind: str) -> Callable[..., Any]:
    return kernel


def _jax(kernel: Callable[..., Any], direction: str, kind: str) -> Callable[..., Any]:
    import jax

    shape = (2,) if kind == "conv" and direction != "forward" else ()
    compiled = jax.jit(kernel, static_argnums=shape)

    def call(*arguments: Any) -> Any:
        result = compiled(*arguments)
        return np.asarray(result) if isinstance(result, jax.Array) else result

    return call


def _numba(kernel: Callable[..., Any], direction: str, kind: str) -> Callable[..., Any]:
    import numba

    if kind == "pool" and direction == "forward":
        return numba.njit(lambda x: kernel(x))
    if kind == "pool" or direction == "forward":
        return numba.njit(lambda x, y: kernel(x, y))
    return numba.njit(lambda x, y, shape: kernel(x, y, shape))


_WRAPPERS = {"python": _python, "jax": _jax, "numba": _numba}
