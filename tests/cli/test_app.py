from __future__ import annotations

import subprocess
import sys

import pytest

from nncore._version import __version__
from nncore.cli import main


def test_the_version_is_shown(nncore_command):
    assert nncore_command("--version") == (0, f"nncore {__version__}\n", "")


def test_the_module_can_be_run():
    done = subprocess.run(
        [sys.executable, "-m", "nncore", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"nncore {__version__}\n"


def test_without_a_command_the_help_is_shown(nncore_command):
    code, output, _ = nncore_command()
    assert code == 0
    for name in ("train", "evaluate", "predict", "plugins", "bench"):
        assert name in output


@pytest.mark.parametrize(
    "command", [["train"], ["evaluate"], ["predict"], ["plugins"], ["bench", "conv"]]
)
def test_the_help_of_every_command_has_an_example(nncore_command, command):
    code, output, _ = nncore_command(*command, "--help")
    assert code == 0
    assert output.count("nncore " + " ".join(command)) >= 2


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_a_package_of_the_extra_the_message_says_what_to_install(
    monkeypatch, capsys, package
):
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["plugins"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert package in errors
    assert "pip install 'nncore-pytensor[cli]'" in errors


def test_a_misspelt_command_gets_the_right_one_suggested(nncore_command):
    code, output, errors = nncore_command("trian")
    assert (code, output) == (2, "")
    assert errors.startswith("nncore: error: No such command 'trian'.")
    assert "'train'" in errors
    assert errors.count("\n") == 1


def test_a_misspelt_option_gets_the_right_one_suggested(nncore_command):
    code, _, errors = nncore_command("train", "--epoch", "3")
    assert code == 2
    assert "--epochs" in errors
    assert "nncore train --help" in errors


def test_debug_shows_where_an_error_comes_from(nncore_command):
    for extra, expected in ([], False), (["--debug"], True):
        code, _, errors = nncore_command("evaluate", "/nowhere/at/all", *extra)
        assert code == 2
        assert ("Traceback (most recent call last)" in errors) is expected
        assert errors.splitlines()[-1].startswith("nncore: error: /nowhere/at/all.json")
