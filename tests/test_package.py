"""The package as a whole: what importing it costs, and rules for the repository."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nncore

ROOT = Path(__file__).resolve().parents[1]

HEAVY = ("jax", "numba", "matplotlib", "sklearn", "rich", "typer", "PIL")


def test_importing_nncore_imports_nothing_heavy():
    code = f"import json, sys, nncore; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(result.stdout) == []


def test_listing_plugins_imports_nothing_heavy():
    code = (
        "import json, sys, nncore; from nncore import registry, plugins;"
        "plugins.all_plugins();"
        "pairs = registry.implementations('conv') + registry.implementations('pool');"
        "[registry.availability(i) for _, i in pairs];"
        f"print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(result.stdout) == []


def test_building_and_pickling_a_network_imports_nothing_heavy():
    code = (
        "import json, pickle, sys, nncore; from nncore import models;"
        "pickle.loads(pickle.dumps(models.build('lenet', (1, 28, 28), 10)));"
        f"print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(result.stdout) == []


def modules() -> list[str]:
    found = pkgutil.walk_packages(nncore.__path__, "nncore.")
    return [m.name for m in found if "__main__" not in m.name]


@pytest.mark.parametrize("name", modules())
def test_the_public_list_of_a_module_is_true(name):
    if any(part in name for part in ("cli", "reporting")):
        pytest.importorskip("typer")
        pytest.importorskip("matplotlib")
    if "dispatch.jax" in name:
        pytest.importorskip("jax")
    if "estimators" in name:
        pytest.importorskip("sklearn")
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    public = getattr(module, "__all__", [])
    assert len(public) == len(set(public))
    for entry in public:
        assert hasattr(module, entry), f"{name}.__all__ names {entry}, which does not exist"


def test_the_version_is_the_same_everywhere():
    assert re.fullmatch(r"\d+\.\d+\.\d+", nncore.__version__)
    assert "[Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_no_source_file_has_control_characters_from_unescaped_latex():
    for path in (ROOT / "nncore").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), path


def readme_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


def test_the_five_lines_of_the_readme_build_a_network_that_fits_its_data():
    pytest.importorskip("sklearn")
    block = readme_blocks()[0]
    head, _, loop = block.partition("for epoch in")
    assert "training.train(" in loop
    names: dict[str, object] = {}
    exec(head, names)
    network = names["network"]
    assert nncore.layers.get_output_shape(network) == (None, 10)


def test_the_readme_s_layers_build():
    block = readme_blocks()[1]
    head, _, _ = block.partition("step = pytensor.function")
    exec(head, {})
