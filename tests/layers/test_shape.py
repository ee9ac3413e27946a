from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.layers import (
    DimshuffleLayer,
    FlattenLayer,
    InputLayer,
    PadLayer,
    ReshapeLayer,
    SliceLayer,
    dimshuffle,
    flatten,
    get_output,
    pad,
    reshape,
)

rng = np.random.default_rng(0)


def apply(layer, x, fast):
    f = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)
    result = f(np.asarray(x, "float32"))
    assert result.dtype == "float32"
    promised = layer.output_shape
    assert len(promised) == result.ndim
    assert all(p in (None, n) for p, n in zip(promised, result.shape, strict=True))
    return result


def numbers(*shape):
    return rng.normal(size=shape).astype("float32")


def test_short_names_are_the_same_classes():
    assert flatten is FlattenLayer
    assert reshape is ReshapeLayer
    assert dimshuffle is DimshuffleLayer
    assert pad is PadLayer


@pytest.mark.parametrize(
    ("outdim", "shape", "declared"),
    [(2, (2, 60), (None, 60)), (1, (120,), (None,)), (3, (2, 3, 20), (None, 3, 20))],
)
def test_flatten_merges_the_last_axes(outdim, shape, declared, fast):
    x = numbers(2, 3, 4, 5)
    layer = FlattenLayer(InputLayer((None, 3, 4, 5)), outdim)
    assert layer.output_shape == declared
    np.testing.assert_array_equal(apply(layer, x, fast), x.reshape(shape))


def test_flatten_of_unknown_sizes_is_unknown():
    assert FlattenLayer((2, None, 4)).output_shape == (2, None)


@pytest.mark.parametrize("outdim", [0, -1, 1.5, 5])
def test_flatten_refuses_an_impossible_number_of_axes(outdim):
    with pytest.raises(ValueError, match=r"FlattenLayer 'f'.*outdim"):
        FlattenLayer((2, 3, 4), outdim, name="f")


@pytest.mark.parametrize(
    ("declared", "shape", "expected", "result"),
    [
        ((2, 3, 10), (15, 4), (15, 4), (15, 4)),
        ((None, 3, 10), (15, 4), (15, 4), (15, 4)),
        ((None, 3, 10), ([0], 5, 6), (None, 5, 6), (2, 5, 6)),
        ((None, 3, 10), ([0], -1), (None, 30), (2, 30)),
        ((None, 3, 10), (-1, [2]), (None, 10), (6, 10)),
        ((None, 3, 10), ([2], [0], -1), (10, None, 3), (10, 2, 3)),
        ((2, 3, None), (6, [2]), (6, None), (6, 10)),
        ((2, 3, 10), (-1, 4), (15, 4), (15, 4)),
    ],
)
def test_reshape_to_sizes_given_taken_over_or_inferred(declared, shape, expected, result, fast):
    x = numbers(2, 3, 10)
    layer = ReshapeLayer(InputLayer(declared), shape)
    assert layer.output_shape == expected
    np.testing.assert_array_equal(apply(layer, x, fast), x.reshape(result))


def test_reshape_to_a_symbolic_size(fast):
    n = pytensor.shared(np.int64(5))
    layer = ReshapeLayer(InputLayer((2, 3, 10)), (n, -1))
    assert layer.output_shape == (None, None)
    np.testing.assert_array_equal(apply(layer, np.ones((2, 3, 10)), fast), np.ones((5, 12)))


def test_reshape_does_not_cancel_an_unknown_size_twice():
    assert ReshapeLayer((None, 4), ([0], [0], -1)).output_shape == (None, None, None)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((-1, -1), "more than once"),
        ((0, 60), "0 is not allowed"),
        ((-2, 30), "-2 is not allowed"),
        (([0, 1], -1), r"\[0, 1\] is not allowed"),
        (([-1], 2), r"\[-1\] is not allowed"),
        ((1.5, 2), r"1\.5 is not allowed"),
        (([3], -1), r"\[3\] .*does not have"),
        ((7, -1), "cannot be reshaped"),
        ((7, 7), "cannot be reshaped"),
    ],
)
def test_reshape_refuses_what_cannot_be(shape, message):
    with pytest.raises(ValueError, match=f"ReshapeLayer.*{message}"):
        ReshapeLayer((2, 3, 10), shape)


def test_dimshuffle_reorders_adds_and_drops_axes(fast):
    x = numbers(2, 3, 1, 4)
    layer = DimshuffleLayer(InputLayer((None, 3, 1, 4)), (3, "x", 0, 1))
    assert layer.output_shape == (4, 1, None, 3)
    expected = x[:, :, 0].transpose(2, 0, 1)[:, None]
    np.testing.assert_array_equal(apply(layer, x, fast), expected)


def test_dimshuffle_drops_an_axis_of_unknown_size_if_it_is_one(fast):
    layer = DimshuffleLayer(InputLayer((2, None)), (0,))
    np.testing.assert_array_equal(apply(layer, np.ones((2, 1)), fast), np.ones(2))
    with pytest.raises(AssertionError):
        apply(layer, np.ones((2, 2)), fast)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ((0, 0, 1), "axis 0 twice"),
        ((0, "y"), "'y' is not allowed"),
        ((0, 1, 2), "names axis 2"),
        ((0,), "leaves out axis 1"),
    ],
)
def test_dimshuffle_refuses_what_cannot_be(pattern, message):
    with pytest.raises(ValueError, match=f"DimshuffleLayer.*{message}"):
        DimshuffleLayer((None, 3), pattern)


@pytest.mark.parametrize(
    ("width", "batch_ndim", "numpy_width"),
    [
        (2, 2, [(0, 0), (0, 0), (2, 2), (2, 2)]),
        ((1, 2), 2, [(0, 0), (0, 0), (1, 1), (2, 2)]),
        ([(1, 2), 3], 2, [(0, 0), (0, 0), (1, 2), (3, 3)]),
        ([(0, 1), (1, 2), (3, 4)], 1, [(0, 0), (0, 1), (1, 2), (3, 4)]),
    ],
)
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (None, None, None, None)])
def test_pad_surrounds_with_a_constant(width, batch_ndim, numpy_width, shape, fast):
    x = numbers(2, 3, 4, 5)
    layer = PadLayer(InputLayer(shape), width, val=7.5, batch_ndim=batch_ndim)
    expected = np.pad(x, numpy_width, constant_values=7.5)
    np.testing.assert_array_equal(apply(layer, x, fast), expected)


@pytest.mark.parametrize("width", [-1, (1, 2, 3), [(1, 2, 3), 1], [(1, -2), 1], (1.5, 2)])
def test_pad_refuses_an_impossible_width(width):
    with pytest.raises(ValueError, match=r"PadLayer.*width="):
        PadLayer((1, 2, 3, 4), width)


@pytest.mark.parametrize(
    ("indices", "axis", "index"),
    [
        (0, 1, np.s_[:, 0]),
        (-1, -1, np.s_[..., -1]),
        (slice(1, None), 1, np.s_[:, 1:]),
        (slice(0, 4, 2), -1, np.s_[..., 0:4:2]),
        (slice(None, None, -1), 2, np.s_[..., ::-1]),
    ],
)
def test_slice_takes_part_of_an_axis(indices, axis, index, fast):
    x = numbers(2, 3, 5)
    for shape in ((2, 3, 5), (None, None, None)):
        layer = SliceLayer(InputLayer(shape), indices, axis)
        np.testing.assert_array_equal(apply(layer, x, fast), x[index])
    assert SliceLayer((2, 3, 5), indices, axis).output_shape == x[index].shape


@pytest.mark.parametrize(("indices", "axis"), [(3, 1), (-4, 1), (0, 3), (1.5, 0), ("a", 0)])
def test_slice_refuses_what_lies_outside(indices, axis):
    with pytest.raises(ValueError, match="SliceLayer"):
        SliceLayer((2, 3, 5), indices, axis)


@pytest.mark.jax
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_shape_layers_compile_with_jax_for_any_batch_size():
    pytest.importorskip("jax")
    x = numbers(2, 3, 4, 5)
    bottom = InputLayer((None, 3, 4, 5), pt.tensor("x", dtype="float32", shape=(None, 3, 4, 5)))
    for top in (
        FlattenLayer(bottom),
        FlattenLayer(bottom, 3),
        ReshapeLayer(bottom, ([0], 12, -1)),
        ReshapeLayer(bottom, (-1, [3])),
        PadLayer(bottom, (1, 2)),
        SliceLayer(bottom, slice(1, None), 1),
    ):
        output = get_output(top)
        outputs = [output, pytensor.grad((output**2).sum(), bottom.input_var)]
        mine = pytensor.function([bottom.input_var], outputs, mode="JAX")(x)
        reference = pytensor.function([bottom.input_var], outputs, mode="FAST_COMPILE")(x)
        for a, b in zip(mine, reference, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)
