from __future__ import annotations

from nncore import plugins, registry

LOADING = """
import json, sys, time
import nncore
start = time.perf_counter()
import nncore_corrmm.plugin as plugin
layers, found = plugin.nncore_layers(), plugin.nncore_implementations()
print(json.dumps([time.perf_counter() - start, "jax" in sys.modules, list(layers)]))
"""


def test_loading_it_imports_no_jax_and_takes_no_time(isolated):
    seconds, jax, layers = isolated(LOADING)
    assert layers == ["Conv2DMM"]
    assert not jax
    assert seconds < 0.5


def test_nncore_finds_it_and_what_it_provides():
    (plugin,) = [p for p in plugins.all_plugins() if p.name == "corrmm"]
    assert (plugin.state, plugin.distribution) == ("loaded", "nncore-corrmm")
    assert plugin.provides == {"conv": ("corrmm",), "layer": ("Conv2DMM",)}
    assert set(plugins.OFFICIAL["nncore-corrmm"]) == {"corrmm", "Conv2DMM"}


def test_auto_prefers_the_core_s_convolution():
    ranks = {i.name: i.rank for _, i in registry.implementations("conv")}
    assert ranks["corrmm"] < ranks["jax"]
