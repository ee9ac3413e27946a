from __future__ import annotations

import copy
import pickle
from unittest.mock import Mock

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import init, nonlinearities
from nncore.layers import (
    BatchNormLayer,
    Conv2DLayer,
    DenseLayer,
    InputLayer,
    Layer,
    MaxPool2DLayer,
    MergeLayer,
    batch_norm,
    get_output,
)


def shared(shape, name=None):
    return pytensor.shared(np.zeros(shape, "float32"), name=name, shape=shape)


def test_a_layer_takes_its_input_shape_from_the_layer_below():
    below = Mock(output_shape=(None, 5))
    layer = Layer(below, name="top")
    assert layer.input_shape == (None, 5)
    assert layer.input_layer is below
    assert layer.output_shape == (None, 5)
    assert layer.name == "top"


def test_a_shape_can_stand_in_for_the_layer_below():
    layer = Layer((None, 5))
    assert layer.input_layer is None
    assert layer.output_shape == (None, 5)


@pytest.mark.parametrize("shape", [(None, 0), (-1, 3)])
def test_a_size_that_is_not_positive_is_refused(shape):
    with pytest.raises(ValueError, match=r"Layer 'here'.*must be a positive integer"):
        Layer(shape, name="here")
    with pytest.raises(ValueError, match="MergeLayer"):
        MergeLayer([(2, 3), shape])
    with pytest.raises(ValueError, match="InputLayer"):
        InputLayer(shape)


def test_a_symbolic_output_shape_is_refused():
    class Symbolic(Layer):
        def get_output_shape_for(self, input_shape):
            return (pt.iscalar(), 3)

    with pytest.raises(ValueError, match=r"Symbolic 'sym' returned a symbolic output shape"):
        _ = Symbolic((None, 3), name="sym").output_shape


def test_a_fractional_output_shape_is_refused():
    class Half(Layer):
        def get_output_shape_for(self, input_shape):
            return (None, input_shape[1] / 2)

    with pytest.raises(ValueError, match=r"Half .*1\.5 is neither an integer nor None"):
        _ = Half((None, 3)).output_shape


def test_base_classes_leave_the_expression_to_subclasses():
    with pytest.raises(NotImplementedError, match="Layer does not define get_output_for"):
        Layer((1,)).get_output_for(Mock())
    merge = MergeLayer([(1,)])
    with pytest.raises(NotImplementedError, match="get_output_for"):
        merge.get_output_for([Mock()])
    with pytest.raises(NotImplementedError, match="get_output_shape_for"):
        _ = merge.output_shape


def test_a_merge_layer_knows_all_its_inputs():
    one = Mock(output_shape=(None,))
    layer = MergeLayer([one, (2, 3)])
    assert layer.input_layers == [one, None]
    assert layer.input_shapes == [(None,), (2, 3)]


def test_a_merge_layer_can_stand_on_mocks_without_shapes():
    below = [Mock(), Mock()]
    layer = MergeLayer(below)
    assert layer.input_layers == below
    assert layer.input_shapes == [one.output_shape for one in below]


def test_a_parameters_name_begins_with_the_layers():
    layer = Layer((2,), name="layer")
    assert layer.add_param(np.zeros(3), (3,), name="P").name == "layer.P"
    assert Layer((2,)).add_param(np.zeros(3), (3,), name="P").name == "P"


def test_tags_select_parameters():
    layer = Layer((2,))
    a, b, c = (shared((2,), name) for name in "abc")
    layer.add_param(a, (2,))
    layer.add_param(b, (2,), regularizable=False)
    layer.add_param(c, (2,), trainable=False, special=True)
    assert layer.params == {
        a: {"trainable", "regularizable"},
        b: {"trainable"},
        c: {"regularizable", "special"},
    }
    assert layer.get_params() == [a, b, c]
    assert layer.get_params(trainable=True) == [a, b]
    assert layer.get_params(trainable=True, regularizable=False) == [b]
    assert layer.get_params(special=False) == [a, b]
    assert layer.get_params(nothing=True) == []


def test_expressions_as_parameters_are_unwrapped_into_their_shared_variables():
    layer = Layer((2,))
    a, b = shared((2,), "a"), shared((2,), "b")
    total = a + b
    layer.add_param(total, (2,))
    assert layer.get_params() == [a, b]
    assert layer.get_params(unwrap_shared=False) == [total]


def test_get_config_binds_all_arguments_and_leaves_out_the_incoming_layer():
    layer = DenseLayer((None, 3), 4, nonlinearity=None, name="d")
    assert layer.get_config() == {
        "num_units": 4,
        "W": "param",
        "b": "param",
        "nonlinearity": nonlinearities.identity,
        "num_leading_axes": 1,
        "name": "d",
    }


def test_get_config_of_an_input_layer_has_no_variable():
    assert InputLayer((None, 3), pt.fmatrix()).get_config() == {"shape": (None, 3), "name": None}


def test_get_config_reports_what_batch_norm_changed():
    layer = Conv2DLayer((None, 1, 8, 8), 2, 3, nonlinearity=nonlinearities.tanh)
    assert layer.get_config()["b"] == "param"
    batch_norm(layer)
    config = layer.get_config()
    assert config["b"] is None
    assert config["nonlinearity"] is nonlinearities.identity
    assert config["W"] == "param"


def test_get_config_keeps_expressions():
    W = shared((4, 3)).T
    assert DenseLayer((None, 3), 4, W=W).get_config()["W"] is W


def test_get_config_has_what_was_passed_on_to_a_base_class_but_not_what_the_class_fixes():
    class Ten(DenseLayer):
        def __init__(self, incoming, **kwargs):
            super().__init__(incoming, 10, **kwargs)

    layer = Ten((None, 3), b=None)
    assert layer.get_config() == {"b": None, "name": None}
    assert "mode" not in MaxPool2DLayer((None, 1, 4, 4), 2).get_config()


def test_a_layer_can_be_built_again_from_its_configuration():
    first = BatchNormLayer((None, 3, 4), epsilon=0.5, gamma=None)
    config = {k: v for k, v in first.get_config().items() if v != "param"}
    second = BatchNormLayer((None, 3, 4), **config)
    assert second.get_config() == first.get_config()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_network_can_be_copied_with_its_values_and_configuration(duplicate):
    network = DenseLayer(
        DenseLayer(InputLayer((None, 3)), 4, W=lambda shape: np.full(shape, 0.5)),
        2,
        b=init.Constant(3.0),
        name="top",
    )
    twin = duplicate(network)
    assert twin.get_config() == network.get_config()
    assert twin.input_layer.get_config() == network.input_layer.get_config()
    for mine, its in zip(network.get_params(), twin.get_params(), strict=True):
        assert mine is not its
        np.testing.assert_array_equal(mine.get_value(), its.get_value())
    assert twin.W in twin.params
    assert get_output(twin).type.shape == (None, 2)


def test_a_pickled_layer_keeps_the_arguments_of_base_classes():
    class_ = _Passing
    layer = pickle.loads(pickle.dumps(class_((None, 3), W=np.ones((3, 10)))))
    assert layer.get_config() == {"W": "param", "name": None}


class _Passing(DenseLayer):
    def __init__(self, incoming, **kwargs):
        super().__init__(incoming, 10, **kwargs)
