"""Stacks as classifiers."""

from __future__ import annotations

import numpy as np
import pytensor
import pytest

import nncore
from nncore import layers
from nncore.errors import DataError
from nncore.models.sda import DBN, ContractiveAutoencoder, StackedDenoisingAutoencoder
from nncore.serialization import load_model, save_model
from nncore.training import predict

RNG = np.random.default_rng(2)
X = RNG.random((50, 6)).astype("float32")
Y = (X[:, 0] > X[:, 1]).astype("int32")
SETS = ((X[:30], Y[:30]), (X[30:40], Y[30:40]), (X[40:], Y[40:]))


def stack(kind=StackedDenoisingAutoencoder, **options):
    nncore.random.set_rng(0)
    return kind(6, (5, 4), 2, **options)


def test_both_forms_of_a_stack_have_the_same_weights():
    made = stack()
    for stage, layer in zip(made.stages, made.hidden_layers, strict=True):
        assert stage.encoder.W is layer.W
        assert stage.encoder.b is layer.b
    boltzmann = stack(DBN)
    for stage, layer in zip(boltzmann.stages, boltzmann.hidden_layers, strict=True):
        assert (stage.W, stage.b) == (layer.W, layer.b)
    # Two weights and biases for each hidden layer and the output, and no visible biases.
    assert len(layers.get_all_params(made.network, trainable=True)) == 6


def test_the_classifier_is_a_perceptron_of_the_shared_weights():
    made = stack()
    x = X.astype("float64")
    for stage in made.stages:
        W, b = (p.get_value() for p in stage.params[:2])
        x = 1 / (1 + np.exp(-(x @ W + b)))
    scores = np.exp(x @ made.network.W.get_value() + made.network.b.get_value())
    expected = scores / scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict(made.network, X, backend="python"), expected, rtol=1e-4)


@pytest.mark.parametrize("kind", [StackedDenoisingAutoencoder, DBN])
def test_the_classical_two_loops_learn(kind):
    made = stack(kind)
    for function in made.pretraining_functions(X, batch_size=10, backend="python"):
        costs = [np.mean([function(i, lr=0.05) for i in range(len(function))]) for _ in range(20)]
        assert len(function) == 5
        assert costs[-1] < costs[0]
    train_fn, valid_score, test_score = made.build_finetune_functions(
        SETS, batch_size=7, learning_rate=0.5, backend="python"
    )
    assert len(train_fn) == 5  # the last batch has the two samples that are left
    first = np.mean([train_fn(i) for i in range(5)])
    for _ in range(300):
        last = np.mean([train_fn(i) for i in range(5)])
    assert last < 0.5 * first
    assert valid_score() <= 0.2
    assert test_score() <= 0.2
    for param in layers.get_all_params(made.network):
        assert param.get_value().dtype == np.float32


def test_a_score_is_the_share_of_all_samples_also_with_batches_of_different_sizes():
    made = stack()
    _, valid_score, test_score = made.build_finetune_functions(SETS, 4, 0.1, backend="python")
    for score, (x, y) in zip((valid_score, test_score), SETS[1:], strict=True):
        wrong = (predict(made.network, x, backend="python").argmax(axis=1) != y).mean()
        assert score() == pytest.approx(wrong)


def test_corruption_and_rate_have_defaults_and_can_be_given_for_every_step():
    made = stack(corruption=(0.2, 0.4))
    first, second = made.pretraining_functions(X, 10, backend="python")
    before = made.stages[0].encoder.W.get_value()
    first(0, lr=0.0, corruption=0.7)
    assert made.stages[0].corruption.get_value() == np.float32(0.7)
    np.testing.assert_array_equal(made.stages[0].encoder.W.get_value(), before)
    first(0)
    assert made.stages[0].corruption.get_value() == np.float32(0.2)
    assert (made.stages[0].encoder.W.get_value() != before).any()
    second(1)
    assert made.stages[1].corruption.get_value() == np.float32(0.4)


def test_a_batch_or_an_argument_that_does_not_exist_is_refused():
    function = stack().pretraining_functions(X, 10, backend="python")[0]
    with pytest.raises(IndexError, match=r"no batch 5.*0 to 4"):
        function(5)
    with pytest.raises(TypeError, match=r"'rate'.*corruption, lr"):
        function(0, rate=1)


def test_data_may_be_shared_variables_or_a_data_set():
    made = stack()
    shared = [tuple(pytensor.shared(a) for a in pair) for pair in SETS]
    train_fn, valid_score, _ = made.build_finetune_functions(shared, 10, 0.0, backend="python")
    from types import SimpleNamespace

    parts = [SimpleNamespace(x=x, y=y) for x, y in SETS]
    data = SimpleNamespace(train=parts[0], validation=parts[1], test=parts[2])
    other_fn, other_score, _ = made.build_finetune_functions(data, 10, 0.0, backend="python")
    assert train_fn(0) == other_fn(0)
    assert valid_score() == other_score()


def test_data_sets_of_another_form_are_refused():
    with pytest.raises(DataError, match="three pairs"):
        stack().build_finetune_functions(SETS[:2], 10)
    with pytest.raises(DataError, match="row for each sample"):
        stack().build_finetune_functions(((X, Y[:3]), *SETS[1:]), 10)


def test_dropout_is_the_classifiers_and_not_the_autoencoders():
    made = stack(input_dropout=0.2, dropout=0.5)
    chances = [
        layer.p
        for layer in layers.get_all_layers(made.network)
        if isinstance(layer, layers.DropoutLayer)
    ]
    assert chances == [0.2, 0.5, 0.5]
    for stage in made.stages:
        assert stage.encoder.input_layer.p is stage.corruption


def test_contraction_makes_contractive_autoencoders():
    made = stack(contraction=(0.0, 0.3), corruption=None)
    assert [isinstance(s, ContractiveAutoencoder) for s in made.stages] == [False, True]
    assert made.stages[1].contraction == 0.3


def test_with_other_units_the_upper_layers_restore_by_the_squared_error():
    made = stack(nonlinearity=nncore.nonlinearities.rectify)
    assert [stage.binary for stage in made.stages] == [True, False]
    records = list(made.pretrain(X, epochs=5, batch_size=10, learning_rate=0.01, backend="python"))
    assert records[9].train["loss"] < records[5].train["loss"]


def test_the_classifier_is_saved_as_every_network(tmp_path):
    made = stack()
    save_model(made.network, tmp_path / "model")
    loaded = load_model(tmp_path / "model").layer
    np.testing.assert_array_equal(
        predict(loaded, X, backend="python"), predict(made.network, X, backend="python")
    )


def test_images_are_taken_as_they_are():
    nncore.random.set_rng(0)
    made = StackedDenoisingAutoencoder((None, 1, 2, 3), (5, 4), 2)
    images = X.reshape(-1, 1, 2, 3)
    list(made.pretrain(images, epochs=1, batch_size=10, backend="python"))
    function = made.pretraining_functions(images, 10, backend="python")[0]
    assert np.isfinite(function(0))
    assert predict(made.network, images, backend="python").shape == (50, 2)


def test_a_stack_without_hidden_layers_is_refused():
    with pytest.raises(ValueError, match="num_units is empty"):
        DBN(6, (), 2)
    with pytest.raises(ValueError, match="corruption has 3 values, but there are 2 layers"):
        stack(corruption=(0.1, 0.2, 0.3))
