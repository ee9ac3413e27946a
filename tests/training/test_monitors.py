"""What is reported beside the loss."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt
import pytest

import nncore
from nncore import layers
from nncore.errors import UnknownNameError
from nncore.layers import get_output
from nncore.training import compile_network, evaluate, train


def hidden_output(network, problem):
    (hidden,) = (one for one in layers.get_all_layers(network) if one.name == "hidden_bn_nonlin")
    return get_output(hidden, problem[0], deterministic=True).eval()


def test_the_fraction_of_values_below_levels_is_that_of_numpy(problem, make_network):
    network = make_network()
    values = evaluate(
        network,
        problem,
        monitors={"hidden_bn_nonlin": [0.1, 0.5], "output.W": 0.0},
        backend="python",
        batch_size=96,
    )
    hidden = hidden_output(network, problem)
    weights = layers.get_all_params(network)[-2].get_value()
    for level in (0.1, 0.5):
        expected = (hidden < level).mean()
        assert values[f"hidden_bn_nonlin:out<{level}"] == pytest.approx(expected, abs=1e-6)
    assert values["output.W<0.0"] == pytest.approx((weights < 0).mean())


def test_a_level_may_be_a_label_with_a_function(problem, make_network):
    network = make_network()
    values = evaluate(
        network,
        problem,
        monitors=[
            ("hidden_bn_nonlin:out", ("top", lambda x: x.max())),
            {"hid*": {"mean": pt.mean}},
        ],
        backend="python",
        batch_size=96,
    )
    hidden = hidden_output(network, problem)
    assert values["hidden_bn_nonlin:out:top"] == pytest.approx(hidden.max(), rel=1e-6)
    assert values["hidden_bn_nonlin:out:mean"] == pytest.approx(hidden.mean(), rel=1e-5)


def test_an_expression_is_reported_under_its_name(problem, make_network):
    network = make_network()
    doubled = 2 * get_output(network, deterministic=True)
    values = evaluate(network, problem, monitors=[("doubled", doubled)], backend="python")
    assert values["doubled"] == pytest.approx(1, rel=1e-5)


def test_the_error_is_the_loss_without_penalties(problem, make_network):
    from nncore.regularization import WeightL2

    (record,) = train(
        make_network(),
        problem,
        epochs=1,
        updates="sgd",
        learning_rate=0.0,
        monitors=["err"],
        penalty=pt.constant(np.float32(2.0)),
        regularizers=[WeightL2(weight=3.0)],
        backend="python",
    )
    network = make_network()
    squares = [(p.get_value() ** 2).mean() for p in layers.get_all_params(network) if p.ndim > 1]
    added = record.train["loss"] - record.train["err"]
    assert added == pytest.approx(2 + 3 * np.mean(squares), rel=1e-4)


def test_norms_of_gradients_are_those_of_the_unlimited_gradients(problem, make_network):
    records = [
        next(
            train(
                make_network(),
                problem,
                epochs=1,
                batch_size=96,
                monitor_gradients=True,
                backend="python",
                **limit,
            )
        ).train
        for limit in ({}, {"max_gradient_norm": 1e-3})
    ]
    assert records[0] == records[1]
    network = make_network()
    norms = {name: value for name, value in records[0].items() if name.startswith("grad(")}
    assert next(iter(norms)) == "grad(hidden.W)"
    assert len(norms) == len(layers.get_all_params(network, trainable=True))
    x, y = problem
    compiled = compile_network(network, "categorical_crossentropy", "sgd", 1.0, backend="python")
    before = [p.get_value() for p in layers.get_all_params(network, trainable=True)]
    compiled.step(x, y)
    after = [p.get_value() for p in layers.get_all_params(network, trainable=True)]
    for norm, a, b in zip(norms.values(), before, after, strict=True):
        assert norm == pytest.approx(np.linalg.norm(a - b), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("limits", "norm"),
    [
        ({"max_gradient_elem": 1e-4}, lambda moved: max(np.abs(m).max() for m in moved)),
        ({"max_gradient_norm": 1e-4}, lambda moved: max(np.linalg.norm(m) for m in moved)),
        (
            {"max_gradient_total_norm": 1e-4},
            lambda moved: np.sqrt(sum((m**2).sum() for m in moved)),
        ),
    ],
    ids=["elem", "norm", "total"],
)
def test_limits_on_gradients_limit_the_step(problem, make_network, limits, norm):
    network = make_network()
    params = layers.get_all_params(network, trainable=True)
    before = [p.get_value() for p in params]
    next(train(network, problem, epochs=1, batch_size=96, updates="sgd", learning_rate=1.0,
               backend="python", **limits))  # fmt: skip
    moved = [p.get_value().astype("float64") - b for p, b in zip(params, before, strict=True)]
    assert norm(moved) == pytest.approx(1e-4, rel=0.02)


@pytest.mark.parametrize(
    ("monitors", "error", "message"),
    [
        (["acuracy"], UnknownNameError, "not a known .*Did you mean 'accuracy'.*err"),
        ({"hid9": 0.1}, UnknownNameError, "no layer or parameter .*hidden"),
        ([3], TypeError, "a monitor must be"),
        ({"hidden": "low"}, TypeError, "'low', which is neither"),
        ({"hidden": [("low", 3)]}, TypeError, "neither a number nor a pair"),
    ],
    ids=str,
)
def test_what_is_no_monitor_is_refused(problem, make_network, monitors, error, message):
    with pytest.raises(error, match=message):
        train(make_network(), problem, monitors=monitors, backend="python")


def test_several_losses_are_reported_one_by_one():
    nncore.random.set_rng(0)
    x = layers.InputLayer((None, 3))
    first, second = (layers.DenseLayer(x, 2, nonlinearity=None, name=name) for name in "ab")
    data = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    y = data[:, :2]
    losses = [
        nncore.objectives.Loss("mse", output="a"),
        nncore.objectives.Loss("mse", output="b", weight=0.5, weighted=True),
    ]
    weights = np.linspace(0, 1, 40).astype("float32")
    records = list(
        train([first, second], (data, y, y, weights), (data, y, y, weights), objective=losses,
              monitors=(), epochs=30, learning_rate=0.02, batch_size=40, backend="python")
    )  # fmt: skip
    record = records[-1]
    expected = record.train["mse1"] + 0.5 * record.train["mse2"]
    assert record.train["loss"] == pytest.approx(expected, rel=1e-5)
    assert record.validation["loss"] < 0.5 * records[0].validation["loss"]
