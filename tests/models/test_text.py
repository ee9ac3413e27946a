from __future__ import annotations

import numpy as np
import pytest

from nncore.errors import DataError
from nncore.models.recurrent import batches, padded
from nncore.models.text import Text


def test_the_alphabet_is_what_is_there_often_enough_in_order():
    text = Text("cabbage a la carte", min_count=2)
    assert text.alpha == " abce"
    assert text.num_classes == 6
    assert text.decode(text.encode("bag?")) == "ba\0\0"
    assert Text("aab", min_count=1).alpha == "ab"
    assert Text("zzz", alpha="ba").encode("abz") == [2, 1, 0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("abc",), DataError, "alphabet is empty: no character is 2 times in the text of 3"),
        (("", "", 1), DataError, "alphabet is empty"),
        (("aa", "ab", 2, "a"), ValueError, "unknown='a' is in the alphabet 'ab'"),
        (("aa", "aba"), ValueError, "'a' more than once"),
        (("aa", None, 2, "xy"), ValueError, "unknown='xy' must be one character"),
    ],
)
def test_alphabets_that_are_not_clear_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Text(*arguments)


def test_labels_out_of_range_are_refused():
    text = Text("aabb")
    for label in (-1, 3):
        with pytest.raises(ValueError, match=f"from 0 to 2, not {label}"):
            text.decode([0, label])


def test_the_targets_are_the_characters_that_come_next():
    story = "the cat sat on the mat and the rat ran to the cat. " * 20
    text = Text(story)
    seen = 0
    for x, y in text.classifier_batches(steps=12, batch_size=5, rng=0)():
        assert x.dtype == "float32"
        assert y.dtype == "int32"
        assert ((x == 1).sum(-1) == 1).all()
        assert x.sum() == 60
        for inputs, targets in zip(x.argmax(-1), y, strict=True):
            assert text.decode(inputs) in text.text
            assert text.decode([*inputs, targets[-1]]) in text.text
            assert list(inputs[1:]) == list(targets[:-1])
        seen += x.shape[0] * x.shape[1]
    assert seen == pytest.approx(len(story), rel=0.05)


def test_the_last_character_can_be_a_target():
    text = Text("aaab", alpha="ab")
    found = {tuple(y[0]) for _ in range(50) for _, y in text.classifier_batches(2, 1, rng=_)()}
    assert found == {(1, 1), (1, 2)}


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(DataError, match=r"4 characters.*steps=4 need at least one more"):
        Text("aabb").classifier_batches(4, 2)
    for steps in (0, 1.5, True):
        with pytest.raises(ValueError, match="steps must be a positive integer"):
            Text("aabb").classifier_batches(steps, 2)


def test_windows_are_cut_at_the_same_places_out_of_all_arrays():
    x = np.arange(300.0).reshape(100, 3)
    y = np.arange(100)
    epoch = batches([x, y], steps=7, batch_size=4, rng=0)
    found = list(epoch())
    assert len(found) == round(100 / 28)
    for a, b in found:
        assert a.shape == (4, 7, 3)
        np.testing.assert_array_equal(a[:, :, 0], 3 * b)
        np.testing.assert_array_equal(np.diff(b, axis=1), 1)
    assert not np.array_equal(found[0][1], next(epoch())[1])


def test_every_window_can_be_drawn_and_a_seed_fixes_them():
    x = np.arange(5)
    starts = {int(a[0, 0]) for (a,) in (b for _ in range(60) for b in batches(x, 3, 1, rng=_)())}
    assert starts == {0, 1, 2}
    one, two = (next(batches(x, 3, 8, rng=np.random.RandomState(4))())[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(next(batches(x, 5, 2)())[0], [x, x])


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(DataError, match=r"as many time steps as each other, not \[5, 4\]"):
        batches([np.zeros(5), np.zeros(4)])
    with pytest.raises(DataError, match="5 time steps, fewer than steps=6"):
        batches([np.zeros(5)], steps=6)


def test_sequences_are_padded_with_a_mask():
    sequences = [np.ones((2, 3)), np.full((4, 3), 2.0), np.zeros((0, 3))]
    array, mask = padded(sequences)
    assert array.shape == (3, 4, 3)
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]
    np.testing.assert_array_equal(array.sum((1, 2)), [6, 24, 0])
    with pytest.raises(DataError, match=r"same shape, but there are \(2,\), \(3,\)"):
        padded([np.ones((2, 3)), np.ones((2, 2))])
    with pytest.raises(DataError, match="at least one sequence"):
        padded([])
