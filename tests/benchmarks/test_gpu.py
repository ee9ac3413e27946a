"""The benchmark for GPUs, as it is called: refused without one, and rehearsed on the CPU."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark():
    """Run the benchmark; the environment has no GPU that could be found."""

    def run(*arguments):
        hidden = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
        return subprocess.run(
            [sys.executable, "-m", "benchmarks", "gpu", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **hidden, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def rehearsed(benchmark, tmp_path_factory):
    """What a rehearsal of little wrote: the record and the page."""
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("rehearsal")
    record, page = folder / "record.json", folder / "page.md"
    chosen = ["--only", "5x5 3->64,mlp", "--implementation", "jax"]
    files = ["--output", record, "--markdown", page]
    done = benchmark("--platform", "cpu", "--quick", *chosen, *files)
    assert done.returncode == 0, done.stderr
    assert "rehearsal" in done.stdout
    return json.loads(record.read_text()), page.read_text()


def test_without_a_gpu_it_ends_with_one_line_and_the_reason(benchmark, tmp_path):
    done = benchmark("--output", tmp_path / "record.json")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("nothing to measure without a GPU: ")
    assert "JAX" in line or "driver" in line
    assert "--platform cpu" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_an_implementation_that_does_not_exist_ends_it_with_those_that_do(benchmark):
    done = benchmark("--platform", "cpu", "--implementation", "cudn")
    assert done.returncode == 2
    assert done.stderr.startswith("cudn: ")
    assert re.search(r"there are: .*\bjax\b", done.stderr)


@pytest.mark.slow
def test_a_rehearsal_records_each_direction_of_each_competitor(rehearsed):
    record, _ = rehearsed
    assert record["rehearsal"]
    assert record["device"]["platform"] == "cpu"
    assert {"date", "machine", "settings", "command"} <= set(record)
    rows = record["results"]["kernels float32"]
    assert [row["direction"] for row in rows] == ["forward", "grad_input", "grad_filters"]
    for row in rows:
        assert {"nncore jax", "jax"} <= set(row["results"])
        for result in row["results"].values():
            assert result["agrees"]
            assert 0 < result["min_seconds"] <= result["median_seconds"]


@pytest.mark.slow
def test_a_rehearsal_trains_the_same_network_with_each_competitor(rehearsed):
    record, _ = rehearsed
    rows = record["results"]["training float32"]
    assert {"nncore", "jax"} <= {row["competitor"] for row in rows}
    (parameters,) = {row["parameters"] for row in rows}
    # The smaller network: 784 inputs, two layers of 16 units, 10 classes.
    assert parameters == 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
    for row in rows:
        assert 0 < row["step"]["min_seconds"] <= row["step"]["median_seconds"]
        assert row["first_loss"] > 0


@pytest.mark.slow
def test_a_rehearsal_runs_the_conformance_suite(rehearsed):
    record, _ = rehearsed
    (row,) = record["results"]["conformance"]
    assert row["command"].startswith(
        "pytest --pyargs nncore.testing --implementation jax --backend jax"
    )
    assert (row["status"], row["failed"]) == (0, [])
    # Seven tests of the contract, for convolution and for pooling.
    assert row["passed"] + row["skipped"] >= 14
    assert any("the convolution implementation 'jax'" in line for line in row["supported"])


@pytest.mark.slow
def test_times_are_relative_to_the_faster_one_of_the_others(rehearsed):
    record, _ = rehearsed
    for row in record["results"]["kernels float32"]:
        medians = {name: result["median_seconds"] for name, result in row["results"].items()}
        best = min(medians[name] for name in ("jax", "torch") if name in medians)
        for name, result in row["results"].items():
            assert result["ratio_to_best_peer"] == pytest.approx(medians[name] / best)


@pytest.mark.slow
def test_the_page_says_that_it_is_a_rehearsal_and_has_whole_tables(rehearsed):
    record, page = rehearsed
    assert page.startswith("## cpu\n\n**A rehearsal on the CPU")
    assert record["date"] in page
    for title in ("Conformance", "Convolution, float32 (in", "Training, float32 (in"):
        assert page.count(f"### {title}") == 1
    tables = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        lines = table.splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert re.fullmatch(r"\| ---( \| ---:)+ \|", lines[1])
        assert len(lines) > 2
