from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import layers, registry
from nncore.backends import get_mode
from nncore.layers import (
    Conv1DLayer,
    Conv2DLayer,
    Conv3DLayer,
    DenseLayer,
    DropoutLayer,
    InputLayer,
    InverseLayer,
    MaxPool2DLayer,
    Pool2DLayer,
    get_all_params,
    get_output,
)

rng = np.random.default_rng(0)


def run(layer, mode, *values, **options):
    sources = [one for one in layers.get_all_layers(layer) if isinstance(one, InputLayer)]
    variables = [source.input_var for source in sources]
    function = pytensor.function(
        variables, get_output(layer, **options), mode=mode, on_unused_input="ignore"
    )
    return function(*values)


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def pair(make, shape, given):
    """The inverse of one layer, fed from elsewhere."""
    layer = make(InputLayer(shape, name="in"))
    return layer, InverseLayer(InputLayer(given or layer.output_shape, name="code"), layer)


def test_the_inverse_of_a_dense_layer_is_the_product_with_its_transposed_weights(fast):
    layer, inverse = pair(lambda x: DenseLayer(x, 3, nonlinearity=pt.tanh), (None, 5), None)
    assert inverse.output_shape == (None, 5)
    x, code = normal(2, 5), normal(2, 3)
    hidden = np.tanh(x @ layer.W.get_value() + layer.b.get_value())
    expected = (code * (1 - hidden**2)) @ layer.W.get_value().T
    result = run(inverse, fast, code, x)
    assert result.dtype == "float32"
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_the_inverse_of_max_pooling_puts_elements_at_the_places_of_the_maxima(fast):
    _, inverse = pair(lambda x: MaxPool2DLayer(x, 2), (None, 1, 4, 4), None)
    x = rng.permutation(16).astype("float32").reshape(1, 1, 4, 4)
    code = normal(1, 1, 2, 2)
    expected = np.zeros_like(x)
    for i, j in np.ndindex(2, 2):
        window = x[0, 0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        at = np.unravel_index(window.argmax(), (2, 2))
        expected[0, 0, 2 * i + at[0], 2 * j + at[1]] = code[0, 0, i, j]
    np.testing.assert_array_equal(run(inverse, fast, code, x), expected)


def test_the_inverse_of_mean_pooling_spreads_elements(fast):
    _, inverse = pair(lambda x: Pool2DLayer(x, (1, 3), mode="average_inc_pad"), (2, 1, 2, 6), None)
    code = normal(2, 1, 2, 2)
    found = run(inverse, fast, code, normal(2, 1, 2, 6))
    np.testing.assert_allclose(found, np.repeat(code / 3, 3, axis=3), rtol=1e-6)


LAYERS = {
    "conv1": (lambda x: Conv1DLayer(x, 4, 3, stride=2, pad="same"), (2, 3, 9)),
    "conv2": (lambda x: Conv2DLayer(x, 4, (3, 2), stride=2, pad=1), (2, 3, 6, 5)),
    "conv3": (lambda x: Conv3DLayer(x, 2, 2, flip_filters=False), (1, 2, 3, 3, 3)),
    "groups": (lambda x: Conv2DLayer(x, 4, 2, num_groups=2, dilation=2), (2, 2, 5, 5)),
    "transposed": (lambda x: layers.TransposedConv2DLayer(x, 2, 3, stride=2), (2, 3, 3, 3)),
    "restored": (
        lambda x: layers.TransposedConv2DLayer(x, 2, 3, stride=2, output_size=8), (2, 3, 3, 3)
    ),
    "dilated": (lambda x: layers.DilatedConv2DLayer(x, 2, 2, dilation=2), (2, 3, 5, 5)),
    "local": (lambda x: layers.LocallyConnected2DLayer(x, 2, 3), (2, 3, 4, 4)),
    "pool1": (lambda x: layers.MaxPool1DLayer(x, 3, stride=2), (2, 3, 9)),
    "pool3": (lambda x: layers.Pool3DLayer(x, 2, mode="average_exc_pad"), (1, 2, 4, 4, 4)),
    "sum": (lambda x: Pool2DLayer(x, 3, stride=2, pad=1, mode="sum"), (2, 3, 5, 5)),
    "pyramid": (lambda x: layers.SpatialPyramidPoolingLayer(x, [2, 1]), (2, 3, 5, 6)),
    "global": (lambda x: layers.GlobalPoolLayer(x), (2, 3, 4, 4)),
    "maxout": (lambda x: layers.FeaturePoolLayer(x, 2), (2, 6)),
    "nin": (lambda x: layers.NINLayer(x, 4), (2, 3, 3, 3)),
    "upscale": (lambda x: layers.Upscale2DLayer(x, (2, 3)), (2, 3, 2, 2)),
    "flatten": (lambda x: layers.FlattenLayer(x), (2, 3, 4)),
    "reshape": (lambda x: layers.ReshapeLayer(x, ([0], -1)), (2, 3, 4)),
    "dimshuffle": (lambda x: layers.DimshuffleLayer(x, (0, 2, 1)), (2, 3, 4)),
    "pad": (lambda x: layers.PadLayer(x, 1), (2, 3, 4)),
    "slice": (lambda x: layers.SliceLayer(x, slice(1, 3)), (2, 3, 4)),
    "nonlinearity": (lambda x: layers.NonlinearityLayer(x, pt.tanh), (2, 3)),
    "scale": (lambda x: layers.ScaleLayer(x, scales=layers.conv.init.Normal(1.0)), (2, 3)),
    "standardization": (lambda x: layers.StandardizationLayer(x), (2, 9)),
    "normalization": (lambda x: layers.LocalResponseNormalization2DLayer(x), (2, 3, 2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LAYERS))
@pytest.mark.parametrize("unknown", [False, True])
def test_the_inverse_is_the_transposed_of_the_derivative(name, unknown, fast):
    """<y, J d> = <J' y, d>, with J d by finite differences in double precision."""
    make, shape = LAYERS[name]
    with pytensor.config.change_flags(floatX="float64"):
        layer, inverse = pair(make, (None, *shape[1:]) if unknown else shape, None)
        x, direction = rng.normal(size=shape), rng.normal(size=shape)
        forward = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)
        slope = (forward(x + 1e-6 * direction) - forward(x - 1e-6 * direction)) / 2e-6
        code = rng.normal(size=slope.shape)
        result = run(inverse, fast, code, x)
    assert result.shape == shape
    assert inverse.output_shape == layer.input_shape
    np.testing.assert_allclose((code * slope).sum(), (result * direction).sum(), rtol=1e-5)


def _implementations(kind):
    return [name for name in registry.names(kind) if "python" in registry.get(kind, name).backends]


@pytest.mark.parametrize("implementation", _implementations("conv"))
def test_every_implementation_of_a_convolution_can_be_inverted(implementation, fast):
    def make(implementation):
        return lambda x: Conv2DLayer(
            x, 4, 3, stride=2, pad=1, W=weights, implementation=implementation, nonlinearity=None
        )

    weights, x, code = normal(4, 3, 3, 3), normal(2, 3, 7, 6), normal(2, 4, 4, 3)
    results = [
        run(pair(make(one), (None, 3, None, None), (None, 4, None, None))[1], fast, code, x)
        for one in ("reference", implementation)
    ]
    assert results[1].shape == (2, 3, 7, 6)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("implementation", _implementations("pool"))
@pytest.mark.parametrize("mode", ["max", "average_inc_pad", "average_exc_pad", "sum"])
def test_every_implementation_of_pooling_can_be_inverted(implementation, mode, fast):
    def make(implementation):
        return lambda x: Pool2DLayer(
            x, 3, stride=2, pad=1, mode=mode, ignore_border=False, implementation=implementation
        )

    x, code = normal(2, 3, 6, 5), normal(2, 3, 4, 3)
    results = [
        run(pair(make(one), (None, 3, None, None), (None, 3, None, None))[1], fast, code, x)
        for one in ("reference", implementation)
    ]
    assert results[1].shape == (2, 3, 6, 5)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-5)


def test_options_of_get_output_reach_the_inverted_layer(fast):
    layer, inverse = pair(lambda x: DropoutLayer(x, p=0.5), (2, 50), None)
    code, x = normal(2, 50), normal(2, 50)
    np.testing.assert_array_equal(run(inverse, fast, code, x, deterministic=True), code)
    found = run(inverse, fast, code, x)
    assert 0.2 < np.mean(found == 0) < 0.8
    kept = found != 0
    np.testing.assert_allclose(found[kept], 2 * code[kept], rtol=1e-6)
    assert inverse.input_layers[1:] == [layer, layer.input_layer]


def test_an_autoencoder_of_inverses_shares_its_weights_and_can_be_trained(fast):
    with pytensor.config.change_flags(floatX="float64"):
        source = InputLayer((None, 1, 6, 6))
        conv = Conv2DLayer(source, 2, 3, nonlinearity=pt.tanh)
        pooled = MaxPool2DLayer(conv, 2)
        code = DenseLayer(pooled, 4, nonlinearity=pt.tanh)
        out = code
        for layer in (code, pooled, conv):
            out = InverseLayer(out, layer)
        loss = ((get_output(out) - source.input_var) ** 2).mean()
        params = [conv.W, code.W]
        outputs = [loss, *pytensor.grad(loss, params)]
        function = pytensor.function([source.input_var], outputs, mode=fast)
        x, values = rng.normal(size=(3, 1, 6, 6)), [param.get_value() for param in params]
        along = [rng.normal(size=value.shape) for value in values]
        gradients = function(x)[1:]
        ends = []
        for step in (1e-6, -1e-6):
            for param, value, direction in zip(params, values, along, strict=True):
                param.set_value(value + step * direction)
            ends.append(function(x)[0])
    assert out.output_shape == source.shape
    assert get_all_params(out, trainable=True) == [conv.W, conv.b, code.W, code.b]
    slope = sum((g * direction).sum() for g, direction in zip(gradients, along, strict=True))
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        InputLayer((2, 3)),
        DenseLayer((2, 3), 2),
        layers.ConcatLayer([InputLayer((2, 3)), InputLayer((2, 3))]),
        None,
    ],
)
def test_only_a_layer_with_one_incoming_layer_can_be_inverted(layer):
    with pytest.raises(TypeError, match=r"InverseLayer 'back'.*exactly one incoming layer"):
        InverseLayer(InputLayer((2, 2)), layer, name="back")


def test_the_incoming_shape_must_be_that_of_the_layers_output():
    layer = DenseLayer(InputLayer((None, 5)), 3)
    with pytest.raises(ValueError, match=r"\(None, 4\) must be the output shape \(None, 3\)"):
        InverseLayer(InputLayer((None, 4)), layer)
    with pytest.raises(ValueError, match="output shape"):
        InverseLayer(InputLayer((None, 3, 1)), layer)
    assert layers.special.InverseLayer is InverseLayer


@pytest.mark.jax
@pytest.mark.parametrize("name", ["conv2", "groups", "transposed", "sum", "pyramid", "maxout"])
def test_inverses_under_jax_are_those_of_the_reference(name, fast):
    pytest.importorskip("jax")
    make, shape = LAYERS[name]
    layer, inverse = pair(make, (None, *shape[1:]), None)
    x, code = normal(*shape), normal(shape[0], *layer.output_shape[1:])
    expected, found = (run(inverse, mode, code, x) for mode in (fast, get_mode("jax")))
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
