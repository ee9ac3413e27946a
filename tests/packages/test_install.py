"""The example and every plugin of the repository, installed, used and removed as a user does it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for pattern in ("examples/third_party_layers", "plugins/*")
    for path in ROOT.glob(f"{pattern}/pyproject.toml")
)

GET = """
import json, sys
from nncore import registry
from nncore.errors import NNCoreError

answers = {}
for kind, names in json.loads(sys.argv[1]).items():
    for name in names:
        try:
            answers[name] = repr(registry.get(kind, name))
        except NNCoreError as error:
            answers[name] = f"{type(error).__name__}: {error}"
print(json.dumps(answers))
"""


def plugins(environment):
    """What ``nncore plugins`` shows, by distribution."""
    content = json.loads(environment.run("nncore", "plugins", "--json"))
    return {row["distribution"]: row for row in content["plugins"]}


def answers(environment, provided):
    return json.loads(environment.run("python", "-c", GET, json.dumps(provided)))


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_installed_used_and_removed(environment, package):
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]
    name = project["name"]
    assert name not in plugins(environment)
    environment.pip("install", ROOT / package)
    try:
        row = plugins(environment)[name]
        assert (row["state"], row["reason"]) == ("loaded", "")
        provided = row["provides"]
        assert provided
        found = answers(environment, provided)
        assert not [answer for answer in found.values() if "Error" in answer]
        network = ["--model", "lenet", "--epochs", "1", "--batch-size", "256", "--quiet"]
        run = environment.elsewhere / name
        environment.run("nncore", "train", "--backend", "python", "-i", "auto", "-o", run, *network)
        assert (run / "model.safetensors").exists()
    finally:
        environment.pip("uninstall", name)
    assert name not in plugins(environment)
    for missing, answer in answers(environment, provided).items():
        assert answer.startswith("UnknownNameError: "), answer
        if name in answer:
            assert f"pip install {name}" in answer
        else:
            assert not name.startswith("nncore-"), f"nothing says that {missing} is in {name}"


@pytest.mark.slow
def test_the_conformance_suite_comes_with_the_wheel(environment):
    arguments = ["--implementation", "reference", "--kind", "pool", "--examples", "5"]
    output = environment.run(
        "python", "-m", "pytest", "--pyargs", "nncore.testing", "-q", *arguments
    )
    assert "the pooling implementation 'reference' of nncore-pytensor" in output
    assert "FAILED" not in output
