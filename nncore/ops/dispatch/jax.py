"""JAX functions for the operations, around the kernel that the registry has for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor.link.jax.dispatch.basic import jax_funcify

from nncore.ops.base import ImplementedOp
from nncore.ops.conv import Conv, ConvGradFilters, ConvGradInput
from nncore.ops.pool import Pool, PoolGradGrad, PoolGradInput

__all__: list[str] = []


@jax_funcify.register(Conv)
@jax_funcify.register(ConvGradInput)
@jax_funcify.register(ConvGradFilters)
@jax_funcify.register(Pool)
@jax_funcify.register(PoolGradInput)
@jax_funcify.register(PoolGradGrad)
def _funcify(op: ImplementedOp, node: Any = None, **kwargs: Any) -> Callable[..., Any]:
    implementation, kernel = op.link(node, "jax")

    def apply(*arrays: Any) -> Any:
        return op.run(implementation, kernel, *arrays)

    return apply
