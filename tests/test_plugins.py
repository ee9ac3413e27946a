from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import nncore
from nncore import layers, plugins, registry
from nncore.errors import PluginError, UnknownNameError
from nncore.hookspecs import hookimpl

GOOD = """
from nncore.hookspecs import Implementation, hookimpl
from nncore.init import Initializer
from nncore.layers import Layer

nncore_contract = 1

class ShinyLayer(Layer):
    pass

class Shiny(Implementation):
    name = "shiny"
    kind = "pool"
    backends = ("numba",)

    def kernel(self, backend, direction, geometry):
        return None

class Threes(Initializer):
    def sample(self, shape):
        return 3

def glow(x):
    return x

@hookimpl
def nncore_layers():
    return {"ShinyLayer": ShinyLayer}

@hookimpl
def nncore_implementations():
    yield Shiny()

@hookimpl
def nncore_initializers():
    return {"Threes": Threes}

@hookimpl
def nncore_nonlinearities():
    return {"glow": glow}

@hookimpl
def nncore_objectives():
    return {"dullness": glow}

@hookimpl
def nncore_updates():
    return {"drift": glow}
"""


def found(name):
    return next(p for p in plugins.all_plugins() if p.name == name)


def hook(name, body, header="nncore_contract = 1"):
    return f"from nncore.hookspecs import hookimpl\n{header}\n@hookimpl\ndef {name}:\n    {body}\n"


def implementation(**attributes):
    lines = {"name": "'odd'", "kind": "'conv'", "backends": "('python',)", **attributes}
    text = "\n".join(f"    {key} = {value}" for key, value in lines.items() if value)
    return (
        "from nncore.hookspecs import Implementation, hookimpl\nnncore_contract = 1\n"
        f"class Odd(Implementation):\n{text}\n    def kernel(self, *_):\n        return None\n"
        "@hookimpl\ndef nncore_implementations():\n    return [Odd()]\n"
    )


BROKEN = {
    "import error": ("import no_such_thing_at_all", "ModuleNotFoundError: .*no_such_thing"),
    "syntax error": ("def (", "SyntaxError"),
    "exit": ("raise SystemExit('no GPU')", "SystemExit: no GPU"),
    "exception": ("1 / 0", "ZeroDivisionError: division by zero"),
    "no contract": (hook("nncore_layers()", "return {}", ""), "set nncore_contract = 1 in plugin_"),
    "another contract": (
        hook("nncore_layers()", "return {}", "nncore_contract = 2"),
        "made for version 2 of the plugin contract.*install a version of nncore-broken that fits",
    ),
    "unknown hook": (hook("nncore_flavours()", "return {}"), "unknown hook.*nncore_flavours"),
    "wrong arguments": (hook("nncore_layers(x)", "return {}"), "Argument.*x"),
    "hook that raises": (hook("nncore_layers()", "1 / 0"), "a hook raised ZeroDivisionError"),
    "hook that exits": (hook("nncore_layers()", "raise SystemExit(3)"), "a hook raised SystemExit"),
    "no mapping": (hook("nncore_layers()", "return ['a']"), "must return a mapping.*'a'"),
    "nothing": (hook("nncore_layers()", "return None"), "must return a mapping.*None"),
    "names that are none": (hook("nncore_updates()", "return {3: print}"), "gave the name 3"),
    "a colon in a name": (hook("nncore_updates()", "return {'a:b': print}"), "without a colon"),
    "values that are none": (hook("nncore_updates()", "return {'a': 3}"), "gave 3 as 'a'"),
    "no implementation": (hook("nncore_implementations()", "return [3]"), "3, which is no Impl"),
    "no list": (hook("nncore_implementations()", "return None"), "TypeError.*NoneType"),
    "no name": (implementation(name=None), "no attribute 'name'"),
    "a number for a name": (implementation(name="3"), "gave the name 3"),
    "a policy for a name": (implementation(name="'auto'"), "'auto' is not allowed"),
    "no kind": (implementation(kind="'dense'"), "is of kind 'dense'"),
    "no tuple of backends": (implementation(backends="'numba'"), "backends='numba', not a tuple"),
    "unknown backends": (implementation(backends="('torch',)"), r"backends=\('torch',\)"),
    "no rank": (implementation(rank="'high'"), "rank='high', not an integer"),
    "looks up names while imported": (
        "from nncore import registry\nregistry.names('layer')\nnncore_contract = 1",
        "asks for registered names while it is being imported",
    ),
    "looks up names in a hook": (
        hook("nncore_layers()", "from nncore import registry; return registry.names('layer')"),
        "a hook asks for registered names",
    ),
    "attributes that raise": (
        "def __getattr__(name):\n    raise RuntimeError('no ' + name)",
        "RuntimeError: no ",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_recorded_with_its_reason_and_disturbs_nothing(install, case):
    source, reason = BROKEN[case]
    install(source, "broken", version="2.5")
    install(GOOD)
    broken = found("broken")
    assert (broken.distribution, broken.version) == ("nncore-broken", "2.5")
    assert broken.state == "failed"
    assert broken.provides == {}
    with pytest.raises(PluginError, match=reason):
        registry.get("conv", "broken")
    with pytest.raises(PluginError, match=r"nncore-broken 2.5\) is installed but failed to load"):
        registry.get("layer", "nncore-broken:AnythingLayer")
    assert found("good").state == "loaded"
    assert registry.get("layer", "Shiny").__name__ == "ShinyLayer"
    assert registry.get("layer", "Dense") is layers.DenseLayer
    with pytest.raises(UnknownNameError, match=r"Did you mean 'Dense'\?.*Not loaded: broken \("):
        registry.get("layer", "Denze")


def test_a_good_plugin_registers_every_kind_of_thing(install):
    module = install(GOOD)
    shiny = sys.modules.get(module)
    assert shiny is None
    assert layers.ShinyLayer is registry.get("layer", "Shiny")
    shiny = sys.modules[module]
    assert registry.get("layer", "ShinyLayer") is shiny.ShinyLayer
    assert registry.get("pool", "shiny").backends == ("numba",)
    assert registry.get("initializer", "Threes") is shiny.Threes
    assert registry.get("nonlinearity", "glow") is shiny.glow
    assert registry.get("objective", "dullness") is shiny.glow
    assert registry.get("update", "drift") is shiny.glow
    assert found("good").provides == {
        "layer": ("Shiny",),
        "pool": ("shiny",),
        "initializer": ("Threes",),
        "nonlinearity": ("glow",),
        "objective": ("dullness",),
        "update": ("drift",),
    }
    assert found("core").provides["conv"] == ("reference", "numba", "jax")


@pytest.mark.parametrize(
    "words", ["good", "nncore-good", "NNCORE_Good", "*", "other, good", "other good"]
)
def test_plugins_are_disabled_by_their_name_or_their_distribution_or_all(
    install, monkeypatch, words
):
    module = install(GOOD)
    monkeypatch.setenv("NNCORE_DISABLE_PLUGINS", words)
    plugins.reload()
    good = found("good")
    assert good.state == "disabled"
    assert module not in sys.modules
    assert registry.get("layer", "Dense") is layers.DenseLayer
    with pytest.raises(PluginError, match=r"is disabled: named in NNCORE_DISABLE_PLUGINS"):
        registry.get("pool", "good")
    with pytest.raises(UnknownNameError, match=r"Not loaded: good \(named in NNCORE_DISABLE"):
        registry.get("pool", "shiny")
    monkeypatch.setenv("NNCORE_DISABLE_PLUGINS", "else")
    plugins.reload()
    assert registry.get("pool", "shiny").name == "shiny"


def test_two_plugins_that_claim_one_name_are_both_named(install, monkeypatch):
    install(GOOD, "one")
    install(GOOD, "two", version="3.1")
    for kind, name in (("pool", "shiny"), ("layer", "ShinyLayer"), ("update", "drift")):
        with pytest.raises(PluginError, match=name) as caught:
            registry.get(kind, name)
        for part in ("nncore-one 1.0", "nncore-two 3.1", f"'nncore-two:{name}'", "DISABLE_PLUGINS"):
            assert part in str(caught.value)
    one, two = (registry.get("layer", f"nncore-{which}:ShinyLayer") for which in ("one", "two"))
    assert one is not two
    assert registry.name_of("layer", two) == "nncore-two:Shiny"
    assert registry.get("layer", "two:Shiny") is two
    with nncore.using(pool="nncore-one:shiny"):
        assert nncore.config.choice("pool") == "nncore-one:shiny"
    # What only one plugin has is not disturbed.
    assert registry.get("pool", "numba").name == "numba"
    monkeypatch.setenv("NNCORE_DISABLE_PLUGINS", "one")
    plugins.reload()
    assert registry.get("pool", "shiny") is registry.get("pool", "nncore-two:shiny")


def test_a_name_of_the_core_can_be_claimed_too(install):
    install(hook("nncore_nonlinearities()", "return {'tanh': print}"), "loud")
    with pytest.raises(PluginError, match=r"nncore-pytensor.*nncore-loud"):
        registry.get("nonlinearity", "tanh")
    assert registry.get("nonlinearity", "nncore-loud:tanh") is print
    assert registry.get("nonlinearity", "nncore-pytensor:tanh") is nncore.nonlinearities.tanh


def test_entry_points_of_one_name_in_two_distributions_are_both_loaded(install):
    install(hook("nncore_updates()", "return {'a': print}"), "same", "first")
    install(hook("nncore_updates()", "return {'b': len}"), "same", "second")
    assert registry.get("update", "a") is print
    assert registry.get("update", "b") is len


def test_a_distribution_that_is_found_twice_counts_once(install, monkeypatch):
    install(GOOD)
    monkeypatch.syspath_prepend(sys.path[0] + os.sep + ".")
    plugins.reload()
    assert [p.name for p in plugins.all_plugins()].count("good") == 1
    assert registry.get("pool", "shiny").name == "shiny"


def test_a_broken_core_is_not_taken_for_a_broken_plugin(install, monkeypatch):
    from nncore import _core_plugin

    @hookimpl
    def nncore_layers():
        raise RuntimeError("a layer is missing")

    monkeypatch.setattr(_core_plugin, "nncore_layers", nncore_layers)
    plugins.reload()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="a layer is missing"):
            registry.names("layer")
    monkeypatch.setattr(_core_plugin, "nncore_contract", 99)
    plugins.reload()
    with pytest.raises(PluginError, match=r"nncore's own registrations .* version 99"):
        registry.names("layer")


def test_what_an_official_plugin_would_provide_is_explained(install):
    install("import a_missing_driver", "dnn", "nncore-cudnn")
    for kind, name in (("conv", "cudnn"), ("layer", "Conv2DDNNLayer"), ("layer", "Conv2DDNN")):
        with pytest.raises(PluginError, match=r"plugin dnn \(nncore-cudnn 1.0\).*a_missing_driver"):
            registry.get(kind, name)
    with pytest.raises(ImportError, match="a_missing_driver"):
        from nncore.layers import Conv2DDNNLayer  # noqa: F401


@pytest.mark.skipif(
    any(p.distribution == "nncore-corrmm" for p in plugins.all_plugins()),
    reason="the plugin is installed",
)
def test_an_official_plugin_that_is_not_installed_is_named():
    with pytest.raises(UnknownNameError, match="pip install nncore-corrmm"):
        registry.get("conv", "corrmm")
    with pytest.raises(ImportError, match="pip install nncore-corrmm"):
        from nncore.layers import Conv2DMMLayer  # noqa: F401
    assert plugins.suggest("Conv2DMMLayer") == "It comes with a plugin: pip install nncore-corrmm."
    assert plugins.suggest("Conv2DLayer") == plugins.missing("Conv2DLayer") == ""


def test_importing_nncore_loads_no_plugin_and_nothing_heavy(install, tmp_path):
    mark = tmp_path / "mark"
    install(f"nncore_contract = 1\nopen({str(mark)!r}, 'w').close()")
    site = str(tmp_path / "site")
    heavy = ("jax", "numba", "matplotlib", "sklearn", "rich", "typer", "PIL")
    script = (
        "import nncore, sys\nfrom nncore import layers\nfrom nncore.layers import DenseLayer\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    for more, marked in (("", False), ("nncore.registry.names('layer')", True)):
        done = subprocess.run(
            [sys.executable, "-c", script + "import nncore.registry\n" + more],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([site, str(Path.cwd())])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "[]"
        assert mark.exists() == marked


def test_a_plugin_is_found_again_after_a_reload(install):
    install(GOOD)
    layer = layers.ShinyLayer
    plugins.reload()
    assert layers.ShinyLayer is layer
