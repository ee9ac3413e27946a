from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.layers import (
    ConcatLayer,
    ElemwiseMergeLayer,
    ElemwiseSumLayer,
    InputLayer,
    autocrop,
    autocrop_array_shapes,
    concat,
    get_output,
)

A = np.arange(2 * 3 * 5, dtype="float32").reshape(2, 3, 5)
B = -np.arange(2 * 4 * 3, dtype="float32").reshape(2, 4, 3)


def apply(layer, arrays, fast):
    inputs = [one.input_var for one in layer.input_layers]
    result = pytensor.function(inputs, get_output(layer), mode=fast)(*arrays)
    assert result.dtype == "float32"
    promised = layer.output_shape
    assert all(p in (None, n) for p, n in zip(promised, result.shape, strict=True))
    return result


@pytest.mark.parametrize(
    ("mode", "part"),
    [("lower", np.s_[..., :3]), ("center", np.s_[..., 1:4]), ("upper", np.s_[..., 2:])],
)
@pytest.mark.parametrize("known", [True, False])
def test_autocrop_keeps_the_part_that_was_asked_for(mode, part, known, fast):
    x = pt.tensor(dtype="float32", shape=A.shape if known else (None,) * 3)
    y = pt.tensor(dtype="float32", shape=B.shape if known else (None,) * 3)
    f = pytensor.function([x, y], autocrop([x, y], [None, None, mode]), mode=fast)
    a, b = f(A, B)
    np.testing.assert_array_equal(a, A[part])
    np.testing.assert_array_equal(b, B)


def test_autocrop_of_an_odd_surplus_leaves_more_at_the_end(fast):
    x, y = pt.fvector(), pt.fvector()
    f = pytensor.function([x, y], autocrop([x, y], ["center"]), mode=fast)
    np.testing.assert_array_equal(f([0, 1, 2, 3, 4], [7, 8])[0], [1, 2])


def test_no_cropping_changes_nothing():
    x = pt.fvector()
    assert autocrop([x, x], None) == [x, x]
    assert autocrop_array_shapes([(1, 2), (3, 4)], None) == [(1, 2), (3, 4)]


def test_shapes_are_cropped_as_arrays_are():
    shapes = [(1, 2, 3, 4), (5, 6, 7, None), (5, 4, 3, 2)]
    assert autocrop_array_shapes(shapes, [None, "lower", "upper", "center"]) == [
        (1, 2, 3, None),
        (5, 2, 3, None),
        (5, 2, 3, None),
    ]
    assert autocrop_array_shapes([(1, 5), (1, 3)], ["lower"]) == [(1, 5), (1, 3)]


def test_impossible_croppings_are_refused():
    for function, inputs in (
        (autocrop, [pt.fvector(), pt.fvector()]),
        (autocrop_array_shapes, [(1,), (2,)]),
    ):
        with pytest.raises(ValueError, match="'middle', which is none of"):
            function(inputs, ["middle"])
        with pytest.raises(ValueError, match="must be a sequence"):
            function(inputs, "lower")
    with pytest.raises(ValueError, match="as many axes"):
        autocrop([pt.fvector(), pt.fmatrix()], ["lower"])
    with pytest.raises(ValueError, match="as many axes"):
        autocrop_array_shapes([(1,), (1, 2)], ["lower"])


def test_concat_joins_along_an_axis(fast):
    assert concat is ConcatLayer
    for axis, (a, b) in ((1, (A, B[..., [0, 1, 2, 0, 1]])), (-1, (A[:, :2], B[:, :2]))):
        layers = [InputLayer((None, *x.shape[1:])) for x in (a, b)]
        result = apply(ConcatLayer(layers, axis), [a, b], fast)
        np.testing.assert_array_equal(result, np.concatenate([a, b], axis))


def test_concat_crops_all_axes_but_the_joined_one(fast):
    layer = ConcatLayer([InputLayer(A.shape), InputLayer(B.shape)], 1, ["lower"] * 3)
    expected = np.concatenate([A[..., :3], B], axis=1)
    np.testing.assert_array_equal(apply(layer, [A, B], fast), expected)


def test_concat_fills_in_sizes_that_only_one_input_knows():
    assert ConcatLayer([(None, 3, 4), (2, 3, None)]).output_shape == (2, 6, 4)
    assert ConcatLayer([(2, 3), (2, None)]).output_shape == (2, None)


def test_concat_refuses_sizes_that_differ():
    with pytest.raises(ValueError, match=r"ConcatLayer 'c': .*\[4, 5\] on axis 2.*cropping"):
        ConcatLayer([(2, 3, 4), (2, 3, 5)], name="c")
    with pytest.raises(ValueError, match="as many axes"):
        ConcatLayer([(2, 3, 4), (2, 3)])
    with pytest.raises(ValueError, match="axis=2 is none"):
        ConcatLayer([(2, 3), (2, 3)], axis=2)
    with pytest.raises(ValueError, match="at least one input"):
        ConcatLayer([])


def test_elementwise_merge_goes_from_left_to_right(fast):
    layers = [InputLayer((None, 3)) for _ in range(3)]
    arrays = [np.full((2, 3), value, "float32") for value in (10, 2, 3)]
    result = apply(ElemwiseMergeLayer(layers, pt.sub), arrays, fast)
    np.testing.assert_array_equal(result, np.full((2, 3), 5))


def test_elementwise_merge_crops(fast):
    layers = [InputLayer(A.shape), InputLayer(B.shape)]
    layer = ElemwiseMergeLayer(layers, pt.maximum, cropping=[None, "upper", "center"])
    np.testing.assert_array_equal(apply(layer, [A, B], fast), np.maximum(A[..., 1:4], B[:, 1:]))


def test_elementwise_merge_refuses_shapes_that_differ():
    with pytest.raises(ValueError, match=r"ElemwiseMergeLayer.*\[3, 4\] on axis 1"):
        ElemwiseMergeLayer([(None, 3), (None, 4)], pt.add)


@pytest.mark.parametrize(
    ("coeffs", "expected"),
    [(1, 3.0), (2, 6.0), (np.float64(0.5), 1.5), ([1, -1], -1.0), ([0.5, 2], 4.5)],
)
def test_elementwise_sum_weights_its_inputs(coeffs, expected, fast):
    layers = [InputLayer((None, 3)) for _ in range(2)]
    arrays = [np.full((2, 3), value, "float32") for value in (1, 2)]
    result = apply(ElemwiseSumLayer(layers, coeffs), arrays, fast)
    np.testing.assert_array_equal(result, np.full((2, 3), expected))


def test_elementwise_sum_needs_a_weight_for_each_input():
    with pytest.raises(ValueError, match="coeffs has 3 elements for 2 inputs"):
        ElemwiseSumLayer([(None, 3), (None, 3)], [1, 2, 3])
