from __future__ import annotations

import pickle

import numpy as np
import pytensor
import pytest

import nncore
from nncore import devices, layers, serialization
from nncore.backends import get_mode
from nncore.errors import ImplementationUnavailable
from nncore.layers import InputLayer, get_all_layers, get_output
from nncore_cudnn import (
    BatchNormDNNLayer,
    Conv2DDNNLayer,
    Conv3DDNNLayer,
    MaxPool2DDNNLayer,
    MaxPool3DDNNLayer,
    Pool2DDNNLayer,
    Pool3DDNNLayer,
    SpatialPyramidPoolingDNNLayer,
    batch_norm_dnn,
)

plane, volume = (2, 4, 8, 12), (2, 4, 6, 5, 8)


def build(auto):
    """Each layer, and the core's layer that computes the same."""
    one = {"implementation": "auto"} if auto else {}
    pyramid = {"pool_implementation": "auto"} if auto else {}
    options = {"stride": 2, "pad": "same", "num_groups": 2, "dilation": 2}
    a, b = InputLayer(plane), InputLayer(volume)
    rng = np.random.default_rng(0)
    w2, w3 = (rng.standard_normal(s).astype("float32") for s in ((6, 2, 3, 2), (6, 2, 2, 3, 1)))
    return {
        "Conv2D": (
            Conv2DDNNLayer(a, 6, (3, 2), W=w2, compute="tf32", **options, **one),
            layers.Conv2DLayer(a, 6, (3, 2), W=w2, flip_filters=False, **options),
        ),
        "Conv3D": (
            Conv3DDNNLayer(b, 6, (2, 3, 1), W=w3, flip_filters=True, **options, **one),
            layers.Conv3DLayer(b, 6, (2, 3, 1), W=w3, **options),
        ),
        "Pool2D": (
            Pool2DDNNLayer(a, 3, 2, (1, 0), ignore_border=False, mode="sum", **one),
            layers.Pool2DLayer(a, 3, 2, (1, 0), ignore_border=False, mode="sum"),
        ),
        "Pool3D": (
            Pool3DDNNLayer(b, 2, mode="average_exc_pad", **one),
            layers.Pool3DLayer(b, 2, mode="average_exc_pad"),
        ),
        "MaxPool2D": (MaxPool2DDNNLayer(a, 3, 2, **one), layers.MaxPool2DLayer(a, 3, 2)),
        "MaxPool3D": (MaxPool3DDNNLayer(b, 2, **one), layers.MaxPool3DLayer(b, 2)),
        "SpatialPyramidPooling": (
            SpatialPyramidPoolingDNNLayer(a, [4, 2, 1], "sum", **pyramid),
            layers.SpatialPyramidPoolingLayer(a, [4, 2, 1], "sum"),
        ),
        "BatchNorm": (BatchNormDNNLayer(a), layers.BatchNormLayer(a)),
    }


NAMES = list(build(auto=True))


def output(layer, mode):
    x = get_all_layers(layer)[0]
    function = pytensor.function([x.input_var], get_output(layer), mode=mode)
    values = np.random.default_rng(1).standard_normal(x.shape).astype("float32")
    return function(values)


@pytest.mark.parametrize("name", NAMES)
def test_on_any_machine_a_layer_with_auto_computes_what_the_core_s_layer_computes(name, fast):
    layer, same = build(auto=True)[name]
    assert layer.output_shape == same.output_shape
    np.testing.assert_allclose(output(layer, fast), output(same, fast), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_survives_a_pickle_and_a_model_file(name, tmp_path, fast):
    layer = build(auto=True)[name][0]
    serialization.save_model(layer, tmp_path / "model")
    loaded = serialization.load_model(tmp_path / "model").layer
    for copy in (pickle.loads(pickle.dumps(layer)), loaded):
        assert type(copy) is type(layer)
        for attribute in ("implementation", "pool_implementation", "compute", "axes"):
            assert getattr(copy, attribute, None) == getattr(layer, attribute, None)
        np.testing.assert_array_equal(output(copy, fast), output(layer, fast))


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_is_found_by_its_name_and_shown_in_a_summary(name, capsys):
    layer = build(auto=False)[name][0]
    assert getattr(layers, f"{name}DNNLayer") is type(layer)
    nncore.summary(layer)
    assert f"{name}DNN" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in NAMES if name != "BatchNorm"])
def test_compiling_a_layer_for_another_backend_names_what_would_work(name, fast):
    layer = build(auto=False)[name][0]
    with pytest.raises(ImplementationUnavailable, match=r"'cudnn'.*no kernel for the python") as e:
        output(layer, fast)
    assert "reference" in e.value.alternatives


@pytest.mark.jax
@pytest.mark.parametrize("name", ["Conv2D", "MaxPool2D"])
def test_without_a_gpu_compiling_a_layer_gives_the_reason_and_auto_falls_back(name):
    pytest.importorskip("jax")
    answer = devices.cuda()
    if answer:
        pytest.skip("there is a GPU")
    with pytest.raises(ImplementationUnavailable) as caught:
        output(build(auto=False)[name][0], get_mode("jax"))
    assert caught.value.reason == answer.reason
    assert "jax" in caught.value.alternatives
    layer, same = build(auto=True)[name]
    found = output(layer, get_mode("jax"))
    np.testing.assert_allclose(found, output(same, get_mode("jax")), rtol=1e-5)


def test_the_defaults_are_those_of_lasagne():
    flat = Conv2DDNNLayer((None, 3, 8, 8), 4, 3)
    deep = Conv3DDNNLayer((None, 3, 8, 8, 8), 4, 3)
    for layer, n in ((flat, 2), (deep, 3)):
        assert (layer.stride, layer.pad, layer.flip_filters) == ((1,) * n, (0,) * n, False)
        assert (layer.num_groups, layer.implementation, layer.compute) == (1, "cudnn", None)
    pool = Pool2DDNNLayer((None, 3, 8, 8), 2)
    assert (pool.stride, pool.pad, pool.ignore_border, pool.mode) == ((2, 2), (0, 0), True, "max")
    assert MaxPool3DDNNLayer((None, 3, 8, 8, 8), 2).mode == "max"
    assert SpatialPyramidPoolingDNNLayer((None, 3, 8, 8)).pool_dims == [4, 2, 1]
    assert BatchNormDNNLayer((None, 3, 8, 8)).epsilon == 1e-4


def test_the_precision_of_a_layer_goes_into_its_operation():
    def op(**options):
        layer = Conv2DDNNLayer(InputLayer(plane), 4, 3, b=None, nonlinearity=None, **options)
        return get_output(layer).owner.op

    assert op(compute="tf32").options == (("compute", "tf32"),)
    assert op().options == ()
    with pytest.raises(ValueError, match="compute must be one of"):
        op(compute="float16")


@pytest.mark.parametrize("axes", [0, (0,), (0, 2, 3), (3, 0, 2), (-1, 0, 2), "auto"])
def test_batch_normalization_takes_the_two_kinds_of_axes(axes):
    layer = BatchNormDNNLayer((5, 3, 8, 9), axes=axes)
    assert layer.gamma.get_value().shape == ((3, 8, 9) if axes in (0, (0,)) else (3,))


@pytest.mark.parametrize("axes", [1, (0, 1), (2, 3), (0, 2), (0, 1, 2, 3)], ids=str)
def test_batch_normalization_refuses_other_axes(axes):
    with pytest.raises(ValueError, match=r"BatchNormDNNLayer 'bn': axes=.*\(0, 2, 3\)"):
        BatchNormDNNLayer((5, 3, 8, 9), axes=axes, name="bn")


def test_batch_normalization_refuses_an_epsilon_that_cudnn_would_not_take():
    assert BatchNormDNNLayer((5, 3), epsilon=1e-5).epsilon == 1e-5
    with pytest.raises(ValueError, match=r"BatchNormDNNLayer: epsilon=9e-06.*at least 1e-5"):
        BatchNormDNNLayer((5, 3), epsilon=9e-6)


def test_batch_norm_dnn_puts_its_layer_between_weights_and_nonlinearity(fast):
    rng = np.random.default_rng(0)
    W = rng.standard_normal((4, 4, 3, 3)).astype("float32")
    dnn, core = (
        wrap(layers.Conv2DLayer(InputLayer(plane), 4, 3, W=W, name="c"), epsilon=1e-3)
        for wrap in (batch_norm_dnn, layers.batch_norm)
    )
    kinds = [type(layer).__name__ for layer in get_all_layers(dnn)]
    assert kinds == ["InputLayer", "Conv2DLayer", "BatchNormDNNLayer", "NonlinearityLayer"]
    assert [layer.name for layer in get_all_layers(dnn)] == [
        layer.name for layer in get_all_layers(core)
    ]
    np.testing.assert_array_equal(output(dnn, fast), output(core, fast))


def test_a_pyramid_with_uneven_levels_needs_no_implementation(fast):
    uneven = SpatialPyramidPoolingDNNLayer(InputLayer((2, 3, 7, None)), [3, 2])
    x = uneven.input_layer.input_var
    values = np.random.default_rng(0).standard_normal((2, 3, 7, 8)).astype("float32")
    same = layers.SpatialPyramidPoolingLayer(uneven.input_layer, [3, 2])
    actual, expected = (
        pytensor.function([x], get_output(layer), mode=fast)(values) for layer in (uneven, same)
    )
    np.testing.assert_array_equal(actual, expected)
