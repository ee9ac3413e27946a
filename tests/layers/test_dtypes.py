from __future__ import annotations

import importlib.util
from pathlib import Path

import pytensor
import pytest
from pytensor.graph.fg import FunctionGraph

from nncore import layers
from nncore.backends import get_mode

_spec = importlib.util.spec_from_file_location(
    "layer_networks", Path(__file__).parents[1] / "layer_networks.py"
)
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


def variables(fgraph):
    """All variables that are computed, those inside of loops included."""
    for node in fgraph.toposort():
        yield from node.outputs
        if hasattr(node.op, "fgraph"):
            yield from variables(node.op.fgraph)


@pytest.mark.parametrize("backend", ["numba", pytest.param("jax", marks=pytest.mark.jax)])
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_nothing_that_a_backend_computes_for_a_layer_is_float64(name, backend, caplog):
    if backend == "jax":
        pytest.importorskip("jax")
    layer = networks.NETWORKS[name]()
    output = layers.get_output(layer)
    params = layers.get_all_params(layer, trainable=True)
    gradients = pytensor.grad(output.sum(), params) if params else []
    outputs = [output, layers.get_output(layer, deterministic=True), *gradients]
    fgraph = FunctionGraph(outputs=outputs, clone=True)
    get_mode(backend).excluding("inplace").optimizer.rewrite(fgraph)
    assert {one.dtype for one in fgraph.outputs} == {"float32"}
    wide = [one for one in variables(fgraph) if getattr(one.type, "dtype", "") == "float64"]
    assert not wide
    # PyTensor only logs that a rewrite failed.
    assert not caplog.records
