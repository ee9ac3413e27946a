from __future__ import annotations

import numpy as np
import pytest

from nncore.ops.geometry import (
    ConvGeometry,
    PoolGeometry,
    as_ints,
    as_pads,
    check_gradient,
    explicit_pads,
)


def conv(x=(None, 3, 8, 8), w=(4, 3, 3, 3), stride=(1, 1), pad=((0, 0),) * 2, dilation=(1, 1), g=1):
    return ConvGeometry(x, w, stride, pad, dilation, g, True, "float32")


def test_an_integer_stands_for_every_axis():
    assert as_ints(2, 3, "stride", 1) == (2, 2, 2)
    assert as_ints(np.int64(2), 1, "stride", 1) == (2,)
    assert as_ints([1, np.int32(3)], 2, "stride", 1) == (1, 3)
    assert all(type(i) is int for i in as_ints(np.array([1, 2]), 2, "stride", 1))


@pytest.mark.parametrize("value", [1.0, "2", None, (1, 2.5), [[1], [2]]])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(TypeError, match=r"stride must be an integer or 2 of them"):
        as_ints(value, 2, "stride", 1)


def test_the_number_and_the_least_value_of_integers_are_checked():
    with pytest.raises(ValueError, match=r"stride=\(1, 2, 3\) has 3 elements"):
        as_ints((1, 2, 3), 2, "stride", 1)
    with pytest.raises(ValueError, match=r"stride=0 must not be less than 1"):
        as_ints(0, 2, "stride", 1)


@pytest.mark.parametrize(
    ("pad", "expected"),
    [
        (1, ((1, 1), (1, 1))),
        ((1, 2), ((1, 1), (2, 2))),
        (((1, 2), 3), ((1, 2), (3, 3))),
        ([[0, 1], (2, 0)], ((0, 1), (2, 0))),
        ("valid", ((0, 0), (0, 0))),
        ("same", "same"),
        ("full", "full"),
    ],
)
def test_pads_come_in_many_forms(pad, expected):
    assert as_pads(pad, 2) == expected


@pytest.mark.parametrize(
    ("pad", "error", "match"),
    [
        ("half", ValueError, "pad='half' is not known; the words are 'valid', 'same' and 'full'"),
        (-1, ValueError, "must not be less than 0"),
        ((1, 2, 3), ValueError, "has 3 elements"),
        (((1, 2, 3), 0), ValueError, "has 3 elements"),
        ((1.5, 0), TypeError, "must be an integer"),
        (("same", 1), TypeError, "must be an integer"),
        (None, TypeError, "must be an integer"),
    ],
)
def test_other_pads_are_refused(pad, error, match):
    with pytest.raises(error, match=match):
        as_pads(pad, 2)


def test_words_become_numbers_with_the_filter_size():
    assert explicit_pads("same", (3, 4), (1, 2)) == ((1, 1), (3, 3))
    assert explicit_pads("full", (3, 4), (1, 2)) == ((2, 2), (6, 6))
    assert conv(w=(4, 3, None, 5), pad="same").pads((2, 5)) == ((0, 1), (2, 2))


def test_an_output_is_known_as_far_as_the_sizes_are():
    assert conv().output_shape() == (None, 4, 6, 6)
    assert conv(x=(2, 3, None, 9), stride=(2, 2)).output_shape() == (2, 4, None, 4)
    assert conv(w=(None, 3, None, 3)).output_shape() == (None, None, None, 6)
    # A 'same' pad makes the filter size immaterial.
    unknown = conv(w=(4, 3, None, 3), pad="same", stride=(3, 1), dilation=(2, 2))
    assert unknown.output_shape() == (None, 4, 3, 8)
    assert conv(w=(4, 3, None, 3), pad="full").output_shape() == (None, 4, None, 10)


@pytest.mark.parametrize(
    ("geometry", "match"),
    [
        (conv(g=2), "3 input channels cannot be divided into 2 groups"),
        (conv(x=(1, None, 8, 8), g=3), "4 filters cannot be divided into 3 groups"),
        (conv(x=(1, 5, 8, 8)), r"shape \(1, 5, 8, 8\) has 5 channels.*\(4, 3, 3, 3\).*are for 3"),
        (
            conv(w=(4, 3, 9, 3)),
            "no output on spatial axis 0: a filter of 9 taps spans 9.*length 8.*pad='same'",
        ),
        (
            conv(dilation=(1, 4)),
            "axis 1: a filter of 3 taps with dilation 4 spans 9.*a lower dilation",
        ),
        (conv(x=(1, 3, 0, 8), w=(4, 3, None, 3), pad="same"), "no output on spatial axis 0"),
        (conv(x=(1, 3, 0, 8), w=(4, 3, 1, None), pad="same"), "no output on spatial axis 0"),
        (conv(w=(4, 3, 3, 0)), "have no taps on a spatial axis"),
    ],
)
def test_sizes_that_do_not_fit_are_named_with_the_cure(geometry, match):
    with pytest.raises(ValueError, match=r"^first layer: .*" + match):
        geometry.check("first layer")


def test_a_window_without_a_place_is_named_with_the_cure():
    shape = (1, 1, 3)
    geometry = PoolGeometry(shape, (5,), (5,), ((0, 1),), "max", True, "float32")
    with pytest.raises(
        ValueError, match=r"window of 5 .* length 3 with padding 0 \+ 1\. Use a sma"
    ):
        geometry.check()
    PoolGeometry(shape, (5,), (5,), ((0, 1),), "max", False, "float32").check()


@pytest.mark.parametrize("ignore", [True, False])
def test_padding_alone_fills_no_window(ignore):
    geometry = PoolGeometry((1, 1, 0), (3,), (1,), ((2, 2),), "sum", ignore, "float32")
    with pytest.raises(ValueError, match=r"no output"):
        geometry.check()


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"of shape \(\?, 4, 5, 6\) .* shape \(\?, 4, 6, 6\).*2D"):
        check_gradient("conv", (None, 4, 5, 6), conv())
    check_gradient("conv", (7, None, 6, 6), conv())


def test_geometries_are_described():
    text = str(conv(dilation=(1, 2), g=3))
    assert text == (
        "a 2D convolution of (?, 3, 8, 8) by (4, 3, 3, 3) filters, stride (1, 1), "
        "pad ((0, 0), (0, 0)), dilation (1, 2), 3 groups, float32"
    )
    pool = PoolGeometry((1, 1, 6), (2,), (2,), ((0, 0),), "sum", True, "float64")
    assert str(pool) == "1D sum pooling of (1, 1, 6) over (2,), stride (2,), pad ((0, 0),), float64"
