"""The networks of the training benchmark in JAX itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.subjects.batches import INFERENCE_BATCHES, batch
from benchmarks.subjects.launch import Launch

_LAYOUT = ("NCHW", "OIHW", "NCHW")


def parameters(case: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Weights and biases of each layer that has them, the output layer last."""
    rng = np.random.default_rng(0)
    shape = tuple(case["input_shape"])
    found = []

    def add(weights: tuple[int, ...], fan_in: int) -> None:
        values = rng.standard_normal(weights, dtype="float32") * math.sqrt(2 / fan_in)
        biases = weights[0] if len(weights) == 4 else weights[1]
        found.append((jnp.asarray(values, jnp.float32), jnp.zeros(biases, jnp.float32)))

    for kind, *numbers in [*case["layers"], ["dense", case["classes"]]]:
        if kind == "conv":
            filters, size, pad = numbers
            add((filters, shape[0], size, size), shape[0] * size**2)
            shape = (filters, *(n + 2 * pad - size + 1 for n in shape[1:]))
        elif kind == "pool":
            shape = (shape[0], *(n // numbers[0] for n in shape[1:]))
        else:
            inputs = math.prod(shape)
            add((inputs, numbers[0]), inputs)
            shape = (numbers[0],)
    return found


def scores(case: dict[str, Any], params: list[tuple[Any, Any]], x: Any) -> Any:
    """What the softmax is taken of."""
    rest = iter(params)
    for kind, *numbers in case["layers"]:
        if kind == "conv":
            w, b = next(rest)
            pads = ((numbers[2],) * 2,) * 2
            y = jax.lax.conv_general_dilated(x, w, (1, 1), pads, dimension_numbers=_LAYOUT)
            x = jax.nn.relu(y + b[:, None, None])
        elif kind == "pool":
            window = (1, 1, numbers[0], numbers[0])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        else:
            w, b = next(rest)
            x = jax.nn.relu(x.reshape(len(x), -1) @ w + b)
    w, b = next(rest)
    return x.reshape(len(x), -1) @ w + b


def prepare(
    case: dict[str, Any], threads: int
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    started, started_cpu = time.perf_counter(), time.process_time()

    def loss(params: Any, x: Any, y: Any) -> Any:
        logarithms = jax.nn.log_softmax(scores(case, params, x))
        return -jnp.take_along_axis(logarithms, y[:, None], axis=1).mean()

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(params: Any, velocities: Any, x: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(params, x, y)
        velocities = jax.tree.map(lambda v, g: 0.9 * v - 0.01 * g, velocities, gradients)
        return value, jax.tree.map(jnp.add, params, velocities), velocities

    params = parameters(case)
    state = [params, jax.tree.map(jnp.zeros_like, params)]
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    x, y = (jax.device_put(array) for array in batch(case, case["batch_size"]))

    def train() -> Any:
        value, *state[:] = update(*state, x, y)
        return value

    info = {
        "first_loss": float(train()),
        "parameters": count,
        "compile_seconds": time.perf_counter() - started,
        "compile_cpu_seconds": time.process_time() - started_cpu,
    }
    probabilities = jax.jit(lambda params, x: jax.nn.softmax(scores(case, params, x)))

    def infer(images: Any) -> np.ndarray:
        return np.asarray(probabilities(state[0], images))

    calls: dict[str, Callable[[], Any]] = {"step": Launch(train, float)}
    for size in INFERENCE_BATCHES:
        calls[f"inference_{size}"] = partial(infer, jax.device_put(batch(case, size)[0]))
    for call in calls.values():
        call()
    return info, calls
