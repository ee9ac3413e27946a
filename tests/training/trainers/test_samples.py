"""Weights from samples of the data."""

from __future__ import annotations

import numpy as np
import pytest

from nncore import layers
from nncore.errors import DataError
from nncore.training import SampleTrainer, itertrain


def test_every_vector_of_a_stream_is_as_likely_to_be_drawn():
    stream = np.eye(6)
    rng = np.random.default_rng(0)
    counts = sum(SampleTrainer.reservoir(stream, 2, rng).sum(axis=0) for _ in range(3000))
    # 3000 draws of 2 of 6: 1000 of each, with a deviation of 26.
    np.testing.assert_allclose(counts, 1000, atol=110)


def test_vectors_are_normalized_and_too_few_are_padded_with_distorted_copies():
    xs = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])
    drawn = SampleTrainer.reservoir(xs, 8, rng=1)
    assert drawn.shape == (8, 2)
    np.testing.assert_allclose(drawn[:3], [[0.6, 0.8], [0, 1], [0, 0]])
    np.testing.assert_allclose(np.linalg.norm(drawn[3:], axis=1), 1)
    assert len({tuple(row) for row in drawn.round(6)}) == 8


def test_a_seed_and_generators_of_both_kinds_are_accepted():
    xs = np.random.default_rng(0).normal(size=(20, 3))
    first, second = SampleTrainer.reservoir(xs, 4, 5), SampleTrainer.reservoir(iter(xs), 4, 5)
    np.testing.assert_array_equal(first, second)
    assert SampleTrainer.reservoir(xs, 4, np.random.RandomState(5)).shape == (4, 3)


def test_no_sample_is_an_error():
    with pytest.raises(DataError, match="no sample"):
        SampleTrainer.reservoir([], 3, 0)


def is_row_of(vector, rows):
    return min(np.abs(rows - vector).max(axis=1)) < 1e-5


def normalized(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_each_layer_has_samples_of_what_it_is_fed_with(regression, make_mlp):
    x, y = regression
    network = make_mlp(5, 6)
    biases = layers.get_all_param_values(network)[1::2]
    results = list(itertrain(network, regression, algo="sample", backend="python"))
    assert results == [({"loss": 0.0}, {"loss": 0.0})]
    first, second, last = layers.get_all_param_values(network)[::2]
    for unit in first.T:
        assert is_row_of(unit, normalized(x))
    # The second layer sees the first with its new weights.
    hidden = np.tanh(x @ first + biases[0])
    for unit in second.T:
        assert is_row_of(unit, normalized(hidden))
    # What an input of the output layer adds to the output is a target.
    for row in last:
        assert is_row_of(row, normalized(y))
    for before, after in zip(biases, layers.get_all_param_values(network)[1::2], strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_output_layer_of_a_classifier_sees_hidden_features(regression, make_mlp):
    x, _ = regression
    network = make_mlp(5)
    labels = np.zeros(96, "int32")
    list(SampleTrainer(network).itertrain((x, labels), backend="python"))
    first, last = layers.get_all_param_values(network)[::2]
    for unit in last.T:
        assert is_row_of(unit, normalized(np.tanh(x @ first)))


def test_more_units_than_samples_are_padded(make_mlp):
    network = make_mlp(50)
    list(SampleTrainer(network).itertrain(np.eye(4, dtype="float32"), backend="python"))
    weights = layers.get_all_param_values(network)[0]
    np.testing.assert_allclose(np.linalg.norm(weights, axis=0), 1, rtol=1e-5)


def test_what_it_does_not_take_is_refused(make_mlp, regression):
    with pytest.raises(TypeError, match="'momentum' is not a known option"):
        list(SampleTrainer(make_mlp()).itertrain(regression, momentum=0.1))
    with pytest.raises(ValueError, match="no dense layer"):
        SampleTrainer(layers.InputLayer((None, 3)))
