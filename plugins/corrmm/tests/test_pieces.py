from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore_corrmm.pieces import piece_sizes

lengths = st.lists(st.integers(1, 50), min_size=2, max_size=4).map(tuple)


@given(lengths, st.integers(1, 1000), st.integers(1, 10**7))
def test_a_piece_fits_into_the_bound_or_is_one_position(shape, column, limit):
    sizes = piece_sizes(shape, column, limit)
    assert all(1 <= size <= length for size, length in zip(sizes, shape, strict=True))
    assert math.prod(sizes) * column <= limit or math.prod(sizes) == 1


@given(lengths, st.integers(1, 1000), st.integers(1, 10**7))
def test_one_piece_more_on_the_cut_axis_would_not_do_with_fewer_steps(shape, column, limit):
    sizes = piece_sizes(shape, column, limit)
    cut = next((i for i, (a, b) in enumerate(zip(sizes, shape, strict=True)) if a < b), None)
    if cut is None or column > limit:
        return
    # The axes before the cut go one by one, those after it stay whole.
    axis = max(i for i, (a, b) in enumerate(zip(sizes, shape, strict=True)) if a < b)
    assert set(sizes[:axis]) <= {1}
    assert sizes[axis + 1 :] == shape[axis + 1 :]
    # One step less along that axis needs pieces that are too large.
    steps = math.ceil(shape[axis] / sizes[axis])
    larger = math.ceil(shape[axis] / (steps - 1))
    assert larger * math.prod(shape[axis + 1 :]) * column > limit


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (10**9, (6, 10, 7)),
        (6 * 70 * 8 - 1, (3, 10, 7)),
        (70 * 8, (1, 10, 7)),
        (70 * 8 - 1, (1, 5, 7)),
        (7 * 8, (1, 1, 7)),
        (7 * 8 - 1, (1, 1, 4)),
        (1, (1, 1, 1)),
    ],
)
def test_the_batch_is_cut_first_and_evenly(limit, expected):
    assert piece_sizes((6, 10, 7), 8, limit) == expected


def test_an_empty_batch_has_pieces_of_one():
    assert piece_sizes((0, 5), 8, 100) == (1, 5)
