from __future__ import annotations

import json

import pytest

QUICK = ["--backend", "python", "--seconds", 0]


def test_convolution_is_measured_in_every_direction(nncore_command):
    arguments = ["--input", "2,4,8,8", "--filters", "6,3,3", "--groups", 2, "--stride", 2]
    code, output, errors = nncore_command("bench", "conv", *QUICK, *arguments, "--json")
    assert (code, errors) == (0, "")
    content = json.loads(output)
    assert "(6, 2, 3, 3)" in content["geometry"]
    found = content["measurements"]
    assert {m["direction"] for m in found} == {"forward", "grad_input", "grad_filters"}
    assert all(m["median_seconds"] > 0 for m in found if m["name"] == "reference")


def test_the_rate_follows_from_the_time_and_the_geometry(nncore_command):
    arguments = ["--input", "2,4,8,8", "--filters", "6,3,3", "--pad", "same"]
    output = nncore_command("bench", "conv", *QUICK, *arguments, "--json")[1]
    operations = 2 * (2 * 6 * 8 * 8) * (4 * 3 * 3)
    for m in json.loads(output)["measurements"]:
        assert m["gflops"] == pytest.approx(operations / m["median_seconds"] / 1e9)


def test_one_direction_can_be_chosen(nncore_command):
    arguments = ["--input", "2,4,16", "--filters", "6,3", "--direction", "forward"]
    output = nncore_command("bench", "conv", *QUICK, *arguments, "--json")[1]
    assert {m["direction"] for m in json.loads(output)["measurements"]} == {"forward"}


def test_pooling_is_measured_and_shown_as_a_table(nncore_command):
    arguments = ["--input", "2,4,8,8", "--window", "3", "--stride", "2", "--pad", "1"]
    code, output, _ = nncore_command("bench", "pool", *QUICK, *arguments)
    assert code == 0
    assert output.startswith("2D max pooling of (2, 4, 8, 8) over (3, 3), stride (2, 2)")
    for direction in ("forward", "grad_input", "grad_grad"):
        assert direction in output
    assert "1.00 x" in output


def test_what_is_not_measured_is_named_with_the_reason(nncore_command):
    _, output, _ = nncore_command("bench", "pool", *QUICK, "--input", "2,4,8,8")
    assert "not measured: numba: it has no kernel for the python backend" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["conv", "--input", "2,3"], "--input: 2,3 has 2 numbers"),
        (["conv", "--input", "2,3,x,8"], "--input: '2,3,x,8'"),
        (["conv", "--input", "2,3,8,8", "--filters", "4,3"], "--filters: 4,3 has 2 numbers"),
        (["conv", "--input", "2,3,8,8", "--groups", "2"], "does not divide the 3 channels"),
        (["conv", "--input", "2,4,8,8", "--stride", "1,2,3"], "--stride: 1,2,3 has 3 numbers"),
        (["conv", "--input", "2,4,8,8", "--pad", "some"], "--pad: 'some'"),
        (["conv", "--input", "2,4,8,8", "--filters", "4,9,9"], "no output on spatial axis 0"),
        (["conv", "--direction", "grad_inputs"], "Did you mean 'grad_input'"),
        (["conv", "--dtype", "float23"], "Did you mean 'float32'"),
        (["conv", "--backend", "nubma"], "Did you mean 'numba'"),
        (["pool", "--mode", "maxx"], "Did you mean 'max'"),
        (["pool", "--pad", "2"], "must be less than the window"),
        (["pool", "--mode", "sum", "--direction", "grad_grad"], "--mode max only"),
    ],
)
def test_a_bad_geometry_is_one_line(nncore_command, arguments, message):
    code, output, errors = nncore_command("bench", *arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("nncore: error: ")
    assert errors.count("\n") == 1
    assert message in errors
