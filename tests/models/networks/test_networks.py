"""What networks do without training."""

from __future__ import annotations

import json

import numpy as np
import pytensor.tensor as pt
import pytest
import scipy.sparse
import scipy.special
from pytensor.graph.traversal import explicit_graph_inputs
from sklearn import metrics

from nncore.errors import DataError, ModelFileError, UnknownNameError
from nncore.layers import get_all_param_values
from nncore.models import Autoencoder, Classifier, Network, Regressor
from nncore.objectives import Loss
from nncore.random import set_rng
from nncore.serialization import save_model

rng = np.random.default_rng(0)
X = rng.normal(size=(7, 4)).astype("float32")
SEQUENCES = rng.normal(size=(3, 6, 4)).astype("float32")


def classifier(*specs, **options):
    return Classifier([4, *(specs or [5]), 3], backend="python", **options)


def weights(network, *names):
    return [network.find(name, param).get_value() for name in names for param in ("W", "b")]


def test_the_probabilities_are_the_softmax_of_the_logits():
    network = classifier((5, "tanh"))
    V, c, W, b = weights(network, "hid1", "out")
    logits = np.tanh(X @ V + c) @ W + b
    np.testing.assert_allclose(network.predict_logit(X), logits, rtol=1e-4, atol=1e-6)
    proba = network.predict_proba(X)
    assert proba.dtype == "float32"
    np.testing.assert_allclose(proba, scipy.special.softmax(logits, axis=1), rtol=1e-5)
    np.testing.assert_array_equal(network.predict(X), logits.argmax(1))
    np.testing.assert_array_equal(network.classify(X), logits.argmax(1))


def test_all_outputs_come_by_the_names_of_the_layers():
    network = Regressor([4, (5, "tanh"), (6, "prelu"), 2], backend="python")
    outputs = network.feed_forward(X)
    assert list(outputs) == ["in", "hid1", "hid2", "out"]
    np.testing.assert_array_equal(outputs["in"], X)
    np.testing.assert_array_equal(outputs["out"], network.predict(X))
    assert outputs["hid2"].shape == (7, 6)


def test_data_go_through_in_batches_and_the_last_is_not_lost():
    network = classifier()
    many = rng.normal(size=(300, 4)).astype("float32")
    np.testing.assert_allclose(
        network.predict_proba(many)[-5:], network.predict_proba(many[-5:]), rtol=1e-5
    )


def test_noise_at_prediction_changes_the_output_and_its_seed_fixes_it():
    network = classifier()
    plain = network.predict_proba(X)
    noisy = [network.predict_proba(X, input_noise=0.5, rng=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    assert abs(noisy[0] - noisy[2]).max() > 1e-3
    assert abs(noisy[0] - plain).max() > 1e-3
    np.testing.assert_array_equal(network.predict_proba(X), plain)
    hidden = network.feed_forward(X, hidden_dropout=0.5)["hid1"]
    whole = network.feed_forward(X)["hid1"]
    dropped = hidden == 0
    np.testing.assert_allclose(hidden[~dropped], 2 * whole[~dropped], rtol=1e-5)
    with pytest.raises(TypeError, match=r"'input_nose'.*'input_noise'"):
        network.predict(X, input_nose=0.1)


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "coo_array"])
def test_a_sparse_matrix_gives_the_same_as_a_dense_one(kind):
    network = classifier()
    dense = np.where(rng.random((200, 4)) < 0.3, rng.normal(size=(200, 4)), 0).astype("float32")
    sparse = getattr(scipy.sparse, kind)(dense)
    np.testing.assert_array_equal(network.predict_proba(sparse), network.predict_proba(dense))


def test_sparse_data_that_no_layer_can_take_are_refused():
    sparse = scipy.sparse.csr_matrix(np.ones((5, 4), "float32"))
    network = Classifier([(1, 4, 4), (3, "softmax")], backend="python")
    with pytest.raises(DataError, match=r"\(5, 4\)"):
        network.predict(sparse)
    sparse.data[3] = np.nan
    with pytest.raises(DataError, match="1 values that are not finite"):
        classifier().predict(sparse)


def test_the_score_of_a_classifier_is_its_accuracy():
    network = classifier()
    y = rng.integers(0, 3, 7)
    w = rng.random(7)
    predicted = network.predict(X)
    assert network.score(X, y) == pytest.approx(metrics.accuracy_score(y, predicted))
    assert network.score(X, y, w) == pytest.approx(
        metrics.accuracy_score(y, predicted, sample_weight=w)
    )
    with pytest.raises(DataError, match=r"\(5,\), but the network gives \(7,\)"):
        network.score(X, y[:5])


def test_the_score_of_a_regressor_is_the_coefficient_of_determination():
    network = Regressor([4, 2], backend="python")
    y, w = rng.normal(size=(7, 2)), rng.random(7)
    predicted = network.predict(X)
    residual = (w[:, None] * (y - predicted) ** 2).sum()
    mean = np.average(y, axis=0, weights=w)
    total = (w[:, None] * (y - mean) ** 2).sum()
    assert network.score(X, y, w) == pytest.approx(1 - residual / total)
    one = Regressor([4, 1], backend="python")
    assert one.score(X, y[:, :1], w) == pytest.approx(
        metrics.r2_score(y[:, :1], one.predict(X), sample_weight=w)
    )
    with pytest.raises(DataError, match=r"the weights have the shape \(2,\)"):
        network.score(X, y, w[:2])


def test_an_autoencoder_encodes_and_decodes():
    network = Autoencoder(
        [4, 6, (3, "sigmoid"), ("tied", "tanh"), ("tied", "linear")], backend="python"
    )
    code = network.encode(X)
    assert code.shape == (7, 3)
    np.testing.assert_array_equal(code, network.feed_forward(X)["hid2"])
    np.testing.assert_array_equal(network.encode(X, "hid1"), network.encode(X, 1))
    np.testing.assert_allclose(network.decode(code), network.predict(X), rtol=1e-5)
    np.testing.assert_allclose(
        network.decode(network.encode(X, "hid1"), "hid1"), network.predict(X), rtol=1e-5
    )
    bits = network.encode(np.repeat(X[:1], 4000, axis=0), sample=True, rng=0)
    assert set(np.unique(bits)) <= {0, 1}
    np.testing.assert_allclose(bits.mean(0), code[0], atol=0.03)
    assert network.score(X) == pytest.approx(
        metrics.r2_score(X, network.predict(X), multioutput="variance_weighted"), abs=1e-5
    )
    with pytest.raises(DataError, match=r"z has the shape \(7, 4\).*'hid2'"):
        network.decode(X)
    with pytest.raises(ValueError, match="output is from 0 to 1"):
        network.encode(10 * X, "hid1", sample=True)


def test_an_autoencoder_must_give_back_the_shape_of_its_input():
    with pytest.raises(ValueError, match=r"shape of its input, \(None, 4\), not \(None, 5\)"):
        Autoencoder([4, 3, 5])
    image = Autoencoder(
        [(1, 5, 5), {"form": "conv2", "size": 2, "filter_size": 3},
         {"form": "TransposedConv2D", "size": 1, "filter_size": 3}], backend="python"
    )  # fmt: skip
    assert image.predict(np.zeros((2, 1, 5, 5), "float32")).shape == (2, 1, 5, 5)


def test_layers_and_parameters_are_found_by_name_and_place():
    network = Regressor([4, (5, "prelu"), 2], backend="python")
    assert network.find("out") is network.find(2) is network.find(-1) is network.output
    assert network.find("hid1", "W").get_value().shape == (4, 5)
    assert network.find("hid1", "alpha").get_value().shape == (5,)
    assert len(network.params) == 5
    with pytest.raises(UnknownNameError, match=r"no layer called 'hid'.*'hid1'"):
        network.find("hid")
    with pytest.raises(UnknownNameError, match=r"no parameter of the layer 'out' called 'w'.*W, b"):
        network.find("out", "w")
    with pytest.raises(UnknownNameError, match="no layer 3; the network has 3 layers, from 0 to 2"):
        network.find(3)


def test_a_seed_fixes_the_initial_parameters_and_leaves_the_other_generator_alone():
    one, two, other = (classifier(rng=seed) for seed in (5, 5, 6))
    assert all(map(np.array_equal, weights(one, "hid1"), weights(two, "hid1")))
    assert not np.array_equal(*(net.find("hid1", "W").get_value() for net in (one, other)))
    set_rng(8)
    first = classifier(rng=None)
    set_rng(8)
    assert np.array_equal(*(n.find("hid1", "W").get_value() for n in (first, classifier(rng=None))))


# --- losses ---------------------------------------------------------------------------------------


def loss_value(network, *arrays, **regularizers):
    expression = network.loss(**regularizers)
    inputs = [one.input_var for one in network.inputs]
    others = [v for v in explicit_graph_inputs([expression]) if v not in inputs]
    # Those of one column are of the second array.
    others.sort(key=lambda variable: 1 in variable.type.shape)
    return float(expression.eval(dict(zip([*inputs, *others], arrays, strict=True))))


def test_the_loss_is_that_of_its_formula_and_penalties_are_added():
    network = classifier()
    y = rng.integers(0, 3, 7).astype("int32")
    log_p = np.log(network.predict_proba(X))
    expected = -log_p[np.arange(7), y].mean()
    assert loss_value(network, X, y) == pytest.approx(expected, rel=1e-5)
    squares = np.mean([(network.find(n, "W").get_value() ** 2).mean() for n in ("hid1", "out")])
    found = loss_value(network, X, y, weight_l2=0.5)
    assert found == pytest.approx(expected + 0.5 * squares, rel=1e-5)


def test_losses_are_added_with_their_weights_and_can_be_about_any_layer():
    network = Autoencoder([4, (4, "tanh"), 4], backend="python")
    outputs = network.feed_forward(X)
    main = ((outputs["out"] - X) ** 2).mean()
    assert loss_value(network, X) == pytest.approx(main, rel=1e-5)
    network.add_loss("mae", output="hid1", weight=0.25)
    both = main + 0.25 * abs(outputs["hid1"] - X).mean()
    assert loss_value(network, X) == pytest.approx(both, rel=1e-5)
    network.set_loss(form="mae")
    assert loss_value(network, X) == pytest.approx(abs(outputs["out"] - X).mean(), rel=1e-5)
    assert [one.name for one in Regressor([4, 2], loss=["mse", {"form": "mae"}]).losses] == [
        "mse", "mae",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="xee"):
        classifier(loss="xee")


def test_a_layer_beside_the_output_can_have_a_loss_of_its_own():
    network = Regressor(
        [4, (5, "tanh"), {"size": 1, "name": "side", "inputs": "hid1", "activation": None},
         {"size": 2, "inputs": "hid1"}],
        loss=["mse", {"form": "mse", "output": "side", "weight": 2.0}], backend="python",
    )  # fmt: skip
    assert len(network.params) == 6
    y, z = rng.normal(size=(7, 2)).astype("float32"), rng.normal(size=(7, 1)).astype("float32")
    outputs = network.feed_forward(X)
    expected = ((outputs["out"] - y) ** 2).mean() + 2 * ((outputs["side"] - z) ** 2).mean()
    assert loss_value(network, X, y, z) == pytest.approx(expected, rel=1e-5)


# --- recurrent ------------------------------------------------------------------------------------


def test_sequences_of_any_length_have_an_output_at_each_step():
    network = classifier((5, "gru"))
    assert network.predict_proba(SEQUENCES).shape == (3, 6, 3)
    assert network.predict(SEQUENCES[:, :2]).shape == (3, 2)
    np.testing.assert_allclose(
        network.predict_proba(SEQUENCES)[:, :2], network.predict_proba(SEQUENCES[:, :2]), rtol=1e-5
    )


def test_what_is_masked_does_not_change_the_output():
    spec = {"form": "lstm", "size": 5, "only_return_final": True}
    network = classifier(spec, masked=True)
    mask = np.ones((3, 6), "float32")
    mask[0, 4:] = 0
    other = SEQUENCES.copy()
    other[0, 4:] = 9
    one, two = (network.predict_proba((x, mask)) for x in (SEQUENCES, other))
    np.testing.assert_array_equal(one, two)
    unmasked = classifier(spec).predict_proba(SEQUENCES[:1, :4])
    np.testing.assert_allclose(one[:1], unmasked, rtol=1e-5)


def test_sequences_of_different_lengths_without_a_mask_are_refused():
    ragged = [SEQUENCES[0], SEQUENCES[1][:4]]
    with pytest.raises(DataError, match=r"different lengths, from 4 to 6.*padded.*masked=True"):
        classifier((5, "rnn")).predict(ragged)
    with pytest.raises(DataError, match="takes 2 arrays, in, mask"):
        classifier((5, "rnn"), masked=True).predict(SEQUENCES)


# --- on disk --------------------------------------------------------------------------------------

NETWORKS = {
    "classifier": lambda: classifier((5, "maxout:2"), (4, "norm:mean+relu")),
    "regressor": lambda: Regressor([4, (5, "lgrelu"), 2], loss=["mse", {"form": "mae"}]),
    "tied": lambda: Autoencoder([4, (3, "prelu"), ("tied", "linear")], weighted=True),
    "recurrent": lambda: classifier((6, "bidirectional"), {"form": "gru", "size": 3}, masked=True),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_from_disk_gives_the_same_output(kind, tmp_path):
    network = NETWORKS[kind]()
    network.backend = "python"
    network.save(tmp_path / "net")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["net.json", "net.safetensors"]
    again = type(network).load(tmp_path / "net", backend="python")
    assert type(again) is type(Network.load(tmp_path / "net")) is type(network)
    assert list(again.layers) == list(network.layers)
    assert [one.name for one in again.losses] == [one.name for one in network.losses]
    assert again.weighted == network.weighted
    x = (SEQUENCES, np.ones((3, 6), "float32")) if kind == "recurrent" else X
    for one, two in zip(
        network.feed_forward(x).values(), again.feed_forward(x).values(), strict=True
    ):
        np.testing.assert_array_equal(one, two)
    values = zip(*(get_all_param_values(n.output) for n in (network, again)), strict=True)
    assert all(np.array_equal(one, two) for one, two in values)
    about = json.loads((tmp_path / "net.json").read_text())["metadata"]["network"]
    assert about["class"] == type(network).__name__


def test_what_cannot_be_saved_or_read_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match="as a dict"):
        Regressor([4, 2], loss=Loss("mse")).save(tmp_path / "net")
    with pytest.raises(ModelFileError, match="registered nowhere"):
        Regressor([4, 2], loss=lambda a, b: pt.sqr(a - b)).save(tmp_path / "net")
    with pytest.raises(ModelFileError, match="the layers side are not below it"):
        Regressor([4, {"size": 2, "name": "side"}, {"size": 2, "inputs": "in"}]).save(
            tmp_path / "n"
        )
    classifier().save(tmp_path / "net")
    with pytest.raises(
        ModelFileError, match=r"holds a Classifier, not a Regressor.*Classifier\.load"
    ):
        Regressor.load(tmp_path / "net")
    save_model(classifier().output, tmp_path / "plain")
    with pytest.raises(ModelFileError, match=r"not saved from a network.*load_model"):
        Classifier.load(tmp_path / "plain")
