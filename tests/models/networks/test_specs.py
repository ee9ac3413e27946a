"""From a list of sizes and specifications to layers."""

from __future__ import annotations

import numpy as np
import pytensor
import pytest

from nncore import layers, nonlinearities
from nncore.errors import UnknownNameError
from nncore.layers import DenseLayer, InputLayer, get_all_layers, get_output
from nncore.models.networks.activations import ACTIVATIONS, activation
from nncore.models.networks.building import build_layers
from nncore.models.networks.specs import FORMS

RECURRENT = {
    "rnn": (layers.RecurrentLayer, {}),
    "rrnn": (layers.RRNNLayer, {"rate": "vector"}),
    "mrnn": (layers.MRNNLayer, {"factors": 2}),
    "lstm": (layers.LSTMLayer, {"peepholes": False}),
    "gru": (layers.GRULayer, {}),
    "clockwork": (layers.ClockworkLayer, {"periods": (1, 2)}),
    "mut1": (layers.MUT1Layer, {}),
    "scrn": (layers.SCRNLayer, {"context_size": 3}),
    "bidirectional": (layers.BidirectionalLayer, {"worker": "lstm"}),
}


def shapes(built):
    return {name: layer.output_shape for name, layer in built.items()}


def value_of(layer, x, fast):
    source = next(one for one in get_all_layers(layer) if isinstance(one, InputLayer))
    return pytensor.function([source.input_var], get_output(layer), mode=fast)(x)


def test_sizes_are_dense_layers_with_the_names_of_their_places():
    built = build_layers([4, 10, 5, 3])
    assert shapes(built) == {
        "in": (None, 4),
        "hid1": (None, 10),
        "hid2": (None, 5),
        "out": (None, 3),
    }
    assert built["hid1"].nonlinearity is nonlinearities.rectify
    assert built["out"].nonlinearity is nonlinearities.linear
    assert [p.name for p in layers.get_all_params(built["out"])] == [
        "hid1.W", "hid1.b", "hid2.W", "hid2.b", "out.W", "out.b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        (7, "tanh"),
        ("tanh", 7),
        (7, "ff", "tanh"),
        (7, nonlinearities.tanh),
        (7, DenseLayer, "tanh"),
        {"size": 7, "activation": "tanh"},
        {"form": "feedforward", "num_units": 7, "nonlinearity": nonlinearities.tanh},
        {"form": "Dense", "size": 7, "activation": "tanh"},
        (7, "DenseLayer", "tanh"),
    ],
    ids=lambda spec: None,
)
def test_a_layer_can_be_said_in_many_ways(spec):
    layer = build_layers([4, spec, 2])["hid1"]
    assert type(layer) is DenseLayer
    assert layer.num_units == 7
    assert layer.nonlinearity is nonlinearities.tanh


def test_the_last_layer_has_the_networks_activation_unless_it_has_its_own():
    assert build_layers([4, 3], "softmax")["out"].nonlinearity is nonlinearities.softmax
    assert build_layers([4, (3, "tanh")], "softmax")["out"].nonlinearity is nonlinearities.tanh
    assert build_layers([4, (3, "softmax")])["out"].nonlinearity is nonlinearities.softmax
    built = build_layers([(3, 8, 8), {"form": "NIN", "size": 5}, "GlobalPool"], "softmax")
    assert isinstance(built["out"], layers.NonlinearityLayer)
    assert built["out"].input_layer.name == "out.linear"


@pytest.mark.parametrize("form", RECURRENT)
def test_every_recurrent_form_makes_its_layer_and_dense_layers_go_along(form):
    cls, options = RECURRENT[form]
    built = build_layers([4, {"form": form, "size": 6, **options}, (5, "tanh"), 3])
    assert type(built["hid1"]) is cls
    assert shapes(built) == {
        "in": (None, None, 4), "hid1": (None, None, 6), "hid2": (None, None, 5),
        "out": (None, None, 3),
    }  # fmt: skip
    for name, value in options.items():
        expected = {"lstm": "LSTM"}.get(value, value) if name == "worker" else value
        assert getattr(built["hid1"], name) == expected


def test_a_recurrent_layer_takes_a_mask_and_can_end_a_sequence():
    spec = {"form": "gru", "size": 6, "only_return_final": True, "activation": "relu"}
    built = build_layers([4, (5, "lstm"), spec, 3], masked=True)
    assert shapes(built)["out"] == (None, 3)
    assert shapes(built)["mask"] == (None, None)
    for name in ("hid1", "hid2"):
        assert built["mask"] in built[name].input_layers
    assert built["hid2"].hidden_update.nonlinearity is nonlinearities.rectify
    with pytest.raises(ValueError, match="masked=True needs sequences"):
        build_layers([4, 3], masked=True)


def test_convolutions_pools_and_flat_layers():
    built = build_layers(
        [
            (1, 12, 12),
            {"form": "conv2", "size": 4, "filter_size": 3, "border_mode": "same"},
            {"form": "pool2", "pool_size": 2},
            {"form": "conv2", "size": 6, "filter_size": 3},
            "flat",
            10,
        ]
    )
    assert shapes(built) == {
        "in": (None, 1, 12, 12), "hid1": (None, 4, 12, 12), "hid2": (None, 4, 6, 6),
        "hid3": (None, 6, 4, 4), "hid4": (None, 96), "out": (None, 10),
    }  # fmt: skip
    conv = {"form": "conv1", "size": 3, "filter_size": 2, "stride": 2}
    assert build_layers([(2, 9), conv, 4])["hid1"].output_shape == (None, 3, 4)
    reshaped = build_layers([12, {"form": "reshape", "shape": (3, 4)}, 2])["hid1"]
    assert reshaped.output_shape == (None, 3, 4)


def test_layers_can_have_several_inputs_by_name(fast):
    built = build_layers(
        [
            4,
            {"size": 3, "name": "left"},
            {"size": 3, "name": "right", "inputs": "in"},
            {"form": "prod", "inputs": ("left", "right")},
            {"form": "concat", "inputs": ["left", "right", "hid3"]},
            2,
        ]
    )
    assert built["hid4"].output_shape == (None, 9)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    left, right, product = (value_of(built[name], x, fast) for name in ("left", "right", "hid3"))
    np.testing.assert_allclose(product, left * right)
    np.testing.assert_array_equal(
        value_of(built["hid4"], x, fast), np.concatenate([left, right, product], 1)
    )


def test_tied_layers_mirror_the_encoder():
    built = build_layers([8, 5, (3, "tanh"), ("tied", "relu"), "tied"])
    assert built["hid3"].partner is built["hid2"]
    assert built["out"].partner is built["hid1"]
    assert shapes(built)["out"] == (None, 8)
    assert len(layers.get_all_params(built["out"])) == 6
    again = build_layers([8, 5, (3, "prelu"), ("tied", 5), {"form": "tied", "partner": "hid1"}])
    assert again["hid3"].partner.name == "hid2.linear"
    assert again["out"].partner is again["hid1"]


def test_an_input_can_be_a_dict_or_a_layer():
    source = InputLayer((None, 7))
    assert build_layers([source, 3])["in"] is source
    built = build_layers([{"shape": (None,), "dtype": "int32", "name": "words"},
                          {"form": "Embedding", "input_size": 9, "output_size": 4},
                          (5, "rnn"), 2])  # fmt: skip
    assert built["words"].input_var.dtype == "int32"
    assert built["out"].output_shape == (None, None, 2)


def test_a_layer_or_a_class_can_stand_in_the_list():
    source = InputLayer((None, 7), name="in")
    hidden = layers.DropoutLayer(DenseLayer(source, 5), p=0.1)
    built = build_layers([source, hidden, layers.FlattenLayer, 3])
    assert built["hid1"] is hidden
    assert isinstance(built["hid2"], layers.FlattenLayer)
    with pytest.raises(ValueError, match="is not built on <InputLayer 'in'>"):
        build_layers([7, hidden, 3])


# --- activations ----------------------------------------------------------------------------------

X = np.array([[-2.0, -0.5, 0.25, 3.0]], "float32")


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("linear", lambda x: x),
        ("relu", lambda x: np.maximum(x, 0)),
        ("rect:max", lambda x: np.maximum(x, 0)),
        ("rect:min", lambda x: np.minimum(x, 1)),
        ("rect:minmax", lambda x: np.clip(x, 0, 1)),
        ("tanh", np.tanh),
        ("logistic", lambda x: 1 / (1 + np.exp(-x))),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("softplus", lambda x: np.log1p(np.exp(x))),
        ("elu", lambda x: np.where(x > 0, x, np.expm1(x))),
        ("norm:mean+relu", lambda x: np.maximum(x - x.mean(), 0)),
        ("norm:z", lambda x: (x - x.mean()) / x.std()),
        ("relu+tanh", lambda x: np.tanh(np.maximum(x, 0))),
        ("leaky_rectify", lambda x: np.maximum(x, 0.01 * x)),
        (None, lambda x: x),
    ],
)
def test_an_activation_is_its_formula(name, formula, fast):
    W = np.eye(4, dtype="float32")
    built = build_layers([4, {"size": 4, "activation": name, "W": W}])
    np.testing.assert_allclose(value_of(built["out"], X, fast), formula(X), rtol=1e-5, atol=1e-6)


def test_prelu_and_its_gain_are_learnt_for_each_unit(fast):
    W = np.eye(4, dtype="float32")
    built = build_layers([4, {"size": 4, "activation": "lgrelu+tanh", "W": W}])
    out = built["out"]
    params = {p.name: p for p in layers.get_all_params(out, trainable=True)}
    assert (
        set(params) == {"out.linear.W", "out.linear.b", "out.1.alpha", "out.1.scales"}
        or len(params) == 4
    )
    alpha = next(p for p in params.values() if "alpha" in p.name)
    gain = next(p for p in params.values() if "scale" in p.name)
    alpha.set_value(np.array([0.1, 0.2, 0.3, 0.4], "float32"))
    gain.set_value(np.array([1, 2, 3, 4], "float32"))
    leak = np.where(X > 0, X, X * [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(value_of(out, X, fast), np.tanh(leak * [1, 2, 3, 4]), rtol=1e-5)
    assert out.name == "out"


def test_maxout_takes_the_largest_of_k_pieces_for_each_unit(fast):
    built = build_layers([4, (3, "maxout:2"), 2])
    hidden = built["hid1"]
    assert hidden.output_shape == (None, 3)
    dense = hidden.input_layer
    assert dense.num_units == 6
    sums = X @ dense.W.get_value()
    np.testing.assert_allclose(value_of(hidden, X, fast), sums.reshape(1, 3, 2).max(-1), rtol=1e-5)
    image = build_layers(
        [(1, 5, 5), {"form": "conv2", "size": 4, "filter_size": 3, "activation": "maxout:3"}, 2]
    )
    assert image["hid1"].output_shape == (None, 4, 3, 3)


@pytest.mark.parametrize("name", [one for one in ACTIVATIONS if one != "maxout:k"])
def test_every_activation_can_be_built_in_a_dense_and_in_a_convolutional_layer(name):
    assert build_layers([4, (3, name), 2])["hid1"].output_shape == (None, 3)
    spec = {"form": "conv2", "size": 4, "filter_size": 3, "activation": name}
    assert build_layers([(1, 5, 5), spec, 2])["hid1"].output_shape == (None, 4, 3, 3)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_in_the_table_with_a_layer(form):
    assert issubclass(FORMS[form].layer, layers.Layer)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("specs", "error", "message"),
    [
        ([4], TypeError, "at least two"),
        ("48", TypeError, "at least two"),
        ([4, (3, "rleu")], UnknownNameError, r"layer 1: 'rleu' is neither.*'relu'"),
        ([4, "lstn"], UnknownNameError, r"layer 1: 'lstn' is no form.*'lstm'"),
        ([4, {"size": 3, "activation": "tahn"}], UnknownNameError, r"'out': 'tahn'.*'tanh'"),
        ([4, {"size": 3, "activation": "maxout:0"}], UnknownNameError, "'maxout:0'"),
        ([4, {"size": 3, "activation": 7}], TypeError, "an activation must be a name"),
        ([4, {"size": 3, "from": "conv2"}], TypeError, r"takes no from\..*'form'"),
        ([4, {"size": 3, "form": "conv2", "filter_sise": 3}], TypeError, "'filter_size'"),
        ([4, {"size": "3"}], TypeError, "size='3' must be an integer"),
        ([4, (3, 4)], ValueError, "more than one size"),
        ([4, (3, "rnn", "lstm")], ValueError, "more than one form"),
        ([4, (3, "relu", "tanh")], ValueError, "more than one activation"),
        ([4, ("rnn",)], ValueError, "'rnn' needs a size"),
        ([4, (3, "flat")], ValueError, "no size of its own, so 3"),
        ([4, 3.5], TypeError, "layer 1: 3.5 must be a size"),
        ([4, (3, 1.5)], TypeError, "1.5 in .* must be a size"),
        ([4.5, 3], TypeError, "the input, the first of the layers"),
        ([{"sise": 3}, 3], TypeError, "the input, the first of the layers"),
        ([(3, "relu"), 3], TypeError, "the input, the first of the layers"),
        ([4, "tied"], ValueError, "no layer left that it could be tied to"),
        ([4, 3, ("tied", 5)], ValueError, "size=5 must be 4"),
        ([4, {"form": "tied", "partner": "hid9"}], UnknownNameError, "no layer 'hid9'"),
        ([4, {"size": 3, "inputs": "inn"}], UnknownNameError, "Did you mean 'in'"),
        ([4, 3, {"size": 3, "inputs": ("in", "hid1")}], ValueError, "'concat' or 'prod'"),
        ([4, {"size": 3, "name": "in"}, 2], ValueError, "two layers are called 'in'"),
        ([4, (5, "bidirectional")], ValueError, "size=5 must be even"),
        ([4, {"form": "rrnn", "size": 3, "rate": "vectr"}, 2], ValueError, "'vector'"),
    ],
    ids=str,
)
def test_what_is_no_layer_is_refused_with_what_would_be(specs, error, message):
    with pytest.raises(error, match=message):
        build_layers(specs)


def test_an_activation_says_what_it_needs():
    assert activation("maxout:2+maxout:3", "hid1").pieces == 6
    assert activation(None, "hid1").function is nonlinearities.linear
