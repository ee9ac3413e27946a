from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.datasets import NAMES, Dataset, Split, load
from nncore.datasets.base import stratify, to_unit
from nncore.errors import DataError


def _split(n: int = 4, shape: tuple[int, ...] = (1, 2, 3)) -> Split:
    return Split(np.zeros((n, *shape), "float32"), np.zeros(n, "int32"))


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**31),
)
def test_a_division_loses_nothing_and_is_proportional(labels, share, seed):
    y = np.array(labels)
    kept, taken = stratify(y, share, seed)
    assert sorted([*kept, *taken]) == list(range(len(y)))
    for label in np.unique(y):
        count = np.count_nonzero(y == label)
        got = np.count_nonzero(y[taken] == label)
        assert abs(got - share * count) <= 1
        assert np.count_nonzero(y[kept] == label) >= 1


def test_a_division_depends_on_the_seed_alone():
    y = np.arange(100) % 7
    first, again, other = (stratify(y, 0.3, seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(first) == 30


@pytest.mark.parametrize("dtype", ["uint8", "int64", "uint16"])
def test_integers_are_divided_by_255(dtype):
    x = to_unit(np.array([0, 128, 255], dtype), "x")
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, [0, 128 / 255, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([0.5, np.nan, np.inf]), "2 of 3 values are NaN or infinite"),
        (np.array([0.0, 255.0]), r"reach from 0 to 255.*\[0, 1\]"),
        (np.array([-1, 4]), "reach from -1 to 4.*0 to 255"),
        (np.array([1j]), "dtype complex128"),
    ],
)
def test_unusable_values_are_an_error_that_names_the_place(x, message):
    with pytest.raises(DataError, match=f"here: .*{message}"):
        to_unit(x, "here")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Split(np.zeros((2, 1, 2, 3)), np.zeros(2, "int32")), "float64 of shape"),
        (Split(np.zeros((2, 6), "float32"), np.zeros(2, "int32")), r"shape \(2, 6\)"),
        (Split(np.zeros((0, 1, 2, 3), "float32"), np.zeros(0, "int32")), "no images"),
        (Split(np.zeros((2, 1, 2, 3), "float32"), np.zeros(3, "int32")), r"shape \(3,\)"),
        (Split(np.zeros((1, 1, 2, 3), "float32"), np.array([2], "int32")), "outside 0 to 1"),
        (Split(np.full((1, 1, 2, 3), 2, "float32"), np.zeros(1, "int32")), "from 2 to 2"),
        (_split(shape=(1, 3, 2)), "one shape"),
    ],
)
def test_a_data_set_checks_its_splits_when_made(broken, message):
    with pytest.raises(DataError, match=message):
        Dataset("mine", "made here", ("a", "b"), _split(), _split(), broken)


def test_a_data_set_knows_its_input_shape_and_number_of_classes():
    data = Dataset("mine", "made here", ("a", "b"), _split(5), _split(), _split())
    assert data.input_shape == (1, 2, 3)
    assert data.num_classes == 2
    assert len(data.train) == 5


def test_an_unknown_name_is_an_error_with_the_nearest_known_one():
    with pytest.raises(DataError, match="'fashion-mnist'") as error:
        load("fashion_mnist")
    assert all(name in str(error.value) for name in NAMES)


def test_image_size_is_refused_where_it_has_no_meaning():
    with pytest.raises(DataError, match="'folder' only"):
        load("digits", image_size=28)


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5, float("nan")])
def test_a_validation_share_must_lie_between_0_and_1(share):
    with pytest.raises(DataError, match="above 0 and below 1"):
        load("digits", validation=share)
