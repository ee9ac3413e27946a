from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

import nncore_cuda_convnet.layers
from nncore import plugins, registry

NAMES = set(plugins.OFFICIAL["nncore-cuda-convnet"])


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTENSOR_FLAGS": "cxx=", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_plugin_registers_the_names_that_the_core_announces():
    (plugin,) = (p for p in plugins.all_plugins() if p.distribution == "nncore-cuda-convnet")
    assert (plugin.state, plugin.reason) == ("loaded", "")
    assert set(plugin.provides["layer"]) | {"cuda_convnet"} == NAMES
    assert plugin.provides["conv"] == plugin.provides["pool"] == ("cuda_convnet",)


@pytest.mark.parametrize("name", sorted(NAMES - {"cuda_convnet"}))
def test_a_layer_is_found_by_its_name_and_imported_from_the_core(name):
    found = registry.get("layer", name)
    assert found is registry.get("layer", f"{name}Layer") or name.endswith("_c01b")
    public = name if hasattr(nncore_cuda_convnet.layers, name) else f"{name}Layer"
    assert getattr(importlib.import_module("nncore.layers"), public) is found


def test_importing_the_plugin_takes_milliseconds_and_neither_jax_nor_a_compiler():
    code = """
import sys, time
import nncore.hookspecs
started = time.perf_counter()
import nncore_cuda_convnet.plugin
assert time.perf_counter() - started < 0.1, time.perf_counter() - started
from nncore import plugins
(found,) = (p for p in plugins.all_plugins() if p.name == "cuda_convnet")
assert found.state == "loaded", found.reason
print("jax" in sys.modules, "nncore_cuda_convnet.library" in sys.modules)
"""
    assert run(code, PATH="") == "False True"


ABSENT = """
import pickle, sys, types
{before}
import numpy as np, pytensor, pytensor.tensor as pt
from nncore import registry
from nncore.backends import get_mode
from nncore.errors import ImplementationUnavailable
from nncore.inspection import summarize
from nncore.layers import (
    Conv2DCCLayer, InputLayer, MaxPool2DCCLayer, get_output,
)

def network(**choice):
    layer = InputLayer((4, 3, 8, 8))
    layer = Conv2DCCLayer(layer, 16, 3, name="first", **choice)
    return MaxPool2DCCLayer(layer, 2, **choice)

layer = pickle.loads(pickle.dumps(network()))
assert any("first" in str(line) for line in summarize(layer))
assert "Conv2DCC" in registry.names("layer")
x = pt.tensor4("x", dtype="float32")
try:
    pytensor.function([x], get_output(layer, x), mode=get_mode("{backend}"))
except ImplementationUnavailable as error:
    print(error.reason, "|", *error.alternatives)
layer = network(implementation="auto")
f = pytensor.function([x], get_output(layer, x), mode=get_mode("{backend}"))
assert np.asarray(f(np.ones((4, 3, 8, 8), "float32"))).shape == (4, 16, 3, 3)
"""


def test_without_jax_all_but_compiling_works():
    before = 'sys.modules["jax"] = None'
    said = run(ABSENT.format(before=before, backend="python"))
    reason, _, alternatives = said.partition(" | ")
    assert reason.startswith(
        "it has no kernel for the python backend, only for jax, and JAX is not"
    )
    assert "reference" in alternatives.split()
    code = f"""
import sys
{before}
from nncore import registry
print(registry.availability(registry.get("conv", "cuda_convnet")))
"""
    assert "JAX is not installed (pip install" in run(code)


@pytest.mark.jax
def test_without_a_gpu_all_but_compiling_works_and_the_reason_is_given():
    pytest.importorskip("jax")
    said = run(ABSENT.format(before="", backend="jax"), JAX_PLATFORMS="cpu")
    reason, _, alternatives = said.partition(" | ")
    assert "JAX is" in reason
    assert "cuda_convnet" not in alternatives
    assert "jax" in alternatives.split()
