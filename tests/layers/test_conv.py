from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytensor
import pytest
from scipy import signal

import nncore
from nncore import init, ops
from nncore.errors import UnknownNameError
from nncore.layers import (
    BaseConvLayer,
    Conv1DLayer,
    Conv2DLayer,
    Conv3DLayer,
    InputLayer,
    conv_input_length,
    conv_output_length,
    get_output,
)
from nncore.nonlinearities import tanh

rng = np.random.default_rng(0)
LAYERS = {1: Conv1DLayer, 2: Conv2DLayer, 3: Conv3DLayer}


def reference(x, w, stride, pads, dilation, groups, flip):
    """Correlate with scipy, one pair of channels at a time."""
    n = x.ndim - 2
    wide = np.zeros(
        w.shape[:2] + tuple((k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True))
    )
    wide[(..., *(slice(None, None, d) for d in dilation))] = w
    if flip:
        wide = wide[(..., *[slice(None, None, -1)] * n)]
    x = np.pad(x.astype("float64"), [(0, 0), (0, 0), *pads])
    fan_in, fan_out = w.shape[1], w.shape[0] // groups
    maps = []
    for f, item in itertools.product(range(w.shape[0]), range(len(x))):
        first = f // fan_out * fan_in
        maps.append(
            sum(signal.correlate(x[item, first + c], wide[f, c], "valid") for c in range(fan_in))
        )
    result = np.array(maps).reshape(w.shape[0], len(x), *maps[0].shape).swapaxes(0, 1)
    return result[(..., *(slice(None, None, s) for s in stride))]


CASES = [
    (1, {"filter_size": 3}, (1,), [(0, 0)]),
    (1, {"filter_size": 3, "stride": 2, "pad": 1}, (2,), [(1, 1)]),
    (1, {"filter_size": 4, "pad": "same"}, (1,), [(1, 2)]),
    (1, {"filter_size": 3, "pad": "full", "dilation": 2}, (1,), [(4, 4)]),
    (1, {"filter_size": 3, "pad": [(0, 2)], "flip_filters": False}, (1,), [(0, 2)]),
    (2, {"filter_size": (3, 2)}, (1, 1), [(0, 0), (0, 0)]),
    (2, {"filter_size": 3, "stride": (2, 1), "pad": (1, 0)}, (2, 1), [(1, 1), (0, 0)]),
    (2, {"filter_size": (2, 3), "pad": "same"}, (1, 1), [(0, 1), (1, 1)]),
    (2, {"filter_size": 3, "pad": "valid", "flip_filters": False}, (1, 1), [(0, 0), (0, 0)]),
    (2, {"filter_size": 2, "pad": [(1, 0), 2], "num_groups": 2}, (1, 1), [(1, 0), (2, 2)]),
    (2, {"filter_size": 2, "pad": "same", "dilation": (1, 3)}, (1, 1), [(0, 1), (1, 2)]),
    (2, {"filter_size": 2, "num_groups": 4, "untie_biases": True}, (1, 1), [(0, 0), (0, 0)]),
    (3, {"filter_size": (1, 2, 3), "pad": "full"}, (1, 1, 1), [(0, 0), (1, 1), (2, 2)]),
    (3, {"filter_size": 2, "stride": 2}, (2, 2, 2), [(0, 0)] * 3),
]


@pytest.mark.parametrize(("n", "options", "stride", "pads"), CASES)
@pytest.mark.parametrize("known", [True, False])
def test_convolution_agrees_with_scipy(n, options, stride, pads, known, fast):
    spatial = (7, 6, 5)[:n]
    untied = options.get("untie_biases", False)
    shape = (None, 4, *(spatial if known or untied else (None,) * n))
    layer = LAYERS[n](InputLayer(shape), 8, b=init.Normal(1.0), nonlinearity=tanh, **options)
    x = rng.normal(size=(2, 4, *spatial)).astype("float32")
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    w, b = layer.W.get_value(), layer.b.get_value()
    linear = reference(
        x, w, stride, pads, layer.dilation, layer.num_groups, options.get("flip_filters", True)
    )
    b = b if untied else b.reshape(8, *[1] * n)
    assert result.dtype == "float32"
    np.testing.assert_allclose(result, np.tanh(linear + b), rtol=1e-4, atol=1e-5)
    promised = layer.output_shape
    assert all(p in (None, size) for p, size in zip(promised, result.shape, strict=True))
    assert (None in promised[2:]) == (None in shape[2:])


def test_base_layer_takes_the_number_of_axes_from_its_input():
    assert BaseConvLayer((None, 3, 9, 9, 9), 4, 3).output_shape == (None, 4, 7, 7, 7)
    with pytest.raises(ValueError, match=r"BaseConvLayer.*must have 4"):
        BaseConvLayer((None, 3, 9), 4, 3, n=2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_input_with_another_number_of_axes_is_refused(n):
    with pytest.raises(ValueError, match=rf"Conv{n}DLayer 'c'.*it must have {n + 2}"):
        LAYERS[n]((None, 3), 4, 3, name="c")


def test_the_parameters_have_their_shapes_and_tags():
    layer = Conv2DLayer((None, 6, 8, 9), 4, (3, 5), num_groups=2, untie_biases=True)
    assert layer.get_W_shape() == layer.W.get_value().shape == (4, 3, 3, 5)
    assert layer.b.get_value().shape == (4, 6, 5)
    assert layer.get_params(regularizable=True) == [layer.W]
    assert Conv2DLayer((None, 6, 8, 9), 4, 3, b=None).b is None


def test_a_geometry_without_output_is_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"Conv2DLayer 'deep'") as caught:
        Conv2DLayer((None, 3, 4, 8), 2, 5, dilation=2, pad=1, stride=2, name="deep")
    message = str(caught.value)
    for part in ("(4, 8)", "(5, 5)", "pad (1, 1)", "dilation (2, 2)", "stride (2, 2)"):
        assert part in message
    assert "Use a smaller filter, more padding" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_filters": 0}, "num_filters must be a positive integer"),
        ({"filter_size": 0}, "filter_size must be positive"),
        ({"filter_size": (3, 3, 3)}, "filter_size must be an integer or 2 of them"),
        ({"stride": -1}, "stride must be positive"),
        ({"dilation": 0}, "dilation must be positive"),
        ({"pad": -1}, "pad=-1 must be"),
        ({"pad": (1, 2, 3)}, r"pad=\(1, 2, 3\) must be"),
        ({"pad": [(1, 2, 3), 1]}, "pairs"),
        ({"num_groups": 4}, "num_groups=4 must divide the number of input channels, 6"),
        ({"num_groups": 3}, "num_groups=3 must divide the number of filters, 4"),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    arguments = {"num_filters": 4, "filter_size": 3} | options
    with pytest.raises(ValueError, match=f"Conv2DLayer.*{message}"):
        Conv2DLayer((None, 6, 8, 8), **arguments)


@pytest.mark.parametrize("pad", ["sam", 1.5, (1, 1.0), [(1, None), 1], None], ids=repr)
def test_a_padding_of_the_wrong_kind_is_a_type_error(pad):
    with pytest.raises(TypeError, match=r"Conv2DLayer: pad=.* or one of .*'same'"):
        Conv2DLayer((None, 6, 8, 8), 4, 3, pad=pad)


def test_a_size_of_the_wrong_type_is_a_type_error():
    with pytest.raises(TypeError, match="filter_size must be an integer"):
        Conv2DLayer((None, 6, 8, 8), 4, 3.5)


def test_unknown_sizes_are_refused_where_parameters_need_them():
    with pytest.raises(ValueError, match="number of channels"):
        Conv2DLayer((None, None, 8, 8), 4, 3)
    with pytest.raises(ValueError, match="untie_biases=True needs fixed spatial sizes"):
        Conv2DLayer((None, 3, None, 8), 4, 3, untie_biases=True)


def test_a_layer_remembers_its_implementation_or_that_of_the_block():
    assert Conv2DLayer((None, 3, 8, 8), 4, 3).implementation is None
    given = Conv2DLayer((None, 3, 8, 8), 4, 3, implementation="reference")
    with nncore.config.using(conv="numba"):
        assert Conv2DLayer((None, 3, 8, 8), 4, 3).implementation == "numba"
        kept = Conv2DLayer((None, 3, 8, 8), 4, 3, implementation="reference")
    assert given.implementation == kept.implementation == "reference"
    assert given.get_config()["implementation"] == "reference"
    assert pickle.loads(pickle.dumps(given)).implementation == "reference"


def test_the_implementation_reaches_the_operation():
    layer = Conv2DLayer(
        InputLayer((None, 3, 8, 8)), 4, 3, implementation="reference", nonlinearity=None, b=None
    )
    assert get_output(layer).owner.op.implementation == "reference"


def test_an_unknown_implementation_is_refused_at_construction():
    with pytest.raises(UnknownNameError, match="quick"):
        Conv2DLayer((None, 3, 8, 8), 4, 3, implementation="quick")
    with pytest.raises(TypeError, match="implementation must be a name"):
        Conv2DLayer((None, 3, 8, 8), 4, 3, implementation=ops.conv)


def test_a_callable_gets_what_lasagnes_got():
    calls = []

    def convolution(input, W, input_shape, W_shape, **kwargs):
        calls.append((input_shape, W_shape, kwargs))
        return ops.conv(input, W, groups=2)

    layer = Conv2DLayer(
        InputLayer((None, 4, 8, 8)), 6, 3, (2, 1), "same", num_groups=2, convolution=convolution
    )
    get_output(layer)
    assert calls == [
        (
            (None, 4, 8, 8),
            (6, 2, 3, 3),
            {"subsample": (2, 1), "border_mode": "half", "filter_flip": True, "num_groups": 2},
        )
    ]
    with pytest.raises(ValueError, match="callable has no dilation"):
        Conv2DLayer((None, 4, 8, 8), 6, 3, convolution=convolution, dilation=2)


def test_lengths_come_from_the_operations():
    assert conv_output_length is ops.conv_output_length
    assert conv_input_length is ops.conv_input_length


def test_the_shared_descriptions_are_in_every_docstring():
    for cls in (BaseConvLayer, *LAYERS.values()):
        assert cls.__doc__.count("num_groups : int") == 1
        assert "<parameters>" not in cls.__doc__
