"""The plugin contract: everything that the author of a plugin has to know.

A plugin is a Python module that is named by an entry point in the group ``nncore``::

    [project.entry-points.nncore]
    myplugin = "my_package.plugin"

The module sets ``nncore_contract = 1`` (the major version of this contract that it was written
for) and implements any of the hooks below, each marked with :data:`hookimpl`::

    from nncore.hookspecs import Implementation, hookimpl

    nncore_contract = 1

    @hookimpl
    def nncore_implementations():
        return [MyConvolution()]

Importing the module has to be quick and must succeed everywhere: without a GPU, without JAX,
without a compiler. What is heavy is imported in :meth:`Implementation.kernel`, and what may be
absent is looked for in :meth:`Implementation.availability`.

A plugin that fails to load is recorded with its reason, shown by ``nncore plugins``, and does not
disturb anything else.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

if TYPE_CHECKING:
    from nncore.ops.geometry import Geometry

__all__ = [
    "AVAILABLE",
    "CONTRACT_VERSION",
    "DIRECTIONS",
    "ENTRY_POINT_GROUP",
    "Availability",
    "Implementation",
    "hookimpl",
    "hookspec",
    "unavailable",
]

#: Major version of the contract. It changes when a plugin written for it would have to change.
CONTRACT_VERSION = 1

#: Name of the entry-point group, of the pluggy project, and prefix of the hooks.
ENTRY_POINT_GROUP = "nncore"

hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)
hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)

#: The computations that an implementation of each kind may provide.
DIRECTIONS: Mapping[str, tuple[str, ...]] = {
    "conv": ("forward", "grad_input", "grad_filters"),
    "pool": ("forward", "grad_input", "grad_grad"),
}


@dataclass(frozen=True)
class Availability:
    """Whether something can be used, and if not, why.

    Parameters
    ----------
    ok : bool
        True if it can be used.
    reason : str, optional
        Why it cannot; one sentence, without a full stop, that names what is missing.
    """

    ok: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "available" if self.ok else f"unavailable: {self.reason}"


#: The answer of an implementation that can be used.
AVAILABLE = Availability(True)


def unavailable(reason: str) -> Availability:
    """The answer of an implementation that cannot be used.

    Parameters
    ----------
    reason : str
        Why not, for the user to read, for example ``"JAX sees no GPU"``.

    Returns
    -------
    Availability
        A false value that carries the reason.
    """
    return Availability(False, reason)


class Implementation(abc.ABC):
    """One way to compute convolutions or pooling, chosen by name.

    Attributes
    ----------
    name : str
        The name that users choose it by, for example ``"corrmm"``.
    kind : str
        ``"conv"`` or ``"pool"``.
    backends : tuple of str
        Which of ``"python"``, ``"numba"`` and ``"jax"`` it has kernels for.
    devices : tuple of str
        Where its kernels run: ``"cpu"``, ``"cuda"``, ...
    rank : int
        Its place for ``"auto"``: the highest available rank that supports the geometry wins.
        The core's own implementations have ranks of at most 10.
    version : int
        Raised whenever its kernels change, so that graphs cached on disk are compiled anew.

    Notes
    -----
    ``nncore.ops.conv(..., options={"name": value})`` reaches the kernels of the operation and of
    its gradients as ``geometry.options``. Options are for what an implementation offers beyond
    the contract, such as a choice between memory and speed. They say how to compute, not what:
    an implementation leaves out of account those that it does not know, so that a graph stays
    portable.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    backends: ClassVar[tuple[str, ...]]
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    rank: ClassVar[int] = 20
    version: ClassVar[int] = 1

    def availability(self) -> Availability:
        """Say whether this machine can run the implementation.

        It is asked at most once per process, when the answer is first needed and in a thread of
        its own, so it may look for a device. It should not raise; if it does, the exception
        becomes the reason. If it takes longer than ``NNCORE_PROBE_TIMEOUT`` seconds (default: 10),
        the implementation counts as unavailable.

        Returns
        -------
        Availability
            :data:`AVAILABLE`, or ``unavailable(reason)``.
        """
        return AVAILABLE

    def supports(self, geometry: Geometry) -> Availability:
        """Say whether the implementation can compute this geometry.

        Parameters
        ----------
        geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
            The sizes (None where they are not known yet), strides, pads and data type.

        Returns
        -------
        Availability
            :data:`AVAILABLE`, or ``unavailable(reason)``.
        """
        return AVAILABLE

    @abc.abstractmethod
    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any] | None:
        """Build the function that computes one direction on one backend.

        Parameters
        ----------
        backend : str
            One of :attr:`backends`. For ``"python"`` the function takes NumPy arrays, for
            ``"numba"`` it is a function that Numba can call in nopython mode, and for ``"jax"``
            it is traced under :func:`jax.jit`.
        direction : str
            One of :data:`DIRECTIONS` for the kind. For ``conv``:
            ``forward(input, filters) -> output``,
            ``grad_input(filters, output_gradient, input_shape) -> input_gradient``,
            ``grad_filters(input, output_gradient, filters_shape) -> filters_gradient``.
            For ``pool``: ``forward(input) -> output``,
            ``grad_input(input, output_gradient) -> input_gradient``, and, for ``"max"`` only,
            ``grad_grad(input, values) -> output``, which takes from `values`, of the input's
            shape, the element at the place of each window's maximum.
        geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
            What to compute.

        Returns
        -------
        callable or None
            The function has to return a new array of the right shape and of the data type of its
            first argument, and must not change its arguments; it may be called from several
            threads. None for a direction that this implementation lacks; the default
            implementation then computes it.

        Raises
        ------
        nncore.errors.ImplementationUnavailable
            If what the kernel needs fails only now, such as a compiler; the message is the reason,
            as in :meth:`availability`, which has to be quick. ``"auto"`` then takes the next
            implementation.
        """

    def cache_key(self, direction: str, geometry: Geometry) -> str:
        """Identify the kernel among all kernels, for caches on disk.

        Parameters
        ----------
        direction : str
            One of :data:`DIRECTIONS`.
        geometry : nncore.ops.geometry.ConvGeometry or nncore.ops.geometry.PoolGeometry
            What to compute. An implementation whose generated code depends on the static sizes
            includes them here; strides, pads and the like are part of the key in any case.

        Returns
        -------
        str
            The name and the version, unless overridden.
        """
        return f"{self.name}/{self.version}"


@hookspec
def nncore_implementations() -> Iterable[Implementation]:
    """Convolution and pooling implementations."""
    return ()


@hookspec
def nncore_layers() -> Mapping[str, Any]:
    """Layer classes (or functions that return a layer), by name.

    A layer class is registered under its class name without ``Layer``; both forms find it.
    """
    return {}


@hookspec
def nncore_initializers() -> Mapping[str, Any]:
    """Subclasses of :class:`nncore.init.Initializer`, by name."""
    return {}


@hookspec
def nncore_nonlinearities() -> Mapping[str, Any]:
    """Functions of one expression, or classes whose instances are such, by name."""
    return {}


@hookspec
def nncore_objectives() -> Mapping[str, Any]:
    """Functions of predictions and targets that return an elementwise loss, by name."""
    return {}


@hookspec
def nncore_updates() -> Mapping[str, Any]:
    """Update rules, functions of ``(loss_or_grads, params, ...)``, by name."""
    return {}
