from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from nncore import layers, registry


def test_every_public_name_exists_once():
    assert len(set(layers.__all__)) == len(layers.__all__)
    for name in layers.__all__:
        assert name in vars(layers)


def test_every_public_layer_and_function_has_an_example():
    for name in layers.__all__:
        documented = getattr(layers, name)
        if documented.__module__.startswith("nncore.layers"):
            assert ">>> " in (inspect.getdoc(documented) or ""), name


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("Conv2DCCLayer", "nncore-cuda-convnet"),
        ("MaxPool2DCCLayer", "nncore-cuda-convnet"),
        ("NINLayer_c01b", "nncore-cuda-convnet"),
        ("bc01_to_c01b", "nncore-cuda-convnet"),
        ("Conv2DMMLayer", "nncore-corrmm"),
        ("Pool2DDNNLayer", "nncore-cudnn"),
        ("batch_norm_dnn", "nncore-cudnn"),
    ],
)
def test_a_missing_plugins_layer_says_what_to_install(name, distribution, monkeypatch):
    def unknown(kind, name):
        raise registry.UnknownNameError(f"{name} is not known")

    monkeypatch.setattr(registry, "get", unknown)
    monkeypatch.setattr("nncore.plugins._plugins", [])
    with pytest.raises(ImportError, match=f"{name}.*pip install {distribution}"):
        exec(f"from nncore.layers import {name}")


def test_a_plugins_layer_can_be_imported(monkeypatch):
    class Extra(layers.Layer):
        pass

    known = {("layer", "ExtraLayer"): Extra}
    monkeypatch.setattr(registry, "get", lambda kind, name: known[kind, name])
    from nncore.layers import ExtraLayer

    assert ExtraLayer is Extra


def test_an_unknown_name_is_an_import_error_and_an_attribute_error():
    with pytest.raises(ImportError, match="NoSuchLayer"):
        exec("from nncore.layers import NoSuchLayer")
    with pytest.raises(AttributeError, match="NoSuchLayer"):
        layers.__getattr__("NoSuchLayer")
    assert not hasattr(layers, "_private")


def test_importing_the_layers_imports_no_backend():
    code = (
        "import sys, nncore.layers; "
        "sys.exit(bool({'jax', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
