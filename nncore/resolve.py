"""From an implementation's name to its kernel, when PyTensor links a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nncore import config, plugins, registry
from nncore.errors import ImplementationUnavailable, KernelError, NNCoreError
from nncore.hookspecs import Availability, Implementation, unavailable

if TYPE_CHECKING:
    from nncore.ops.geometry import Geometry

__all__ = ["candidates", "resolve", "usable"]

_NOUNS = {"conv": "convolution", "pool": "pooling"}


def usable(implementation: Implementation, backend: str, geometry: Geometry) -> Availability:
    """Whether an implementation can compute a geometry on a backend of this machine.

    Parameters
    ----------
    implementation : nncore.hookspecs.Implementation
        The implementation.
    backend : str
        ``"python"``, ``"numba"`` or ``"jax"``.
    geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        What to compute.

    Returns
    -------
    nncore.hookspecs.Availability
        With the first reason against it.
    """
    if backend not in implementation.backends:
        return unavailable(
            f"it has no kernel for the {backend} backend, only for "
            f"{', '.join(implementation.backends)}"
        )
    here = registry.availability(implementation)
    if not here:
        return here
    try:
        answer: Any = implementation.supports(geometry)
    except (Exception, SystemExit) as error:
        return unavailable(f"asking it about the geometry raised {plugins._describe(error)}")
    if not isinstance(answer, Availability):
        return unavailable(f"its supports() gave {answer!r}")
    return answer


def candidates(kind: str, backend: str, geometry: Geometry) -> list[Implementation]:
    """The implementations that can compute a geometry, the best rank first.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.
    backend : str
        ``"python"``, ``"numba"`` or ``"jax"``.
    geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        What to compute.

    Returns
    -------
    list of nncore.hookspecs.Implementation
        Empty if none can.
    """
    return [i for _, i in registry.implementations(kind) if usable(i, backend, geometry)]


def _refusal(implementation: Implementation, backend: str, geometry: Geometry) -> str:
    """Why a named implementation cannot compute a geometry here; an empty string if it can."""
    answer = usable(implementation, backend, geometry)
    if answer:
        return ""
    reason = answer.reason or "it gives no reason"
    if backend not in implementation.backends:
        # Another backend would not help where the implementation cannot run at all.
        here = registry.availability(implementation)
        other = f"compile for another backend (backend={implementation.backends[0]!r})"
        reason += f"; {other}" if here else f", and {here.reason}"
    return reason


def _unavailable(
    kind: str, chosen: str, geometry: Geometry, reason: str, others: list[Implementation]
) -> ImplementationUnavailable:
    """The error for a named implementation, with what would work instead."""
    alternatives = tuple(registry.name_of(kind, i) or i.name for i in others)
    return ImplementationUnavailable(
        f"the {_NOUNS[kind]} implementation {chosen!r} cannot be used for "
        f"{geometry}: {reason.rstrip('.')}. What would work here: "
        f"{', '.join((*alternatives, 'auto')) if alternatives else 'nothing'}.",
        name=chosen,
        reason=reason,
        alternatives=alternatives,
    )


def _build(
    implementation: Implementation, backend: str, direction: str, geometry: Geometry
) -> Callable[..., Any] | None:
    """Ask an implementation for a kernel; what is wrong with the answer is its failure."""
    cause: BaseException | None = None
    try:
        kernel: Any = implementation.kernel(backend, direction, geometry)
        if kernel is None or callable(kernel):
            return kernel
        problem = f"gave {kernel!r}, which is not callable"
    except NNCoreError:
        raise
    except (Exception, SystemExit) as error:
        problem, cause = f"raised {plugins._describe(error)}", error
    raise KernelError(
        f"{registry.describe(implementation)} says that it supports {geometry}, but its "
        f"kernel({backend!r}, {direction!r}, ...) {problem}. This is a fault of the plugin; choose "
        "another implementation until it is mended."
    ) from cause


def resolve(
    kind: str, name: str | None, backend: str, direction: str, geometry: Geometry
) -> tuple[Implementation, Callable[..., Any]]:
    """Find the implementation in force and build its kernel.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.
    name : str or None
        The operation's own choice; None leaves it to :func:`nncore.config.choice`.
    backend : str
        ``"python"``, ``"numba"`` or ``"jax"``.
    direction : str
        One of :data:`nncore.hookspecs.DIRECTIONS` for the kind.
    geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
        What to compute.

    Returns
    -------
    nncore.hookspecs.Implementation
        The one that the kernel comes from.
    callable
        The kernel.

    Raises
    ------
    nncore.errors.ImplementationUnavailable
        If the named implementation cannot be used; with the reason and what would work.
    nncore.errors.KernelError
        If an implementation that supports the geometry fails to build the kernel.
    """
    chosen = name or config.choice(kind)
    able = candidates(kind, backend, geometry)
    wanted: Implementation | None = None
    if chosen == "fastest" and len(able) > 1:
        from nncore import measure

        able = measure.by_speed(able, kind, backend, direction, geometry)
    elif chosen not in registry.POLICIES:
        try:
            wanted = registry.get(kind, chosen)
        except NNCoreError as error:
            raise _unavailable(kind, chosen, geometry, str(error), able) from None
        assert wanted is not None
        if reason := _refusal(wanted, backend, geometry):
            raise _unavailable(kind, chosen, geometry, reason, able)
        able = [wanted, *(i for i in able if i is not wanted)]
    for implementation in able:
        try:
            kernel = _build(implementation, backend, direction, geometry)
        except ImplementationUnavailable as error:
            if implementation is wanted:
                raise _unavailable(kind, chosen, geometry, str(error), able[1:]) from error
            continue
        if kernel is not None:
            return implementation, kernel
    raise ImplementationUnavailable(
        f"no {_NOUNS[kind]} implementation has a kernel of the {backend} backend for {geometry} "
        f"({direction}).",
        name=chosen,
        reason="no kernel",
    )
