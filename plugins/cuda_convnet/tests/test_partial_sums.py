from __future__ import annotations

import pytest

from nncore_cuda_convnet.partial_sums import check_partial_sum, positions_per_sum


@pytest.mark.parametrize(("given", "taken"), [(1, 1), (6, 6), (24, 24), (0, 24), (None, 24)])
def test_a_number_of_positions_is_taken_as_it_is_and_none_means_all(given, taken):
    assert positions_per_sum(given, (4, 6), (16, 3, 3, 3)) == taken


@pytest.mark.parametrize("filters", [(16, 3, 3, 3), (64, 64, 3, 3), (512, 512, 3, 3)])
@pytest.mark.parametrize("output", [(32, 32), (7, 7), (1, 1), (13, 31)])
def test_auto_takes_the_most_positions_that_leave_enough_blocks(output, filters):
    total = output[0] * output[1]
    chosen = positions_per_sum("auto", output, filters)
    assert total % chosen == 0
    rows, weights = filters[0], filters[1] * filters[2] * filters[3]
    tiles = -(-rows // 64) * -(-weights // 128)
    longer = [d for d in range(chosen + 1, total + 1) if total % d == 0]
    assert all(tiles * (total // d) < 512 for d in longer)
    assert chosen == 1 or tiles * (total // chosen) >= 512


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (5, ValueError, r"layer: partial_sum=5 does not divide the 24 .* 4 by 6; .* 1, 2, 3, 4, 6"),
        (-1, ValueError, r"partial_sum=-1 must not be negative"),
        (2.0, TypeError, r"partial_sum=2.0 must be a positive integer"),
        (True, TypeError, r"partial_sum=True must be"),
        ("most", TypeError, r"partial_sum='most' must be .*'auto'"),
    ],
)
def test_what_divides_no_output_is_refused(value, error, match):
    with pytest.raises(error, match=match):
        check_partial_sum("layer", value, (4, 6))


def test_a_divisor_of_an_unknown_output_is_checked_later():
    check_partial_sum("layer", 5, (None, 6))
