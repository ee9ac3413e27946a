"""Training layer by layer."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import nncore
from nncore import layers
from nncore.errors import UnknownNameError
from nncore.graph import layer_names
from nncore.training import (
    SupervisedPretrainer,
    UnsupervisedPretrainer,
    evaluate,
    itertrain,
    predict,
)
from nncore.training.trainers.stages import Chain, shadow_autoencoder


def values(network):
    return layers.get_all_param_values(network)


def follow(network, data, algo, **options):
    options = {"max_updates": 3, "backend": "python", "subalgo": "adam", "learning_rate": 0.05,
               **options}  # fmt: skip
    return list(itertrain(network, data, algo=algo, **options))


def names(network):
    return list(layer_names(network).values())


def test_stages_have_one_layer_with_weights_more_each_and_a_tap(make_mlp):
    network = make_mlp(5, 6, 7, nonlinearity=nncore.nonlinearities.sigmoid)
    chain = Chain(network)
    assert chain.count == 3
    first, second = chain.stage(1, 0), chain.stage(2, 0)
    assert names(first) == ["in", "hid1", "out"]
    assert names(second) == ["in", "hid1", "hid2", "out"]
    assert chain.stage(3, 0) is network
    assert second.input_layer is chain.layers[2]
    assert (second.num_units, second.nonlinearity) == (2, nncore.nonlinearities.sigmoid)
    np.testing.assert_array_equal(second.W.get_value(), chain.stage(2, 0).W.get_value())
    assert np.abs(second.W.get_value() - chain.stage(2, 1).W.get_value()).max() > 0


def test_a_tap_leaves_the_random_numbers_of_the_process_alone(make_mlp):
    chain = Chain(make_mlp(5, 6))
    nncore.random.set_rng(3)
    expected = nncore.random.get_rng().randint(1000)
    nncore.random.set_rng(3)
    chain.stage(1, 0)
    assert nncore.random.get_rng().randint(1000) == expected


def test_what_belongs_to_weights_is_below_the_tap():
    net = layers.InputLayer((None, 4))
    net = layers.DropoutLayer(layers.batch_norm(layers.DenseLayer(net, 5)), name="dropped")
    net = layers.DenseLayer(layers.DenseLayer(net, 3), 2)
    assert Chain(net).stage(1, 0).input_layer.name == "dropped"


def test_an_autoencoder_is_trained_in_pairs_from_the_outermost_inwards(make_autoencoder):
    network = make_autoencoder()
    chain = Chain(network)
    assert chain.pairs == [(1, 4), (2, 3)]
    outer = chain.stage(1, 0)
    assert names(outer) == ["in", "first", "out"]
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    w, b = values(network)[:2]
    out = values(network)[-1]
    np.testing.assert_allclose(
        predict(outer, x, backend="python"), (x @ w + b) @ w.T + out, rtol=1e-5, atol=1e-6
    )
    assert network.input_layer.name == "third", "the whole network is as it was"


def test_supervised_training_learns_through_all_stages(regression, make_mlp):
    network = make_mlp(6, 5, 4)
    results = follow(network, regression, "layerwise", max_updates=10, validate_every=1)
    assert len(results) == 30
    for stage in range(3):
        first, last = results[10 * stage], results[10 * stage + 9]
        assert last[0]["loss"] < first[0]["loss"]
    again = evaluate(network, regression, objective="mse", monitors=(), backend="python")
    best = min(validation["loss"] for _, validation in results[20:])
    assert again["loss"] == pytest.approx(best, rel=1e-3)


def test_layers_above_a_stage_are_not_touched_before_their_turn(regression, make_mlp):
    network = make_mlp(6, 5)
    before = values(network)
    loop = SupervisedPretrainer("sgd", network).itertrain(
        regression, learning_rate=0.1, max_updates=2, backend="python"
    )
    next(loop)
    after = values(network)
    changed = [np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True)]
    assert changed == [True, True, False, False, False, False]


def test_a_tied_autoencoder_learns_to_reconstruct(regression, make_autoencoder):
    network, (x, _) = make_autoencoder(), regression
    loss = nncore.objectives.Loss("mse", target="in")
    results = follow(network, x, "supervised", loss=loss, max_updates=15, validate_every=1,
                     patience=None)  # fmt: skip
    assert len(results) == 30
    assert results[14][1]["loss"] < 0.6 * results[0][1]["loss"]


def test_the_shadow_of_a_network_has_its_weights_and_its_hidden_layers(make_mlp):
    network = make_mlp(3, 2)
    shadow = shadow_autoencoder(network, 0)
    assert shadow.output_shape == (None, 4)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    w1, b1, w2, b2 = values(network)[:4]
    code = np.tanh(np.tanh(x @ w1 + b1) @ w2 + b2)
    expected = np.tanh(code @ w2.T) @ w1.T
    np.testing.assert_allclose(predict(shadow, x, backend="python"), expected, atol=1e-6)


def test_unsupervised_training_changes_the_hidden_layers_and_nothing_else(regression, make_mlp):
    network = make_mlp(3, 2)
    before = values(network)
    results = follow(network, regression, "pretrain", max_updates=15, validate_every=1)
    assert len(results) == 30
    assert results[14][1]["loss"] < 0.8 * results[0][1]["loss"]
    changed = [np.abs(a - b).max() > 0 for a, b in zip(before, values(network), strict=True)]
    assert changed == [True, True, True, True, False, False]
    assert names(network) == ["in", "hid1", "hid2", "out"]


@pytest.mark.parametrize("kind", ["array", "list", "batches", "callable", "single"])
def test_unsupervised_training_takes_the_inputs_of_any_data(kind, regression, make_mlp):
    data = {
        "array": regression[0],
        "list": list(regression),
        "batches": [regression],
        "callable": lambda: iter([regression]),
        "single": lambda: list(regression),
    }[kind]
    options = {"train_batches": 1, "valid_batches": 1} if kind == "single" else {}
    assert len(follow(make_mlp(3), data, "unsup", max_updates=1, **options)) == 1


def test_images_are_reconstructed_in_their_shape():
    net = layers.InputLayer((None, 1, 3, 3))
    net = layers.DenseLayer(layers.DenseLayer(net, 4), 2)
    x = np.random.default_rng(0).normal(size=(32, 1, 3, 3)).astype("float32")
    assert shadow_autoencoder(net, 0).output_shape == (None, 1, 3, 3)
    assert len(follow(net, x, "pretrain", max_updates=2)) == 2


@pytest.mark.parametrize("algo", ["layerwise", "pretrain"])
@pytest.mark.parametrize("stop", [2, 3, 4, 5])
def test_an_interrupted_training_goes_on_in_its_layer_to_the_same_bits(
    algo, stop, regression, make_mlp, tmp_path
):
    sizes = (4, 3, 3) if algo == "layerwise" else (4, 3)
    options = {"max_updates": 3, "backend": "python", "learning_rate": 0.05, "validate_every": 2,
               "input_noise": 0.1, "algo": algo, "subalgo": "adam"}  # fmt: skip
    whole = make_mlp(*sizes)
    expected = list(itertrain(whole, regression, **options))
    path = tmp_path / "state.safetensors"
    loop = itertrain(make_mlp(*sizes), regression, checkpoint=path, **options)
    for _ in range(stop):
        next(loop)
    loop.close()
    resumed = make_mlp(*sizes, seed=7)
    rest = list(itertrain(resumed, regression, checkpoint=path, resume=True, **options))
    assert [train for train, _ in rest] == [train for train, _ in expected[stop:]]
    hidden = -2 if algo == "pretrain" else None
    for a, b in zip(values(whole)[:hidden], values(resumed)[:hidden], strict=True):
        np.testing.assert_array_equal(a, b)


def test_ctrl_c_ends_all_stages(regression, make_mlp):
    seen = []

    def batches():
        seen.append(1)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return [regression]

    loop = SupervisedPretrainer("sgd", make_mlp(4, 3)).itertrain(
        batches, regression, max_updates=3, backend="python"
    )
    assert len(list(loop)) == 1
    assert len(seen) == 2


def test_a_new_training_does_not_take_files_of_an_old_one(regression, make_mlp, tmp_path):
    path = tmp_path / "state.safetensors"
    follow(make_mlp(4, 3), regression, "layerwise", checkpoint=path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "state.layer0.safetensors", "state.layer1.safetensors", "state.layer2.safetensors",
    ]  # fmt: skip
    loop = itertrain(make_mlp(4, 3), regression, algo="layerwise", checkpoint=path,
                     backend="python")  # fmt: skip
    next(loop)
    assert not (tmp_path / "state.layer2.safetensors").exists()
    loop.close()


def test_what_a_stage_lacks_is_left_out_of_it(regression, make_mlp):
    results = follow(
        make_mlp(4, 3), regression, "layerwise", max_updates=1, hidden_l1={"pattern": "hid2",
        "weight": 1.0}, noise={"hid2": 0.1}, monitors={"hid1": 0.1, "hid2": 0.1},
    )  # fmt: skip
    first, second = (train for train, _ in results)
    assert first["loss"] == first["err"]
    assert "hid1:out<0.1" in first
    assert "hid2:out<0.1" not in first
    assert second["loss"] > second["err"]
    assert "hid2:out<0.1" in second


def test_a_pattern_that_no_stage_has_is_an_error(regression, make_mlp):
    with pytest.raises(UnknownNameError, match="hid3"):
        follow(make_mlp(4, 3), regression, "layerwise", hidden_l1={"pattern": "hid3", "weight": 1})
    with pytest.raises(UnknownNameError, match="hid3"):
        follow(make_mlp(4, 3), regression, "layerwise", monitors={"hid3": 0.1})


def test_networks_that_cannot_be_trained_by_layers_are_refused(make_mlp):
    with pytest.raises(ValueError, match="a hidden layer with weights"):
        SupervisedPretrainer("sgd", make_mlp())
    below = layers.InputLayer((None, 4))
    merged = layers.ConcatLayer([layers.DenseLayer(below, 2, name="a"), below])
    with pytest.raises(ValueError, match="not fed by exactly"):
        SupervisedPretrainer("sgd", layers.DenseLayer(merged, 2))
    with pytest.raises(ValueError, match="one output layer"):
        SupervisedPretrainer("sgd", [make_mlp(2), make_mlp(2)])
    net = layers.InputLayer((None, 1, 5, 5))
    net = layers.DenseLayer(layers.Conv2DLayer(net, 2, 3, name="conv"), 2)
    with pytest.raises(ValueError, match="dense layers only, but <Conv2DLayer 'conv'>"):
        UnsupervisedPretrainer("sgd", net)
