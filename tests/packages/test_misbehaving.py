"""Plugins that misbehave in every way, all installed at once, seen by processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONVOLUTION = """
import time

from nncore.hookspecs import AVAILABLE, Implementation, hookimpl
from nncore.ops.kernels.reference import ReferenceConvolution

nncore_contract = 1


class Odd(ReferenceConvolution):
    name = "{name}"
    rank = {rank}

    def availability(self):
        {probe}
        return AVAILABLE

    def kernel(self, backend, direction, geometry):
        right = super().kernel(backend, direction, geometry)
        return lambda *a: {result}


@hookimpl
def nncore_implementations():
    return [Odd()]
"""


def convolution(name, result="right(*a)", probe="pass", rank=-1):
    return CONVOLUTION.format(name=name, result=result, probe=probe, rank=rank)


LAYERS = """
from nncore.hookspecs import hookimpl
from nncore.layers import Layer

nncore_contract = {contract}


class {name}Layer(Layer):
    pass


@hookimpl
def nncore_layers():
    return {{"{name}Layer": {name}Layer}}
"""
PLUGINS = {
    "absent": "import a_library_that_nobody_has",
    "future": LAYERS.format(name="Hover", contract=2),
    "taken": LAYERS.format(name="Dense", contract=1),
    "well": LAYERS.format(name="Polite", contract=1),
    "hanging": convolution("hanging", probe="time.sleep(1000)", rank=90),
    "dying": convolution("dying", probe="raise SystemExit('the driver is gone')", rank=90),
    "shape": convolution("shape", "right(*a)[..., 1:]"),
    "dtype": convolution("dtype", "right(*a).astype('float64')"),
    "builder": convolution("builder").replace("return lambda", "raise OSError('no compiler') #"),
}


@pytest.fixture
def python(install, tmp_path):
    """Run Python where all of them are installed."""
    for name, source in PLUGINS.items():
        install(source, name)

    def python(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(Path.cwd())]),
                "NNCORE_PROBE_TIMEOUT": "0.5",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return python


def test_each_is_reported_with_its_reason_and_the_list_ends_promptly(python):
    pytest.importorskip("typer")
    started = time.perf_counter()
    done = python("-m", "nncore", "plugins", "--json")
    # The probe that hangs would take a thousand seconds.
    assert time.perf_counter() - started < 60
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    state = {row["name"]: (row["state"], row["reason"]) for row in content["plugins"]}
    assert state["absent"][0] == "failed"
    assert "a_library_that_nobody_has" in state["absent"][1]
    assert state["future"][0] == "failed"
    assert "made for version 2 of the plugin contract" in state["future"][1]
    for name in ("core", "taken", "well", "hanging", "dying", "shape", "dtype", "builder"):
        assert state[name] == ("loaded", "")
    here = {(row["kind"], row["name"]): row for row in content["implementations"]}
    assert here["conv", "hanging"]["reason"] == "its availability() did not answer within 0.5 s"
    assert "SystemExit: the driver is gone" in here["conv", "dying"]["reason"]
    for kind, name in (("conv", "shape"), ("conv", "numba"), ("pool", "reference")):
        assert here[kind, name]["available"]


PROGRAM = """
import numpy as np, pytensor, pytensor.tensor as pt
from nncore import layers, ops, registry
from nncore.backends import get_mode

x, w = pt.tensor3("x", dtype="float32"), pt.tensor3("w", dtype="float32")
values = np.ones((1, 1, 5), "float32"), np.ones((1, 1, 2), "float32")

def compute(implementation=None):
    y = ops.conv(x, w, implementation=implementation)
    return pytensor.function([x, w], y, mode=get_mode("python"))(*values).tolist()

def failure(function, *arguments):
    try:
        return repr(function(*arguments))
    except Exception as error:
        return f"{type(error).__name__}: {error}"

for name in ("hanging", "dying", "shape", "dtype", "builder"):
    print(failure(compute, name))
for name in ("Dense", "nncore-absent:Any", "Hover"):
    print(failure(registry.get, "layer", name))
# Everything else works.
print(compute())
print(layers.PoliteLayer.__name__, layers.DenseLayer.__module__)
print(registry.get("layer", "nncore-taken:Dense").__module__)
"""


def test_each_is_met_with_an_error_of_its_own_and_everything_else_works(python):
    done = python("-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    hanging, dying, shape, dtype, builder, dense, absent, hover, auto, good, taken = (
        done.stdout.splitlines()
    )
    assert hanging.startswith("ImplementationUnavailable: ")
    assert "did not answer within 0.5 s. What would work here: reference" in hanging
    assert "SystemExit: the driver is gone" in dying
    for line, parts in (
        (shape, ("'shape' of nncore-shape 1.0", "forward", "(1, 1, 3)", "instead of", "(1, 1, 4)")),
        (dtype, ("'dtype' of nncore-dtype 1.0", "forward", "float64 instead of", "float32")),
        (builder, ("'builder' of nncore-builder 1.0", "OSError: no compiler", "choose another")),
    ):
        assert line.startswith("KernelError: ")
        for part in (*parts, "1D convolution of"):
            assert part in line
    assert dense.startswith("PluginError: ")
    assert "nncore-pytensor" in dense
    assert "'nncore-taken:Dense'" in dense
    assert "a_library_that_nobody_has" in absent
    assert "Not loaded: absent" in hover
    assert "version 2 of the plugin contract" in hover
    assert auto == "[[[2.0, 2.0, 2.0, 2.0]]]"
    assert good == "PoliteLayer nncore.layers.dense"
    assert taken == "plugin_nncore_taken_taken"
