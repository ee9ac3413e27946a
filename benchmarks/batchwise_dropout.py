"""Measures what batchwise dropout gains over ordinary dropout in a training step.

Usage: python -m benchmarks.batchwise_dropout [--units 2000] [--batch 512] [--output FILE.json]

A multilayer perceptron with dropout after every hidden layer is trained by gradient descent, once
with ``DenseLayer`` and ``DropoutLayer(shared_axes=(0,))`` and once with
``BatchwiseDropoutDenseLayer``, for several fractions of dropped units. The two take turns, so that
a disturbance hits both. Times are in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt


def _network(kind: str, inputs: int, units: int, layers: int, p: float) -> Any:
    from nncore import layers as L
    from nncore.nonlinearities import softmax

    network: Any = L.InputLayer((None, inputs))
    for _ in range(layers):
        if kind == "batchwise":
            network = L.BatchwiseDropoutDenseLayer(network, units, p=p)
        else:
            network = L.DropoutLayer(L.DenseLayer(network, units), p, shared_axes=(0,))
    if kind == "batchwise":
        return L.BatchwiseDropoutDenseLayer(network, 10, p=0, nonlinearity=softmax)
    return L.DenseLayer(network, 10, nonlinearity=softmax)


def _step(kind: str, backend: str, options: argparse.Namespace, p: float) -> tuple[Any, float]:
    from nncore.backends import get_mode
    from nncore.layers import get_all_layers, get_all_params, get_output
    from nncore.objectives import categorical_crossentropy
    from nncore.updates import sgd

    network = _network(kind, options.inputs, options.units, options.layers, p)
    x, t = get_all_layers(network)[0].input_var, pt.ivector("t")
    loss = categorical_crossentropy(get_output(network), t).mean()
    updates = sgd(loss, get_all_params(network, trainable=True), 0.01)
    started = time.perf_counter()
    function = pytensor.function([x, t], loss, updates=updates, mode=get_mode(backend))
    rng = np.random.default_rng(0)
    data = rng.random((options.batch, options.inputs), dtype="float32")
    labels = rng.integers(0, 10, options.batch).astype("int32")

    def step() -> None:
        # Reading the loss waits for the end of the step on every backend.
        float(function(data, labels))

    step()
    return step, time.perf_counter() - started


def measure(backend: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure both kinds of dropout for each fraction.

    Parameters
    ----------
    backend : str
        ``"numba"`` or ``"jax"``.
    options : argparse.Namespace
        Sizes, fractions and repetitions.

    Returns
    -------
    list of dict
        One for each fraction; ``speedup`` is the ratio of the medians.
    """
    results = []
    for p in options.p:
        kinds = ("dropout", "batchwise")
        steps, compilation = {}, {}
        for kind in kinds:
            steps[kind], compilation[kind] = _step(kind, backend, options, p)
        seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(options.repetitions):
            for kind in kinds:
                started = time.perf_counter()
                steps[kind]()
                seconds[kind].append(time.perf_counter() - started)
        medians = {kind: statistics.median(seconds[kind]) for kind in kinds}
        results.append(
            {
                "backend": backend,
                "p": p,
                **{f"{kind}_median": medians[kind] for kind in kinds},
                **{f"{kind}_minimum": min(seconds[kind]) for kind in kinds},
                **{f"{kind}_compilation": compilation[kind] for kind in kinds},
                "speedup": medians["dropout"] / medians["batchwise"],
            }
        )
    return results


def main() -> None:
    """Measure, print the table as JSON, and write it to a file if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--backends", nargs="+", default=["numba"], choices=["numba", "jax"])
    parser.add_argument("--inputs", type=int, default=784)
    parser.add_argument("--units", type=int, default=2000)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--p", type=float, nargs="+", default=[0.3, 0.5, 0.7])
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    pytensor.config.floatX = "float32"
    report = {
        "settings": {k: v for k, v in vars(options).items() if k != "output"},
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "processors": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "python": platform.python_version(),
            "pytensor": pytensor.__version__,
        },
        "results": [result for backend in options.backends for result in measure(backend, options)],
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
