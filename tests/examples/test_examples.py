"""Every example runs, from anywhere, and says what it found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
#: Further runs, and what the output must contain.
ARGUMENTS = {"digits": [["mlp"], ["cnn"]], "recurrent": [["gru"], ["recurrent"]]}
RESULTS = {
    "batchwise_dropout": "batchwise: ",
    "choosing_an_implementation": "a function: differs by ",
    "custom_layer": "function: 6 parameters",
    "digits": "test accuracy",
    "draw_network": "drawn to network.svg",
    "feedback_alignment": "angle after",
    "recurrent": "step 4: mean squared error",
    "scikit_learn": "test accuracy",
}
RUNS = [
    pytest.param(path, arguments, id=" ".join([path.stem, *arguments]))
    for path in EXAMPLES
    for arguments in ARGUMENTS.get(path.stem, [[]])
]


@pytest.mark.parametrize(("path", "arguments"), RUNS)
def test_an_example_runs(path, arguments, tmp_path):
    pytest.importorskip("sklearn")
    backend = [] if path.stem == "draw_network" else ["--backend", "python"]
    done = subprocess.run(
        [sys.executable, str(path), *arguments, "--quick", *backend],
        cwd=tmp_path,
        env={**os.environ, "PYTENSOR_FLAGS": "cxx="},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert RESULTS[path.stem] in done.stdout
    assert not done.stderr
