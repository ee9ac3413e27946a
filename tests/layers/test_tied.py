from __future__ import annotations

import numpy as np
import pytensor
import pytest

from nncore import nonlinearities
from nncore.layers import (
    Conv2DLayer,
    DenseLayer,
    InputLayer,
    TiedLayer,
    get_all_params,
    get_output,
)

rng = np.random.default_rng(0)


def test_a_tied_layer_multiplies_by_the_transpose_of_its_partners_weights(fast):
    source = InputLayer((None, 5))
    code = DenseLayer(source, 3, nonlinearity=nonlinearities.tanh)
    layer = TiedLayer(code, code)
    layer.b.set_value(rng.normal(size=5).astype("float32"))
    x = rng.normal(size=(4, 5)).astype("float32")
    W, b = code.W.get_value(), layer.b.get_value()
    expected = 1 / (1 + np.exp(-(np.tanh(x @ W) @ W.T + b)))
    got = pytensor.function([source.input_var], get_output(layer), mode=fast)(x)
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert get_all_params(layer) == [code.W, code.b, layer.b]


def test_the_shared_weights_have_the_gradient_of_both_uses(fast):
    source = InputLayer((None, 3))
    code = DenseLayer(source, 2, nonlinearity=None)
    layer = TiedLayer(code, code, nonlinearity=None)
    gradient = pytensor.grad((get_output(layer) ** 2).sum(), code.W)
    x = rng.normal(size=(4, 3)).astype("float32")
    got = pytensor.function([source.input_var], gradient, mode=fast)(x)
    W = code.W.get_value()
    y = x @ W @ W.T
    np.testing.assert_allclose(got, 2 * (x.T @ y @ W + y.T @ x @ W), rtol=1e-4)


def test_a_tied_layer_of_a_tied_layer_and_of_sequences(fast):
    source = InputLayer((None, None, 3))
    code = DenseLayer(source, 2, num_leading_axes=2, nonlinearity=None)
    back = TiedLayer(code, code, nonlinearity=None)
    again = TiedLayer(back, back, b=None, nonlinearity=None)
    assert back.output_shape == (None, None, 3)
    assert again.output_shape == (None, None, 2)
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    W = code.W.get_value()
    got = pytensor.function([source.input_var], get_output(again), mode=fast)(x)
    np.testing.assert_allclose(got, x @ W @ W.T @ W, rtol=1e-4, atol=1e-6)


def test_partners_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match=r"TiedLayer 'out': partner.*InverseLayer"):
        TiedLayer((None, 4), Conv2DLayer((None, 1, 5, 5), 4, 3), name="out")
    with pytest.raises(ValueError, match=r"TiedLayer.*\(None, 4\) must end in the 3 units"):
        TiedLayer((None, 4), DenseLayer((None, 7), 3))
