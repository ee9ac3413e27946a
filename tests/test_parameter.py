from __future__ import annotations

import copy
import pickle

import numpy as np
import pytensor
import pytest

from nncore.layers import DenseLayer, InputLayer, set_all_param_values
from nncore.parameter import Parameter, new_parameter
from nncore.serialization import load_model, save_model


@pytest.mark.parametrize("shape", [(4, 3), (12,), (3, 4, 1), ()])
@pytest.mark.parametrize("borrow", [False, True])
def test_a_value_of_another_shape_is_an_error_that_names_both_and_the_parameter(shape, borrow):
    layer = DenseLayer(InputLayer((None, 3)), 4, name="out")
    before = layer.W.get_value()
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        layer.W.set_value(np.zeros(shape, dtype="float32"), borrow=borrow)
    for part in ("out.W", "(3, 4)", str(shape)):
        assert part in str(caught.value)
    np.testing.assert_array_equal(layer.W.get_value(), before)


def test_setting_all_values_names_the_parameter_and_both_shapes():
    layer = DenseLayer(InputLayer((None, 3)), 4, name="out")
    before = layer.W.get_value()
    with pytest.raises(ValueError, match=r"out\.b, has the shape \(5,\).*has the shape \(4,\)"):
        set_all_param_values(layer, [np.ones((3, 4)), np.ones(5)])
    np.testing.assert_array_equal(layer.W.get_value(), before)


def test_values_of_its_shape_are_taken_from_arrays_and_lists():
    W = new_parameter(np.zeros((2, 2), dtype="float32"), "W")
    W.set_value(np.ones((2, 2), dtype="float32"))
    assert W.get_value().tolist() == [[1, 1], [1, 1]]
    W.set_value([[1, 2], [3, 4]])
    assert W.get_value().tolist() == [[1, 2], [3, 4]]
    assert W.get_value().dtype == "float32"


def test_the_first_value_is_copied():
    value = np.zeros(2, dtype="float32")
    W = new_parameter(value)
    value[0] = 1
    assert W.get_value().tolist() == [0, 0]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_it_stays_one_when_copied_and_pickled(again):
    W = new_parameter(np.arange(3, dtype="float32"), "W")
    other = again(W)
    assert type(other) is Parameter
    assert (other.name, other.type) == ("W", W.type)
    other.set_value(np.ones(3, dtype="float32"))
    assert W.get_value().tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"W has the shape \(3,\)"):
        other.set_value(np.ones(4, dtype="float32"))


def test_layers_share_it_and_functions_update_it(fast):
    first = DenseLayer(InputLayer((None, 3)), 4, name="first")
    second = DenseLayer(InputLayer((None, 3)), 4, W=first.W)
    assert second.W is first.W
    assert isinstance(first.W, Parameter)
    step = pytensor.function([], [], updates=[(first.W, first.W * 0)], mode=fast)
    step()
    assert not second.W.get_value().any()


def test_a_clone_shares_its_value():
    W = new_parameter(np.zeros(2, dtype="float32"), "W")
    W.clone().set_value(np.ones(2, dtype="float32"))
    assert W.get_value().tolist() == [1, 1]


def test_a_loaded_models_parameters_keep_their_shapes(tmp_path):
    save_model(DenseLayer(InputLayer((None, 3)), 4, name="out"), tmp_path / "model")
    loaded = load_model(tmp_path / "model").layer
    with pytest.raises(ValueError, match=r"out\.W has the shape \(3, 4\).*\(4, 3\)"):
        loaded.W.set_value(np.zeros((4, 3), dtype="float32"))
