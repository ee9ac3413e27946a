"""Training by an update rule, or by L-BFGS, through names."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import nncore
from nncore import layers, updates
from nncore.errors import DataError, UnknownNameError
from nncore.serialization import load_arrays, load_model
from nncore.training import ReduceOnPlateau, evaluate, itertrain, make_trainer, train
from nncore.training.trainers import ALGORITHMS


def values(network):
    return layers.get_all_param_values(network)


def follow(network, data, algo="rmsprop", valid=None, **options):
    options = {"max_updates": 4, "backend": "python", **options}
    return list(itertrain(network, data, valid, algo, **options))


RATES = {
    "adadelta": {"rms_regularizer": 1e-3},
    "rprop": {"learning_rate": 0.01, "batch_size": 96},
    "adagrad": {"learning_rate": 0.3},
    "lbfgs": {},
}


@pytest.mark.parametrize("algo", [*ALGORITHMS, "lbfgs"])
def test_every_algorithm_learns_by_its_name(algo, regression, make_mlp):
    options = RATES.get(algo, {"learning_rate": 0.03})
    network = make_mlp()
    before = evaluate(network, regression, objective="mse", monitors=(), backend="python")
    results = follow(network, regression, algo, max_updates=20, validate_every=1, **options)
    assert results[-1][1]["loss"] < 0.7 * before["loss"]


@pytest.mark.parametrize(
    ("algo", "options", "rule", "same"),
    [
        ("rmsprop", {"rms_halflife": 1, "rms_regularizer": 0.1}, updates.rmsprop,
         {"rho": 0.5, "epsilon": 0.1}),
        ("adam", {"beta1_halflife": 2, "beta2_halflife": 1}, updates.adam,
         {"beta1": 0.5**0.5, "beta2": 0.5}),
        ("rprop", {"rprop_increase": 1.5, "rprop_min_step": 0.01}, updates.rprop,
         {"increase": 1.5, "decrease": 0.99, "min_step": 0.01, "max_step": 100.0}),
        ("sgd", {"momentum": 0.5}, updates.momentum, {"momentum": 0.5}),
        ("sgd", {"momentum": 0.5, "nesterov": True}, updates.nesterov_momentum,
         {"momentum": 0.5}),
        ("nag", {}, updates.nesterov_momentum, {"momentum": 0.9}),
    ],
)  # fmt: skip
def test_keywords_of_downhill_are_arguments_of_the_rule(
    algo, options, rule, same, regression, make_mlp
):
    first, second = make_mlp(), make_mlp()
    follow(first, regression, algo, learning_rate=0.01, **options)
    list(
        train(second, regression, regression, epochs=4, batch_size=32, seed=13, updates=rule,
              objective="mse", learning_rate=0.01, monitors=(), backend="python",
              update_options=same, validate_every=10)
    )  # fmt: skip
    for a, b in zip(values(first), values(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_monitors_are_those_of_theanets_and_the_last_validation_is_repeated(regression, make_mlp):
    results = follow(make_mlp(3), regression, monitors={"hid1": 0.0}, validate_every=2)
    for monitors, validation in results:
        assert list(monitors) == list(validation) == ["loss", "err", "hid1:out<0.0"]
    assert results[0][1] is results[1][1]
    assert results[1][1] is not results[2][1]


def test_a_classifier_has_its_loss_and_accuracy_by_itself(make_mlp, regression):
    x, _ = regression
    labels = (x[:, 0] > 0).astype("int32")
    network = make_mlp(nonlinearity=nncore.nonlinearities.softmax)
    results = follow(network, [x, labels], "adam", learning_rate=0.1, max_updates=10)
    assert set(results[0][0]) == {"loss", "err", "acc"}
    assert results[-1][1]["acc"] > 0.8


def test_regularizers_are_keywords(regression, make_mlp):
    ((monitors, validation),) = follow(
        make_mlp(3), regression, "sgd", learning_rate=0.0, max_updates=1, weight_l2=1.0,
        input_noise=0.5,
    )  # fmt: skip
    squares = [(p**2).mean() for p in values(make_mlp(3)) if p.ndim > 1]
    assert monitors["loss"] - monitors["err"] == pytest.approx(np.mean(squares), rel=1e-4)
    assert validation["loss"] == validation["err"]
    assert validation["err"] != pytest.approx(monitors["err"], rel=1e-3), "noise in training only"


def test_weights_of_samples_are_a_third_array(regression, make_mlp):
    x, y = regression
    y = np.where(np.arange(96)[:, None] < 48, y, 100).astype("float32")
    w = (np.arange(96) < 48).astype("float32")
    network = make_mlp()
    results = follow(network, (x, y, w), "lbfgs", weighted=True, max_updates=3, validate_every=1)
    assert results[-1][1]["loss"] < 1e-3


def test_patience_and_restoring_the_best(regression, make_mlp):
    network = make_mlp()
    results = follow(
        network, regression, "sgd", learning_rate=0.3, momentum=0.9, max_updates=None,
        validate_every=1, patience=3, min_improvement=0.01,
    )  # fmt: skip
    losses = [validation["loss"] for _, validation in results]
    best = int(np.argmin(losses[:-3])) if len(losses) > 3 else 0
    assert len(losses) - best >= 3
    again = evaluate(network, regression, objective="mse", monitors=(), backend="python")
    assert again["loss"] == pytest.approx(min(losses[:-3]), rel=0.02)


@pytest.mark.parametrize("algo", ["sgd", "lbfgs"])
def test_the_network_is_saved_at_intervals(algo, regression, make_mlp, tmp_path):
    network = make_mlp()
    follow(network, regression, algo, save_every=2, max_updates=5,
           save_progress=tmp_path / "net-{}.safetensors")  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "net-2.json", "net-2.safetensors", "net-4.json", "net-4.safetensors",
    ]  # fmt: skip
    loaded = load_model(tmp_path / "net-4")
    assert loaded.metadata == {"iteration": 4}
    assert [v.shape for v in values(loaded.layer)] == [v.shape for v in values(network)]


def test_a_network_of_several_outputs_is_saved_as_arrays(regression, tmp_path):
    x = layers.InputLayer((None, 4))
    network = [layers.DenseLayer(x, 2, name=name) for name in "ab"]
    losses = [nncore.objectives.Loss("mse", output=name) for name in "ab"]
    data = (*regression, regression[1])
    follow(
        network, data, loss=losses, save_every=1, max_updates=1, save_progress=tmp_path / "all.st"
    )
    arrays, _ = load_arrays(tmp_path / "all.st")
    assert set(arrays) == {"a.W", "a.b", "b.W", "b.b"}


def test_minutes_are_floats(regression, make_mlp, tmp_path, monkeypatch):
    from nncore.training.trainers import options

    clock = iter(range(0, 1000, 40))
    monkeypatch.setattr(options.time, "monotonic", lambda: next(clock))
    follow(make_mlp(), regression, save_every=1.0, max_updates=5,
           save_progress=tmp_path / "{}.safetensors")  # fmt: skip
    # 40 s from one to the next: a minute has passed at every second one.
    assert sorted(p.stem for p in tmp_path.glob("*.safetensors")) == ["2", "4"]


def test_ctrl_c_stops_and_keeps_the_best(regression, make_mlp):
    network, seen = make_mlp(), []

    def batches():
        seen.append(1)
        if len(seen) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return [regression]

    loop = itertrain(network, batches, regression, "adam", learning_rate=0.1, patience=None,
                     validate_every=1, backend="python")  # fmt: skip
    results, kept = [], []
    for pair in loop:
        results.append(pair)
        kept.append(values(network))
    assert len(results) == 3
    best = int(np.argmin([validation["loss"] for _, validation in results]))
    for a, b in zip(values(network), kept[best], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(regression, make_mlp, tmp_path):
    options = {"learning_rate": 0.01, "input_dropout": 0.2, "max_updates": 6, "validate_every": 2}
    whole, resumed = make_mlp(3), make_mlp(3, seed=5)
    follow(whole, regression, "adam", **options)
    path = tmp_path / "state.safetensors"
    stopped = itertrain(make_mlp(3), regression, None, "adam", backend="python", checkpoint=path,
                        **options)  # fmt: skip
    for _ in range(3):
        next(stopped)
    rest = follow(resumed, regression, "adam", checkpoint=path, resume=True, **options)
    assert len(rest) == 3
    for a, b in zip(values(whole), values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_callable_gives_batches_and_an_iteration_has_as_many_as_asked_for(regression, make_mlp):
    calls = []

    def batch():
        calls.append(1)
        return regression

    follow(make_mlp(), batch, valid=regression, max_updates=3, train_batches=5)
    assert len(calls) == 15


def test_schedules_and_plateaus_are_options(regression, make_mlp):
    for more in (
        {"learning_rate": updates.linear_schedule(0.1, 0.0, 12)},
        {"learning_rate": 0.1, "reduce_on_plateau": ReduceOnPlateau(factor=0.5, patience=1)},
    ):
        results = follow(make_mlp(), regression, "sgd", **more)
        assert results[-1][0]["loss"] < results[0][0]["loss"]


def test_a_rule_of_ones_own_is_an_algorithm(regression, make_mlp):
    def halving(loss, params, learning_rate=0.5):
        return {param: param * np.float32(learning_rate) for param in params}

    network = make_mlp()
    before = values(network)
    follow(network, regression, halving, max_updates=1, batch_size=96, patience=None)
    np.testing.assert_allclose(values(network)[0], before[0] / 2)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"algo": "rmsprob"}, UnknownNameError, "Did you mean 'rmsprop'"),
        ({"algo": "layerwise", "subalgo": "adm"}, UnknownNameError, "Did you mean 'adam'"),
        ({"learning_rat": 1}, TypeError, "Did you mean 'learning_rate'"),
        ({"weight_l3": 1}, TypeError, "Did you mean 'weight_l"),
        ({"algo": "lbfgs", "learning_rate": 1}, TypeError, "'learning_rate' is not a known"),
        ({"algo": "lbfgs", "input_noise": 0.1}, ValueError, "draws random numbers"),
        ({"algo": "lbfgs", "train": [(np.ones((2, 4)),)]}, DataError, "all training data"),
        ({"batch_size": 97}, DataError, "96 samples.*batch_size=97"),
        ({"momentum": 1.5}, ValueError, "momentum"),
        ({"rms_halflife": 0}, ValueError, "rms_halflife"),
        ({"loss": "mze"}, UnknownNameError, "not a known objective"),
        ({"save_every": 3}, ValueError, "belong together"),
        ({"save_every": -1, "save_progress": "x"}, ValueError, "save_every"),
        ({"hidden_l1": {"weight": 1, "pattern": "lstm"}}, UnknownNameError, "hid1"),
    ],
    ids=str,
)
def test_what_is_not_possible_is_refused_with_what_is(
    options, error, message, regression, make_mlp
):
    options = {"train": regression, "max_updates": 1, "backend": "python", **options}
    with pytest.raises(error, match=message):
        list(itertrain(make_mlp(3, 3), **options))


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("sample", "SampleTrainer"),
        ("layerwise", "SupervisedPretrainer"),
        ("supervised", "SupervisedPretrainer"),
        ("pretrain", "UnsupervisedPretrainer"),
        ("unsupervised", "UnsupervisedPretrainer"),
        ("L-BFGS", "LBFGSTrainer"),
        ("RMSProp", "GradientTrainer"),
        ("momentum", "GradientTrainer"),
    ],
)
def test_names_of_trainers(name, cls, make_mlp):
    assert type(make_trainer(make_mlp(3), name)).__name__ == cls


@pytest.mark.jax
def test_jax_trains_with_noise_schedules_and_curvature(regression, make_mlp):
    pytest.importorskip("jax")
    network = make_mlp(3)
    results = follow(
        network, regression, "esgd", backend="jax", max_updates=6, input_noise=0.05,
        contractive=0.01, max_gradient_norm=1.0, chunk_batches=2,
        learning_rate=updates.cosine_schedule(0.05, 0.0, 18),
    )  # fmt: skip
    assert results[-1][0]["loss"] < results[0][0]["loss"]
    assert all(type(value) is np.ndarray and value.dtype == "float32" for value in values(network))


@pytest.mark.slow
def test_numba_resumes_a_training_with_noise_and_a_schedule_to_the_same_bits(
    regression, make_mlp, tmp_path
):
    options = {"learning_rate": updates.cosine_schedule(0.05, 0.0, 18), "input_noise": 0.1,
               "max_updates": 4, "backend": "numba"}  # fmt: skip
    whole, resumed = make_mlp(3), make_mlp(3, seed=5)
    follow(whole, regression, "esgd", **options)
    path = tmp_path / "state.safetensors"
    stopped = itertrain(make_mlp(3), regression, None, "esgd", checkpoint=path, **options)
    next(stopped)
    next(stopped)
    follow(resumed, regression, "esgd", checkpoint=path, resume=True, **options)
    for a, b in zip(values(whole), values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
