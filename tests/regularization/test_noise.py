"""Noise on outputs, which only training has."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import layers
from nncore import regularization as reg
from nncore.errors import DataError, UnknownNameError
from nncore.graph import NetworkGraph

ONES = np.ones((200, 50), "float32")


def network():
    net = layers.InputLayer((None, 50))
    net = layers.NonlinearityLayer(net, None, name="same")
    return layers.NonlinearityLayer(net, None)


def draws(net, regularizers, fast, count=1):
    graph = NetworkGraph(net, regularizers)
    x = graph.inputs[0].input_var
    function = pytensor.function([x], [graph.outputs[one] for one in graph.names], mode=fast)
    return [function(ONES) for _ in range(count)]


def test_gaussian_noise_has_its_deviation_and_is_new_in_every_step(fast):
    (clean, noisy, out), (_, again, _) = draws(network(), [reg.GaussianNoise("same", 0.5)], fast, 2)
    np.testing.assert_array_equal(clean, ONES)
    np.testing.assert_array_equal(noisy, out)
    assert noisy.dtype == np.float32
    # 10,000 numbers: the error of the mean is 0.005, that of the deviation 0.0035.
    assert noisy.mean() == pytest.approx(1, abs=0.025)
    assert noisy.std() == pytest.approx(0.5, abs=0.02)
    assert np.abs(noisy - again).min() > 0


def test_dropout_drops_its_share_and_keeps_the_mean(fast):
    ((_, noisy, _),) = draws(network(), [reg.BernoulliDropout("same", 0.2)], fast)
    assert set(np.unique(noisy)) == {0, np.float32(1.25)}
    assert (noisy == 0).mean() == pytest.approx(0.2, abs=0.02)


def test_equal_networks_have_equal_noise_and_two_layers_different_noise(fast):
    ((first, second, _),) = draws(network(), [reg.GaussianNoise(["in", "same"], 1.0)], fast)
    ((again, _, _),) = draws(network(), [reg.GaussianNoise(["in", "same"], 1.0)], fast)
    np.testing.assert_array_equal(first, again)
    added = second - first
    assert abs(np.corrcoef(added.ravel(), (first - 1).ravel())[0, 1]) < 0.05
    ((other, _, _),) = draws(network(), [reg.GaussianNoise("in", 1.0, rng=14)], fast)
    assert np.abs(other - first).max() > 1


def test_noise_and_dropout_of_one_layer_act_one_after_the_other(fast):
    both = [reg.GaussianNoise("same", 0.1), reg.BernoulliDropout("same", 0.5)]
    ((_, noisy, _),) = draws(network(), both, fast)
    kept = noisy[noisy != 0]
    assert kept.mean() == pytest.approx(2, abs=0.02)
    assert kept.std() == pytest.approx(0.2, abs=0.02)


def test_a_weight_may_be_an_expression(fast):
    level = pytensor.shared(np.float32(0))
    graph = NetworkGraph(network(), [reg.BernoulliDropout("in", level)])
    x = graph.inputs[0].input_var
    function = pytensor.function([x], graph.outputs[graph.inputs[0]], mode=fast)
    np.testing.assert_array_equal(function(ONES), ONES)
    level.set_value(np.float32(0.75))
    assert (function(ONES) == 0).mean() == pytest.approx(0.75, abs=0.02)


def test_indices_cannot_be_noisy():
    words = layers.InputLayer((None, 5), input_var=pt.imatrix())
    net = layers.EmbeddingLayer(words, 10, 3)
    with pytest.raises(DataError, match=r"GaussianNoise cannot act on the output of in.*int32"):
        NetworkGraph(net, [reg.GaussianNoise("*", 0.1)])


def test_a_probability_of_one_is_refused():
    with pytest.raises(ValueError, match="less than 1"):
        reg.BernoulliDropout("in", 1.0)


def test_a_pattern_that_stands_for_nothing_is_an_error():
    with pytest.raises(UnknownNameError, match="in, same, out"):
        NetworkGraph(network(), [reg.GaussianNoise("sane", 0.1)])
