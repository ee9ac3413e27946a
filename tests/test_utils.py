"""The utilities."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import utils
from nncore.init import Constant


def test_floatx_casts_to_the_configured_type():
    assert utils.floatX([1, 2.5]).dtype == np.float32
    with pytensor.config.change_flags(floatX="float64"):
        assert utils.floatX(np.float32(1)).dtype == np.float64


def test_shared_empty_takes_any_value_of_its_dimensions():
    variable = utils.shared_empty(3, dtype="int32")
    assert variable.type.dtype == "int32"
    variable.set_value(np.ones((2, 3, 4), "int32"))
    assert variable.get_value().shape == (2, 3, 4)
    assert utils.shared_empty().type.dtype == "float32"


def test_as_tensor_passes_expressions_through():
    x = pt.matrix()
    assert utils.as_tensor(x) is x
    assert utils.as_theano_expression is utils.as_tensor


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.zeros((2, 3)), "float32"),
        ([[1.5, 2.5]], "float32"),
        (0.1, "float32"),
        (np.float64(0.1), "float32"),
        (np.zeros(2, "float16"), "float16"),
        (np.zeros(2, "int64"), "int64"),
    ],
)
def test_as_tensor_does_not_let_float64_in(value, dtype):
    constant = utils.as_tensor(value)
    assert constant.type.dtype == dtype
    np.testing.assert_array_equal(constant.data, np.asarray(value).astype(dtype))


def test_as_tensor_refuses_what_is_no_number():
    with pytest.raises(TypeError, match="of type object is not a symbolic expression"):
        utils.as_tensor(object())


def test_shared_variables_are_collected_left_first_and_once():
    a, b, c, d = (pytensor.shared(np.zeros((2, 2), "float32"), name=n) for n in "abcd")
    x = pt.matrix("x")
    assert utils.collect_shared_vars((c + a) * b + x @ a) == [c, a, b]
    assert utils.collect_shared_vars([b.sum(), a * d, b]) == [b, a, d]
    assert utils.collect_shared_vars(x) == []


def test_a_deep_graph_does_not_exhaust_the_stack():
    a = pytensor.shared(np.float32(0))
    deep = a
    for _ in range(3000):
        deep = deep + 1
    assert utils.collect_shared_vars(deep) == [a]


@pytest.mark.parametrize("shape", [(5,), (2, 3)])
@pytest.mark.parametrize("m", [6, None, "symbolic"])
def test_one_hot_rows_are_those_of_the_identity(shape, m, fast):
    indices = np.random.RandomState(0).randint(0, 6, shape).astype("int32")
    indices.flat[0] = 5
    x = pt.TensorType("int32", shape=(None,) * len(shape))("x")
    encoded = utils.one_hot(x, pt.constant(6) if m == "symbolic" else m)
    assert encoded.type.dtype == "float32"
    result = pytensor.function([x], encoded, mode=fast)(indices)
    np.testing.assert_array_equal(result, np.eye(6)[indices])


def test_unique_keeps_the_first_of_each():
    assert utils.unique(iter("mississippi")) == ["m", "i", "s", "p"]


def test_as_tuple_repeats_single_values_and_checks_iterables():
    assert utils.as_tuple(3, 2, int) == (3, 3)
    assert utils.as_tuple([1, 2], 2) == (1, 2)
    assert utils.as_tuple(np.int64(3), 2, int) == (3, 3)
    assert utils.as_tuple("same", 2) == ("same", "same")
    assert utils.as_tuple((1, 2.5), 2, (int, float)) == (1, 2.5)


def test_as_tuple_refuses_wrong_lengths_and_types():
    with pytest.raises(ValueError, match="length 3"):
        utils.as_tuple([1, 2], 3)
    with pytest.raises(TypeError, match=r"of int, got \[1, 2.5\]"):
        utils.as_tuple([1, 2.5], 2, int)
    with pytest.raises(TypeError, match="of int or float"):
        utils.as_tuple("x", 2, (int, float))


def test_inspect_kwargs_lists_only_arguments_with_defaults():
    class Thing:
        def method(self, a, b=1, *args, c=2, **kwargs):
            return a, b, args, c, kwargs

    assert utils.inspect_kwargs(Thing().method) == ["b", "c"]
    assert utils.inspect_kwargs(dict) == []


@pytest.mark.parametrize(
    ("shape", "axes"), [((4,), ()), ((4, 3), (0,)), ((4, 3, 2), (1, 2)), ((2,) * 5, (1, 2, 3, 4))]
)
def test_norms_are_of_the_incoming_weights_of_each_unit(shape, axes, fast):
    value = np.random.RandomState(0).randn(*shape).astype("float32")
    expected = np.abs(value) if not axes else np.sqrt((value.astype("f8") ** 2).sum(axes))
    np.testing.assert_allclose(utils.compute_norms(value), expected, rtol=1e-6)
    shared = pytensor.shared(value)
    result = pytensor.function([], utils.compute_norms(shared), mode=fast)()
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_norms_take_the_axes_they_are_given():
    value = np.random.RandomState(0).randn(2, 3, 4)
    expected = np.linalg.norm(value, axis=1)
    np.testing.assert_allclose(utils.compute_norms(value, norm_axes=[1]), expected)


def test_norms_need_an_array_of_known_meaning():
    with pytest.raises(RuntimeError, match="unsupported type list"):
        utils.compute_norms([1, 2])
    with pytest.raises(ValueError, match=r"dimensionality 6.*norm_axes"):
        utils.compute_norms(np.zeros((1,) * 6))


@pytest.mark.parametrize("spec", [2, 2.5, np.float64(2.5), np.array(2.5)])
def test_a_number_becomes_a_scalar_parameter_of_floatx(spec):
    param = utils.create_param(spec, (), name="p")
    assert param.type.dtype == "float32"
    assert param.get_value() == np.float32(spec)
    assert param.name == "p"


def test_an_array_becomes_a_parameter_of_exactly_its_shape():
    param = utils.create_param(np.ones((1, 3)), [1, 3], name="b")
    assert param.type.shape == (1, 3)
    assert param.type.dtype == "float32"
    with pytest.raises(ValueError, match="parameter b has the shape"):
        param.set_value(np.ones((2, 3), "float32"))


def test_an_integer_array_keeps_its_type():
    assert utils.create_param(np.arange(3), (3,)).type.dtype == "int64"


def test_an_initializer_is_called_with_the_shape():
    param = utils.create_param(Constant(0.5), (2, 3), name="W")
    np.testing.assert_array_equal(param.get_value(), np.full((2, 3), 0.5))
    assert param.name == "W"


def test_variables_are_used_as_they_are_and_keep_their_name():
    shared = utils.shared_empty(2)
    assert utils.create_param(shared, (2, 3), name="W") is shared
    assert shared.name == "W"
    expression = pt.matrix("mine")
    assert utils.create_param(lambda shape: expression, (2, 3), name="W") is expression
    assert expression.name == "mine"


def test_a_random_variable_can_be_a_parameter():
    rng = pytensor.shared(np.random.default_rng(0))
    _, W = pt.random.normal(0, 1, size=(2, 3), rng=rng, return_next_rng=True)
    assert utils.create_param(W, (2, 3), name="W") is W


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (np.zeros((3, 2)), ValueError, r"parameter W: .*shape \(3, 2\), should be \(2, 3\)"),
        (0.5, ValueError, r"shape \(\), should be \(2, 3\).*Constant"),
        (lambda s: np.zeros(2), ValueError, r"callable returned.*shape \(2,\)"),
        (pt.vector("v"), ValueError, "parameter W: .*v has 1 dimensions, should be 2"),
        (lambda s: pt.vector("v"), ValueError, "callable returned.*1 dimensions"),
        (pt.zeros((2, 4)), ValueError, r"shape \(2, 4\), should be \(2, 3\)"),
        ("W", TypeError, "parameter W: the provided 'W' is not a number.*or a callable"),
        (lambda s: None, TypeError, "callable returned, the None is not"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_name_and_both_shapes(spec, error, message):
    with pytest.raises(error, match=message):
        utils.create_param(spec, (2, 3), name="W")


@pytest.mark.parametrize("shape", [(0, 2), (-1,)])
def test_lengths_must_be_positive(shape):
    with pytest.raises(ValueError, match="every length must be positive"):
        utils.create_param(Constant(), shape, name="W")


@pytest.mark.parametrize("go_backwards", [False, True])
def test_an_unrolled_loop_computes_what_a_python_loop_does(go_backwards, fast):
    x = pt.matrix("x")
    value = np.random.RandomState(0).randn(4, 2).astype("float32")

    def step(x_t, state, count, scale):
        return state * scale + x_t, count + 1

    states, counts = utils.unroll_scan(
        step, x, [pt.zeros(2, "float32"), pt.zeros((), "int32")], [0.5], 4, go_backwards
    )
    result, steps = pytensor.function([x], [states, counts.astype("int32")], mode=fast)(value)
    state, expected = np.zeros(2), []
    for row in value[::-1] if go_backwards else value:
        state = state * 0.5 + row
        expected.append(state)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    np.testing.assert_array_equal(steps, [1, 2, 3, 4])


@pytest.mark.parametrize("n_steps", [0, 2.0, pt.iscalar("n")])
def test_only_a_positive_int_of_steps_can_be_unrolled(n_steps):
    with pytest.raises(ValueError, match=r"n_steps=.*positive int"):
        utils.unroll_scan(lambda x: x, [], [], [], n_steps)
