from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nncore import hookspecs, plugins, registry


class Absent(hookspecs.Implementation):
    name = "absent"
    kind = "conv"
    backends = ("numba",)
    devices = ("abacus",)
    rank = 30

    def availability(self):
        return hookspecs.unavailable("there is no abacus [here]")

    def kernel(self, backend, direction, geometry):
        return None


class Module:
    nncore_contract = 1

    @staticmethod
    @hookspecs.hookimpl
    def nncore_implementations():
        return [Absent()]


class EntryPoint:
    class dist:
        name = "nncore-abacus"
        version = "1.5"

    def __init__(self, name, value):
        self.name, self.value, self._value = name, name, value

    def load(self):
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


@pytest.fixture
def third_party(monkeypatch):
    """One plugin that has an implementation which cannot run here, and one that is broken."""
    found = [
        EntryPoint("abacus", Module()),
        EntryPoint("broken", ImportError("no module named 'beads'")),
    ]
    monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: found)
    plugins.reload()
    yield
    monkeypatch.undo()
    plugins.reload()


def test_the_core_and_all_its_implementations_are_listed(nncore_command):
    code, output, _ = nncore_command("plugins", "--json")
    content = json.loads(output)
    assert code == 0
    assert content["plugins"][0]["distribution"] == plugins.CORE
    listed = {(row["kind"], row["name"]) for row in content["implementations"]}
    known = {(kind, name) for kind in ("conv", "pool") for name in registry.names(kind)}
    assert listed == known


def test_a_plugin_that_failed_is_shown_with_its_reason(nncore_command, third_party):
    _, output, _ = nncore_command("plugins")
    row = next(line for line in output.splitlines() if "broken" in line)
    assert "failed" in row
    assert "no module named 'beads'" in row


def test_an_implementation_that_cannot_run_is_shown_with_its_reason(nncore_command, third_party):
    _, output, _ = nncore_command("plugins")
    row = next(line for line in output.splitlines() if "abacus" in line and "30" in line)
    assert "there is no abacus [here]" in row
    content = json.loads(nncore_command("plugins", "--json")[1])
    entry = next(row for row in content["implementations"] if row["name"] == "absent")
    assert entry["available"] is False
    assert entry["distribution"] == "nncore-abacus"
    assert entry["backends"] == ["numba"]


def test_a_disabled_plugin_is_shown_as_such(nncore_command, third_party, monkeypatch):
    monkeypatch.setenv("NNCORE_DISABLE_PLUGINS", "abacus")
    plugins.reload()
    content = json.loads(nncore_command("plugins", "--json")[1])
    states = {row["name"]: row["state"] for row in content["plugins"]}
    assert states == {"core": "loaded", "abacus": "disabled", "broken": "failed"}


def test_the_chosen_implementation_is_marked(nncore_command, monkeypatch):
    monkeypatch.setenv("NNCORE_CONV", "numba")
    rows = json.loads(nncore_command("plugins", "--json")[1])["implementations"]
    chosen = [(row["kind"], row["name"]) for row in rows if row["chosen"]]
    assert chosen == [("conv", "numba")]


def test_listing_imports_nothing_heavy():
    program = (
        "import sys; from nncore.cli import main; main(['plugins']); "
        "print(sorted({'jax', 'matplotlib', 'sklearn', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
