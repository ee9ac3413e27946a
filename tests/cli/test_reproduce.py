from __future__ import annotations

import json
import os

import pytest

MNIST = os.environ.get("NNCORE_MNIST")


def test_the_list_has_every_name(nncore_command):
    from nncore.reproductions import REPRODUCTIONS

    code, output, errors = nncore_command("reproduce", "--list")
    assert (code, errors) == (0, "")
    for name in REPRODUCTIONS:
        assert name in output


def test_an_unknown_name_gives_the_nearest(nncore_command):
    code, _, errors = nncore_command("reproduce", "deep-autoencoders")
    assert code == 2
    assert errors.count("\n") == 1
    assert "Did you mean 'deep-autoencoder'?" in errors


def test_the_name_must_be_there(nncore_command):
    code, _, errors = nncore_command("reproduce")
    assert code == 2
    assert "NAME is missing" in errors
    assert "mlp-tutorial" in errors


def test_what_cannot_be_made_is_refused_before_anything_is_written(nncore_command, tmp_path):
    folder = tmp_path / "out"
    code, _, errors = nncore_command("reproduce", "sda", "-o", folder)
    assert code == 2
    assert "--data-dir" in errors
    code, _, errors = nncore_command("reproduce", "sda", "--data-dir", tmp_path, "-o", folder)
    assert code == 2
    assert "missing" in errors
    assert not folder.exists()


def test_a_directory_of_data_is_refused_where_none_is_looked_at(nncore_command, tmp_path):
    code, _, errors = nncore_command("reproduce", "mlp-tutorial", "--data-dir", tmp_path)
    assert code == 2
    assert "leave --data-dir out" in errors


def test_a_folder_that_cannot_be_made_is_found_before_the_work(nncore_command, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, errors = nncore_command("reproduce", "mlp-tutorial", "-o", tmp_path / "file" / "out")
    assert code == 2
    assert errors.count("\n") == 1


def test_a_folder_that_holds_a_reproduction_is_refused(nncore_command, tmp_path):
    (tmp_path / "result.json").write_text("{}")
    code, _, errors = nncore_command("reproduce", "mlp-tutorial", "-o", tmp_path)
    assert code == 2
    assert "holds a reproduction already" in errors


def test_a_missed_target_is_an_exit_code_of_its_own(nncore_command, tmp_path, monkeypatch):
    from nncore import reproductions

    for target, code in ((2.0, 0), (1.0, 1)):
        result = reproductions.Result("error", target, 1.5, {})
        made = reproductions.Reproduction("none", "Nothing", "Nobody.", lambda c, r=result: r)
        monkeypatch.setitem(reproductions.REPRODUCTIONS, "none", made)
        folder = tmp_path / str(code)
        found, output, errors = nncore_command("reproduce", "none", "-o", folder, "--quiet")
        assert (found, errors) == (code, "")
        assert ("missed" in output) == bool(code)
        assert json.loads((folder / "result.json").read_text())["is_reached"] is (code == 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bound"),
    [("sda", 8.0), ("mlp-tutorial", 9.0), ("deep-autoencoder", None)],
)
def test_the_quick_versions_reach_their_targets(nncore_command, tmp_path, name, bound):
    from_mnist = ["--data-dir", MNIST] if MNIST and name != "mlp-tutorial" else []
    code, output, errors = nncore_command(
        "reproduce", name, "--quick", *from_mnist, "-o", tmp_path / "out"
    )
    assert errors == ""
    content = json.loads((tmp_path / "out" / "result.json").read_text())
    assert code == 0, output
    assert content["is_reached"]
    if bound is None:
        # Better than as many principal components.
        (bound,) = content["numbers"].values()
    assert content["reached"] < bound
    assert (tmp_path / "out" / "report.html").stat().st_size > 50_000
