from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from nncore.datasets import load, read_image
from nncore.errors import DataError

Image = pytest.importorskip("PIL.Image")


def _folder(root: Path, names=("ant", "bee"), count=10, colour=False, size=(4, 5)) -> Path:
    for label, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.full(size, 100 * label + i, "uint8")
            if colour:
                pixels = np.stack([pixels, pixels * 0, pixels * 0 + 255], axis=-1)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


def test_a_folder_of_grey_images_has_one_channel(tmp_path):
    data = load("folder", _folder(tmp_path))
    assert data.class_names == ("ant", "bee")
    assert [len(p) for p in (data.train, data.validation, data.test)] == [14, 2, 4]
    assert data.input_shape == (1, 4, 5)
    values = np.concatenate([p.x[:, 0, 0, 0] for p in (data.train, data.validation, data.test)])
    expected = [*range(10), *range(100, 110)]
    np.testing.assert_allclose(np.sort(values) * 255, expected, atol=1e-4)
    assert all(((p.x[:, 0, 0, 0] > 0.2) == p.y).all() for p in (data.train, data.test))


def test_a_folder_with_one_coloured_image_has_three_channels(tmp_path):
    root = _folder(tmp_path)
    _folder(tmp_path / "other", names=("bee",), count=1, colour=True)
    (tmp_path / "other" / "bee" / "0.png").rename(root / "bee" / "red.png")
    (tmp_path / "other" / "bee").rmdir()
    (tmp_path / "other").rmdir()
    data = load("folder", root)
    assert data.input_shape == (3, 4, 5)
    blue = np.concatenate([p.x[:, 2, 0, 0] for p in (data.train, data.validation, data.test)])
    assert np.count_nonzero(blue == 1) == 1


def test_splits_may_be_folders_above_the_classes(tmp_path):
    for part, count in (("train", 6), ("test", 3), ("val", 2)):
        _folder(tmp_path / part, count=count)
    (tmp_path / "train" / ".hidden").mkdir()
    (tmp_path / "train" / "ant" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "train" / "ant" / "Thumbs.db").write_bytes(b"x")
    data = load("folder", tmp_path)
    assert [len(p) for p in (data.train, data.validation, data.test)] == [12, 4, 6]
    with pytest.raises(DataError, match="validation split of its own"):
        load("folder", tmp_path, validation=0.1)


def test_a_test_class_without_training_images_is_an_error(tmp_path):
    _folder(tmp_path / "train")
    _folder(tmp_path / "test", names=("cow",))
    with pytest.raises(DataError, match="no training images of a class 'cow'"):
        load("folder", tmp_path)


def test_an_image_of_another_size_is_an_error_unless_resizing_is_asked_for(tmp_path):
    root = _folder(tmp_path)
    Image.new("L", (7, 6), 9).save(root / "bee" / "odd.png")
    with pytest.raises(DataError, match=r"odd.png: .* 6 rows and 7 columns, .* has 4 and 5"):
        load("folder", root)
    assert load("folder", root, image_size=6).input_shape == (1, 6, 6)
    assert load("folder", root, image_size=(3, 9)).input_shape == (1, 3, 9)


@pytest.mark.parametrize("size", [0, (3,), (3, -1), 2.5, "big"])
def test_a_wrong_image_size_is_an_error(tmp_path, size):
    with pytest.raises(DataError, match="image_size is"):
        load("folder", _folder(tmp_path), image_size=size)


def test_a_folder_without_images_is_an_error_that_names_it(tmp_path):
    with pytest.raises(DataError, match="needs data_dir"):
        load("folder")
    with pytest.raises(DataError, match="no such folder"):
        load("folder", tmp_path / "absent")
    with pytest.raises(DataError, match="no sub-folder"):
        load("folder", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="class 'empty' is empty"):
        load("folder", tmp_path)


def test_a_file_that_is_no_image_is_an_error_that_names_it(tmp_path):
    root = _folder(tmp_path)
    (root / "ant" / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes.txt: this is not an image"):
        load("folder", root)


def test_an_image_is_read_for_a_network(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (4, 5, 3)).astype("uint8")
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    colour = read_image(path, (3, 4, 5))
    assert colour.shape == (1, 3, 4, 5)
    assert colour.dtype == np.float32
    np.testing.assert_allclose(colour[0], pixels.transpose(2, 0, 1) / 255, rtol=1e-6)
    grey = read_image(path, (1, 4, 5))
    luma = pixels @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(grey[0, 0], luma, atol=1 / 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_images_of_every_mode_are_read(tmp_path, mode):
    path = tmp_path / "white.png"
    if mode == "I;16":
        Image.fromarray(np.full((4, 5), 65535, "uint16")).save(path)
    else:
        Image.new("L", (5, 4), 255).convert(mode).save(path)
    for channels in (1, 3):
        np.testing.assert_array_equal(read_image(path, (channels, 4, 5)), 1)


def test_a_rotated_photograph_is_put_upright(tmp_path):
    image = Image.new("L", (5, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg", (1, 5, 4)).shape == (1, 1, 5, 4)


def test_an_image_of_the_wrong_size_is_an_error_unless_resizing_is_allowed(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (5, 4), 51).save(path)
    with pytest.raises(DataError, match="4 rows and 5 columns, the network takes 8 and 8"):
        read_image(path, (1, 8, 8))
    resized = read_image(path, (1, 8, 8), allow_resize=True)
    np.testing.assert_allclose(resized, np.full((1, 1, 8, 8), 0.2), rtol=1e-6)


def test_what_is_no_image_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_image(tmp_path / "absent.png", (1, 4, 5))
    path = tmp_path / "a.png"
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (40, 50)).astype("u1")).save(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"a.png: this is not an image that can be read, or it is"):
        read_image(path, (1, 40, 50))


@pytest.mark.parametrize("shape", [(2, 4, 5), (4, 5), (1, 1, 4, 5)])
def test_a_network_that_takes_no_images_is_an_error(tmp_path, shape):
    with pytest.raises(DataError, match="1 or 3 channels"):
        read_image(tmp_path / "a.png", shape)


def test_without_pillow_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install 'nncore-pytensor\[cli\]'"):
        read_image(tmp_path / "a.png", (1, 4, 5))
