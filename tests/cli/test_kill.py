"""A training that is killed and resumed ends as one that never stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")

from safetensors.numpy import load_file

#: Set NNCORE_KILLS to repeat it more often.
KILLS = int(os.environ.get("NNCORE_KILLS", "3"))

OPTIONS = ["--model", "lenet", "--epochs", "12", "--batch-size", "64", "--seed", "4"]


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "nncore", "train", "--output", str(folder), *options]


def run(folder: Path, *options: str) -> float:
    started = time.perf_counter()
    subprocess.run(command(folder, *options), check=True, capture_output=True)
    return time.perf_counter() - started


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[dict[str, np.ndarray], float]:
    folder = tmp_path_factory.mktemp("kill")
    run(folder / "first", *OPTIONS)
    # The first one compiled; the second takes as long as those that follow.
    seconds = run(folder / "second", *OPTIONS)
    first = load_file(folder / "first" / "model.safetensors")
    second = load_file(folder / "second" / "model.safetensors")
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
    return first, seconds


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_training_resumes_to_the_same_bits(uninterrupted, tmp_path, number):
    expected, seconds = uninterrupted
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command(folder, *OPTIONS), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(random.uniform(0.2, 1.0) * seconds)
    process.kill()
    process.wait()
    # Killed before the run's folder was described, there is nothing to resume yet.
    again = ["--resume"] if (folder / "run.json").exists() else OPTIONS
    run(folder, *again)
    result = load_file(folder / "model.safetensors")
    assert set(result) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(value, result[name], err_msg=name)
