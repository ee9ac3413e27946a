"""A tiny data set, and one run of ``nncore train`` on it that the tests share."""

from __future__ import annotations

import numpy as np
import pytest

import nncore.random

pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("matplotlib")
pytest.importorskip("PIL")


@pytest.fixture(autouse=True)
def _global_rng():
    """The command line seeds the library's generator; other tests get theirs back."""
    before = nncore.random.get_rng()
    yield
    nncore.random.set_rng(before)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    """Path of an .npz file: 120 images of a bright upper half, left half or middle."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = rng.uniform(0, 0.3, size=(120, 1, 8, 8)).astype("float32")
    x[y == 0, :, :4] += 0.6
    x[y == 1, :, :, :4] += 0.6
    x[y == 2, :, 2:6, 2:6] += 0.6
    path = tmp_path_factory.mktemp("data") / "shapes.npz"
    np.savez(path, x=x, y=y, class_names=np.array(["top", "left", "middle"]))
    return path


@pytest.fixture
def nncore_command(capsys):
    """Run the command line in this process; gives (exit code, output, errors)."""
    from nncore.cli import main

    def run(*arguments):
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def options(shapes):
    """Options of a training that takes a second."""
    return ["--data", "npz", "--data-dir", str(shapes), "--backend", "python", "--batch-size", "20"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory, options):
    """The folder of a run of four epochs."""
    from nncore.cli import main

    before = nncore.random.get_rng()
    folder = tmp_path_factory.mktemp("runs") / "shapes"
    assert main(["train", *options, "--epochs", "4", "-o", str(folder), "--quiet"]) == 0
    nncore.random.set_rng(before)
    return folder
