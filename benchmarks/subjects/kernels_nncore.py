"""Convolution and pooling in nncore, by one implementation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.subjects.launch import Launch
from benchmarks.subjects.operands import checksums, operands
from nncore import ops
from nncore.backends import get_mode
from nncore.errors import ImplementationUnavailable

_FROM_C01B = (3, 0, 1, 2)


def prepare(
    case: dict[str, Any], backend: str, implementation: str, threads: int, c01b: bool = False
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """Compile each direction, with arrays in c01b on both of its sides if asked to."""
    arrays: tuple[np.ndarray | None, ...] = operands(case)
    if c01b:
        if len(case["input_shape"]) != 4:
            reason = f"c01b has 2 spatial axes, and there are {len(case['input_shape']) - 2}"
            raise ImplementationUnavailable(reason, reason=reason)
        arrays = tuple(a if a is None else np.ascontiguousarray(_to_c01b(a)) for a in arrays)
    outer = [
        None if array is None else pt.tensor(dtype="float32", shape=array.shape) for array in arrays
    ]
    x, w, gy = (v if v is None or not c01b else v.dimshuffle(_FROM_C01B) for v in outer)
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
    if c01b:
        outputs = {name: _to_c01b(output) for name, output in outputs.items()}
    given = [(v, array) for v, array in zip(outer, arrays, strict=True) if v is not None]
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
    seen = calls if not c01b else {n: partial(_from_c01b, call) for n, call in calls.items()}
    return {"checksums": checksums(seen)}, calls


def _to_c01b(array: Any) -> Any:
    return array.transpose(1, 2, 3, 0)


def _from_c01b(call: Callable[[], Any]) -> Any:
    return np.asarray(call()).transpose(_FROM_C01B)


def _call(function: Any, values: list[Any], backend: str) -> Callable[[], Any]:
    if backend != "jax":
        return lambda: function(*values)
    import jax

    function.trust_input = True
    values = [jax.device_put(value) for value in values]
    return Launch(lambda: function(*values), jax.block_until_ready)
