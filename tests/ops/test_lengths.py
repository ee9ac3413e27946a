from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.ops import conv_input_length, conv_output_length, pool_output_length
from nncore.ops.lengths import same_pad


@pytest.mark.parametrize("pad", [0, 2, (1, 3), "valid", "same", "full"])
@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("taps", [1, 2, 5])
def test_the_output_has_one_element_for_each_place_where_the_filter_fits(
    taps, stride, dilation, pad
):
    reach = (taps - 1) * dilation
    words = {"valid": 0, "same": reach, "full": 2 * reach}
    for length in range(1, 20):
        if isinstance(pad, str):
            total = length + words[pad]
        else:
            total = length + (2 * pad if isinstance(pad, int) else sum(pad))
        expected = len([i for i in range(0, total, stride) if i + reach < total])
        assert max(0, conv_output_length(length, taps, stride, pad, dilation)) == expected


@pytest.mark.parametrize("pad", [0, 1, (1, 2), "valid", "same", "full"])
def test_the_input_length_is_the_smallest_that_gives_the_output(pad):
    for taps in range(2, 6):
        for stride in (1, 2, 3):
            for output in range(4, 9):
                length = conv_input_length(output, taps, stride, pad)
                assert conv_output_length(length, taps, stride, pad) == output
                assert conv_output_length(length - 1, taps, stride, pad) < output


def test_unknown_lengths_stay_unknown():
    assert conv_output_length(None, 3, 1) is None
    assert conv_input_length(None, 3, 1) is None
    assert pool_output_length(None, 3, 1, 0, True) is None


@pytest.mark.parametrize("length", [conv_output_length, conv_input_length])
def test_an_unknown_word_for_a_pad_is_refused(length):
    with pytest.raises(ValueError, match=r"pad='half' is not known.*'same'"):
        length(8, 3, 1, "half")


def test_same_padding_has_the_odd_zero_after():
    assert same_pad(4) == (1, 2)
    assert same_pad(3, dilation=3) == (3, 3)


def test_lengths_of_expressions_are_those_of_numbers(fast):
    n = pt.lscalar("n")
    cases = [
        (size, stride, (before, after), ignore)
        for size in (1, 2, 4)
        for stride in (1, 3, 5)
        for before in range(min(size, 2))
        for after in range(min(size, 3))
        for ignore in (True, False)
    ]
    outputs = [pool_output_length(n, *case) for case in cases]
    outputs += [conv_output_length(n, 3, 2, "same", 2), conv_input_length(n, 3, 2, 1)]
    function = pytensor.function([n], outputs, mode=fast)
    for length in (1, 4, 5, 9):
        expected = [pool_output_length(length, *case) for case in cases]
        expected += [
            conv_output_length(length, 3, 2, "same", 2),
            conv_input_length(length, 3, 2, 1),
        ]
        assert [int(value) for value in function(length)] == expected


def test_with_the_border_every_element_is_in_some_window_that_can_reach_it():
    for n in range(1, 12):
        for size in range(1, 5):
            for stride in range(1, size + 1):
                count = pool_output_length(n, size, stride, 0, ignore_border=False)
                seen = {j for i in range(count) for j in range(i * stride, i * stride + size)}
                assert seen >= set(range(n))
                # Without the last window something would be missing.
                fewer = {j for i in range(count - 1) for j in range(i * stride, i * stride + size)}
                assert count == 1 or not fewer >= set(range(n))
                assert np.max([i * stride for i in range(count)]) < n
