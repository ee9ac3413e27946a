"""Convolution and pooling in JAX itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.subjects.launch import Launch
from benchmarks.subjects.operands import checksums, operands

LAYOUTS = {1: ("NCW", "OIW", "NCW"), 2: ("NCHW", "OIHW", "NCHW"), 3: ("NCDHW", "OIDHW", "NCDHW")}


def prepare(
    case: dict[str, Any], threads: int
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    x, w, gy = (None if a is None else jax.device_put(a) for a in operands(case))
    if w is not None:
        forward = _convolution(case)
        calls = {
            "forward": _call(forward, x, w),
            "grad_input": _call(
                lambda x, w, gy: jax.vjp(lambda x: forward(x, w), x)[1](gy)[0], x, w, gy
            ),
            "grad_filters": _call(
                lambda x, w, gy: jax.vjp(lambda w: forward(x, w), w)[1](gy)[0], x, w, gy
            ),
        }
    else:
        pool = _pooling(case)
        calls = {
            "forward": _call(pool, x),
            "grad_input": _call(lambda x, gy: jax.vjp(pool, x)[1](gy)[0], x, gy),
        }
    return {"checksums": checksums(calls)}, calls


def _call(function: Callable[..., Any], *values: Any) -> Callable[[], Any]:
    jitted = jax.jit(function)
    return Launch(lambda: jitted(*values), jax.block_until_ready)


def _convolution(case: dict[str, Any]) -> Callable[..., Any]:
    ndim = len(case["input_shape"]) - 2

    def forward(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(
            x,
            w,
            (case["stride"],) * ndim,
            ((case["pad"],) * 2,) * ndim,
            rhs_dilation=(case["dilation"],) * ndim,
            dimension_numbers=LAYOUTS[ndim],
            feature_group_count=case["groups"],
        )

    return forward


def _pooling(case: dict[str, Any]) -> Callable[..., Any]:
    window = (1, 1, *case["window"])
    strides = (1, 1, *(case["stride"],) * len(case["window"]))
    pads = ((0, 0), (0, 0), *((case["pad"],) * 2,) * len(case["window"]))

    def maximum(x: Any) -> Any:
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, pads)

    def average(x: Any) -> Any:
        total = jax.lax.reduce_window(x, 0.0, jax.lax.add, window, strides, pads)
        return total / float(np.prod(window))

    return maximum if case["mode"] == "max" else average
