from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import nncore
from nncore import init
from nncore.backends import get_mode
from nncore.layers import (
    Conv2DLayer,
    InputLayer,
    MaxPool2DLayer,
    NINLayer,
    get_all_params,
    get_output,
    set_all_param_values,
)
from nncore_cuda_convnet.layers import (
    Conv2DCCLayer,
    MaxPool2DCCLayer,
    NINLayer_c01b,
    ShuffleBC01ToC01BLayer,
    ShuffleC01BToBC01Layer,
    bc01_to_c01b,
    c01b_to_bc01,
)

BC01, C01B = (4, 3, 9, 7), (3, 9, 7, 4)


def c01b(array):
    return np.ascontiguousarray(np.moveaxis(array, 0, -1))


def images(shape=BC01, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def run(layer, value, mode):
    x = pt.tensor("x", dtype="float32", shape=value.shape)
    output = layer.get_output_for(x) if layer.input_layer is None else get_output(layer, x)
    return np.asarray(pytensor.function([x], output, mode=mode)(value))


CONVOLUTIONS = [
    {},
    {"stride": 2, "pad": 1},
    {"pad": "same", "flip_filters": True, "untie_biases": True},
    {"pad": "full", "b": None, "nonlinearity": None},
]


@pytest.mark.parametrize("settings", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("dimshuffle", [True, False])
def test_a_convolution_is_that_of_the_core_in_either_order(fast, settings, dimshuffle):
    ours = Conv2DCCLayer(
        BC01 if dimshuffle else C01B,
        16,
        3,
        dimshuffle=dimshuffle,
        implementation="auto",
        **{"b": init.Normal(1), **settings},
    )
    core = Conv2DLayer(BC01, 16, 3, **{"flip_filters": False, **settings})
    values = [p.get_value() for p in get_all_params(ours)]
    if not dimshuffle:
        values[0] = np.moveaxis(values[0], -1, 0)
    set_all_param_values(core, values)
    expected, x = run(core, images(), fast), images()
    actual = run(ours, x if dimshuffle else c01b(x), fast)
    expected = expected if dimshuffle else c01b(expected)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    assert ours.output_shape == expected.shape


def test_filters_lie_and_start_in_the_order_of_the_kernels_without_dimshuffle():
    layers = [
        Conv2DCCLayer(shape, 64, 3, dimshuffle=shuffled)
        for shape, shuffled in ((BC01, True), (C01B, False))
    ]
    assert [layer.W.get_value().shape for layer in layers] == [(64, 3, 3, 3), (3, 3, 3, 64)]
    assert layers[0].get_W_fans() == layers[1].get_W_fans() == (27, 576)
    # Glorot's bound for 3 * 9 inputs and 64 * 9 outputs.
    bound = np.sqrt(6 / (27 + 576))
    for layer in layers:
        assert 0.95 * bound < np.abs(layer.W.get_value()).max() <= bound
    # What the shape alone tells is enough, too.
    assert np.abs(init.GlorotUniform(c01b=True)((3, 3, 3, 64))).max() <= bound


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_filters": 24}, r"Conv2DCCLayer 'deep': there are 24 filters.*take 16 or 32"),
        ({"filter_size": (3, 5)}, r"'deep': the filter size is \(3, 5\)"),
        ({"stride": (1, 2)}, r"'deep': the stride is \(1, 2\)"),
        ({"pad": (0, 1)}, r"'deep': the padding is "),
        ({"pad": "same", "filter_size": 2}, r"'deep': the padding is .* odd size"),
        ({"dilation": 2}, r"'deep': the dilation is \(2, 2\)"),
        ({"num_groups": 3, "num_filters": 48}, r"'deep': there are 3 groups"),
        ({"incoming": (4, 5, 9, 9)}, r"'deep': there are 5 input channels.*take 4 or 8"),
        ({"incoming": (4, 3, 9)}, r"'deep': the input shape .* must have 4"),
        ({"incoming": (4, 3, 2, 9)}, r"'deep': the geometry leaves no output on spatial axis 0"),
        ({"partial_sum": 4}, r"'deep': partial_sum=4 does not divide the 35 positions"),
        ({"implementation": "cuda_connvet"}, r"Did you mean 'cuda_convnet'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_the_kernels_cannot_do_is_refused_with_the_name_of_the_layer(arguments, match):
    given = {"incoming": BC01, "num_filters": 16, "filter_size": 3, "name": "deep", **arguments}
    with pytest.raises((ValueError, LookupError), match=match):
        Conv2DCCLayer(**given)


def test_sizes_are_checked_in_the_order_of_the_kernels_without_dimshuffle():
    with pytest.raises(ValueError, match=r"no output on spatial axis 0: input size \(2, 9\)"):
        Conv2DCCLayer((3, 2, 9, 4), 16, 3, dimshuffle=False)
    with pytest.raises(ValueError, match=r"number of channels in the input shape \(None, 9"):
        Conv2DCCLayer((None, 9, 9, 4), 16, 3, dimshuffle=False)
    with pytest.raises(ValueError, match=r"no output on spatial axis 1: .* length 1 with"):
        MaxPool2DCCLayer((3, 4, 1, 4), 2, ignore_border=True, dimshuffle=False)
    assert Conv2DCCLayer((3, None, 9, None), 16, 3, dimshuffle=False).output_shape == (
        16,
        None,
        7,
        None,
    )


@pytest.mark.parametrize("dimshuffle", [True, False])
@pytest.mark.parametrize("ignore_border", [True, False])
def test_a_pool_is_that_of_the_core_in_either_order(fast, dimshuffle, ignore_border):
    arguments = {"stride": 2, "ignore_border": ignore_border, "implementation": "auto"}
    ours = MaxPool2DCCLayer(
        BC01 if dimshuffle else C01B, 3, dimshuffle=dimshuffle, pad=0, **arguments
    )
    x = images((4, 3, 10, 7))[:, :, :9]
    expected = run(MaxPool2DLayer(BC01, 3, **arguments), x, fast)
    actual = run(ours, x if dimshuffle else c01b(x), fast)
    np.testing.assert_array_equal(actual, expected if dimshuffle else c01b(expected))
    assert ours.output_shape == actual.shape


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"pool_size": (2, 3)}, r"'small': pool_size=\(2, 3\), and windows must be square"),
        ({"stride": (1, 2)}, r"'small': stride=\(1, 2\), and it must be the same"),
        ({"stride": 3}, r"'small': stride=\(3, 3\), .* not larger than the window of 2"),
        ({"pad": 1}, r"'small': pad=1, and only 0 is allowed"),
        ({"pool_size": 0}, r"'small': pool_size=0 must not be less than 1"),
        ({"incoming": (4, 3, 9)}, r"'small': the input shape .* \(batch, channels, rows, columns"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_pool_that_the_original_lacks_is_refused_with_the_name_of_the_layer(arguments, match):
    with pytest.raises(ValueError, match=match):
        MaxPool2DCCLayer(**{"incoming": BC01, "pool_size": 2, "name": "small", **arguments})


def test_shuffling_there_and_back_changes_nothing(fast):
    there = bc01_to_c01b(InputLayer(BC01))
    assert there.output_shape == C01B
    assert c01b_to_bc01(there).output_shape == BC01
    np.testing.assert_array_equal(run(there, images(), fast), c01b(images()))
    np.testing.assert_array_equal(run(c01b_to_bc01(there), images(), fast), images())
    for layer, order in (
        (ShuffleBC01ToC01BLayer, "(batch, channels, rows, columns)"),
        (ShuffleC01BToBC01Layer, "(channels, rows, columns, batch)"),
    ):
        with pytest.raises(ValueError, match=re.escape(order)):
            layer((3, 4))


@pytest.mark.parametrize("untie_biases", [True, False])
@pytest.mark.parametrize("backend", ["python", pytest.param("jax", marks=pytest.mark.jax)])
def test_a_network_in_network_layer_is_that_of_the_core(untie_biases, backend):
    if backend == "jax":
        pytest.importorskip("jax")
    ours = NINLayer_c01b((3, 9, 7, None), 5, untie_biases, b=init.Normal(1))
    core = NINLayer((None, 3, 9, 7), 5, untie_biases)
    W, b = (p.get_value() for p in get_all_params(ours))
    assert W.shape == (5, 3)
    set_all_param_values(core, [W.T, b])
    actual = run(ours, c01b(images()), get_mode(backend))
    expected = c01b(run(core, images(), get_mode(backend)))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_a_network_in_network_layer_is_scaled_by_its_own_fans():
    # Without being told, an initializer would take the 2 units for the inputs.
    W = NINLayer_c01b((1000, 1, 1, 4), 2, W=init.HeNormal()).W.get_value()
    assert W.std() == pytest.approx(np.sqrt(1 / 1000), rel=0.1)
    with pytest.raises(ValueError, match=r"axis 0 of the input shape .* must be fixed"):
        NINLayer_c01b((None, 4, 4, 2), 5)
    with pytest.raises(ValueError, match=r"untie_biases=True needs fixed spatial sizes"):
        NINLayer_c01b((3, None, 4, 2), 5, untie_biases=True)
    assert NINLayer_c01b((3, 4, 4, 2), 5, b=None).b is None


def stack(implementation="cuda_convnet", dimshuffle=False, partial_sum=1):
    own = {"dimshuffle": dimshuffle, "implementation": implementation}
    layer = InputLayer(BC01 if dimshuffle else C01B)
    layer = Conv2DCCLayer(layer, 16, 3, pad=1, partial_sum=partial_sum, **own)
    layer = MaxPool2DCCLayer(layer, 3, 2, **own)
    return Conv2DCCLayer(layer, 32, 2, untie_biases=True, **own)


def test_layers_keep_their_configuration_when_pickled(fast):
    layer = stack(partial_sum=None, implementation="auto")
    again = pickle.loads(pickle.dumps(layer))
    assert again.get_config() == layer.get_config()
    assert again.input_layer.input_layer.partial_sum is None
    np.testing.assert_array_equal(run(again, images(C01B), fast), run(layer, images(C01B), fast))


def test_a_block_chooses_the_implementation_of_a_layer_that_leaves_it_open():
    with nncore.using(conv="jax", pool="reference"):
        conv = Conv2DCCLayer(BC01, 16, 3, implementation=None)
        pool = MaxPool2DCCLayer(BC01, 2, implementation=None)
        named = Conv2DCCLayer(BC01, 16, 3)
    chosen = conv.implementation, pool.implementation, named.implementation
    assert chosen == ("jax", "reference", "cuda_convnet")


def test_the_partial_sum_of_a_layer_goes_with_its_convolution():
    layer = Conv2DCCLayer(BC01, 16, 3, partial_sum=7)
    x = pt.tensor("x", dtype="float32", shape=BC01)
    gradient = pytensor.grad(layer.convolve(x).sum(), layer.W)
    assert gradient.owner.op.options == (("partial_sum", 7),)


def step(layer):
    """Loss and gradients of a network, compiled by XLA, and the text of what XLA made of it."""
    x = pt.tensor("x", dtype="float32", shape=layer_input(layer))
    loss = (get_output(layer, x) ** 2).mean()
    gradients = pytensor.grad(loss, get_all_params(layer, trainable=True))
    function = pytensor.function([x], [loss, *gradients], mode=get_mode("jax"))
    value = images(layer_input(layer))
    operands = [value if c.storage[0] is None else c.storage[0] for c in function.input_storage]
    text = function.vm.jit_fn.lower(*operands).compile().as_text()
    return [np.asarray(array) for array in function(value)], text


def layer_input(layer):
    return nncore.layers.get_all_layers(layer)[0].shape


@pytest.mark.jax
def test_nothing_is_moved_in_a_stack_without_dimshuffle(on_cpu):
    _, text = step(stack())
    targets = re.findall(r'custom_call_target="nncore_cuda_convnet_(\w+)"', text)
    assert sorted(set(targets)) == [
        "conv_forward",
        "conv_grad_filters",
        "conv_grad_input",
        "max_pool_spread",
        "max_pool_take",
    ]
    assert not re.findall(r" transpose\(", text)
    # The same network in the order of other layers is what transposes look like.
    assert re.findall(r" transpose\(", step(stack(dimshuffle=True))[1])


@pytest.mark.jax
def test_a_stack_trains_as_with_another_implementation(on_cpu):
    ours, core = stack(), stack("jax")
    set_all_param_values(core, [p.get_value() for p in get_all_params(ours)])
    for one, other in zip(step(ours)[0], step(core)[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.jax
@pytest.mark.parametrize(("sums", "parts"), [(1, 63), (9, 7), (None, 0), ("auto", 63)])
def test_the_partial_sum_decides_how_much_memory_the_gradient_takes(on_cpu, sums, parts):
    _, text = step(stack(partial_sum=sums))
    results = re.findall(r"= \(f32\[3,3,3,16\]\S*, f32\[(\d+),3,3,3,16\]\S*\) custom-call", text)
    assert results == [str(parts)]


@pytest.mark.jax
def test_second_derivatives_go_through_the_kernels_too(on_cpu):
    x = pt.tensor("x", dtype="float32", shape=BC01)
    results = []
    ours = stack(dimshuffle=True)
    for layer in (ours, stack("jax", dimshuffle=True)):
        set_all_param_values(layer, [p.get_value() for p in get_all_params(ours)])
        gradient = pytensor.grad((get_output(layer, x) ** 2).sum(), x)
        second = pytensor.grad((gradient**2).sum(), x)
        results.append(np.asarray(pytensor.function([x], second, mode=get_mode("jax"))(images())))
    np.testing.assert_allclose(*results, rtol=1e-3, atol=1e-2 * np.abs(results[1]).max())


def test_the_stack_of_the_documentation_fits_together():
    text = (Path(__file__).parents[1] / "README.md").read_text()
    (code,) = [c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "bc01_to_c01b" in c]
    names = {}
    exec(code, names)
    assert names["layer"].output_shape == (128, 10)
    assert names["layer"].input_layer.output_shape == (128, 64, 8, 8)
