from __future__ import annotations

import json

import numpy as np
import pytest

PYTHON = ["--backend", "python"]


@pytest.fixture
def pictures(tmp_path):
    """A bright left half, the same dark on white, and the first again twice as large."""
    from PIL import Image

    values = np.full((8, 8), 40, dtype="uint8")
    values[:, :4] = 200
    image = Image.fromarray(values)
    image.save(tmp_path / "left.png")
    Image.fromarray(255 - values).save(tmp_path / "ink.png")
    image.resize((16, 16)).convert("RGB").save(tmp_path / "large.png")
    return tmp_path


def predictions(result):
    code, output, errors = result
    assert (code, errors) == (0, "")
    return json.loads(output)


def test_the_probabilities_are_those_of_the_network(nncore_command, trained, pictures):
    from nncore.datasets import read_image
    from nncore.serialization import load_model
    from nncore.training import predict

    content = predictions(
        nncore_command("predict", trained, pictures / "left.png", *PYTHON, "--json")
    )
    image = read_image(pictures / "left.png", (1, 8, 8))
    expected = predict(load_model(trained / "model").layer, image, backend="python")[0]
    names = ["top", "left", "middle"]
    found = content[0]["predictions"]
    assert [p["class"] for p in found] == [names[i] for i in np.argsort(-expected)]
    np.testing.assert_allclose([p["probability"] for p in found], sorted(expected)[::-1], rtol=1e-5)


def test_several_pictures_are_named_in_their_order(nncore_command, trained, pictures):
    paths = [pictures / "large.png", pictures / "left.png"]
    model = trained / "model.safetensors"
    content = predictions(nncore_command("predict", model, *paths, *PYTHON, "-t", 1, "--json"))
    assert [entry["image"] for entry in content] == [str(path) for path in paths]
    assert all(len(entry["predictions"]) == 1 for entry in content)
    assert content[0]["predictions"][0]["class"] == content[1]["predictions"][0]["class"]


def test_an_inverted_picture_is_the_original_again(nncore_command, trained, pictures):
    plain = predictions(
        nncore_command("predict", trained, pictures / "left.png", *PYTHON, "--json")
    )
    ink = [pictures / "ink.png", "--invert"]
    inverted = predictions(nncore_command("predict", trained, *ink, *PYTHON, "--json"))
    for one, other in zip(plain[0]["predictions"], inverted[0]["predictions"], strict=True):
        assert one["class"] == other["class"]
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)


def test_a_person_gets_the_classes_with_percentages(nncore_command, trained, pictures):
    code, output, _ = nncore_command("predict", trained, pictures / "left.png", *PYTHON)
    first, *rows = output.rstrip().splitlines()
    assert code == 0
    assert first == str(pictures / "left.png")
    percentages = [float(row.split()[1]) for row in rows]
    assert len(rows) == 3
    assert percentages == sorted(percentages, reverse=True)
    assert sum(percentages) == pytest.approx(100, abs=0.2)


def test_a_picture_of_another_size_can_be_refused(nncore_command, trained, pictures):
    code, _, errors = nncore_command("predict", trained, pictures / "large.png", "--no-resize")
    assert code == 2
    assert "16 rows and 16 columns" in errors


def test_what_is_no_picture_is_named(nncore_command, trained, tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    for name in ("notes.png", "absent.png"):
        code, output, errors = nncore_command("predict", trained, tmp_path / name)
        assert (code, output) == (2, "")
        assert name in errors
