from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.datasets import load
from nncore.errors import DataError

N = 40
Y = np.arange(N) % 4
X = np.arange(N * 6, dtype="uint8").reshape(N, 2, 3)


def _save(directory, **arrays):
    path = directory / "mine.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    "keys", [("x_train", "y_train"), ("train_images", "train_labels"), ("x", "y"),
             ("images", "labels")],
)  # fmt: skip
def test_every_documented_pair_of_keys_is_accepted(tmp_path, keys):
    data = load("npz", _save(tmp_path, **dict(zip(keys, (X, Y), strict=True))))
    assert [len(p) for p in (data.train, data.validation, data.test)] == [28, 4, 8]
    assert data.class_names == ("0", "1", "2", "3")
    assert data.input_shape == (1, 2, 3)


def test_splits_of_the_file_are_kept(tmp_path):
    path = _save(
        tmp_path, x_train=X, y_train=Y, x_test=X[:4], y_test=Y[:4], x_val=X[4:9], y_val=Y[4:9]
    )
    data = load("npz", path)
    assert [len(p) for p in (data.train, data.validation, data.test)] == [40, 5, 4]
    np.testing.assert_allclose(data.test.x[:, 0], X[:4] / 255, rtol=1e-6)
    with pytest.raises(DataError, match="validation split of its own"):
        load("npz", path, validation=0.1)


@pytest.mark.parametrize("shape", [(5, 6, 3), (5, 6, 1)])
def test_channels_may_come_last(tmp_path, shape):
    x = np.random.RandomState(0).randint(0, 256, (N, *shape))
    path = _save(tmp_path, x_train=x, y_train=Y[:, None], x_test=x, y_test=Y)
    data = load("npz", path)
    np.testing.assert_allclose(data.test.x, np.moveaxis(x, 3, 1) / 255, rtol=1e-6)


def test_class_names_may_be_given_and_a_class_may_then_be_absent(tmp_path):
    path = _save(tmp_path, x=X, y=Y % 2 * 2, class_names=np.array(["cat", "dog", "cow"]))
    assert load("npz", path).class_names == ("cat", "dog", "cow")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": X[:5]}, "5 images and 40 labels"),
        ({"x": X.reshape(N, 6)}, r"array 'x': images of shape \(40, 6\).*reshape"),
        ({"x": X[:0], "y": Y[:0]}, "there is none"),
        ({"x": np.where(X == 7, np.nan, 0.5)}, "array 'x': 1 of 240 values are NaN"),
        ({"x": X.astype(object)}, "array 'x' has dtype object"),
        ({"x": X.astype("float32")}, r"reach from 0 to .*\[0, 1\]"),
        ({"y": Y / 2}, "array 'y': labels of dtype float64"),
        ({"y": Y + 1}, "reach from 1 to 4; they must be 0 to 3"),
        ({"y": Y - 1}, "reach from -1 to 2"),
        ({"y": np.eye(4, dtype=int)[Y]}, r"labels of dtype int64 and shape \(40, 4\)"),
        ({"class_names": np.array(["a", "b"])}, "20 of 40 labels are outside 0 to 1"),
        ({"class_names": np.array([1, 2])}, "'class_names': found dtype int64"),
        ({"x_test": X}, "there is 'x_test' but no 'y_test'"),
    ],
)
def test_unusable_arrays_are_an_error_that_names_them(tmp_path, change, message):
    with pytest.raises(DataError, match=f"mine.npz.*{message}"):
        load("npz", _save(tmp_path, **({"x": X, "y": Y} | change)))


def test_an_archive_without_known_keys_is_an_error_with_the_accepted_ones(tmp_path):
    with pytest.raises(DataError, match="keys found are pixels; accepted are x_train and"):
        load("npz", _save(tmp_path, pixels=X))


def test_too_few_images_to_divide_is_an_error(tmp_path):
    with pytest.raises(DataError, match="2 images are too few"):
        load("npz", _save(tmp_path, x=X[:2], y=Y[:2]))


def test_a_file_that_is_missing_cut_short_or_no_archive_is_an_error(tmp_path):
    with pytest.raises(DataError, match="needs data_dir"):
        load("npz")
    with pytest.raises(DataError, match="no such file"):
        load("npz", tmp_path / "absent.npz")
    path = _save(tmp_path, x=X, y=Y)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="cut short"):
        load("npz", path)
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(DataError, match=r"not an \.npz file"):
        load("npz", tmp_path / "one.npy")


@given(st.integers(0, 2000), st.integers(0, 255))
def test_whatever_byte_is_damaged_the_result_is_a_data_set_or_a_data_error(
    tmp_path_factory, at, byte
):
    path = _save(tmp_path_factory.mktemp("npz"), x=X, y=Y.astype("u1"))
    content = bytearray(path.read_bytes())
    content[at % len(content)] = byte
    path.write_bytes(content)
    try:
        outcome = load("npz", path).source
    except DataError as error:
        outcome = str(error)
    assert str(path) in outcome
