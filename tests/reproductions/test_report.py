"""What a reproduction leaves behind."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nncore import layers
from nncore.reproductions import Context, Reproduction, ReproductionError, Result
from nncore.reproductions.report import check_folder, describe, write
from nncore.serialization import load_model
from nncore.training import EpochRecord, predict

pytest.importorskip("matplotlib")


@pytest.fixture
def written(tmp_path):
    from nncore import reporting

    network = layers.DenseLayer(layers.InputLayer((None, 4), name="in"), 3, name="out")
    weights = network.W.get_value()
    history = [
        EpochRecord(1, {"loss": 2.0}, {"loss": 1.5}),
        EpochRecord(2, {"loss": 1.0}, {"loss": 1.25}),
    ]
    result = Result(
        measure="test error (%)",
        target=1.5,
        reached=1.625,
        settings={"Batches of": "7 points"},
        numbers={"least possible error (%)": 0.5},
        notes={"What it writes": "the <cat>"},
        history=history,
        pictures={
            "filters": reporting.Picture(
                "Filters", lambda theme: reporting.filters(weights, (1, 2, 2), theme), "Weights."
            )
        },
        network=network,
        unit="points",
    )
    reproduction = Reproduction("small", "A small one", "Somebody, 1999: 1.5 %.", lambda c: result)
    context = Context(seed=3, quick=True)
    content = describe(reproduction, context, result, 61.25, 100.0, {"nncore": "9.9"})
    folder = tmp_path / "out"
    return folder, write(folder, content, result), network


def test_the_three_tables_have_the_same_numbers(written):
    _, files, _ = written
    content = json.loads(files["numbers"].read_text())
    assert content["reached"] == 1.625
    assert content["is_reached"] is False
    assert content["command"] == "nncore reproduce small --quick --seed 3"
    assert content["history"][1]["validation"] == {"loss": 1.25}
    for text in (files["table"].read_text(), files["report"].read_text()):
        for shown in (
            "Somebody, 1999", "1.625", "the target was missed", "7 points", "0.5", "9.9", "61 s",
        ):  # fmt: skip
            assert shown in text
    assert "the &lt;cat&gt;" in files["report"].read_text()
    assert "Points/s" in files["report"].read_text()


def test_the_pictures_are_files_that_the_table_names(written):
    folder, files, _ = written
    for name in ("filters.png", "learning-curve.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
        assert f"]({name})" in files["table"].read_text()


def test_the_model_can_be_loaded(written):
    folder, _, network = written
    x = np.eye(4, dtype="float32")
    model = load_model(folder / "model")
    assert model.metadata == {"reproduction": "small", "seed": 3}
    np.testing.assert_array_equal(
        predict(model.layer, x, backend="python"), predict(network, x, backend="python")
    )


def test_a_folder_is_used_once(written, tmp_path):
    folder, files, _ = written
    with pytest.raises(ReproductionError, match="already"):
        check_folder(folder)
    with pytest.raises(ReproductionError, match="is a file"):
        check_folder(files["table"])
    check_folder(tmp_path / "another")
