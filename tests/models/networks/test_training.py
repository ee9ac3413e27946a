"""Networks that are trained."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse

from nncore.errors import DataError
from nncore.models import Autoencoder, Classifier, Regressor
from nncore.models.recurrent import batches, padded
from nncore.models.text import Text

rng = np.random.default_rng(3)
X = rng.normal(size=(128, 4)).astype("float32")
Y = (X[:, 0] + X[:, 1] > 0).astype("int32")
QUICK = {"algo": "adam", "learning_rate": 0.05, "batch_size": 32}


def classifier(*specs, **options):
    return Classifier([4, *(specs or [8]), 2], backend="python", **options)


def weights(network):
    return [param.get_value() for param in network.params]


def same(one, two):
    return all(map(np.array_equal, one, two))


def test_a_classifier_learns_and_reports_loss_and_accuracy():
    network = classifier()
    found = list(
        network.itertrain(
            (X[:96], Y[:96]), (X[96:], Y[96:]), max_updates=8, validate_every=1, **QUICK
        )
    )
    assert found[-1][0]["loss"] < 0.5 * found[0][0]["loss"]
    assert network.score(X[96:], Y[96:]) > 0.9
    assert max(validation["acc"] for _, validation in found) > 0.9


def test_train_goes_to_the_end_and_gives_the_last_monitors():
    network = Regressor([4, (8, "tanh"), 1], backend="python")
    (first, _), *_ = network.itertrain((X, X[:, :1] ** 2), max_updates=1, **QUICK)
    last, _ = network.train((X, X[:, :1] ** 2), max_updates=15, **QUICK)
    assert last["loss"] < 0.5 * first["loss"]
    assert network.train((X, X[:, :1]), max_updates=0, **QUICK) is None


@pytest.mark.parametrize("algo", ["sgd", "rmsprop", "adadelta", "rprop"])
def test_every_rule_goes_down(algo):
    network = classifier()
    before = network.predict_proba(X)
    network.train((X, Y), algo=algo, max_updates=3, batch_size=64)
    after = network.predict_proba(X)
    rows = np.arange(len(Y))
    assert np.log(after[rows, Y]).mean() > np.log(before[rows, Y]).mean()


def test_an_epoch_of_descent_is_the_step_of_the_formula():
    network = Regressor([4, 2], backend="python")
    W, b = weights(network)
    y = rng.normal(size=(128, 2)).astype("float32")
    network.train((X, y), algo="sgd", learning_rate=0.1, max_updates=1, batch_size=128)
    error = 2 * (X @ W + b - y) / y.size
    np.testing.assert_allclose(
        network.find("out", "W").get_value(), W - 0.1 * X.T @ error, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        network.find("out", "b").get_value(), b - 0.1 * error.sum(0), rtol=1e-4, atol=1e-6
    )


def test_samples_of_weight_zero_do_not_matter():
    w = (np.arange(128) < 64).astype("float32")
    other = Y.copy()
    other[64:] = 1 - other[64:]
    found = []
    for labels in (Y, other):
        network = classifier(weighted=True)
        network.train((X, labels, w), max_updates=2, **QUICK)
        found.append(weights(network))
    assert same(*found)
    with pytest.raises(DataError, match="3 arrays, in, targets, weights, but was given 2"):
        network.train((X, Y), max_updates=1)


def test_regularizers_act_in_training():
    penalized, plain = classifier(), classifier()
    penalized.train((X, Y), max_updates=3, weight_l2=10.0, **QUICK)
    plain.train((X, Y), max_updates=3, **QUICK)
    size = [sum((w**2).sum() for w in weights(n) if w.ndim == 2) for n in (penalized, plain)]
    assert size[0] < 0.5 * size[1]
    noisy = classifier()
    noisy.train((X, Y), max_updates=3, input_noise=1.0, hidden_dropout=0.5, **QUICK)
    assert not same(weights(noisy), weights(plain))
    with pytest.raises(TypeError, match="hiden_dropout"):
        noisy.train((X, Y), max_updates=1, hiden_dropout=0.5)


def test_sparse_and_dense_data_train_the_same_network():
    dense = np.where(rng.random((128, 4)) < 0.5, X, 0).astype("float32")
    found = []
    for data in (dense, scipy.sparse.csr_matrix(dense)):
        network = classifier()
        network.train((data, Y), (data, Y), max_updates=2, **QUICK)
        found.append(weights(network))
    assert same(*found)


def test_a_denoising_autoencoder_with_tied_weights_learns_to_give_back_its_input():
    low = rng.normal(size=(128, 2)) @ rng.normal(size=(2, 4))
    x = low.astype("float32")
    network = Autoencoder([4, (2, "linear"), ("tied", "linear")], backend="python")
    network.train(x, max_updates=40, input_noise=0.05, **QUICK)
    assert network.score(x) > 0.95
    assert len(network.params) == 3


@pytest.mark.parametrize("algo", ["layerwise", "pretrain"])
def test_layers_can_be_trained_one_after_the_other(algo):
    network = classifier((6, "tanh"), (5, "tanh"))
    before = weights(network)
    for _ in network.itertrain((X, Y), algo=algo, max_updates=1, batch_size=32):
        pass
    assert not same(before, weights(network))
    assert network.predict(X).shape == (128,)


def test_a_tied_autoencoder_is_trained_from_its_outermost_pair_inwards():
    network = Autoencoder(
        [4, (6, "tanh"), (3, "tanh"), ("tied", "tanh"), ("tied", "linear")], backend="python"
    )
    inner = network.find("hid2", "W").get_value()
    outer = network.find("hid1", "W").get_value()
    trainer = network.itertrain(X, algo="layerwise", max_updates=2, batch_size=32)
    next(trainer)
    assert not np.array_equal(network.find("hid1", "W").get_value(), outer)
    np.testing.assert_array_equal(network.find("hid2", "W").get_value(), inner)
    list(trainer)
    assert not np.array_equal(network.find("hid2", "W").get_value(), inner)


def test_weights_can_be_taken_from_the_samples():
    network = classifier((6, "tanh"))
    network.train((X, Y), algo="sample")
    columns = network.find("hid1", "W").get_value().T
    directions = X / np.linalg.norm(X, axis=1, keepdims=True)
    units = columns / np.linalg.norm(columns, axis=1, keepdims=True)
    np.testing.assert_allclose((units @ directions.T).max(axis=1), 1, atol=1e-4)


def test_several_losses_have_targets_of_their_own():
    network = Regressor(
        [4, (6, "tanh"), {"size": 1, "name": "side", "inputs": "hid1", "activation": None},
         {"size": 1, "inputs": "hid1"}],
        loss=["mse", {"form": "mse", "output": "side"}], backend="python",
    )  # fmt: skip
    network.train((X, X[:, :1], -X[:, :1]), max_updates=20, **QUICK)
    outputs = network.feed_forward(X)
    assert np.corrcoef(outputs["out"][:, 0], X[:, 0])[0, 1] > 0.9
    assert np.corrcoef(outputs["side"][:, 0], X[:, 0])[0, 1] < -0.9


def test_a_recurrent_network_learns_from_windows():
    wave = np.sin(np.arange(400, dtype="float32") / 3)[:, None]
    network = Regressor([1, (6, "rnn", "tanh"), 1], backend="python")
    epoch = batches([wave[:-1], wave[1:]], steps=12, batch_size=8, rng=0)
    first = network.train(epoch, max_updates=1, **QUICK)[0]["loss"]
    last = network.train(epoch, max_updates=6, **QUICK)[0]["loss"]
    assert last < 0.3 * first


def test_masked_steps_do_not_count_in_the_loss_however_the_data_are_given():
    x, mask = padded([rng.normal(size=(n, 4)) for n in (3, 5, 4, 2)])
    y = (x[:, :, 0] > 0).astype("int32")
    other = np.where(mask == 0, 1 - y, y).astype("int32")
    options = {**QUICK, "batch_size": 4, "max_updates": 2}
    found = []
    for data in ((x, mask, y), (x, mask, other), [(x, mask, other)], lambda: [(x, mask, other)]):
        network = classifier((5, "gru"), masked=True)
        network.train(data, **options)
        found.append(weights(network))
    assert all(same(found[0], one) for one in found[1:])
    network = classifier((5, "gru"), masked=True)
    assert not same(found[0], weights(network))


def test_noise_of_the_input_is_not_noise_of_the_mask():
    x, mask = padded([rng.normal(size=(n, 4)) for n in (3, 5)])
    spec = {"form": "rnn", "size": 5, "only_return_final": True}
    network = classifier(spec, masked=True)
    x = x.astype("float32")
    noisy = network.feed_forward((x, mask), input_noise=0.5, rng=4)
    assert abs(noisy["in"] - x).max() > 0.1
    # A mask of zeros keeps the state of 0, whatever the input; noise on it would not.
    nothing = network.feed_forward((x, 0 * mask), input_noise=0.5)
    np.testing.assert_array_equal(nothing["hid1"], 0)


def test_a_classifier_of_characters_learns_what_comes_next():
    text = Text("abcd" * 60)
    network = Classifier([text.num_classes, (8, "gru"), text.num_classes], backend="python")
    network.train(
        text.classifier_batches(10, 8, rng=0), algo="adam", learning_rate=0.1, max_updates=8
    )
    drawn = list(network.predict_sequence(text.encode("ab"), 40, rng=0))
    follows = sum(text.decode(pair) in "abcda" for pair in itertools.pairwise(drawn))
    assert follows > 30
