from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

FILES = {
    "run.json",
    "checkpoint.safetensors",
    "log.jsonl",
    "model.safetensors",
    "model.json",
    "learning-curve.png",
    "confusion-matrix.png",
    "filters.png",
    "report.html",
}


def log_of(folder):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if "second" not in k} for x in lines]


def test_a_run_leaves_its_files_and_no_others(trained):
    assert {path.name for path in trained.iterdir()} == FILES


def test_the_run_tells_its_choices_its_data_and_its_versions(trained, shapes):
    run = json.loads((trained / "run.json").read_text())
    assert run["status"] == "finished"
    assert run["choices"]["model"] == "lenet"
    assert run["choices"]["data_dir"] == str(shapes)
    assert run["choices"]["epochs"] == 4
    assert run["data"]["class_names"] == ["top", "left", "middle"]
    assert run["data"]["training"] + run["data"]["validation"] + run["data"]["test"] == 120
    assert run["implementations"] == {"conv": {"reference": 2}, "pool": {"reference": 2}}
    assert {"nncore", "python", "numpy", "pytensor"} <= set(run["versions"])


def test_the_log_has_a_line_for_each_epoch(trained):
    log = log_of(trained)
    assert [line["epoch"] for line in log] == [1, 2, 3, 4]
    assert log[-1]["train"]["loss"] < log[0]["train"]["loss"]
    assert set(log[0]["validation"]) == {"loss", "accuracy"}


def test_the_result_is_what_the_saved_model_scores(trained, shapes):
    from nncore.datasets import load
    from nncore.serialization import load_model
    from nncore.training import evaluate

    result = json.loads((trained / "run.json").read_text())["result"]
    model = load_model(trained / "model")
    values = evaluate(model.layer, load("npz", shapes).test, backend="python")
    assert result["test"]["accuracy"] == pytest.approx(values["accuracy"], abs=1e-6)
    assert result["test"]["loss"] == pytest.approx(values["loss"], rel=1e-4)


def test_the_model_knows_its_classes_its_input_and_its_data(trained, shapes):
    from nncore.serialization import load_model

    metadata = load_model(trained / "model").metadata
    assert metadata["class_names"] == ["top", "left", "middle"]
    assert metadata["input_shape"] == [1, 8, 8]
    assert "0 to 1" in metadata["normalisation"]
    assert metadata["data"]["data_dir"] == str(shapes)


def test_the_report_states_data_choices_versions_and_results(trained):
    page = (trained / "report.html").read_text()
    run = json.loads((trained / "run.json").read_text())
    for expected in (
        "lenet on npz",
        run["data"]["fingerprint"],
        run["versions"]["pytensor"],
        f"{100 * run['result']['test']['accuracy']:.2f} %",
        "adam, learning rate 0.001",
        "middle",
    ):
        assert expected in page


def test_the_pictures_are_pictures(trained):
    from PIL import Image

    for name in ("learning-curve.png", "confusion-matrix.png", "filters.png"):
        with Image.open(trained / name) as picture:
            assert min(picture.size) > 100


def test_it_says_what_it_trains_and_where_the_result_lies(nncore_command, options, tmp_path):
    folder = tmp_path / "run"
    code, output, errors = nncore_command("train", *options, "-m", "mlp", "-e", 1, "-o", folder)
    assert (code, errors) == (0, "")
    assert re.search(r"^data +npz: \d+ training, \d+ validation, \d+ test images", output, re.M)
    assert re.search(r"^model +mlp, [\d,]+ parameters$", output, re.M)
    assert re.search(r"^epoch 1/1: loss .*; best$", output, re.M)
    assert output.index("compiling") < output.index("epoch 1/1")
    assert re.search(r"^test +loss .* with the weights of epoch 1$", output, re.M)
    assert str(folder / "report.html") in output


def test_a_resumed_run_is_bit_for_bit_the_one_that_never_stopped(
    nncore_command, options, tmp_path, trained
):
    folder = tmp_path / "run"
    assert nncore_command("train", *options, "--epochs", 2, "-o", folder, "-q")[0] == 0
    assert nncore_command("train", "--resume", "-o", folder, "--epochs", 4, "-q")[0] == 0
    assert (folder / "model.safetensors").read_bytes() == (
        trained / "model.safetensors"
    ).read_bytes()
    assert log_of(folder) == log_of(trained)
    assert json.loads((folder / "run.json").read_text())["choices"]["epochs"] == 4


def test_a_folder_with_a_run_is_refused_and_left_alone(nncore_command, options, trained):
    before = {path.name: path.stat().st_mtime_ns for path in trained.iterdir()}
    code, output, errors = nncore_command("train", *options, "-o", trained)
    assert (code, output) == (2, "")
    assert "--resume" in errors
    assert {path.name: path.stat().st_mtime_ns for path in trained.iterdir()} == before


def test_a_folder_with_a_file_that_would_be_replaced_is_refused(nncore_command, options, tmp_path):
    (tmp_path / "model.json").write_text("mine")
    code, _, errors = nncore_command("train", *options, "-o", tmp_path)
    assert code == 2
    assert "model.json" in errors
    assert (tmp_path / "model.json").read_text() == "mine"


def test_options_that_conflict_with_the_run_are_an_error(nncore_command, trained):
    arguments = ["train", "--resume", "-o", trained]
    code, _, errors = nncore_command(*arguments, "--seed", 5, "--model", "cnn")
    assert code == 2
    assert "--seed 5 (the run has 0)" in errors
    assert "--model cnn (the run has lenet)" in errors
    code, _, errors = nncore_command(*arguments, "--epochs", 3)
    assert code == 2
    assert "not lowered to 3" in errors


def test_a_run_whose_data_changed_cannot_go_on(nncore_command, tmp_path, options):
    rng = np.random.default_rng(1)
    mine = tmp_path / "mine.npz"
    arguments = ["--data-dir", mine, "--model", "mlp", "--epochs", 1]
    for attempt in ("first", "second"):
        np.savez(mine, x=rng.uniform(size=(60, 4, 4)), y=np.arange(60) % 2)
        if attempt == "first":
            assert nncore_command("train", *options, *arguments, "-o", tmp_path / "run")[0] == 0
    code, _, errors = nncore_command("train", "--resume", "-o", tmp_path / "run", "--epochs", 2)
    assert code == 2
    assert "are not those" in errors


def test_resuming_needs_a_folder_with_a_run(nncore_command, tmp_path):
    assert "needs --output" in nncore_command("train", "--resume")[2]
    code, _, errors = nncore_command("train", "--resume", "-o", tmp_path)
    assert code == 2
    assert "no run" in errors


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', '{"format": 1, "choices": 3}'])
def test_a_damaged_description_of_a_run_is_named(nncore_command, tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    code, _, errors = nncore_command("train", "--resume", "-o", tmp_path)
    assert code == 2
    assert "run.json is damaged" in errors


def test_a_run_of_a_newer_format_asks_for_an_upgrade(nncore_command, tmp_path):
    (tmp_path / "run.json").write_text('{"format": 99, "choices": {}}')
    assert "upgrade" in nncore_command("train", "--resume", "-o", tmp_path)[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "digit"], "Did you mean 'digits'"),
        (["--model", "lenett"], "Did you mean 'lenet'"),
        (["--update", "adm"], "Did you mean 'adam'"),
        (["--implementation", "numbaa"], "Did you mean 'numba'"),
        (["--conv", "cudnn"], "convolution implementation"),
        (["--backend", "nubma"], "Did you mean 'numba'"),
        (["--learning-rate", "0"], "above 0"),
        (["--epochs", "0"], "--epochs"),
        (["--data", "mnist", "--data-dir", "/nowhere"], "/nowhere"),
        (["--backend", "numba", "--conv", "reference"], "no kernel for the numba backend"),
    ],
)
def test_a_bad_choice_is_one_line_and_leaves_nothing(nncore_command, tmp_path, arguments, message):
    folder = tmp_path / "deep" / "run"
    code, output, errors = nncore_command("train", "-o", folder, *arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("nncore: error: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert not folder.parent.exists()


def test_a_truncated_archive_is_named(nncore_command, tmp_path, shapes):
    cut = tmp_path / "cut.npz"
    cut.write_bytes(shapes.read_bytes()[:2000])
    code, _, errors = nncore_command("train", "--data", "npz", "--data-dir", cut)
    assert code == 2
    assert str(cut) in errors


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_explodes_in_the_first_epoch_leaves_nothing(nncore_command, options, tmp_path):
    folder = tmp_path / "run"
    code, _, errors = nncore_command(
        "train", *options, "-m", "mlp", "-u", "sgd", "-l", 1e30, "-o", folder
    )
    assert code == 1
    assert "loss became" in errors
    assert "lower learning rate" in errors
    assert not folder.exists()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_explodes_later_leaves_the_best_epoch_before(nncore_command, options, tmp_path):
    from nncore.serialization import load_arrays, save_arrays

    folder = tmp_path / "run"
    arguments = ["-m", "mlp", "--epochs", 1, "-o", folder, "-q"]
    assert nncore_command("train", *options, *arguments)[0] == 0
    before = (folder / "model.safetensors").read_bytes()
    # The optimizer's moving averages, which come after the six parameters, are spoilt.
    arrays, metadata = load_arrays(folder / "checkpoint.safetensors")
    for key, value in arrays.items():
        if int(key.split(".")[1]) >= 6 and value.dtype.kind == "f":
            arrays[key] = np.full_like(value, np.nan)
    save_arrays(folder / "checkpoint.safetensors", arrays, metadata)

    code, _, errors = nncore_command("train", "--resume", "-o", folder, "--epochs", 3)
    assert code == 1
    assert "loss became nan in epoch 2" in errors
    assert (folder / "model.safetensors").read_bytes() == before
    assert json.loads((folder / "run.json").read_text())["status"] == "diverged"
    assert [line["epoch"] for line in log_of(folder)] == [1]
    assert "infinite or not a number" in (folder / "report.html").read_text()


def test_patience_ends_a_training_early(nncore_command, options, tmp_path):
    # A rate so low that no weight changes, and so the validation loss neither.
    arguments = ["-m", "mlp", "-u", "sgd", "-l", "1e-30", "--epochs", 60, "--patience", 2]
    code, output, _ = nncore_command("train", *options, *arguments, "-o", tmp_path / "run")
    assert code == 0
    assert [line["is_best"] for line in log_of(tmp_path / "run")] == [True, False, False]
    assert "with the weights of epoch 1" in output


@pytest.mark.skipif(os.name != "posix", reason="sends a signal as Ctrl-C does")
def test_ctrl_c_keeps_the_best_so_far_and_the_run_can_go_on(nncore_command, options, tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "nncore", "train", *options, "-m", "mlp", "-o", str(folder)]
    process = subprocess.Popen([*command, "-e", "500"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch   2/500"):
            process.send_signal(signal.SIGINT)
            break
    output = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 130
    assert "nncore train --resume" in output
    assert {path.name for path in folder.iterdir()} == FILES
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert 2 <= len(log_of(folder)) < 500
    assert nncore_command("evaluate", folder, "--backend", "python")[0] == 0


@pytest.mark.slow
def test_the_defaults_recognise_98_percent_of_the_digits(nncore_command, tmp_path):
    pytest.importorskip("sklearn")
    code, _, errors = nncore_command("train", "-o", tmp_path / "run", "--quiet")
    assert code == 0, errors
    result = json.loads((tmp_path / "run" / "run.json").read_text())["result"]
    assert result["test"]["accuracy"] >= 0.98
