from __future__ import annotations

import copy
import pickle

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import verify_grad

import nncore
from nncore import ops
from nncore.errors import UnknownNameError
from nncore.ops.geometry import POOL_MODES, PoolGeometry

rng = np.random.default_rng(0)

SETTINGS = [
    {"pool_size": 2},
    {"pool_size": (3, 2), "stride": (2, 3), "pad": (1, 0)},
    {"pool_size": 3, "stride": 2, "pad": [(0, 2), (1, 1)], "ignore_border": False},
]


def tensor(*shape, dtype="float32"):
    return pt.tensor(dtype=dtype, shape=shape)


def distinct(*shape):
    """Numbers of which no two are close, so that finite differences do not cross a tie."""
    return (rng.permutation(np.prod(shape)).reshape(shape) / 7).astype("float64")


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("mode", POOL_MODES)
@pytest.mark.parametrize("known", [True, False])
def test_outputs_gradients_and_shapes_are_those_of_the_formula(oracle, fast, settings, mode, known):
    x = tensor(*((2, 3, 7, 6) if known else (None,) * 4))
    y = ops.pool(x, mode=mode, name="here", **settings)
    op = y.owner.op
    geometry = PoolGeometry(
        (2, 3, 7, 6), op.window, op.stride, op.pad, mode, op.ignore_border, "float32"
    )
    x_, gy_, values_ = oracle.pool_values(geometry)
    expected, gx_, taken_ = oracle.pool(geometry, x_, gy_, values_)
    gy, v = pt.tensor4(dtype="float32"), pt.tensor4(dtype="float32")
    (gx,) = pytensor.grad(None, [x], known_grads={y: gy})
    (shape,) = op.infer_shape(None, y.owner, [tuple(x.shape[i] for i in range(4))])
    outputs = [y, gx, pt.stack([pt.as_tensor(n).astype("int64") for n in shape])]
    outputs += pytensor.grad(None, [gy], known_grads={gx: v})
    function = pytensor.function([x, gy, v], outputs, mode=fast)
    actual, gradient, length, again = function(x_, gy_, values_)
    oracle.close(actual, expected)
    oracle.close(gradient, gx_)
    assert tuple(length) == actual.shape
    assert y.name == "here"
    if mode == "max":
        oracle.close(again, taken_)
    else:
        oracle.close(again, oracle.pool(geometry, values_)[0])
    assert y.type.shape == (actual.shape if known else (None,) * 4)


@pytest.mark.parametrize("mode", POOL_MODES)
@pytest.mark.parametrize("shape", [(2, 1, 7), (1, 2, 5, 4), (1, 1, 4, 3, 4)])
def test_finite_differences_confirm_first_and_second_derivatives(fast, mode, shape):
    def pooled(x):
        return ops.pool(x, 3, stride=2, pad=1, mode=mode)

    def gradient(x):
        return pytensor.grad((pooled(x) ** 3).sum(), x)

    x = distinct(*shape)
    for function in (pooled, gradient):
        verify_grad(function, [x], rng=np.random.default_rng(1), mode=fast)


@pytest.mark.parametrize("mode", POOL_MODES)
def test_the_r_operator_is_the_derivative_along_a_direction(fast, mode):
    x, along = pt.tensor3(dtype="float64"), pt.tensor3(dtype="float64")
    y = ops.pool(x, 2, stride=1, mode=mode)
    push = getattr(pytensor.gradient, "pushforward", None) or pytensor.gradient.Rop
    moved = pytensor.function([x, along], push(y, x, along), mode=fast, on_unused_input="ignore")
    evaluate = pytensor.function([x], y, mode=fast)
    at, direction = distinct(2, 2, 5), rng.standard_normal((2, 2, 5))
    expected = (evaluate(at + 1e-6 * direction) - evaluate(at - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(moved(at, direction), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("mode", POOL_MODES)
def test_the_type_of_the_data_stays(fast, dtype, mode):
    x = tensor(1, 1, 4, dtype=dtype)
    y = ops.pool(x, 2, mode=mode)
    outputs = [y, pytensor.grad((y * y).sum(), x)]
    assert {v.dtype for v in outputs} == {dtype}
    computed = pytensor.function([x], outputs, mode=fast)(np.ones((1, 1, 4), dtype))
    assert {v.dtype.name for v in computed} == {dtype}
    assert ops.pool(pt.tensor3(dtype="int32"), 2, mode=mode).dtype == "float32"


@pytest.mark.parametrize("mode", POOL_MODES)
def test_an_empty_batch_gives_an_empty_result(fast, mode):
    x = pt.tensor4(dtype="float32")
    y = ops.pool(x, 2, mode=mode)
    out, gx = pytensor.function([x], [y, pytensor.grad(y.sum(), x)], mode=fast)(
        np.ones((0, 2, 4, 5), "float32")
    )
    assert (out.shape, gx.shape) == ((0, 2, 2, 2), (0, 2, 4, 5))


@pytest.mark.parametrize(
    ("settings", "error", "match"),
    [
        ({"pool_size": 0}, ValueError, "pool_size=0 must not be less than 1"),
        ({"pool_size": 1.5}, TypeError, "pool_size must be an integer or 2 of them"),
        ({"pool_size": (1, 2, 3)}, ValueError, "has 3 elements"),
        ({"pool_size": 2, "stride": 0}, ValueError, "stride=0 must not be less than 1"),
        ({"pool_size": 2, "pad": 2}, ValueError, "pad=2 must be less than pool_size"),
        ({"pool_size": 2, "pad": -1}, ValueError, "must not be less than 0"),
        ({"pool_size": 2, "pad": "same"}, ValueError, "pad='same' is for convolutions"),
        ({"pool_size": 2, "mode": "average"}, ValueError, "mode='average' is not known; .*'sum'"),
        ({"pool_size": 9}, ValueError, "no output on spatial axis 0: the window of 9"),
        ({"pool_size": 2, "implementation": "nunba"}, UnknownNameError, "Did you mean 'numba'"),
    ],
)
def test_bad_arguments_are_refused(settings, error, match):
    with pytest.raises(error, match=match):
        ops.pool(tensor(1, 1, 4, 4), **settings)
    if error is not UnknownNameError:
        with pytest.raises(error, match=r"^pool3: "):
            ops.pool(tensor(1, 1, 4, 4), **settings, name="pool3")


def test_ranks_and_complex_numbers_are_refused():
    with pytest.raises(ValueError, match=r"the input has 2 axes; it must have 3, 4 or 5"):
        ops.pool(pt.matrix(), 2)
    with pytest.raises(TypeError, match=r"complex128; only real types work"):
        ops.pool(pt.tensor3(dtype="complex128"), 2)
    with pytest.raises(TypeError, match=r"takes tensors of 3 axes"):
        ops.Pool((2,), (2,), ((0, 0),))(pt.tensor4())
    with pytest.raises(ValueError, match=r"is for mode 'max', not 'sum'"):
        ops.PoolGradGrad((2,), (2,), ((0, 0),), "sum")(tensor(1, 1, 4), tensor(1, 1, 4))


@pytest.mark.parametrize("mode", ["max", "sum"])
def test_sizes_of_run_time_are_checked(fast, mode):
    x, other = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    arguments = ((2,), (2,), ((1, 1),), mode)
    short = np.ones((1, 1, 0), "float32")
    with pytest.raises(ValueError, match=r"no output on spatial axis 0"):
        pytensor.function([x], ops.Pool(*arguments)(x), mode=fast)(short)
    gradient = pytensor.function([x, other], ops.PoolGradInput(*arguments)(x, other), mode=fast)
    with pytest.raises(ValueError, match=r"\(1, 1, 2\) is not that .* \(1, 1, 3\)"):
        gradient(np.ones((1, 1, 4), "float32"), np.ones((1, 1, 2), "float32"))
    with pytest.raises(ValueError, match=r"is not that of an output"):
        ops.PoolGradInput(*arguments)(tensor(1, 1, 4), tensor(1, 1, 2))
    if mode == "max":
        with pytest.raises(ValueError, match=r"take from"):
            ops.PoolGradGrad(*arguments)(tensor(1, 1, 4), tensor(1, 1, 5))
        taken = pytensor.function([x, other], ops.PoolGradGrad(*arguments)(x, other), mode=fast)
        with pytest.raises(ValueError, match=r"take from"):
            taken(np.ones((1, 1, 4), "float32"), np.ones((1, 1, 5), "float32"))


def test_equal_poolings_are_equal_and_survive_copies(fast):
    x = tensor(None, 1, 6)
    y = ops.pool(x, 2)
    op = y.owner.op
    assert op == ops.pool(x, (2,), stride=2, pad=[(0, 0)]).owner.op
    assert op == pickle.loads(pickle.dumps(op)) == copy.deepcopy(op)
    function = pytensor.function([x], [y, pytensor.grad(y.sum(), x)], mode=fast)
    value = np.arange(6, dtype="float32").reshape(1, 1, 6)
    for again in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function)):
        for one, other in zip(again(value), function(value), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_block_is_kept_by_what_is_built_in_it():
    x = tensor(1, 1, 6)
    with nncore.using(pool="numba"):
        y = ops.pool(x, 2)
    assert y.owner.op.implementation == "numba"
    assert pytensor.grad(y.sum(), x).owner.op.implementation == "numba"
    assert ops.pool(x, 2).owner.op.implementation is None
