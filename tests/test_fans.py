from __future__ import annotations

import numpy as np
import pytest

from nncore import init
from nncore.layers import (
    Conv1DLayer,
    Conv2DLayer,
    DenseLayer,
    InputLayer,
    Layer,
    LocallyConnected2DLayer,
    NINLayer,
    TransposedConv2DLayer,
)
from nncore.utils import create_param


class Told(init.Initializer):
    """Fills with 0 and remembers what it was told."""

    def sample(self, shape, fans=None):
        self.fans = fans
        return np.zeros(shape, dtype="float32")


def fans_of(cls, shape, *args, **kwargs):
    told = Told()
    made = cls(InputLayer(shape), *args, W=told, **kwargs)
    return told.fans, made.W.type.shape


@pytest.mark.parametrize(
    ("cls", "shape", "args", "kwargs", "fans"),
    [
        (Conv2DLayer, (None, 6, 9, 9), (8, (3, 5)), {}, (6 * 15, 8 * 15)),
        (Conv2DLayer, (None, 6, 9, 9), (8, 3), {"num_groups": 2}, (3 * 9, 4 * 9)),
        (Conv2DLayer, (None, 6, 9, 9), (6, 3), {"num_groups": 6, "stride": 2}, (9, 9)),
        (Conv1DLayer, (None, 6, 9), (8, 3), {"dilation": 2}, (18, 24)),
        (TransposedConv2DLayer, (None, 6, 9, 9), (8, 3), {}, (54, 72)),
        (LocallyConnected2DLayer, (None, 6, 9, 9), (8, 3), {}, (54, 72)),
        (LocallyConnected2DLayer, (None, 6, 9, 9), (6, 3), {"channelwise": True}, (9, 9)),
    ],
)
def test_a_layer_says_how_many_inputs_a_unit_has_and_units_an_input(cls, shape, args, kwargs, fans):
    assert fans_of(cls, shape, *args, **kwargs)[0] == fans


def connections(layer, shape):
    """Count, in the middle of the maps, the inputs of a unit and the units of an input."""
    import pytensor
    import pytensor.tensor as pt

    from nncore.backends import get_mode
    from nncore.layers import get_output

    x = pt.tensor4("x")
    y = get_output(layer, x)
    weights = pt.tensor4("weights")
    grad = pt.grad((y * weights).sum(), x)
    forward = pytensor.function([x], y, mode=get_mode("python"))
    back = pytensor.function([x, weights], grad, mode=get_mode("python"), on_unused_input="ignore")
    zeros = np.zeros(shape, "float32")
    one = zeros.copy()
    one[0, 0, shape[2] // 2, shape[3] // 2] = 1
    out = np.zeros_like(forward(zeros))
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2] = 1
    return int((back(zeros, out) != 0).sum()), int((forward(one) != 0).sum())


@pytest.mark.parametrize(
    ("cls", "kwargs"),
    [
        (Conv2DLayer, {}),
        (Conv2DLayer, {"num_groups": 2}),
        (TransposedConv2DLayer, {}),
        (LocallyConnected2DLayer, {}),
    ],
)
def test_the_fans_are_the_numbers_of_connections(cls, kwargs):
    shape = (1, 4, 9, 9)
    fans, _ = fans_of(cls, shape, 6, 3, **kwargs)
    layer = cls(InputLayer(shape), 6, 3, W=init.Constant(1.0), nonlinearity=None, b=None, **kwargs)
    assert connections(layer, shape) == fans


@pytest.mark.parametrize(
    ("make", "std"),
    [
        (init.GlorotUniform, lambda i, o: np.sqrt(2 / (i + o))),
        (init.GlorotNormal, lambda i, o: np.sqrt(2 / (i + o))),
        (init.HeNormal, lambda i, o: np.sqrt(1 / i)),
        (init.HeUniform, lambda i, o: np.sqrt(1 / i)),
    ],
)
def test_the_values_are_scaled_by_them(make, std):
    cases = [
        (TransposedConv2DLayer, (None, 20, 9, 9), (90, 3), {}, (180, 810)),
        (Conv2DLayer, (None, 40, 9, 9), (80, 5), {"num_groups": 4}, (250, 500)),
        (LocallyConnected2DLayer, (None, 4, 9, 9), (30, 3), {}, (36, 270)),
    ]
    for cls, shape, args, kwargs, fans in cases:
        W = cls(InputLayer(shape), *args, W=make(), **kwargs).W.get_value()
        assert W.std() == pytest.approx(std(*fans), rel=0.03)


@pytest.mark.parametrize("make", [init.GlorotUniform, init.HeNormal])
def test_dense_and_plain_convolutional_layers_start_as_by_the_shape(make):
    import nncore.random

    for cls, shape, args in (
        (DenseLayer, (None, 30), (20,)),
        (NINLayer, (None, 30, 4, 4), (20,)),
        (Conv2DLayer, (None, 3, 9, 9), (16, 3)),
    ):
        try:
            nncore.random.set_rng(np.random.RandomState(1))
            W = cls(InputLayer(shape), *args, W=make()).W.get_value()
            nncore.random.set_rng(np.random.RandomState(1))
            expected = make().sample(W.shape)
        finally:
            nncore.random.set_rng(np.random)
        np.testing.assert_array_equal(W, expected)


def test_fans_make_a_shape_of_any_length_possible():
    assert init.GlorotNormal()((1000,), fans=(8, 8)).std() == pytest.approx(np.sqrt(1 / 8), rel=0.1)
    with pytest.raises(RuntimeError, match="length >= 2"):
        init.GlorotNormal()((1000,))


def test_an_initializer_of_old_that_only_takes_the_shape_is_not_told():
    class Old(init.Initializer):
        def sample(self, shape):
            return np.ones(shape, dtype="float32")

    for spec in (Old(), Old().sample, lambda shape: np.ones(shape, dtype="float32")):
        assert (create_param(spec, (2, 3), fans=(5, 7)).get_value() == 1).all()
        layer = Conv2DLayer(InputLayer((None, 4, 9, 9)), 6, 3, num_groups=2, W=spec)
        assert (layer.W.get_value() == 1).all()


def test_a_layer_of_ones_own_passes_fans():
    class Own(Layer):
        def __init__(self, incoming, W, **kwargs):
            super().__init__(incoming, **kwargs)
            self.W = self.add_param(W, (5, 4, 3), "W", fans=(12, 15), regularizable=False)

    told = Told()
    layer = Own(InputLayer((None, 3)), told)
    assert told.fans == (12, 15)
    assert layer.params[layer.W] == {"trainable"}
