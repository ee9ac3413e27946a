"""Losses of networks: outputs, targets and weights."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import layers, registry
from nncore import objectives as ob
from nncore.errors import UnknownNameError
from nncore.graph import NetworkGraph
from nncore.nonlinearities import softmax

RNG = np.random.default_rng(1)
X = RNG.normal(size=(4, 3)).astype("float32")


def plain(shape=(None, 3)):
    return layers.InputLayer(shape)


def value(loss, network, fast, *data):
    graph = NetworkGraph(network)
    target, weights = loss.variables(graph)
    (layer,) = graph.inputs
    inputs = [layer.input_var]
    inputs += [v for v in (target, weights) if v is not None and v is not layer.input_var]
    function = pytensor.function(inputs, loss(graph, target, weights), mode=fast)
    return float(function(X, *data))


def test_without_weights_it_is_the_mean(fast):
    y = RNG.normal(size=(4, 3)).astype("float32")
    assert value(ob.Loss("mse"), plain(), fast, y) == pytest.approx(((X - y) ** 2).mean())
    assert value(ob.Loss("mae"), plain(), fast, y) == pytest.approx(np.abs(X - y).mean())


def test_weights_of_samples_are_a_further_array(fast):
    y = RNG.normal(size=(4, 3)).astype("float32")
    w = np.array([1, 0, 2, 0.5], "float32")
    expected = np.average(((X - y) ** 2).mean(axis=1), weights=w)
    assert value(ob.Loss("mse", weighted=True), plain(), fast, y, w) == pytest.approx(expected)
    ones = np.ones(4, "float32")
    expected = ((X - y) ** 2).mean()
    assert value(ob.Loss("mse", weighted=True), plain(), fast, y, ones) == pytest.approx(expected)


def test_weights_may_have_as_many_axes_as_the_loss(fast):
    y = RNG.normal(size=(4, 3)).astype("float32")
    w = RNG.uniform(size=(4, 3)).astype("float32")
    expected = np.average((X - y) ** 2, weights=w)
    assert value(ob.Loss("mse", weighted=2), plain(), fast, y, w) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "options", "advice"), [("mmd", {}, "none of a single"),
                                                        ("xe", {}, "give weighted=1")])  # fmt: skip
def test_weights_with_more_axes_than_the_loss_are_refused(name, options, advice):
    loss = ob.Loss(name, weighted=2, **options)
    with pytest.raises(ValueError, match=f"the loss {name} .*{advice}"):
        loss(NetworkGraph(plain()))


def test_class_indices_are_the_targets_of_a_classifier_at_every_step():
    steps = layers.NonlinearityLayer(plain((None, 5, 3)), softmax)
    for loss in (ob.Loss("xe"), ob.Loss("hinge"), ob.Loss("multiclass_hinge_loss", delta=2)):
        target, _ = loss.variables(NetworkGraph(steps))
        assert (target.dtype, target.ndim) == ("int32", 2)


def test_an_input_layer_as_target_is_the_data_without_noise(fast):
    class Noise:
        def modified_layers(self, graph):
            return graph.layers("in")

        def modify(self, graph, layer, output):
            return "prenoise", output + 1

    loss = ob.Loss("mse", target="in")
    graph = NetworkGraph(plain(), [Noise()])
    x = graph.inputs[0].input_var
    assert loss.variables(graph)[0] is x
    assert float(loss(graph).eval({x: X}, mode=fast)) == pytest.approx(1)


def test_an_output_is_chosen_by_layer_or_by_name(fast):
    below = plain()
    first = layers.NonlinearityLayer(below, lambda x: 2 * x, name="double")
    second = layers.NonlinearityLayer(below, lambda x: 3 * x, name="triple")
    zeros = np.zeros((4, 3), "float32")
    for output, factor in ((None, 2), (second, 3), ("triple", 3), ("dou*", 2)):
        loss = ob.Loss("mae", output=output)
        got = value(loss, [first, second], fast, zeros)
        assert got == pytest.approx(factor * np.abs(X).mean())


def test_losses_may_share_a_variable_of_targets():
    shared = pt.matrix("shared")
    for loss in (ob.Loss("mse", target=shared), ob.Loss("mae", target=shared)):
        assert loss.variables(NetworkGraph(plain()))[0] is shared


def test_the_gaussian_likelihood_has_a_layer_for_the_mean_and_one_for_the_covariance(fast):
    below = plain()
    mean = layers.NonlinearityLayer(below, None, name="mean")
    covar = layers.NonlinearityLayer(below, pt.exp, name="covar")
    y = RNG.normal(size=(4, 3)).astype("float32")
    variance = np.exp(X.astype("float64")) + 1e-3
    expected = 0.5 * (np.log(2 * np.pi * variance) + (y - X) ** 2 / variance).sum(axis=1).mean()
    got = value(ob.as_losses("gll")[0], [mean, covar], fast, y)
    assert got == pytest.approx(expected, rel=1e-5)


def test_what_is_given_as_objective_becomes_losses():
    own = ob.Loss("mae", weight=0.5)
    first, second, third = ob.as_losses([own, "xe", ob.squared_error], weighted=True)
    assert first is own
    assert (second.name, second.weighted) == ("xe", 1)
    assert third.name == "squared_error"
    with pytest.raises(ValueError, match="no loss"):
        ob.as_losses([])


def test_an_unknown_loss_is_refused_with_the_nearest_known_one():
    with pytest.raises(UnknownNameError, match="Did you mean 'squared_error'"):
        ob.Loss("squared_eror")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("mse", ob.squared_error),
        ("mae", ob.absolute_error),
        ("xe", ob.categorical_crossentropy),
        ("kl", ob.kullback_leibler),
        ("kld", ob.kullback_leibler),
        ("mmd", ob.maximum_mean_discrepancy),
        ("hinge", ob.hinge),
    ],
)
def test_the_short_names_are_registered(name, function):
    assert registry.get("objective", name) is function
