from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.datasets import load, read_idx
from nncore.errors import DataError

ROOT = Path(__file__).parents[2]
MNIST = Path(os.environ.get("NNCORE_MNIST", ROOT.parent / "shared" / "data" / "mnist"))


def idx_bytes(values: np.ndarray, code: int = 8) -> bytes:
    header = struct.pack(">HBB", 0, code, values.ndim)
    return header + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


LABELS = idx_bytes(np.array([3, 1, 4], "u1"))
PACKED_LABELS = gzip.compress(LABELS, mtime=0)


@pytest.fixture
def small_mnist(tmp_path: Path) -> Path:
    """Files of 60 and 20 images; the value of every pixel is the label times 20."""
    for prefix, count in (("train", 60), ("t10k", 20)):
        labels = (np.arange(count) % 10).astype("u1")
        images = np.repeat(labels * 20, 6).reshape(count, 2, 3).astype("u1")
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        packed = gzip.compress(idx_bytes(labels))
        (tmp_path / f"{prefix}-labels.idx1-ubyte.gz").write_bytes(packed)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")],
)
@pytest.mark.parametrize("compress", [False, True])
def test_every_type_of_value_is_read(tmp_path, code, dtype, compress):
    values = np.arange(6).reshape(1, 2, 3).astype(dtype)
    content = idx_bytes(values, code)
    path = tmp_path / "values"
    path.write_bytes(gzip.compress(content) if compress else content)
    read = read_idx(path)
    np.testing.assert_array_equal(read, values)
    assert read.dtype == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(content, message, id=case)
        for case, content, message in [
            ("two bytes", b"\x00\x00", "only 2 were found"),
            ("a PNG", b"\x89PNG\r\n", "begins with the bytes 89 50 4e 47"),
            ("an unknown type", b"\x00\x00\x07\x01" + LABELS[4:], "not an IDX file"),
            ("half a header", LABELS[:6], "4 bytes of dimensions were expected, 2 found"),
            (
                "a value too few",
                LABELS[:-1],
                r"3 bytes of values were expected for the shape \(3,\), 2 found.*cut short",
            ),
            ("a value too many", LABELS + b"\x00", r"3 bytes .*, more found.*too long"),
            (
                "an absurd size",
                b"\x00\x00\x08\x01\xff\xff\xff\xff",
                "4294967295 bytes of values were expected",
            ),
            (
                "two dimensions",
                idx_bytes(np.zeros((2, 2), "u1")),
                "found 2 dimensions of type 0x08, expected 1",
            ),
            ("gzip cut short", PACKED_LABELS[:-9], "gzip stream is cut short or damaged"),
            (
                "gzip with a wrong checksum",
                PACKED_LABELS[:-8] + b"12345678",
                "gzip stream is cut short or damaged",
            ),
            ("no gzip at all", b"\x1f\x8bnonsense here", "gzip stream is cut short or damaged"),
        ]
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, content, message):
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"labels: .*{message}"):
        read_idx(path, ndim=1)


@given(st.integers(0, 60), st.integers(0, 255))
def test_whatever_byte_is_damaged_the_result_is_values_or_a_data_error(tmp_path_factory, at, byte):
    content = bytearray(gzip.compress(idx_bytes(np.arange(20, dtype="u1")), mtime=0))
    content[at % len(content)] = byte
    path = tmp_path_factory.mktemp("idx") / "labels"
    path.write_bytes(content)
    try:
        outcome = str(path) if read_idx(path).shape else ""
    except DataError as error:
        outcome = str(error)
    assert str(path) in outcome


def test_a_missing_file_and_a_directory_are_errors(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "absent")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)


def test_the_four_files_become_a_data_set(small_mnist):
    data = load("mnist", small_mnist)
    assert [len(p) for p in (data.train, data.validation, data.test)] == [55, 5, 20]
    assert data.input_shape == (1, 2, 3)
    assert data.class_names == tuple("0123456789")
    for part in (data.train, data.validation, data.test):
        expected = np.broadcast_to(part.y[:, None, None, None] * 20 / 255, part.x.shape)
        np.testing.assert_allclose(part.x, expected, rtol=1e-6)


def test_fashion_mnist_has_names_for_its_classes(small_mnist):
    data = load("fashion-mnist", small_mnist, validation=0.5)
    assert data.class_names[9] == "Ankle boot"
    assert len(data.validation) == 30


def test_a_missing_file_is_an_error_with_the_names_tried(small_mnist):
    (small_mnist / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match=r"t10k-images\.idx3-ubyte\.gz"):
        load("mnist", small_mnist)


def test_images_and_labels_must_belong_together(small_mnist):
    (small_mnist / "train-labels.idx1-ubyte.gz").write_bytes(LABELS)
    with pytest.raises(DataError, match=r"60 images, but .* has 3 labels"):
        load("mnist", small_mnist)


def test_a_label_beyond_the_classes_is_an_error(small_mnist):
    labels = np.arange(60, dtype="u1") % 11
    (small_mnist / "train-labels.idx1-ubyte.gz").write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match=r"5 of 60 labels .* \(the first is 10, at index 10\)"):
        load("mnist", small_mnist)


def test_a_directory_is_needed_and_must_exist(tmp_path):
    with pytest.raises(DataError, match="needs data_dir"):
        load("mnist")
    with pytest.raises(DataError, match="no such directory"):
        load("mnist", tmp_path / "absent")


@pytest.mark.mnist
@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not here; NNCORE_MNIST names its place")
def test_the_real_mnist_has_its_published_counts():
    data = load("mnist", MNIST)
    assert [len(p) for p in (data.train, data.validation, data.test)] == [55000, 5000, 10000]
    counts = np.bincount(data.train.y) + np.bincount(data.validation.y)
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    both = np.concatenate([data.train.x, data.validation.x])
    assert both.mean(dtype="float64") == pytest.approx(0.1307, abs=5e-5)
    assert both.std(dtype="float64") == pytest.approx(0.3081, abs=5e-5)
