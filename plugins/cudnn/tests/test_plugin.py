from __future__ import annotations

import pytest

from nncore import devices, plugins, registry
from nncore.hookspecs import Availability
from nncore.ops.geometry import PoolGeometry
from nncore.resolve import candidates
from nncore_cudnn import implementation

LOADING = """
import json, sys, time
import nncore
start = time.perf_counter()
import nncore_cudnn.plugin as plugin
layers, found = plugin.nncore_layers(), plugin.nncore_implementations()
print(json.dumps([time.perf_counter() - start, "jax" in sys.modules, list(layers)]))
"""


def test_loading_it_imports_no_jax_and_takes_no_time(isolated):
    seconds, jax, layers = isolated(LOADING)
    assert len(layers) == 9
    assert not jax
    assert seconds < 0.5


def test_nncore_finds_it_and_what_it_provides():
    (plugin,) = [p for p in plugins.all_plugins() if p.name == "cudnn"]
    assert (plugin.state, plugin.distribution) == ("loaded", "nncore-cudnn")
    official = set(plugins.OFFICIAL["nncore-cudnn"])
    assert {name for names in plugin.provides.values() for name in names} == official
    assert set(plugin.provides) == {"conv", "pool", "layer"}


@pytest.mark.parametrize("kind", ["conv", "pool"])
def test_it_is_available_where_there_is_a_gpu_that_jax_can_use(kind):
    assert registry.availability(registry.get(kind, "cudnn")) == devices.cuda()


@pytest.mark.jax
@pytest.mark.parametrize("there", [True, False])
def test_auto_takes_it_on_a_gpu_and_only_there(there, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr(implementation, "cuda", lambda: Availability(there, "no GPU"))
    geometry = PoolGeometry((1, 1, 4), (2,), (2,), ((0, 0),), "max", True, "float32")
    registry.forget()
    best = candidates("pool", "jax", geometry)[0]
    registry.forget()
    assert best.name == ("cudnn" if there else "jax")
