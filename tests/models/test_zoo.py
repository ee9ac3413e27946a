from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import layers
from nncore.errors import DataError, UnknownNameError
from nncore.models import NAMES, build, options


def _names(network):
    return [layer.name for layer in layers.get_all_layers(network)]


def _predict(network, x, mode):
    variable = layers.get_all_layers(network)[0].input_var
    output = layers.get_output(network, deterministic=True)
    return pytensor.function([variable], output, mode=mode)(x)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 21, 20)])
def test_every_model_gives_probabilities(name, shape, fast):
    small = {"mlp": {"hidden": (5,)}, "lenet": {"num_filters": (2, 3), "num_units": 5}}
    small["cnn"] = small["lenet"]
    network = build(name, shape, 4, **small[name])
    x = np.random.RandomState(0).uniform(size=(2, *shape)).astype("float32")
    p = _predict(network, x, fast)
    assert p.shape == (2, 4)
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert not np.allclose(p[0], p[1])


def test_the_multi_layer_perceptron_has_its_published_size():
    network = build("mlp", (1, 28, 28), 10)
    weights = 784 * 800 + 800 * 800 + 800 * 10
    assert layers.count_params(network) == weights + 800 + 800 + 10
    assert _names(network) == [
        "input", "dropout0", "dense1", "dropout1", "dense2", "dropout2", "output",
    ]  # fmt: skip


def test_the_small_convolutional_network_has_its_known_size():
    network = build("lenet", (1, 28, 28), 10)
    conv = 32 * 25 + 32 + 32 * 32 * 25 + 32
    assert layers.count_params(network) == conv + 512 * 256 + 256 + 256 * 10 + 10


def test_small_images_get_small_padded_filters():
    network = build("lenet", (1, 8, 8), 10)
    by_name = {layer.name: layer for layer in layers.get_all_layers(network)}
    assert by_name["conv1"].W.get_value().shape == (32, 1, 3, 3)
    assert by_name["conv1"].output_shape == (None, 32, 8, 8)
    assert by_name["pool2"].output_shape == (None, 32, 2, 2)


def test_batch_normalization_is_an_option():
    network = build("cnn", (1, 8, 8), 10, batch_norm=True, num_filters=(2, 3), num_units=4)
    statistics = layers.get_all_params(network, batch_norm_stat=True)
    assert len(statistics) == 2 * 5
    plain = build("cnn", (1, 8, 8), 10, num_filters=(2, 3), num_units=4)
    assert layers.get_all_params(plain, batch_norm_stat=True) == []
    assert [n for n in _names(plain) if n and n.startswith(("conv", "pool"))] == [
        "conv1", "conv2", "pool1", "conv3", "conv4", "pool2",
    ]  # fmt: skip


def test_no_dropout_is_an_option():
    network = build("mlp", (1, 8, 8), 10, dropout=0, input_dropout=0, hidden=(3,))
    assert _names(network) == ["input", "dense1", "output"]


@pytest.mark.parametrize("name", ["lenet", "cnn"])
def test_the_implementation_reaches_every_convolution(name):
    network = build(name, (1, 8, 8), 10, implementation="reference")
    found = [
        layer.implementation
        for layer in layers.get_all_layers(network)
        if isinstance(layer, layers.Conv2DLayer)
    ]
    assert set(found) == {"reference"}


def test_the_input_variable_is_used():
    x = pt.tensor4("x")
    network = build("mlp", (1, 8, 8), 10, input_var=x)
    assert layers.get_all_layers(network)[0].input_var is x


@pytest.mark.parametrize("name", NAMES)
def test_the_options_are_those_that_the_model_takes(name):
    network = build(name, (1, 16, 16), 3, **options(name))
    assert network.output_shape == (None, 3)


def test_an_unknown_model_or_option_is_an_error_with_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"'lenet'.*mlp, lenet, cnn"):
        build("lenett", (1, 8, 8), 10)
    with pytest.raises(UnknownNameError, match=r"'hiden' is not an option of the model 'mlp'.*'h"):
        build("mlp", (1, 8, 8), 10, hiden=(3,))
    with pytest.raises(UnknownNameError, match="a known model"):
        options("resnet")


@pytest.mark.parametrize(
    ("name", "shape", "given", "message"),
    [
        ("lenet", (1, 3, 8), {}, "'pool2' takes .* only 1 x 4 are left"),
        ("cnn", (1, 3, 3), {}, "'pool2' takes .* only 1 x 1 are left"),
        ("lenet", (1, 9, 9), {"pad": "valid", "filter_size": 5},
         "the filters of 'conv2' have 5 x 5 pixels, but only 2 x 2 are left"),
    ],
)  # fmt: skip
def test_images_too_small_for_a_model_are_an_error_that_names_the_layer(
    name, shape, given, message
):
    with pytest.raises(DataError, match=f"'{name}'.*{message}"):
        build(name, shape, 10, **given)


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [((8, 8), 10, "input_shape is"), ((1, 0, 8), 10, "input_shape is"),
     ((None, 8, 8), 10, "input_shape is"), ((1, 8, 8), 1, "num_classes is 1"),
     ((1, 8, 8), 2.5, "num_classes is 2.5")],
)  # fmt: skip
def test_impossible_shapes_are_an_error(shape, classes, message):
    with pytest.raises(DataError, match=message):
        build("mlp", shape, classes)
