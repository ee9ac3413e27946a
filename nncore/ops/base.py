"""What all operations with interchangeable implementations have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.tensor.variable import TensorVariable

from nncore import config, registry
from nncore.errors import KernelError
from nncore.hookspecs import Implementation
from nncore.ops.geometry import Geometry
from nncore.resolve import resolve

__all__ = ["ImplementedOp", "as_operands", "chosen_name"]

_FLOATS = ("float16", "float32", "float64")


def as_operands(subject: str, *values: Any) -> tuple[TensorVariable, ...]:
    """Turn arguments into expressions of one floating-point type.

    Parameters
    ----------
    subject : str
        What to name in messages.
    *values : array or expression
        The arguments. Integers and booleans become ``floatX``.

    Returns
    -------
    tuple of TensorVariable
        In the widest of their types.

    Raises
    ------
    TypeError
        For something that is not a real tensor.
    """
    import pytensor

    expressions = []
    for value in values:
        expression = pt.as_tensor_variable(value)
        if expression.dtype.startswith("complex"):
            raise TypeError(f"{subject}: {expression} is {expression.dtype}; only real types work")
        if expression.dtype not in _FLOATS:
            expression = expression.astype(pytensor.config.floatX)
        expressions.append(expression)
    dtype = max((e.dtype for e in expressions), key=_FLOATS.index)
    return tuple(e if e.dtype == dtype else e.astype(dtype) for e in expressions)


def chosen_name(kind: str, implementation: str | None) -> str | None:
    """Give the implementation that an operation is to remember.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.
    implementation : str or None
        What was given.

    Returns
    -------
    str or None
        The given one, that of the enclosing ``with nncore.using(...)`` block, or None.

    Raises
    ------
    TypeError
        If it is not a string.
    nncore.errors.UnknownNameError
        If nothing registered the name.
    """
    if implementation is None:
        return config.block_choice(kind)
    if not isinstance(implementation, str):
        raise TypeError(f"implementation must be a name (a string) or None, not {implementation!r}")
    registry.check_implementation_name(kind, implementation)
    return implementation


class _Linked:
    """A kernel that belongs to one compiled function; copies and pickles leave it behind."""

    def __init__(
        self,
        implementation: Implementation | None = None,
        kernel: Callable[..., Any] | None = None,
    ) -> None:
        self.implementation = implementation
        self.kernel = kernel

    def __reduce__(self) -> tuple[type[_Linked], tuple[()]]:
        return _Linked, ()


class ImplementedOp(Op):
    """An operation that knows its geometry and the name of its implementation, and no kernel.

    The implementation is resolved when a graph is linked, so a graph can be built and pickled
    anywhere.
    """

    kind: ClassVar[str]
    direction: ClassVar[str]
    implementation: str | None

    def geometry(self, node: Apply[Any]) -> Geometry:
        """Describe one application, with the sizes that are known."""
        raise NotImplementedError

    def sizes(self, *arrays: Any) -> tuple[Geometry, tuple[Any, ...]]:
        """Check the sizes of arrays and give the geometry and the kernel's arguments."""
        raise NotImplementedError

    def run(self, implementation: Implementation, kernel: Callable[..., Any], *arrays: Any) -> Any:
        """Apply a kernel to arrays whose shapes are known (NumPy's, or JAX's under tracing)."""
        geometry, arguments = self.sizes(*arrays)
        result = kernel(*arguments)
        shape, dtype = (getattr(result, name, None) for name in ("shape", "dtype"))
        expected = geometry.result_shape(self.direction)
        if shape is None or tuple(shape) != expected or dtype != arrays[0].dtype:
            returned = (
                f"something of type {type(result).__name__}"
                if shape is None or dtype is None
                else f"an array of shape {tuple(shape)} and type {dtype}"
            )
            raise KernelError(
                f"{self.fault(implementation, geometry)} {returned} instead of an array of shape "
                f"{expected} and type {arrays[0].dtype}."
            )
        return result

    def fault(self, implementation: Implementation, geometry: Geometry) -> str:
        """Begin a message about a kernel that does not return what it has to."""
        return (
            f"{registry.describe(implementation)} does not keep the plugin contract: for "
            f"{self.direction} of {geometry} its kernel returned"
        )

    def shapes(self, node: Apply[Any], shapes: Any) -> list[tuple[Any, ...]]:
        """Give the output's shape as expressions, for those of the inputs."""
        raise NotImplementedError

    def infer_shape(self, *arguments: Any) -> list[tuple[Any, ...]]:
        """Give the output's shape; PyTensor before 3.3 passes a function graph first."""
        return self.shapes(*arguments[-2:])

    def link(self, node: Apply[Any], backend: str) -> tuple[Implementation, Callable[..., Any]]:
        """Resolve the implementation for one application on one backend."""
        return resolve(self.kind, self.implementation, backend, self.direction, self.geometry(node))

    def prepare_node(
        self, node: Apply[Any], storage_map: Any, compute_map: Any, impl: str | None
    ) -> None:
        """Resolve the implementation when a linker without compilation takes the node."""
        node.tag.nncore_kernel = _Linked(*self.link(node, "python"))

    def perform(
        self, node: Apply[Any], inputs: Sequence[Any], output_storage: list[list[Any]]
    ) -> None:
        """Compute with NumPy."""
        linked = getattr(node.tag, "nncore_kernel", None)
        if linked is None or linked.kernel is None:
            self.prepare_node(node, None, None, "py")
            linked = node.tag.nncore_kernel
        result = self.run(linked.implementation, linked.kernel, *inputs)
        output_storage[0][0] = np.asarray(result)

    def do_constant_folding(self, fgraph: Any, node: Apply[Any]) -> bool:
        """Leave constants to the backend that the implementation was chosen for."""
        return False


def disconnected(*_: Variable[Any, Any]) -> Any:
    """Give the gradient of an input of which only the shape is used."""
    from pytensor.gradient import DisconnectedType

    return DisconnectedType()()
