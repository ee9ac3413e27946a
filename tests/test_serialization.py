from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore import init, layers, nonlinearities, registry
from nncore import serialization as ser
from nncore.errors import ModelFileError
from nncore.layers import DenseLayer, InputLayer
from nncore.serialization import load_arrays, load_model, save_arrays, save_model

IMAGE = (2, 3, 8, 8)
ROWS = (2, 6)
SEQUENCE = (2, 5, 3)


def _image(*shape):
    return InputLayer(shape or IMAGE, name="in")


def _mask():
    return InputLayer(SEQUENCE[:2], name="mask")


def _localization(layer, size):
    return DenseLayer(layer, size, nonlinearity=None, W=np.zeros((192, size), "float32"))


def _custom_recurrent():
    return layers.CustomRecurrentLayer(
        _image(*SEQUENCE),
        DenseLayer(InputLayer((None, 3)), 4, nonlinearity=None, name="x"),
        DenseLayer(InputLayer((None, 4)), 4, nonlinearity=None, name="h"),
    )


def _inverse():
    first = DenseLayer(_image(*ROWS), 4, nonlinearity=nonlinearities.tanh)
    return layers.InverseLayer(layers.DropoutLayer(first), first)


def _tps():
    source = _image()
    return layers.TPSTransformerLayer(source, _localization(source, 32), control_points=16)


NETWORKS = {
    "BatchNormLayer": lambda: layers.BatchNormLayer(_image(), epsilon=0.01, gamma=None),
    "BatchwiseDropoutDenseLayer": lambda: layers.BatchwiseDropoutDenseLayer(_image(), 4, p=0.3),
    "BatchwiseDropoutLayer": lambda: layers.BatchwiseDropoutLayer(_image(*ROWS), p=0.3),
    "BidirectionalLayer": lambda: layers.BidirectionalLayer(
        _image(*SEQUENCE), 4, layers.GRULayer, mask_input=_mask(),
        updategate=layers.Gate(W_cell=None, nonlinearity=nonlinearities.tanh),
    ),
    "BiasLayer": lambda: layers.BiasLayer(_image(), shared_axes=(0, 2)),
    "ClockworkLayer": lambda: layers.ClockworkLayer(_image(*SEQUENCE), 4, periods=[1, 4]),
    "ConcatLayer": lambda: layers.ConcatLayer(
        [_image(), _image(2, 4, 9, 8)], cropping=[None, None, "lower", "center"]
    ),
    "Conv1DLayer": lambda: layers.Conv1DLayer(_image(2, 3, 9), 4, 3, stride=2, pad="same"),
    "Conv2DLayer": lambda: layers.Conv2DLayer(
        _image(), 4, (3, 2), pad=(1, 0), untie_biases=True, nonlinearity=nonlinearities.elu
    ),
    "Conv3DLayer": lambda: layers.Conv3DLayer(_image(1, 2, 4, 4, 4), 2, 3, b=None),
    "CustomRecurrentLayer": _custom_recurrent,
    "DenseLayer": lambda: DenseLayer(_image(*SEQUENCE), 4, num_leading_axes=2),
    "DilatedConv2DLayer": lambda: layers.DilatedConv2DLayer(_image(), 2, 3, dilation=2),
    "DimshuffleLayer": lambda: layers.DimshuffleLayer(_image(), (0, 2, "x", 3, 1)),
    "DropoutLayer": lambda: layers.DropoutLayer(_image(), p=0.3, shared_axes=(2, 3)),
    "ElemwiseMergeLayer": lambda: layers.ElemwiseMergeLayer([_image(), _image()], pt.maximum),
    "ElemwiseSumLayer": lambda: layers.ElemwiseSumLayer([_image(), _image()], coeffs=[2, -0.5]),
    "EmbeddingLayer": lambda: layers.EmbeddingLayer(
        InputLayer((2, 4), input_var=pt.imatrix("words")), 7, 3
    ),
    "FeaturePoolLayer": lambda: layers.FeaturePoolLayer(_image(*ROWS), 3, pool_function=pt.mean),
    "FeatureWTALayer": lambda: layers.FeatureWTALayer(_image(*ROWS), 2),
    "FlattenLayer": lambda: layers.FlattenLayer(_image(), outdim=3),
    "GRULayer": lambda: layers.GRULayer(
        _image(*SEQUENCE), 4, mask_input=_mask(),
        updategate=layers.Gate(W_cell=None), learn_init=True,
    ),
    "GaussianNoiseLayer": lambda: layers.GaussianNoiseLayer(_image(), sigma=0.4),
    "GlobalPoolLayer": lambda: layers.GlobalPoolLayer(_image(), pool_function=pt.max),
    "InputLayer": lambda: _image(None, 4),
    "InverseLayer": _inverse,
    "LSTMLayer": lambda: layers.LSTMLayer(
        _image(*SEQUENCE), 4, peepholes=False, backwards=True, only_return_final=True,
        forgetgate=layers.Gate(b=np.ones(4, "float32"), nonlinearity=nonlinearities.tanh),
    ),
    "LocalResponseNormalization2DLayer": lambda: layers.LocalResponseNormalization2DLayer(
        _image(), n=3
    ),
    "LocallyConnected2DLayer": lambda: layers.LocallyConnected2DLayer(_image(2, 3, 4, 4), 2, 3),
    "MRNNLayer": lambda: layers.MRNNLayer(_image(*SEQUENCE), 4, factors=3, b=init.Constant(2.0)),
    "MUT1Layer": lambda: layers.MUT1Layer(_image(*SEQUENCE), 4, backwards=True),
    "MaxPool1DLayer": lambda: layers.MaxPool1DLayer(_image(2, 3, 9), 3, stride=2),
    "MaxPool2DLayer": lambda: layers.MaxPool2DLayer(_image(), (2, 3), pad=(1, 0)),
    "MaxPool3DLayer": lambda: layers.MaxPool3DLayer(_image(1, 2, 4, 4, 4), 2),
    "NINLayer": lambda: layers.NINLayer(_image(), 4),
    "NonlinearityLayer": lambda: layers.NonlinearityLayer(
        _image(), nonlinearities.LeakyRectify(0.2)
    ),
    "PadLayer": lambda: layers.PadLayer(_image(), [(1, 2), 3], val=0.5),
    "ParametricRectifierLayer": lambda: layers.ParametricRectifierLayer(_image()),
    "Pool1DLayer": lambda: layers.Pool1DLayer(_image(2, 3, 9), 2, mode="average_inc_pad"),
    "Pool2DLayer": lambda: layers.Pool2DLayer(_image(), 3, ignore_border=False),
    "Pool3DLayer": lambda: layers.Pool3DLayer(_image(1, 2, 4, 4, 4), 2, mode="average_exc_pad"),
    "RRNNLayer": lambda: layers.RRNNLayer(_image(*SEQUENCE), 4, rate="uniform"),
    "RandomizedRectifierLayer": lambda: layers.RandomizedRectifierLayer(_image(), lower=0.1),
    "RecurrentLayer": lambda: layers.RecurrentLayer(
        _image(*SEQUENCE), 4, hid_init=DenseLayer(InputLayer((2, 3), name="start"), 4)
    ),
    "ReshapeLayer": lambda: layers.ReshapeLayer(_image(), ([0], -1, 4)),
    "SCRNLayer": lambda: layers.SCRNLayer(
        _image(*SEQUENCE), 4, rate="matrix", nonlinearity_out=nonlinearities.tanh
    ),
    "ScaleLayer": lambda: layers.ScaleLayer(_image()),
    "SliceLayer": lambda: layers.SliceLayer(_image(), slice(1, None, 2), axis=2),
    "SpatialPyramidPoolingLayer": lambda: layers.SpatialPyramidPoolingLayer(
        _image(), pool_dims=[2, 1]
    ),
    "StandardizationLayer": lambda: layers.StandardizationLayer(_image(), axes=(2, 3)),
    "TPSTransformerLayer": _tps,
    "TiedLayer": lambda: layers.TiedLayer(code := DenseLayer(_image(*ROWS), 4), code),
    "TransformerLayer": lambda: layers.TransformerLayer(
        (source := _image()), _localization(source, 6), downsample_factor=2
    ),
    "TransposedConv2DLayer": lambda: layers.TransposedConv2DLayer(
        _image(), 4, 3, stride=2, crop=1, output_size=(16, 16)
    ),
    "TransposedConv3DLayer": lambda: layers.TransposedConv3DLayer(_image(1, 2, 3, 3, 3), 2, 2),
    "Upscale1DLayer": lambda: layers.Upscale1DLayer(_image(2, 3, 9), 2),
    "Upscale2DLayer": lambda: layers.Upscale2DLayer(_image(), (2, 3), mode="dilate"),
    "Upscale3DLayer": lambda: layers.Upscale3DLayer(_image(1, 2, 3, 3, 3), 2),
}  # fmt: skip

#: Classes that no one builds a network of, and one that holds a function.
WITHOUT = {"Layer", "MergeLayer", "BaseConvLayer", "ExpressionLayer"}


def _output(layer, mode):
    """The output for random inputs that depend only on the shapes."""
    rng = np.random.RandomState(0)
    inputs = [one for one in layers.get_all_layers(layer) if isinstance(one, InputLayer)]
    values = []
    for one in inputs:
        shape = [size or 2 for size in one.shape]
        if one.name == "mask" or one.input_var.dtype.startswith("int"):
            values.append(rng.randint(0, 2, shape).astype(one.input_var.dtype))
        else:
            values.append(rng.normal(size=shape).astype("float32"))
    expression = layers.get_output(layer, deterministic=True)
    variables = [one.input_var for one in inputs]
    function = pytensor.function(variables, expression, mode=mode, on_unused_input="ignore")
    return function(*values)


def _randomize(layer):
    rng = np.random.RandomState(1)
    for param in layers.get_all_params(layer):
        value = param.get_value()
        param.set_value((value + rng.uniform(0, 0.1, value.shape)).astype(value.dtype))


@pytest.fixture
def network():
    first = DenseLayer(InputLayer((None, 3)), 4, name="first")
    return DenseLayer(first, 2, name="second", nonlinearity=nonlinearities.softmax)


def test_every_layer_class_has_a_network_here():
    classes = {
        value.__name__
        for name, value in vars(layers).items()
        if inspect.isclass(value) and issubclass(value, layers.Layer) and name in layers.__all__
    }
    assert classes - WITHOUT <= set(NETWORKS)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name in layers.__all__])
def test_a_network_of_every_layer_class_gives_the_same_output_from_disk(name, tmp_path, fast):
    layer = NETWORKS[name]()
    _randomize(layer)
    save_model(layer, tmp_path / "model")
    again = load_model(tmp_path / "model").layer
    assert type(again) is type(layer)
    assert again.output_shape == layer.output_shape
    expected = _output(layer, fast)
    assert expected.size > 0
    np.testing.assert_array_equal(_output(again, fast), expected)
    for old, new in zip(layers.get_all_layers(layer), layers.get_all_layers(again), strict=True):
        assert new.name == old.name
        assert list(new.params.values()) == list(old.params.values())
        assert [p.name for p in new.params] == [p.name for p in old.params]


def test_tags_that_were_changed_are_kept(tmp_path, network):
    network.params[network.W].discard("trainable")
    save_model(network, tmp_path / "model")
    names = [p.name for p in layers.get_all_params(load_model(tmp_path / "model").layer,
                                                   trainable=True)]  # fmt: skip
    assert names == ["first.W", "first.b", "second.b"]


def test_batch_normalization_keeps_its_statistics_and_the_bias_stays_removed(tmp_path, fast):
    layer = layers.batch_norm(DenseLayer(_image(*ROWS), 3, name="dense"))
    _randomize(layer)
    save_model(layer, tmp_path / "model")
    again = load_model(tmp_path / "model").layer
    values = layers.get_all_param_values(again)
    assert [v.tolist() for v in values] == [v.tolist() for v in layers.get_all_param_values(layer)]
    np.testing.assert_array_equal(_output(again, fast), _output(layer, fast))


def test_weight_sharing_is_preserved(tmp_path, fast):
    source = _image(*ROWS)
    one = DenseLayer(source, 6, name="one")
    two = DenseLayer(one, 6, W=one.W, b=one.b, name="two")
    save_model(two, tmp_path / "model")
    _, values = _parts(tmp_path / "model")
    assert sorted(values) == ["001.one.W", "001.one.b"]
    again = load_model(tmp_path / "model").layer
    assert again.W is again.input_layer.W
    np.testing.assert_array_equal(_output(again, fast), _output(two, fast))


@pytest.mark.skipif("LSTMLayer" not in layers.__all__, reason="needs the recurrent layers")
def test_shared_gates_are_preserved(tmp_path, fast):
    one = layers.LSTMLayer(_image(2, 5, 4), 4, name="one")
    gate = layers.Gate(
        W_in=one.W_in_to_ingate, W_hid=one.W_hid_to_ingate,
        W_cell=one.W_cell_to_ingate, b=one.b_ingate,
    )  # fmt: skip
    two = layers.LSTMLayer(one, 4, ingate=gate, name="two")
    save_model(two, tmp_path / "model")
    again = load_model(tmp_path / "model").layer
    assert again.W_in_to_ingate is again.input_layers[0].W_in_to_ingate
    np.testing.assert_array_equal(_output(again, fast), _output(two, fast))


def test_a_layer_that_feeds_two_others_is_one_layer_again(tmp_path):
    source = DenseLayer(_image(*ROWS), 4)
    save_model(layers.ElemwiseSumLayer([source, source]), tmp_path / "model")
    again = load_model(tmp_path / "model").layer
    assert again.input_layers[0] is again.input_layers[1]


def test_a_shape_instead_of_an_incoming_layer_is_kept(tmp_path):
    save_model(DenseLayer((None, 3), 4), tmp_path / "model")
    again = load_model(tmp_path / "model").layer
    assert again.input_layer is None
    assert again.input_shape == (None, 3)


def test_an_unpickled_network_can_be_saved(tmp_path, fast):
    import pickle

    layer = DenseLayer(_image(*ROWS), 3, nonlinearity=nonlinearities.LeakyRectify(0.3), name="d")
    copy = pickle.loads(pickle.dumps(layer))
    save_model(copy, tmp_path / "model")
    again = load_model(tmp_path / "model").layer
    assert again.nonlinearity == nonlinearities.LeakyRectify(0.3)
    np.testing.assert_array_equal(_output(again, fast), _output(layer, fast))


def test_values_of_another_float_type_become_floatX(tmp_path):
    layer = DenseLayer((None, 3), 2, W=pytensor.shared(np.ones((3, 2), "float64")))
    save_model(layer, tmp_path / "model")
    assert load_model(tmp_path / "model").layer.W.dtype == "float32"


def test_loading_works_in_a_fresh_process(tmp_path, network):
    save_model(network, tmp_path / "model")
    code = f"""
import nncore.serialization, nncore.layers
layer = nncore.serialization.load_model({str(tmp_path / "model")!r}).layer
print(sum(abs(v).sum() for v in nncore.layers.get_all_param_values(layer)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    total = sum(abs(v).sum() for v in layers.get_all_param_values(network))
    assert float(done.stdout) == pytest.approx(float(total), rel=1e-5)


# --- what is written -----------------------------------------------------------------------------


def _parts(path):
    document = json.loads(path.with_name("model.json").read_text())
    return document, load_arrays(path.with_name("model.safetensors"))[0]


def test_the_two_files_say_what_is_in_them(tmp_path, network):
    save_model(network, tmp_path / "model", {"classes": ("a", "b")})
    document, values = _parts(tmp_path / "model")
    assert document["format"] == "nncore-model"
    assert document["format_version"] == 1
    assert [entry["layer"] for entry in document["layers"]] == ["Input", "Dense", "Dense"]
    assert [entry["incoming"] for entry in document["layers"]] == [[], [0], [1]]
    assert document["layers"][2]["config"]["nonlinearity"] == {"$nonlinearity": "softmax"}
    assert sorted(values) == ["001.first.W", "001.first.b", "002.second.W", "002.second.b"]
    np.testing.assert_array_equal(values["002.second.W"], network.W.get_value())


@pytest.mark.parametrize("given", ["model", "model.safetensors", "model.json"])
@pytest.mark.parametrize("read", ["model", "model.safetensors", "model.json"])
def test_the_path_may_have_either_suffix_or_none(tmp_path, network, given, read):
    save_model(network, tmp_path / given)
    assert sorted(os.listdir(tmp_path)) == ["model.json", "model.safetensors"]
    assert load_model(str(tmp_path / read)).layer.name == "second"


def test_a_dot_in_the_name_is_no_suffix(tmp_path, network):
    save_model(network, tmp_path / "run-0.1")
    assert sorted(os.listdir(tmp_path)) == ["run-0.1.json", "run-0.1.safetensors"]


def test_metadata_is_given_back(tmp_path, network):
    given = {"classes": ("cat", "dog"), "score": 0.5, "shape": [1, None], "lr": np.float32(0.1)}
    save_model(network, tmp_path / "model", given)
    assert load_model(tmp_path / "model").metadata == given


# --- what cannot be saved ------------------------------------------------------------------------


class Unregistered(DenseLayer):
    pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: DenseLayer(x, 2, nonlinearity=lambda v: v, name="odd"),
         r"DenseLayer 'odd' .*argument 'nonlinearity' is a function that is registered nowhere"),
        (lambda x: layers.ExpressionLayer(x, lambda v: v * 2),
         "ExpressionLayer .*argument 'function' is a function"),
        (lambda x: DenseLayer(x, 3, W=pytensor.shared(np.ones((3, 3), "float32")).T, name="tied"),
         r"DenseLayer 'tied': the parameter W is an expression"),
        (lambda x: layers.DropoutLayer(x, p=pytensor.shared(np.float32(0.5))),
         "argument 'p' is a symbolic expression"),
        (lambda x: Unregistered(x, 2), "Unregistered cannot be saved: its class is registered"),
    ],
)  # fmt: skip
def test_what_a_model_file_cannot_hold_is_an_error_that_names_it(tmp_path, make, message):
    with pytest.raises(ModelFileError, match=message):
        save_model(make(InputLayer((None, 3))), tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_constructor_with_unnamed_arguments_is_an_error(tmp_path, monkeypatch):
    class Vague(DenseLayer):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    get = registry.get
    monkeypatch.setattr(registry, "get", lambda kind, n: Vague if n == "Vague" else get(kind, n))
    with pytest.raises(
        ModelFileError, match=r"Vague cannot be saved: its constructor takes \*args"
    ):
        save_model(Vague(InputLayer((None, 3)), 2), tmp_path / "model")


def test_a_layer_that_does_not_rebuild_from_its_arguments_is_not_saved(tmp_path, monkeypatch):
    class Growing(DenseLayer):
        def __init__(self, incoming, num_units, **kwargs):
            super().__init__(incoming, num_units + 1, **kwargs)

    get = registry.get
    monkeypatch.setattr(registry, "get", lambda k, n: Growing if n == "Growing" else get(k, n))
    with pytest.raises(ModelFileError, match=r"as it could not be read: layer 1 .Growing. cannot"):
        save_model(Growing(InputLayer((None, 3)), 2), tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_network_that_needs_itself_is_an_error(tmp_path, network):
    network.input_layer.input_layer = network
    with pytest.raises(ModelFileError, match="needs itself"):
        save_model(network, tmp_path / "model")


def test_only_one_output_layer_can_be_saved(tmp_path, network):
    with pytest.raises(ModelFileError, match="from its output layer, not from list"):
        save_model([network], tmp_path / "model")


def test_an_implementation_that_is_not_installed_is_an_error_that_names_the_layer(tmp_path):
    layer = layers.Conv2DLayer(_image(), 2, 3, implementation="reference", name="c")
    save_model(layer, tmp_path / "model")
    assert load_model(tmp_path / "model").layer.implementation == "reference"
    _reseal(
        tmp_path / "model.json",
        lambda d: d["layers"][1]["config"].update(implementation="vulkan"),
    )
    with pytest.raises(ModelFileError, match=r"layer 1 \(Conv2D 'c'\).*'vulkan'.*install the pl"):
        load_model(tmp_path / "model")


def test_metadata_that_cannot_be_saved_is_an_error(tmp_path, network):
    with pytest.raises(ModelFileError, match=r"metadata cannot be saved: .* of the type set"):
        save_model(network, tmp_path / "model", {"names": {1, 2}})


# --- damage --------------------------------------------------------------------------------------


def _reseal(path, change):
    """Change the document as a program would that knows about the checksum."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(ser._sealed(document)))


def test_a_missing_file_is_an_error_that_names_it(tmp_path, network):
    with pytest.raises(ModelFileError, match=r"absent.json cannot be read: there is no such file"):
        load_model(tmp_path / "absent")
    save_model(network, tmp_path / "model")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelFileError, match=r"model.safetensors cannot be read"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize("cut", [0, 1, 7, 100, -1])
@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, network, cut, suffix):
    save_model(network, tmp_path / "model")
    path = tmp_path / f"model{suffix}"
    path.write_bytes(path.read_bytes()[: cut if cut >= 0 else -3])
    with pytest.raises(ModelFileError, match=f"model{suffix}.*(cut short|does not belong)"):
        load_model(tmp_path / "model")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_altered_byte_is_found(tmp_path_factory, at, difference):
    directory = tmp_path_factory.mktemp("model")
    save_model(DenseLayer((None, 2), 1, name="d"), directory / "model")
    for suffix in (".json", ".safetensors"):
        path = directory / f"model{suffix}"
        original = path.read_bytes()
        content = bytearray(original)
        content[at % len(content)] ^= difference
        path.write_bytes(content)
        blank = suffix == ".json" and _same_json(original, bytes(content))
        if blank:
            assert load_model(directory / "model").layer.name == "d"
        else:
            with pytest.raises(ModelFileError):
                load_model(directory / "model")
        path.write_bytes(original)


def _same_json(one, other):
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a": NaN}', b"[1]", b"\xff\xfe"])
def test_json_that_is_no_model_is_an_error(tmp_path, content):
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model.json is (damaged|not a model)"):
        load_model(tmp_path / "model")


def test_files_of_two_models_do_not_go_together(tmp_path, network):
    save_model(network, tmp_path / "a")
    network.W.set_value(network.W.get_value() + 1)
    save_model(network, tmp_path / "b")
    shutil.copy(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    with pytest.raises(ModelFileError, match=r"b.safetensors does not belong to .*b.json"):
        load_model(tmp_path / "b")


def test_a_newer_format_is_an_error_that_says_to_upgrade(tmp_path, network):
    save_model(network, tmp_path / "model")
    _reseal(tmp_path / "model.json", lambda d: d.update(format_version=7, nncore_version="9.9"))
    with pytest.raises(
        ModelFileError, match=r"written by nncore 9\.9 in format 7; .*up to 1.*Upgr"
    ):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["layers"][1].update(layer="Conv9D"),
         "layer 1 .Conv9D 'first'.: 'Conv9D' is not a known layer.*plugin"),
        (lambda d: d.update(format="other"), "not a model of nncore"),
        (lambda d: d.update(format_version="one"), "format version is 'one'"),
        (lambda d: d["tensors"].pop("001.first.W"), "has besides 001.first.W"),
        (lambda d: d["tensors"].update(more={"shape": [], "dtype": "float32"}), "lacks more"),
        (lambda d: d["tensors"]["001.first.W"].update(shape=[4, 3]),
         r"'001.first.W' has the shape \(3, 4\), but the architecture says \(4, 3\)"),
        (lambda d: d["layers"][2]["config"].update(num_units=5),
         "layer 2 .Dense 'second'. cannot be built: .*shape"),
        (lambda d: d["layers"][2]["config"].update(colour="red"), "layer 2 .* cannot be built"),
        (lambda d: d["layers"][2]["config"].update(nonlinearity={"$function": "eval"}),
         "stands for nothing"),
        (lambda d: d["layers"][2]["config"].update(nonlinearity={"$nonlinearity": "os.system"}),
         "not a known nonlinearity"),
        (lambda d: d["layers"][2].update(incoming=[7]), "layer 2 .* cannot be built"),
        (lambda d: d["layers"][2]["params"].pop(), "cannot be built"),
        (lambda d: d["layers"][2]["config"].update(b=None), "has 1 parameters, but the file 2"),
        (lambda d: d.pop("layers"), "lacks layers"),
        (lambda d: d.update(layers=[]), "not as nncore writes it"),
        (lambda d: d.update(layers={"a": 1}), "not as nncore writes it"),
        (lambda d: d.update(tensors=3), "not as nncore writes it"),
        (lambda d: d.update(metadata={"$tuple": 3}), "not as nncore writes it"),
    ],
)  # fmt: skip
def test_a_wrong_architecture_is_an_error_that_names_the_place(tmp_path, network, change, message):
    save_model(network, tmp_path / "model")
    _reseal(tmp_path / "model.json", change)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


# --- a full disk and a crash ---------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_leaves_the_old_model_and_nothing_else(tmp_path, network, monkeypatch):
    save_model(network, tmp_path / "model")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    network.W.set_value(network.W.get_value() + 1)
    write = ser.Path.write_bytes

    def write_to_a_full_disk(self, data):
        with open("/dev/full", "wb") as full:
            full.write(data)

    monkeypatch.setattr(ser.Path, "write_bytes", write_to_a_full_disk)
    with pytest.raises(ModelFileError, match=r"No space left on device.*unchanged"):
        save_model(network, tmp_path / "model")
    with pytest.raises(ModelFileError, match="No space left on device"):
        save_arrays(tmp_path / "state.safetensors", {"a": np.zeros(3)})
    monkeypatch.setattr(ser.Path, "write_bytes", write)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_crash_between_the_two_renamings_is_an_error_on_loading(tmp_path, network, monkeypatch):
    save_model(network, tmp_path / "model")
    network.W.set_value(network.W.get_value() + 1)
    replace, done = os.replace, []

    def crash_at_the_second(source, target):
        if done:
            raise KeyboardInterrupt
        done.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", crash_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        save_model(network, tmp_path / "model")
    with pytest.raises(ModelFileError, match="does not belong"):
        load_model(tmp_path / "model")
    assert sorted(os.listdir(tmp_path)) == ["model.json", "model.safetensors"]


def test_a_missing_directory_is_an_error(tmp_path, network):
    with pytest.raises(ModelFileError, match="cannot be written: the directory does not exist"):
        save_model(network, tmp_path / "absent" / "model")


# --- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [np.float32(2.5), np.arange(6).reshape(2, 3).T, np.zeros((0, 3)), np.array(True),
     np.arange(3, dtype=">f4"), np.array([np.nan, -np.inf]), np.float16([1.5]), 3, [1, 2]],
)  # fmt: skip
def test_arrays_survive(tmp_path, array):
    save_arrays(tmp_path / "a.safetensors", {"x": array}, {"note": "é"})
    arrays, texts = load_arrays(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(arrays["x"], array)
    assert arrays["x"].shape == np.shape(array)
    assert arrays["x"].dtype == np.asarray(array).dtype.newbyteorder("=")
    assert texts == {"note": "é"}


def test_no_arrays_survive_too(tmp_path):
    save_arrays(tmp_path / "a.safetensors", {})
    assert load_arrays(tmp_path / "a.safetensors") == ({}, {})


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.zeros(2, "complex64")])
def test_an_array_of_another_type_is_an_error_that_names_it(tmp_path, array):
    with pytest.raises(ModelFileError, match="the array 'x' has dtype"):
        save_arrays(tmp_path / "a.safetensors", {"x": array})


def test_metadata_of_arrays_must_be_text(tmp_path):
    with pytest.raises(ModelFileError, match="metadata 'step' cannot be saved: it must be a text"):
        save_arrays(tmp_path / "a.safetensors", {}, {"step": 3})


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_altered_byte_of_arrays_is_found(tmp_path_factory, at, difference):
    path = tmp_path_factory.mktemp("arrays") / "a.safetensors"
    arrays, texts = {"x": np.arange(5.0)}, {"note": "hello"}
    save_arrays(path, arrays, texts)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= difference
    path.write_bytes(content)
    try:
        again, again_texts = load_arrays(path)
    except ModelFileError as error:
        outcome = str(error)
    else:
        same = again_texts == texts and list(again) == ["x"]
        outcome = str(path) if same and np.array_equal(again["x"], arrays["x"]) else "altered"
    assert str(path) in outcome


def test_a_file_of_another_program_is_told(tmp_path):
    import safetensors.numpy

    safetensors.numpy.save_file({"x": np.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelFileError, match=r"a.safetensors .* no checksum"):
        load_arrays(tmp_path / "a.safetensors")


def test_saving_the_same_model_twice_gives_the_same_bytes(tmp_path, network):
    for name in ("a", "b"):
        save_model(network, tmp_path / name, {"x": 1})
    for suffix in (".json", ".safetensors"):
        one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("a", "b"))
        assert one == two
