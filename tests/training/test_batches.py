"""Minibatches from arrays, files and iterables."""

from __future__ import annotations

import numpy as np
import pytest

from nncore.errors import DataError
from nncore.training import ArrayBatches, IterableBatches, minibatches
from nncore.training.batches import as_batches


def test_every_sample_comes_once_in_an_epoch_and_the_last_batch_may_be_smaller():
    batches = list(minibatches(np.arange(10), batch_size=4, seed=1))
    assert [len(x) for (x,) in batches] == [4, 4, 2]
    assert sorted(np.concatenate([x for (x,) in batches])) == list(range(10))


def test_rows_of_several_arrays_stay_together():
    x = np.arange(20, dtype="float32")
    for a, b in minibatches(x, 2 * x, batch_size=3, seed=0):
        np.testing.assert_array_equal(2 * a, b)


def test_the_order_depends_on_the_seed_alone():
    def order(seed):
        return np.concatenate([x for (x,) in minibatches(np.arange(50), batch_size=7, seed=seed)])

    np.testing.assert_array_equal(order(3), order(3))
    assert not np.array_equal(order(3), order(4))


def test_without_a_seed_samples_come_in_order():
    (first,), _ = minibatches(np.arange(6), batch_size=3)
    np.testing.assert_array_equal(first, [0, 1, 2])


def test_floats_become_floatx_and_integers_int32():
    x, y, z = next(minibatches(np.ones(2), np.ones(2, "int64"), np.ones(2, bool), batch_size=2))
    assert (x.dtype, y.dtype, z.dtype) == ("float32", "int32", "int32")


def test_a_memory_mapped_array_is_read_by_the_batch(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(100, dtype="float32").reshape(50, 2))
    mapped = np.load(path, mmap_mode="r")
    batches = list(minibatches(mapped, batch_size=8, seed=0))
    assert all(not isinstance(x, np.memmap) for (x,) in batches)
    assert sorted(np.concatenate([x[:, 0] for (x,) in batches])) == list(range(0, 100, 2))


def test_a_bad_value_in_a_memory_mapped_array_is_found_when_its_batch_is_read(tmp_path):
    x = np.ones((6, 2), "float32")
    x[5, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    batches = ArrayBatches((mapped,), 3).epoch()
    next(batches)
    with pytest.raises(DataError, match=r"x\[3:6\].*1 NaN"):
        next(batches)


def test_values_that_are_not_finite_are_counted_and_located():
    x = np.zeros((4, 3), "float32")
    x[2, 1], x[3, 0] = np.nan, -np.inf
    with pytest.raises(DataError, match=r"x of shape \(4, 3\) has 2 .*1 NaN, 1 infinite.*\(2, 1\)"):
        ArrayBatches((x,), 2)


def test_large_finite_values_are_no_error():
    ArrayBatches((np.full(10, np.finfo("float32").max),), 2)
    ArrayBatches((np.full(10, np.finfo("float64").max),), 2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.zeros(3), np.zeros(4)), "x has 3, y has 4"),
        ((np.zeros((0, 2)),), "no sample"),
        ((np.float32(1),), "first axis"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(arrays, message):
    with pytest.raises(DataError, match=message):
        ArrayBatches(arrays, 2)


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_a_batch_size_that_is_no_positive_integer_is_refused(size):
    with pytest.raises(ValueError, match="batch_size"):
        ArrayBatches((np.zeros(3),), size)


def test_text_cannot_be_trained_on():
    with pytest.raises(DataError, match="type <U1"):
        list(minibatches(np.array(["a", "b"]), batch_size=2))


def test_a_list_of_batches_is_gone_through_anew_each_epoch():
    batches = IterableBatches([(np.zeros(2), np.ones(2))] * 3)
    assert len(list(batches.epoch())) == len(list(batches.epoch())) == 3


def test_a_callable_makes_the_batches_of_each_epoch():
    made = []

    def make():
        made.append(1)
        return iter([(np.zeros(2),)])

    batches = as_batches(make, 8)
    list(batches.epoch())
    list(batches.epoch())
    assert len(made) == 2


def test_a_spent_generator_is_an_error_that_says_what_to_give():
    batches = IterableBatches(iter([(np.zeros(2),)]))
    list(batches.epoch())
    with pytest.raises(DataError, match="only once"):
        list(batches.epoch())


def test_something_that_is_no_data_is_refused():
    with pytest.raises(DataError, match=r"the training data must be .* not int"):
        as_batches(3, 8, "the training data")


def test_parts_of_an_epoch_go_on_where_the_last_stopped_and_depend_on_the_number_alone():
    x = np.arange(10)
    batches = ArrayBatches((x,), 3, batches=3)
    assert len(batches) == 3
    seen = [[b for (b,) in batches.training(5, number)] for number in range(1, 5)]
    assert [len(part) for part in seen] == [3] * 4
    stream = [value for part in seen for batch in part for value in batch]
    # 4 batches hold all samples: 12 batches are three times through them.
    assert [sorted(stream[i : i + 10]) for i in (0, 10, 20)] == [list(range(10))] * 3
    again = [b for (b,) in ArrayBatches((x,), 3, batches=3).training(5, 3)]
    for first, second in zip(seen[2], again, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_part_longer_than_the_data_comes_more_than_once():
    batches = ArrayBatches((np.arange(4),), 2, batches=5)
    counts = np.bincount(np.concatenate([b for (b,) in batches.training(0, 1)]))
    assert counts.sum() == 10
    assert set(counts) <= {2, 3}


def test_a_validation_of_some_batches_takes_the_first():
    batches = ArrayBatches((np.arange(10),), 3, batches=2)
    assert np.concatenate([b for (b,) in batches.epoch()]).tolist() == list(range(6))


@pytest.mark.parametrize("chunk", [1, 2, 3, 50])
@pytest.mark.parametrize("part", [None, 3])
def test_batches_from_chunks_are_the_same_batches(chunk, part):
    x, y = np.random.default_rng(0).normal(size=(23, 2)), np.arange(23)
    placed = []

    def place(array):
        placed.append(len(array))
        return array

    plain = ArrayBatches((x, y), 4, batches=part)
    chunks = ArrayBatches((x, y), 4, batches=part, chunk_batches=chunk, place=place)
    for number in (1, 2):
        pairs = zip(plain.training(7, number), chunks.training(7, number), strict=True)
        for one, other in pairs:
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
    assert max(placed) == min(4 * chunk, 23)


def test_a_callable_may_give_one_batch_at_each_call():
    calls = []

    def batch():
        calls.append(1)
        return [np.zeros((2, 3)), np.ones(2)]

    assert [len(b) for b in IterableBatches(batch, batches=4).epoch()] == [2] * 4
    assert len(calls) == 4
    assert len(list(IterableBatches(batch).epoch())) == 100


def test_an_endless_iterable_is_cut_into_epochs():
    def forever():
        while True:
            yield (np.zeros(2),)

    assert len(list(IterableBatches(forever, batches=3).epoch())) == 3


def test_a_sparse_matrix_is_refused():
    matrix = pytest.importorskip("scipy.sparse").eye(4, format="csr")
    with pytest.raises(DataError, match=r"x is a sparse matrix of shape \(4, 4\).*toarray"):
        as_batches((matrix, np.zeros(4)), 2)
    with pytest.raises(DataError, match="array 0 of batch 1 is a sparse"):
        list(as_batches(lambda: [(matrix, np.zeros(4))], 2).epoch())


def test_sequences_of_unequal_length_are_refused_with_what_to_do():
    sequences = [np.zeros(3), np.zeros(5)]
    message = "sequences of lengths from 3 to 5.*mask_input"
    with pytest.raises(DataError, match=f"x has {message}"):
        as_batches((sequences, np.zeros(2)), 2)
    with pytest.raises(DataError, match=f"array 0 of batch 1 has {message}"):
        list(as_batches([(sequences, np.zeros(2))], 2).epoch())
