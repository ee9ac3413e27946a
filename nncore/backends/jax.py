"""A JAX linker for training: concrete shapes stay concrete, and updated state is donated."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from pytensor.graph.fg import AbstractFunctionGraph
from pytensor.link.jax.linker import JAXLinker
from pytensor.tensor.basic import Split
from pytensor.tensor.shape import Reshape

__all__ = ["ResidentJAXLinker"]

_lock = threading.RLock()


def _eager_when_concrete(function: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate at trace time what does not depend on traced values.

    Under :func:`jax.jit`, arithmetic on the sizes of arrays would become traced itself, and no
    shape could be made of it.
    """
    import jax

    def evaluate(*args: Any, **kwargs: Any) -> Any:
        leaves = jax.tree_util.tree_leaves((args, kwargs))
        if leaves and not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            with jax.ensure_compile_time_eval():
                return function(*args, **kwargs)
        return function(*args, **kwargs)

    evaluate.__name__ = getattr(function, "__name__", "evaluate")
    return evaluate


def _reshape(x: Any, shape: Any) -> Any:
    """Reshape to sizes that are concrete, however they came about; PyTensor is choosier."""
    import jax.numpy as jnp

    return jnp.reshape(x, tuple(np.asarray(shape).tolist()))


def _split(x: Any, *axis_and_sizes: Any, axis: int | None = None) -> Any:
    """Split into sizes that are concrete; PyTensor would add them up as traced values.

    The axis is an input of the operation, and from PyTensor 3.3 on a property of it.
    """
    import jax.numpy as jnp

    *given, sizes = axis_and_sizes
    where = int(given[0]) if axis is None else axis
    return jnp.split(x, np.cumsum(np.asarray(sizes)[:-1]), axis=where)


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Trace without JAX's word, for each int64 of PyTensor, that it will be an int32."""

    def traced(*args: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Explicitly requested dtype")
            warnings.filterwarnings("ignore", message="scatter inputs have incompatible types")
            return function(*args)

    return traced


class ResidentJAXLinker(JAXLinker):
    """PyTensor's JAX linker, made fit for training loops.

    Operations on concrete values are evaluated while tracing, so shapes computed from the sizes of
    inputs work. Inputs that the function itself updates (parameters, optimizer state) are donated:
    the new values take the place of the old ones on the device.
    """

    def fgraph_convert(
        self, fgraph: Any, input_storage: Any, storage_map: Any, **kwargs: Any
    ) -> Any:
        """Convert the graph, and every graph inside of it, with eager evaluation."""
        import pytensor.link.jax.dispatch.basic as basic
        from pytensor.link.utils import fgraph_to_python

        def convert_op(op: Any, **options: Any) -> Any:
            if isinstance(op, Reshape):
                return _eager_when_concrete(_reshape)
            if isinstance(op, Split):
                return _eager_when_concrete(partial(_split, axis=getattr(op, "axis", None)))
            return _eager_when_concrete(basic.jax_funcify(op, **options))

        def convert_graph(
            graph: Any, node: Any = None, fgraph_name: str = "jax_graph", **options: Any
        ) -> Any:
            return fgraph_to_python(
                graph,
                convert_op,
                type_conversion_fn=basic.jax_typify,
                fgraph_name=fgraph_name,
                **options,
            )

        # PyTensor has one dispatch function for graphs, nested ones included; ours takes its
        # place for this conversion only.
        with _lock, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The RandomType SharedVariables")
            warnings.filterwarnings("ignore", message="Explicitly requested dtype")
            # Rewrites add them for sizes that they do not know; XLA checks the sizes itself.
            for assertion in (
                "Could not broadcast dimensions",
                "do not have the same shape",
                "You have a shape error",
            ):
                warnings.filterwarnings("ignore", message=f"(?s)Skipping Assert.*{assertion}")
            stock = basic.jax_funcify.dispatch(AbstractFunctionGraph)
            basic.jax_funcify.register(AbstractFunctionGraph, convert_graph)
            try:
                converted = super().fgraph_convert(
                    fgraph, input_storage=input_storage, storage_map=storage_map, **kwargs
                )
            finally:
                basic.jax_funcify.register(AbstractFunctionGraph, stock)
        mapping = getattr(fgraph, "update_mapping", None) or {}
        self.donated = tuple(
            sorted(
                index
                for output, index in mapping.items()
                if index not in self.scalar_shape_inputs
                and fgraph.outputs[output].type == fgraph.inputs[index].type
                and hasattr(fgraph.inputs[index].type, "dtype")
            )
        )
        return converted

    def jit_compile(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Compile with donation of what is updated."""
        import jax

        jitted = jax.jit(
            _quiet(fn), static_argnums=self.scalar_shape_inputs, donate_argnums=self.donated
        )
        if not self.scalar_shape_inputs:
            return jitted
        static = frozenset(self.scalar_shape_inputs)

        def call(*args: Any) -> Any:
            return jitted(*(int(a) if i in static else a for i, a in enumerate(args)))

        return call
