from __future__ import annotations

import warnings
from unittest.mock import Mock

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.layers import (
    ConcatLayer,
    DenseLayer,
    DropoutLayer,
    ElemwiseSumLayer,
    InputLayer,
    Layer,
    count_params,
    get_all_layers,
    get_all_param_values,
    get_all_params,
    get_output,
    get_output_shape,
    set_all_param_values,
)


class Add(Layer):
    def __init__(self, incoming, amount, **kwargs):
        super().__init__(incoming, **kwargs)
        self.amount = amount

    def get_output_for(self, input, scale=1, **kwargs):
        return (input + self.amount) * scale


class Hidden(Add):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.get_output_kwargs = ["secret"]


def value(expression, fast):
    return pytensor.function([], expression, mode=fast)()


X = np.array([[1, 2, 3]], dtype="float32")


def diamond():
    bottom = InputLayer((None, 3))
    left, right = Add(bottom, 1), Add(bottom, 10)
    return bottom, left, right, ElemwiseSumLayer([left, right])


def test_layers_come_after_those_that_feed_into_them():
    bottom, left, right, top = diamond()
    assert get_all_layers(top) == [bottom, left, right, top]
    assert get_all_layers([right, left]) == [bottom, right, left]
    assert get_all_layers([right, top]) == [bottom, right, left, top]


def test_layers_that_are_treated_as_inputs_end_the_search():
    bottom, left, right, top = diamond()
    assert get_all_layers(top, treat_as_input=[left, right]) == [left, right, top]
    assert get_all_layers(top, treat_as_input=[left]) == [left, bottom, right, top]
    assert get_all_layers(top, treat_as_input=[top]) == [top]


def test_a_very_deep_network_does_not_exhaust_the_stack():
    layer = bottom = InputLayer((None, 3))
    for _ in range(5000):
        layer = Layer(layer)
    found = get_all_layers(layer)
    assert len(found) == 5001
    assert found[0] is bottom
    assert found[-1] is layer


def test_layers_on_shapes_have_nothing_below_them():
    layer = Layer((None, 3))
    assert get_all_layers(layer) == [layer]


def test_output_without_inputs_uses_the_input_variables(fast):
    bottom, _, _, top = diamond()
    f = pytensor.function([bottom.input_var], get_output(top), mode=fast)
    np.testing.assert_array_equal(f(X), 2 * X + 11)


@pytest.mark.parametrize("wrap", [lambda x: x, pt.as_tensor_variable, lambda x: x.tolist()])
def test_an_input_may_be_an_array_an_expression_or_a_list(wrap, fast):
    top = diamond()[-1]
    np.testing.assert_array_equal(value(get_output(top, wrap(X)), fast), 2 * X + 11)


def test_a_dict_gives_the_output_of_any_layer(fast):
    _, left, right, top = diamond()
    np.testing.assert_array_equal(value(get_output(top, {left: X, right: 2 * X}), fast), 3 * X)


def test_a_dict_may_name_a_layer_and_one_below_it(fast):
    bottom, left, _, top = diamond()
    expected = X + (7 * X + 10)
    np.testing.assert_array_equal(value(get_output(top, {left: X, bottom: 7 * X}), fast), expected)


def test_several_layers_give_several_outputs(fast):
    bottom, left, _, top = diamond()
    a, b, c = get_output([bottom, left, top], X)
    np.testing.assert_array_equal(value(a, fast), X)
    np.testing.assert_array_equal(value(b, fast), X + 1)
    np.testing.assert_array_equal(value(c, fast), 2 * X + 11)


def test_options_reach_every_layer(fast):
    left = diamond()[1]
    np.testing.assert_array_equal(value(get_output(left, X, scale=3), fast), 3 * X + 3)


def test_the_expression_of_a_free_floating_layer_is_missing():
    layer = DenseLayer(Add((None, 3), 1), 2)
    with pytest.raises(ValueError, match=r"Add.*shape instead of a layer"):
        get_output(layer)
    with pytest.raises(ValueError, match=r"shape instead of a layer"):
        get_output(ConcatLayer([InputLayer((None, 3)), (None, 3)]))


def test_a_free_floating_layer_can_be_fed_by_a_dict(fast):
    free = Add((None, 3), 1)
    np.testing.assert_array_equal(value(get_output(Add(free, 2), {free: X}), fast), X + 2)


def test_the_keys_of_a_dict_must_be_layers():
    bottom, *_, top = diamond()
    with pytest.raises(TypeError, match=r"keys of a dict of inputs must be layers"):
        get_output(top, {bottom.input_var: X})


def test_an_unknown_option_is_warned_of_with_the_nearest_known():
    top = diamond()[-1]
    with pytest.warns(UserWarning, match=r"deterministics \(perhaps you meant deterministic\)"):
        get_output(top, deterministics=True)
    with pytest.warns(UserWarning, match=r"zzz$"):
        get_output(top, zzz=True)


def test_known_options_are_not_warned_of():
    layer = Hidden(DropoutLayer(InputLayer((None, 3))), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        get_output(layer, deterministic=True, scale=2, secret=1)


def test_a_layer_whose_method_cannot_be_inspected_is_no_obstacle():
    layer = Hidden(InputLayer((None, 3)), 1)
    layer.get_output_for = Mock(return_value=pt.constant(X), __signature__="none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_output(layer, secret=1).ndim == 2


def test_the_key_None_stands_for_what_was_built_on_a_shape(fast):
    free, merged = Add((None, 3), 1), ElemwiseSumLayer([Add((None, 3), 1), (None, 3)])
    np.testing.assert_array_equal(value(get_output(free, {None: X}), fast), X + 1)
    np.testing.assert_array_equal(value(get_output(merged, {None: X}), fast), 2 * X + 1)
    assert get_output_shape(free, {None: (5, 3)}) == (5, 3)
    assert get_output_shape(merged, {None: (5, 3)}) == (5, 3)


def test_mocks_may_stand_for_layers():
    bottom = Mock(InputLayer((None, 3)), output_shape=(None, 3), get_output_kwargs=[])
    common = {"output_shape": (None, 3), "get_output_kwargs": ["secret"]}
    left, right = (Mock(Layer(bottom), input_layer=bottom, **common) for _ in range(2))
    top = Mock(ElemwiseSumLayer([left, right]), input_layers=[left, right], **common)
    assert get_output(top, X, secret=1) is top.get_output_for.return_value
    top.get_output_for.assert_called_once_with(
        [left.get_output_for.return_value, right.get_output_for.return_value], secret=1
    )
    assert get_output_shape(top, (5, 3)) is top.get_output_shape_for.return_value
    left.get_output_shape_for.assert_called_once_with((5, 3))
    top.get_output_shape_for.assert_called_once_with(
        [left.get_output_shape_for.return_value, right.get_output_shape_for.return_value]
    )


def test_output_shapes_follow_the_input_shapes():
    bottom, left, right, top = diamond()
    assert get_output_shape(top) == (None, 3)
    assert get_output_shape([bottom, top]) == [(None, 3), (None, 3)]
    assert get_output_shape(top, (5, 3)) == (5, 3)
    assert get_output_shape([left, top], {bottom: (4, 3)}) == [(4, 3), (4, 3)]
    assert get_output_shape(top, {left: (7, 3), right: (7, 3)}) == (7, 3)


def test_output_shapes_of_layers_on_shapes():
    assert get_output_shape(DenseLayer((None, 3), 2), (5, 3)) == (None, 2)


def dense():
    first = DenseLayer(InputLayer((None, 3)), 4, name="a")
    return first, DenseLayer(first, 2, name="b")


def test_parameters_come_once_and_in_order():
    first, second = dense()
    assert get_all_params(second) == [first.W, first.b, second.W, second.b]
    assert get_all_params([second, first]) == [first.W, first.b, second.W, second.b]
    assert get_all_params(second, regularizable=True) == [first.W, second.W]
    tied = DenseLayer(second, 3, W=first.W[:2, :3], b=None)
    assert get_all_params(tied) == [first.W, first.b, second.W, second.b]


def test_numbers_in_parameters_are_counted():
    assert count_params(dense()[1]) == 3 * 4 + 4 + 4 * 2 + 2
    assert count_params(dense()[1], regularizable=True) == 3 * 4 + 4 * 2


def test_values_make_the_round_trip():
    source, target = dense()[1], dense()[1]
    values = get_all_param_values(source)
    set_all_param_values(target, values)
    for mine, its in zip(values, get_all_param_values(target), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert values[0] is not source.input_layer.W.get_value(borrow=True)


def test_values_of_another_type_are_converted():
    network = dense()[1]
    set_all_param_values(network, [v.astype("float64") for v in get_all_param_values(network)])
    assert {p.get_value().dtype.name for p in get_all_params(network)} == {"float32"}


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match=r"got 3 values, but there are 4 parameters: a\.W, a\.b"):
        set_all_param_values(dense()[1], get_all_param_values(dense()[1])[:3])


def test_a_wrong_shape_is_refused_before_anything_is_changed():
    network = dense()[1]
    before = get_all_param_values(network)
    values = [v + 1 for v in before]
    values[3] = np.zeros(5)
    with pytest.raises(ValueError, match=r"b\.b, has the shape \(5,\).*has the shape \(2,\)"):
        set_all_param_values(network, values)
    for old, new in zip(before, get_all_param_values(network), strict=True):
        np.testing.assert_array_equal(old, new)
