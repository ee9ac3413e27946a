from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

PYTHON = ["--backend", "python"]


def test_a_run_is_evaluated_on_what_it_was_trained_on(nncore_command, trained):
    code, output, errors = nncore_command("evaluate", trained, *PYTHON, "--json")
    assert (code, errors) == (0, "")
    content = json.loads(output)
    result = json.loads((trained / "run.json").read_text())["result"]
    assert content["accuracy"] == pytest.approx(result["test"]["accuracy"])
    assert content["loss"] == pytest.approx(result["test"]["loss"], rel=1e-4)
    assert sum(row["correct"] for row in content["classes"]) == result["test_correct"]
    assert [row["name"] for row in content["classes"]] == ["top", "left", "middle"]


def test_the_table_has_a_row_for_each_class(nncore_command, trained):
    code, output, _ = nncore_command("evaluate", trained / "model.json", *PYTHON)
    assert code == 0
    assert "npz, test" in output or "shapes, test" in output
    for name in ("top", "left", "middle"):
        assert name in output


def test_the_split_can_be_chosen(nncore_command, trained):
    run = json.loads((trained / "run.json").read_text())
    for split, key in (("train", "training"), ("validation", "validation")):
        _, output, _ = nncore_command("evaluate", trained, *PYTHON, "-s", split, "--json")
        assert json.loads(output)["images"] == run["data"][key]


def test_images_of_another_shape_are_refused(nncore_command, trained, tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros((40, 6, 6)), y=np.arange(40) % 2)
    code, _, errors = nncore_command("evaluate", trained, "--data-dir", tmp_path / "other.npz")
    assert code == 2
    assert "(1, 8, 8)" in errors
    assert "(1, 6, 6)" in errors


def test_data_of_other_classes_are_refused(nncore_command, trained, tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros((40, 8, 8)), y=np.arange(40) % 2)
    code, _, errors = nncore_command("evaluate", trained, "--data-dir", tmp_path / "other.npz")
    assert code == 2
    assert "other classes" in errors
    assert "top" in errors


def test_an_unknown_split_is_refused(nncore_command, trained):
    code, _, errors = nncore_command("evaluate", trained, "--split", "tset")
    assert code == 2
    assert "Did you mean 'test'" in errors


def copied(trained, tmp_path):
    for name in ("model.json", "model.safetensors"):
        shutil.copy(trained / name, tmp_path / name)
    return tmp_path / "model.json", tmp_path / "model.safetensors"


def test_a_model_that_was_cut_short_is_refused(nncore_command, trained, tmp_path):
    _, values = copied(trained, tmp_path)
    values.write_bytes(values.read_bytes()[:3000])
    code, _, errors = nncore_command("evaluate", values)
    assert code == 2
    assert str(values) in errors


def test_a_model_that_was_altered_is_refused(nncore_command, trained, tmp_path):
    architecture, _ = copied(trained, tmp_path)
    architecture.write_text(architecture.read_text().replace("middle", "riddle"))
    code, _, errors = nncore_command("evaluate", architecture)
    assert code == 2
    assert "altered" in errors


def test_a_folder_without_a_model_says_what_is_missing(nncore_command, tmp_path):
    code, _, errors = nncore_command("evaluate", tmp_path)
    assert code == 2
    assert "holds no model" in errors
    (tmp_path / "run.json").write_text("{}")
    _, _, errors = nncore_command("evaluate", tmp_path)
    assert "nncore train --resume" in errors


def test_a_network_that_is_no_classifier_of_images_is_refused(nncore_command, tmp_path):
    from nncore import layers
    from nncore.serialization import save_model

    network = layers.DenseLayer(layers.InputLayer((None, 5), name="in"), 2, name="out")
    save_model(network, tmp_path / "dense")
    code, _, errors = nncore_command("evaluate", tmp_path / "dense", "--data", "digits")
    assert code == 2
    assert "no classifier of images" in errors
