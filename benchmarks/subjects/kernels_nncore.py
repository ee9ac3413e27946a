"""Convolution and pooling in nncore, by one implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytensor
import pytensor.tensor as pt

from benchmarks.subjects.operands import checksums, operands
from nncore import ops
from nncore.backends import get_mode


def prepare(
    case: dict[str, Any], backend: str, implementation: str, threads: int
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    arrays = operands(case)
    x, w, gy = (
        None if array is None else pt.tensor(dtype="float32", shape=array.shape) for array in arrays
    )
    common = {"stride": case["stride"], "pad": case["pad"], "implementation": implementation}
    if w is not None:
        y = ops.conv(
            x,
            w,
            dilation=case["dilation"],
            groups=case["groups"],
            flip_filters=False,
            **common,
        )
        wanted = {"grad_input": x, "grad_filters": w}
    else:
        y = ops.pool(x, case["window"], mode=case["mode"], **common)
        wanted = {"grad_input": x}
    outputs = {"forward": y}
    for name, variable in wanted.items():
        outputs[name] = pt.grad(None, variable, known_grads={y: gy})
    given = [(v, array) for v, array in zip((x, w, gy), arrays, strict=True) if v is not None]
    calls = {}
    for name, output in outputs.items():
        inputs = given[:-1] if name == "forward" else given
        function = pytensor.function(
            [variable for variable, _ in inputs],
            output,
            mode=get_mode(backend),
            on_unused_input="ignore",
        )
        calls[name] = _call(function, [array for _, array in inputs], backend)
    return {"checksums": checksums(calls)}, calls


def _call(function: Any, values: list[Any], backend: str) -> Callable[[], Any]:
    if backend != "jax":
        return lambda: function(*values)
    import jax

    function.trust_input = True
    values = [jax.device_put(value) for value in values]
    return lambda: function(*values).block_until_ready()
