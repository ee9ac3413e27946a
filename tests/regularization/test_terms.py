"""Penalties on weights and on outputs, against formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import layers
from nncore import regularization as reg
from nncore.errors import DataError, UnknownNameError
from nncore.graph import NetworkGraph
from nncore.nonlinearities import softmax, tanh

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
SEQUENCES = RNG.normal(size=(4, 6, 3))


def tanh_network():
    net = layers.InputLayer((None, 3))
    net = layers.DenseLayer(net, 4, nonlinearity=tanh, W=RNG.normal(size=(3, 4)), b=np.ones(4))
    return layers.DenseLayer(net, 2, nonlinearity=None, W=RNG.normal(size=(4, 2)))


def recurrent_network():
    net = layers.InputLayer((None, 6, 3))
    net = layers.RecurrentLayer(net, 4, name="rnn", unroll_scan=True)
    return layers.DenseLayer(net, 2, num_leading_axes=2, nonlinearity=None)


@pytest.fixture(autouse=True)
def _doubles():
    with pytensor.config.change_flags(floatX="float64"):
        yield


def compiled(regularizer, network, fast):
    """The penalty and its gradients as functions of nothing but the parameters."""
    graph = NetworkGraph(network)
    penalty = regularizer.penalty(graph)
    params = layers.get_all_params(network, trainable=True)
    grads = pytensor.grad(penalty, params, disconnected_inputs="ignore")
    (layer,) = graph.inputs
    data = X if layer.input_var.ndim == 2 else SEQUENCES
    function = pytensor.function([layer.input_var], [penalty, *grads], mode=fast,
                                 on_unused_input="ignore")  # fmt: skip
    return params, lambda: function(data)


def hidden_of(network):
    w, b = (p.get_value() for p in layers.get_all_params(network)[:2])
    return np.tanh(X @ w + b)


def states_of(network):
    values = {p.name: p.get_value() for p in layers.get_all_params(network)}
    w, b = values["rnn.input_to_hidden.W"], values["rnn.input_to_hidden.b"]
    u, h = values["rnn.hidden_to_hidden.W"], np.zeros((4, 4))
    states = []
    for t in range(6):
        h = np.maximum(0, SEQUENCES[:, t] @ w + b + h @ u)
        states.append(h)
    return np.stack(states, axis=1)


def weights_of(network):
    return [p.get_value() for p in layers.get_all_params(network) if p.ndim > 1]


FORMULAS = {
    "WeightL2": (
        tanh_network,
        reg.WeightL2(),
        lambda net: np.mean([(w**2).mean() for w in weights_of(net)]),
    ),
    "WeightL2 of one": (
        tanh_network,
        reg.WeightL2("out.W"),
        lambda net: (weights_of(net)[1] ** 2).mean(),
    ),
    "WeightL1": (
        tanh_network,
        reg.WeightL1(),
        lambda net: np.mean([np.abs(w).mean() for w in weights_of(net)]),
    ),
    "HiddenL1": (tanh_network, reg.HiddenL1(), lambda net: np.abs(hidden_of(net)).mean()),
    "RecurrentState": (
        recurrent_network,
        reg.RecurrentState(),
        lambda net: (np.diff(states_of(net), axis=1) ** 2).mean(),
    ),
    "RecurrentNorm": (
        recurrent_network,
        reg.RecurrentNorm("rnn"),
        lambda net: (np.diff((states_of(net) ** 2).sum(axis=2), axis=1) ** 2).mean(),
    ),
    "Contractive by the formula": (
        tanh_network,
        reg.Contractive(),
        lambda net: contraction(net),
    ),
    "Contractive by the Jacobian": (
        tanh_network,
        reg.Contractive(exact=True),
        lambda net: contraction(net),
    ),
    "Contractive of two layers": (
        tanh_network,
        reg.Contractive("out", exact=True),
        lambda net: contraction_of_both(net),
    ),
}


def contraction(network):
    slopes = 1 - hidden_of(network) ** 2
    w = weights_of(network)[0]
    return np.mean([((w * s) ** 2).sum() for s in slopes])


def contraction_of_both(network):
    slopes = 1 - hidden_of(network) ** 2
    w, u = weights_of(network)
    return np.mean([((w * s @ u) ** 2).sum() for s in slopes])


@pytest.mark.parametrize("name", FORMULAS)
def test_a_penalty_is_its_formula_and_its_gradient_the_slope(name, fast):
    make, regularizer, formula = FORMULAS[name]
    network = make()
    params, function = compiled(regularizer, network, fast)
    value, *grads = function()
    assert value == pytest.approx(formula(network), rel=1e-9)
    for param, grad in zip(params, grads, strict=True):
        start, direction = param.get_value(), RNG.normal(size=np.shape(grad))
        ends = []
        for sign in (1, -1):
            param.set_value(start + sign * 1e-6 * direction)
            ends.append(formula(network))
        param.set_value(start)
        slope = (ends[0] - ends[1]) / 2e-6
        assert (grad * direction).sum() == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("projections", [1, 4])
def test_the_estimate_of_the_contraction_is_unbiased(projections, fast):
    network = tanh_network()
    regularizer = reg.Contractive("out", exact=False, projections=projections)
    _, function = compiled(regularizer, network, fast)
    drawn = np.array([function()[0] for _ in range(1500 // projections)])
    error = drawn.std() / np.sqrt(len(drawn))
    assert error > 0, "a new vector for every step"
    assert drawn.mean() == pytest.approx(contraction_of_both(network), abs=4 * error)


def test_a_nonlinearity_over_all_units_is_not_taken_for_an_elementwise_one(fast):
    net = layers.InputLayer((None, 3))
    net = layers.DenseLayer(net, 4, nonlinearity=softmax)
    network = layers.DenseLayer(net, 2)
    _, exact = compiled(reg.Contractive(exact=True), network, fast)
    _, chosen = compiled(reg.Contractive(), network, fast)
    drawn = np.array([chosen()[0] for _ in range(1500)])
    assert drawn.std() > 0
    assert drawn.mean() == pytest.approx(exact()[0], rel=0.1)


def test_several_penalties_add_up_with_their_weights(fast):
    network = tanh_network()
    graph = NetworkGraph(network)
    total = reg.penalty_of([reg.WeightL2(weight=0.5), reg.WeightL1("out.W", 2.0)], graph)
    first, second = weights_of(network)
    expected = 0.25 * ((first**2).mean() + (second**2).mean()) + 2 * np.abs(second).mean()
    assert total.eval(mode=fast) == pytest.approx(expected)
    assert reg.penalty_of([], graph) is None


@pytest.mark.parametrize(
    ("regularizer", "message"),
    [
        (reg.WeightL2("hidden.W"), "no weight .*hid1.W, out.W"),
        (reg.HiddenL1("lstm"), "no layer"),
        (reg.RecurrentState(), "no recurrent layer"),
        (reg.RecurrentNorm("hid1"), r"hid1 \(None, 4\)"),
    ],
    ids=repr,
)
def test_a_pattern_that_stands_for_nothing_is_an_error(regularizer, message):
    with pytest.raises(UnknownNameError, match=message):
        regularizer.penalty(NetworkGraph(tanh_network()))


def test_a_network_without_hidden_layer_has_no_hidden_penalty():
    network = layers.DenseLayer(layers.InputLayer((None, 3)), 2)
    with pytest.raises(UnknownNameError, match="no hidden layer"):
        reg.HiddenL1().penalty(NetworkGraph(network))


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "0.1"])
def test_a_weight_that_is_no_number_from_0_up_is_refused(weight):
    with pytest.raises(ValueError, match="WeightL2: weight"):
        reg.WeightL2(weight=weight)


def test_there_is_no_derivative_by_indices():
    words = layers.InputLayer((None, 5), input_var=pt.imatrix())
    network = layers.DenseLayer(layers.EmbeddingLayer(words, 10, 3, name="words"), 4)
    network = layers.DenseLayer(network, 2)
    graph = NetworkGraph(network)
    with pytest.raises(DataError, match=r"derivatives by in.*int32.*wrt="):
        reg.Contractive("hid2").penalty(graph)
    assert reg.Contractive("hid2", wrt="words").penalty(graph).ndim == 0


@pytest.mark.parametrize("exact", [True, False])
def test_the_contraction_of_a_convolution_is_that_of_the_jacobian(exact, fast):
    net = layers.InputLayer((None, 1, 4, 4))
    net = layers.Conv2DLayer(net, 2, 2, nonlinearity=tanh, b=RNG.normal(size=2))
    network = layers.DenseLayer(net, 2)
    graph = NetworkGraph(network)
    x = RNG.normal(size=(3, 1, 4, 4))
    hidden = pytensor.function([graph.inputs[0].input_var], graph.outputs[net], mode=fast)
    steps = np.eye(16).reshape(16, 1, 4, 4) * 1e-5
    slopes = [(hidden(x + step) - hidden(x - step)) / 2e-5 for step in steps]
    expected = sum((slope**2).sum() for slope in slopes) / 3
    penalty = reg.Contractive(exact=exact).penalty(graph)
    function = pytensor.function([graph.inputs[0].input_var], penalty, mode=fast)
    drawn = [float(function(x)) for _ in range(1 if exact else 300)]
    assert np.mean(drawn) == pytest.approx(expected, rel=1e-6 if exact else 0.1)


@pytest.mark.jax
def test_jax_has_the_jacobian_too(fast):
    pytest.importorskip("jax")
    from nncore.backends import get_mode

    network = tanh_network()
    graph = NetworkGraph(network)
    penalty = reg.Contractive("out", exact=True).penalty(graph)
    grad = pytensor.grad(penalty, layers.get_all_params(network)[0])
    with pytensor.config.change_flags(floatX="float32"):
        inputs = [graph.inputs[0].input_var]
        results = [
            pytensor.function(inputs, [penalty, grad], mode=mode)(X)
            for mode in (fast, get_mode("jax"))
        ]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
