"""Names of layers and parameters, and patterns over them."""

from __future__ import annotations

import pytensor.tensor as pt
import pytest

from nncore import layers
from nncore.errors import UnknownNameError
from nncore.graph import NetworkGraph, layer_names, parameter_names


def mlp(**names):
    net = layers.InputLayer((None, 3))
    net = layers.DenseLayer(net, 4, name=names.get("first"))
    net = layers.DenseLayer(net, 5, name=names.get("second"))
    return layers.DenseLayer(net, 2)


def test_layers_without_a_name_are_called_as_theanets_called_them():
    assert list(layer_names(mlp()).values()) == ["in", "hid1", "hid2", "out"]


def test_a_given_name_stays_and_counts_in_the_numbering():
    assert list(layer_names(mlp(first="code")).values()) == ["in", "code", "hid2", "out"]


def test_a_name_that_is_taken_is_not_given_twice():
    assert list(layer_names(mlp(second="hid1")).values()) == ["in", "hid1_2", "hid1", "out"]


def test_several_inputs_and_outputs_are_numbered():
    first, second = layers.InputLayer((None, 3)), layers.InputLayer((None, 3))
    hidden = layers.ConcatLayer([first, second])
    network = [layers.DenseLayer(hidden, 2), layers.DenseLayer(hidden, 1)]
    assert list(layer_names(network).values()) == ["in1", "in2", "hid1", "out1", "out2"]


def test_parameters_have_the_name_of_their_layer_and_their_own():
    network = mlp(first="code")
    assert list(parameter_names(network).values()) == [
        "code.W", "code.b", "hid2.W", "hid2.b", "out.W", "out.b",
    ]  # fmt: skip


def test_a_parameter_that_is_shared_has_the_name_of_its_first_layer():
    hidden = layers.DenseLayer(layers.InputLayer((None, 3)), 4)
    network = layers.DenseLayer(hidden, 3, W=hidden.W.T)
    assert list(parameter_names(network).values()) == ["hid1.W", "hid1.b", "out.b"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", ["in", "hid1", "hid2", "out"]),
        ("hid1", ["hid1"]),
        ("hid1:out", ["hid1"]),
        ("hid?", ["hid1", "hid2"]),
        ("*:out", ["in", "hid1", "hid2", "out"]),
        (["in", "o*"], ["in", "out"]),
    ],
    ids=str,
)
def test_a_pattern_finds_layers(pattern, names):
    graph = NetworkGraph(mlp())
    assert [graph.names[layer] for layer in graph.layers(pattern)] == names


def test_weights_are_trainable_parameters_of_two_axes_or_more():
    graph = NetworkGraph(layers.batch_norm(mlp()))
    assert [name for name, _ in graph.weights("*.W")] == ["hid1.W", "hid2.W", "hid3.W"]
    assert [name for name, _ in graph.weights("*")] == ["hid1.W", "hid2.W", "hid3.W"]


@pytest.mark.parametrize(
    ("find", "pattern", "message"),
    [
        ("layers", "hdi1", "no layer .* 'hdi1'. Did you mean 'hid1'.*in, hid1, hid2, out"),
        ("weights", "hid1.b", "no weight .*hid1.W, hid2.W, out.W"),
        ("expressions", "lstm*", "no layer or parameter .*hid1.b"),
        ("output", "hid*", "stands for 2 layers"),
        ("output", layers.InputLayer((1, 1), name="other"), "other.* is no layer of the network"),
    ],
)
def test_a_pattern_that_stands_for_nothing_is_an_error_that_lists_what_there_is(
    find, pattern, message
):
    with pytest.raises(UnknownNameError, match=message):
        getattr(NetworkGraph(mlp()), find)(pattern)


def test_a_block_of_layers_around_weights_is_one_hidden_layer():
    net = layers.ReshapeLayer(layers.InputLayer((None, 6)), ([0], 6))
    net = layers.DropoutLayer(layers.batch_norm(layers.DenseLayer(net, 4, name="a")), name="b")
    net = layers.DenseLayer(net, 3, name="c")
    net = layers.batch_norm(layers.DenseLayer(net, 2))
    graph = NetworkGraph(net)
    assert [graph.names[layer] for layer in graph.hidden] == ["b", "c"]


class Doubling:
    def __init__(self, *names):
        self.names = names

    def modified_layers(self, graph):
        return graph.layers(self.names)

    def modify(self, graph, layer, output):
        return "predouble", 2 * output


def test_a_modified_output_is_what_the_layers_above_take(fast):
    net = layers.InputLayer((None, 2))
    for name in "ab":
        net = layers.NonlinearityLayer(net, lambda x: x + 1, name=name)
    graph = NetworkGraph(net, [Doubling("in", "a"), Doubling("a")])
    x = graph.inputs[0].input_var
    value = {x: [[1.0, 2.0]]}
    assert graph.outputs[net].eval(value, mode=fast).tolist() == [[13.0, 21.0]]
    assert [name for name, _ in graph.expressions("*-predouble")] == [
        "in:out-predouble", "a:out-predouble",
    ]  # fmt: skip
    before = graph.before["a:out-predouble"].eval(value, mode=fast)
    assert before.tolist() == [[3.0, 5.0]]


def test_noise_below_a_modified_layer_is_drawn_once(fast):
    net = layers.InputLayer((None, 50), input_var=pt.ones((1, 50)))
    noisy = layers.DropoutLayer(net, 0.5, name="dropped")
    twice = layers.NonlinearityLayer(noisy, None, name="above")
    network = layers.ElemwiseSumLayer([noisy, twice], coeffs=[-1, 1])
    graph = NetworkGraph(network, [Doubling("above")])
    difference = graph.outputs[network].eval(mode=fast)
    # 2 x - x for the same mask: 0 where dropped and 2 elsewhere, but nothing between.
    assert set(difference.ravel().tolist()) == {0.0, 2.0}
