"""The networks of the training benchmark in nncore."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytensor

from benchmarks.subjects.batches import INFERENCE_BATCHES, batch
from benchmarks.subjects.launch import Launch
from nncore import config, layers, nonlinearities
from nncore.backends import get_mode
from nncore.backends.threads import one_pool
from nncore.training import compile_network


def network(case: dict[str, Any], c01b: bool = False) -> Any:
    """The layers of a case; convolutions and poolings in c01b, with nothing moved, if asked to."""
    net: Any = layers.InputLayer((None, *case["input_shape"]))
    if c01b:
        return _c01b_network(case, layers.bc01_to_c01b(net))
    for step in case["layers"]:
        kind, *numbers = step
        if kind == "conv":
            filters, size, pad = numbers
            net = layers.Conv2DLayer(net, filters, size, pad=pad)
        elif kind == "pool":
            net = layers.MaxPool2DLayer(net, numbers[0])
        else:
            net = layers.DenseLayer(net, numbers[0])
    return layers.DenseLayer(net, case["classes"], nonlinearity=nonlinearities.softmax)


def _c01b_network(case: dict[str, Any], net: Any) -> Any:
    within = True
    for kind, *numbers in case["layers"]:
        if kind == "conv":
            filters, size, pad = numbers
            net = layers.Conv2DCCLayer(net, filters, size, pad=pad, dimshuffle=False)
        elif kind == "pool":
            net = layers.MaxPool2DCCLayer(net, numbers[0], dimshuffle=False)
        else:
            net = layers.DenseLayer(layers.c01b_to_bc01(net) if within else net, numbers[0])
            within = False
    return layers.DenseLayer(net, case["classes"], nonlinearity=nonlinearities.softmax)


def prepare(
    case: dict[str, Any],
    backend: str,
    threads: int,
    choices: dict[str, str] | None = None,
    c01b: bool = False,
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    config.set_default(**(choices or {}))
    started, started_cpu = time.perf_counter(), time.process_time()
    net = network(case, c01b)
    compiled = compile_network(
        net,
        "categorical_crossentropy",
        "momentum",
        learning_rate=0.01,
        update_options={"momentum": 0.9},
        backend=backend,
    )
    train = compiled.step.function
    x, y = batch(case, case["batch_size"])
    first_loss = float(train(x, y)[0])
    info = {
        "compile_seconds": time.perf_counter() - started,
        "compile_cpu_seconds": time.process_time() - started_cpu,
        "parameters": layers.count_params(net),
        "first_loss": first_loss,
    }
    prediction = layers.get_output(net, deterministic=True)
    (input_layer,) = (n for n in layers.get_all_layers(net) if isinstance(n, layers.InputLayer))
    predict = pytensor.function([input_layer.input_var], prediction, mode=get_mode(backend))

    def on_device(array: np.ndarray) -> Any:
        if backend != "jax":
            return array
        import jax

        return jax.device_put(array)

    def infer(images: Any) -> np.ndarray:
        return np.asarray(predict(images))

    # For the rest of the process, as nncore.training does for an epoch.
    one_pool(train).__enter__()
    if backend == "jax":
        train.trust_input = predict.trust_input = True
    x, y = on_device(x), on_device(y)
    calls: dict[str, Callable[[], Any]] = {"step": Launch(lambda: train(x, y)[0], float)}
    for size in INFERENCE_BATCHES:
        calls[f"inference_{size}"] = partial(infer, on_device(batch(case, size)[0]))
    for call in calls.values():
        call()
    return info, calls
