from __future__ import annotations

import pytensor.tensor as pt
import pytest

from nncore.layers import InputLayer


def test_the_variable_has_the_static_shape_and_floatX():
    layer = InputLayer((None, 1, 3), name="pixels")
    assert layer.output_shape == (None, 1, 3)
    assert layer.input_var.type.shape == (None, 1, 3)
    assert layer.input_var.dtype == "float32"
    assert layer.input_var.name == "pixels.input"
    assert InputLayer((2,)).input_var.name == "input"
    assert layer.get_params() == []


def test_a_given_variable_is_used():
    x = pt.imatrix()
    assert InputLayer([None, 3], input_var=x).input_var is x


def test_a_variable_with_another_number_of_axes_is_refused():
    with pytest.raises(ValueError, match=r"InputLayer 'x'.*2 axes, but input_var has 3"):
        InputLayer((None, 3), input_var=pt.tensor3(), name="x")


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="size; it takes shape"):
        InputLayer((None, 3), size=3)
