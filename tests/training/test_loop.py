"""The training loop."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import nncore
from nncore import layers
from nncore.errors import DataError, ModelFileError, TrainingDiverged, UnknownNameError
from nncore.training import (
    EpochRecord,
    compile_network,
    evaluate,
    predict,
    read_history,
    train,
)


def values(network):
    return layers.get_all_param_values(network)


def run(network, problem, **options):
    options = {"epochs": 3, "batch_size": 32, "backend": "python", **options}
    validation = options.pop("validation", problem)
    return list(train(network, problem, validation, **options))


def test_a_loop_of_two_lines_learns(problem, make_network):
    network = make_network()
    for record in train(
        network, problem, epochs=30, batch_size=16, learning_rate=0.05, backend="python"
    ):
        assert isinstance(record, EpochRecord)
    assert evaluate(network, problem, backend="python")["accuracy"] > 0.9


def test_a_record_has_the_means_over_the_samples(problem, make_network):
    network = make_network()
    x, y = problem

    def step(a, b):
        return {"loss": float(a.sum()), "size": len(a)}

    (record,) = train(
        network, (x[:40], y[:40]), step=step, epochs=1, batch_size=32, backend="python"
    )
    # Batches of 32 and 8 samples: a mean over samples, not over batches.
    assert record.train["size"] == pytest.approx((32 * 32 + 8 * 8) / 40)
    assert record.epoch == 1
    assert record.samples_per_second > 0
    assert record.validation == {}


def test_validation_runs_without_noise_and_equals_evaluate(problem, make_network):
    network = make_network()
    (record,) = run(network, problem, epochs=1)
    after = evaluate(network, problem, backend="python", batch_size=32)
    assert record.validation == pytest.approx(after)


def test_monitors_may_be_names_or_functions(problem, make_network):
    def confidence(prediction, target):
        return prediction.max(axis=1)

    (record,) = run(
        make_network(), problem, epochs=1, monitors=("accuracy", ("confidence", confidence))
    )
    assert set(record.validation) == {"loss", "accuracy", "confidence"}
    assert 0.5 <= record.validation["confidence"] <= 1


def test_a_penalty_is_part_of_the_training_loss_only(problem, make_network):
    network = make_network()
    (plain,) = run(make_network(), problem, epochs=1, updates="sgd", learning_rate=0.0)
    penalty = pt.constant(np.float32(2.5))
    (record,) = run(network, problem, epochs=1, penalty=penalty, updates="sgd", learning_rate=0.0)
    assert record.train["loss"] == pytest.approx(plain.train["loss"] + 2.5, rel=1e-5)
    assert record.validation["loss"] == pytest.approx(plain.validation["loss"], rel=1e-5)


def test_everything_stays_float32(problem, make_network):
    compiled = compile_network(make_network(), "categorical_crossentropy", "adam")
    for variable, update in compiled.updates.items():
        if hasattr(variable.type, "dtype"):
            assert update.dtype == variable.dtype == "float32", variable
    function = pytensor.function(
        compiled.inputs,
        list(compiled.train_outputs.values()),
        updates=compiled.updates,
        mode="FAST_COMPILE",
    )
    floats = {
        str(variable.type.dtype)
        for node in function.maker.fgraph.apply_nodes
        for variable in node.outputs
        if getattr(variable.type, "dtype", "").startswith("float") and variable.type.ndim
    }
    assert floats == {"float32"}


def test_a_step_of_ones_own_takes_the_place_of_the_built_one(problem, make_network):
    network = make_network()
    compiled = compile_network(network, "categorical_crossentropy", "sgd", 0.1, backend="python")
    calls = []

    def step(x, y):
        calls.append(len(x))
        return compiled.step(x, y)["loss"]

    records = run(network, problem, step=step, epochs=2)
    assert calls == [32, 32, 32] * 2
    assert set(records[-1].train) == {"loss"}


def test_patience_stops_and_the_best_parameters_come_back(problem, make_network):
    network = make_network()
    scores = iter([3.0, 1.0, 2.0, 2.0, 2.0, 0.0])
    kept = []
    weight = layers.get_all_params(network)[0]

    def step(x, y):
        weight.set_value(weight.get_value() + 1)
        return 1.0

    def monitor(prediction, target):
        return prediction[:, 0] * 0

    records = []
    loop = train(
        network,
        problem,
        problem,
        step=step,
        monitors=(("zero", monitor),),
        epochs=10,
        batch_size=96,
        patience=3,
        backend="python",
    )
    import nncore.training.loop as module

    def fake(function, batches):
        kept.append(weight.get_value().copy())
        return {"loss": next(scores)}

    original, module.run_evaluation = module.run_evaluation, fake
    try:
        records = list(loop)
    finally:
        module.run_evaluation = original
    assert [record.is_best for record in records] == [True, True, False, False, False]
    np.testing.assert_array_equal(weight.get_value(), kept[1])


def test_accuracy_is_compared_upwards(problem, make_network):
    records = run(make_network(), problem, epochs=4, best="accuracy")
    accuracies = [record.validation["accuracy"] for record in records]
    for number, record in enumerate(records):
        assert record.is_best == (number == 0 or accuracies[number] > max(accuracies[:number]))


def test_the_same_seed_gives_the_same_numbers(problem, make_network):
    first, second = (run(make_network(5), problem, seed=7) for _ in range(2))
    assert [r.train for r in first] == [r.train for r in second]
    other = run(make_network(5), problem, seed=8)
    assert [r.train for r in first] != [r.train for r in other]


@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_training_is_the_uninterrupted_one_bit_for_bit(
    problem, make_network, tmp_path, stop
):
    options = {"batch_size": 20, "backend": "python", "updates": "adam", "seed": 3}
    whole = make_network(1)
    expected = list(train(whole, problem, problem, epochs=5, **options))

    path = tmp_path / "checkpoint.safetensors"
    first = train(make_network(1), problem, problem, epochs=5, checkpoint=path, **options)
    for _ in range(stop):
        next(first)
    # As after a kill: nothing of the first training is left but the file.
    resumed = make_network(99)
    rest = list(train(resumed, problem, problem, epochs=5, checkpoint=path, resume=True, **options))
    assert [r.epoch for r in rest] == list(range(stop + 1, 6))
    assert [r.train for r in rest] == [r.train for r in expected[stop:]]
    assert [r.validation for r in rest] == [r.validation for r in expected[stop:]]
    for a, b in zip(values(whole), values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [r.train for r in read_history(path)] == [r.train for r in expected]


def test_resuming_a_finished_training_does_nothing_more(problem, make_network, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    network = make_network()
    run(network, problem, checkpoint=path)
    again = make_network(50)
    assert run(again, problem, checkpoint=path, resume=True) == []
    for a, b in zip(values(network), values(again), strict=True):
        np.testing.assert_array_equal(a, b)


def test_resuming_without_a_file_starts(problem, make_network, tmp_path):
    path = tmp_path / "none.safetensors"
    assert len(run(make_network(), problem, checkpoint=path, resume=True)) == 3


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ({"units": 9}, {}, "has shape"),
        ({}, {"updates": "sgd"}, "another network or update rule"),
        ({}, {"seed": 1}, "seed=0"),
        ({}, {"batch_size": 16}, "batch_size=32"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused_and_changes_nothing(
    problem, make_network, tmp_path, network, options, message
):
    path = tmp_path / "checkpoint.safetensors"
    run(make_network(), problem, checkpoint=path)
    other = make_network(**network)
    before = values(other)
    with pytest.raises(ModelFileError, match=message):
        run(other, problem, checkpoint=path, resume=True, **options)
    for a, b in zip(before, values(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_truncated_checkpoint_is_refused(problem, make_network, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    run(make_network(), problem, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelFileError, match=r"checkpoint\.safetensors"):
        run(make_network(), problem, checkpoint=path, resume=True)


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_checkpoint(
    problem, make_network, tmp_path
):
    path = tmp_path / "checkpoint.safetensors"
    network = make_network()
    calls = []

    def step(x, y):
        calls.append(1)
        return float("nan") if len(calls) == 5 else 1.0

    loop = train(
        network, problem, problem, step=step, checkpoint=path, batch_size=32, backend="python"
    )
    next(loop)
    with pytest.raises(TrainingDiverged, match=r"nan in epoch 2, at batch 2 of 3.*holds epoch 1"):
        next(loop)
    assert len(read_history(path)) == 1
    assert all(np.isfinite(v).all() for v in values(network))


def test_ctrl_c_ends_the_batch_keeps_the_best_and_stops(problem, make_network):
    network = make_network()
    calls = []

    def step(x, y):
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return 1.0

    records = list(
        train(network, problem, problem, step=step, epochs=9, batch_size=32, backend="python")
    )
    assert [r.interrupted for r in records] == [False, True]
    assert len(calls) == 5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_closing_the_loop_puts_the_best_parameters_back(problem, make_network):
    network = make_network()
    weight = layers.get_all_params(network)[0]

    def step(x, y):
        weight.set_value(weight.get_value() * 10)
        return 1.0

    loop = train(network, problem, problem, step=step, batch_size=96, backend="python")
    next(loop)
    best = weight.get_value()
    next(loop)
    loop.close()
    np.testing.assert_array_equal(weight.get_value(), best)


def test_progress_is_told_of_every_batch(problem, make_network):
    told = []

    class Follower:
        def begin(self, epoch, epochs, batches, samples):
            told.append(("begin", epoch, epochs, batches, samples))

        def batch(self, done, samples_done, values):
            told.append(("batch", done, samples_done, sorted(values)))

        def end(self, record):
            told.append(("end", record.epoch))

        def close(self):
            told.append(("close",))

    run(make_network(), problem, epochs=1, batch_size=48, progress=Follower())
    assert told == [
        ("begin", 1, 1, 2, 96),
        ("batch", 1, 48, ["accuracy", "loss"]),
        ("batch", 2, 96, ["accuracy", "loss"]),
        ("end", 1),
        ("close",),
    ]


def test_an_iterable_of_batches_can_be_trained_on(problem, make_network):
    x, y = problem
    batches = [(x[i : i + 10], y[i : i + 10]) for i in range(0, 90, 10)]
    records = list(train(make_network(), batches, epochs=2, backend="python"))
    assert len(records) == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((np.zeros((8, 3), "float32"), np.zeros(8, int)), r"shape \(8, 3\), but input takes"),
        ((np.zeros((8, 2), "float32"), np.full(8, 2)), "labels range from 2 to 2"),
        ((np.zeros((8, 2), "float32"), np.full(8, -1)), "labels range from -1"),
        ((np.full((8, 2), np.inf, "float32"), np.zeros(8, int)), "16 infinite"),
        ((np.zeros((8, 2), "float32"), np.zeros(7, int)), "x has 8, y has 7"),
        (np.zeros((8, 2), "float32"), "there are no targets"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_anything_is_compiled(make_network, data, message):
    with pytest.raises(DataError, match=message):
        train(make_network(), data, backend="python")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"updates": "adamm"}, UnknownNameError, "adam"),
        ({"objective": "crossentropy"}, UnknownNameError, "not a known objective"),
        ({"backend": "nmba"}, UnknownNameError, "numba"),
        ({"monitors": ("acuracy",)}, UnknownNameError, "not a known objective"),
        ({"epochs": -1}, ValueError, "epochs"),
        ({"patience": 0}, ValueError, "patience"),
        ({"resume": True}, ValueError, "checkpoint"),
    ],
)
def test_choices_that_do_not_exist_are_refused_with_what_does(
    problem, make_network, options, error, message
):
    with pytest.raises(error, match=message):
        train(make_network(), problem, **{"backend": "python", **options})


def test_a_value_to_compare_epochs_by_that_is_not_reported_is_an_error(problem, make_network):
    with pytest.raises(ValueError, match="best='acc'"):
        run(make_network(), problem, best="acc")


def test_regression_has_real_targets():
    nncore.random.set_rng(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype("float32")
    y = (x @ np.array([[1.0], [-2.0], [0.5]])).astype("float32")
    network = layers.DenseLayer(layers.InputLayer((None, 3)), 1, nonlinearity=None)
    records = list(
        train(
            network,
            (x, y),
            objective="squared_error",
            monitors=(),
            updates="nesterov_momentum",
            learning_rate=0.05,
            epochs=40,
            batch_size=16,
            backend="python",
        )
    )
    assert records[-1].train["loss"] < 1e-3
    np.testing.assert_allclose(predict(network, x, backend="python"), y, atol=0.2)


def test_predictions_do_not_depend_on_the_batch_size(problem, make_network):
    network = make_network()
    x, _ = problem
    np.testing.assert_allclose(
        predict(network, x, batch_size=7, backend="python"),
        predict(network, x, batch_size=96, backend="python"),
        rtol=1e-6,
    )


@pytest.mark.slow
def test_resuming_is_exact_on_the_numba_backend_too(make_network, problem, tmp_path):
    options = {"batch_size": 20, "backend": "numba", "seed": 3}
    whole = make_network(1)
    expected = list(train(whole, problem, problem, epochs=4, **options))
    path = tmp_path / "checkpoint.safetensors"
    first = train(make_network(1), problem, problem, epochs=4, checkpoint=path, **options)
    next(first)
    next(first)
    resumed = make_network(99)
    rest = list(train(resumed, problem, problem, epochs=4, checkpoint=path, resume=True, **options))
    assert [r.train for r in rest] == [r.train for r in expected[2:]]
    for a, b in zip(values(whole), values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.jax
def test_jax_trains_with_parameters_on_the_device_and_gives_them_back(problem, make_network):
    pytest.importorskip("jax")
    network = make_network()
    compiled = compile_network(network, "categorical_crossentropy", "adam", 0.05, backend="jax")
    x, y = problem
    compiled.step(x, y)
    weight = layers.get_all_params(network)[0]
    on_device = weight.container.storage[0]
    assert type(on_device).__module__.startswith("jax")
    compiled.step(x, y)
    # The old buffer was donated to the new value.
    assert on_device.is_deleted()

    records = run(network, problem, backend="jax", epochs=20, learning_rate=0.05)
    assert records[-1].validation["accuracy"] > 0.9
    assert all(type(v) is np.ndarray and v.dtype == "float32" for v in values(network))
    # What JAX trained, another backend can use.
    evaluate(network, problem, backend="python")


@pytest.mark.jax
def test_jax_draws_new_noise_for_every_step(make_network, problem):
    pytest.importorskip("jax")
    compiled = compile_network(
        make_network(), "categorical_crossentropy", "sgd", 0.0, backend="jax"
    )
    losses = {float(compiled.step(*problem)["loss"]) for _ in range(4)}
    assert len(losses) == 4


@pytest.mark.jax
def test_jax_resumes_with_its_random_streams(problem, make_network, tmp_path):
    pytest.importorskip("jax")
    options = {"batch_size": 20, "backend": "jax", "seed": 3}
    whole = make_network(1)
    expected = list(train(whole, problem, problem, epochs=4, **options))
    path = tmp_path / "checkpoint.safetensors"
    first = train(make_network(1), problem, problem, epochs=4, checkpoint=path, **options)
    next(first)
    next(first)
    rest = list(
        train(make_network(99), problem, problem, epochs=4, checkpoint=path, resume=True, **options)
    )
    for a, b in zip(rest, expected[2:], strict=True):
        assert a.train == pytest.approx(b.train, rel=1e-5)


def test_validations_come_in_the_first_epoch_at_intervals_and_in_the_last(problem, make_network):
    records = run(make_network(), problem, epochs=9, validate_every=3)
    assert [bool(r.validation) for r in records] == [True, False, False] * 2 + [True, False, True]
    assert not any(r.is_best for r in records if not r.validation)


def test_patience_counts_validations(problem, make_network):
    records = run(
        make_network(), problem, epochs=None, patience=2, validate_every=3, updates="sgd",
        learning_rate=0.0,
    )  # fmt: skip
    # The best is the first; without change, the validations in epochs 4 and 7 are in vain.
    assert len(records) in (7, 10, 13)
    scored = [r for r in records if r.validation]
    assert not any(r.is_best for r in scored[-2:])


def test_an_improvement_below_the_fraction_is_none(problem, make_network):
    records = run(make_network(), problem, epochs=6, min_improvement=0.99)
    assert [r.is_best for r in records] == [True] + [False] * 5


def test_an_epoch_may_be_a_part_of_the_data(problem, make_network):
    calls = []

    def step(x, y):
        calls.append(len(x))
        return 1.0

    records = run(make_network(), problem, step=step, epochs=2, train_batches=2, batch_size=32)
    assert calls == [32] * 4
    assert len(records) == 2


@pytest.mark.parametrize(
    "name", ["validate_every", "train_batches", "valid_batches", "chunk_batches"]
)
def test_numbers_that_are_none_are_refused(problem, make_network, name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, not 0"):
        run(make_network(), problem, **{name: 0})


def test_a_resumed_training_with_all_options_is_the_uninterrupted_one(
    problem, make_network, tmp_path
):
    from nncore.regularization import from_kwargs

    def options(network):
        return {
            "epochs": 7,
            "batch_size": 20,
            "backend": "python",
            "train_batches": 3,
            "validate_every": 2,
            "patience": 4,
            "min_improvement": 0.001,
            "chunk_batches": 2,
            "learning_rate": nncore.updates.warm_up(nncore.updates.cosine_schedule(0.1, 0, 30), 5),
            "max_gradient_norm": 0.5,
            "monitors": {"hidden*": 0.1},
            "regularizers": from_kwargs(network, input_noise=0.1, hidden_dropout=0.2,
                                        weight_l2=0.1, contractive=0.1),
        }  # fmt: skip

    whole, stopped, resumed = make_network(1), make_network(1), make_network(99)
    expected = list(train(whole, problem, problem, **options(whole)))
    path = tmp_path / "checkpoint.safetensors"
    first = train(stopped, problem, problem, checkpoint=path, **options(stopped))
    for _ in range(3):
        next(first)
    rest = list(train(resumed, problem, problem, checkpoint=path, resume=True, **options(resumed)))
    assert [r.train for r in rest] == [r.train for r in expected[3:]]
    for a, b in zip(values(whole), values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_number_of_batches_is_another_training(problem, make_network, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    run(make_network(), problem, checkpoint=path, train_batches=2)
    with pytest.raises(ModelFileError, match="train_batches=2"):
        run(make_network(), problem, checkpoint=path, resume=True, train_batches=3)


def test_a_rule_of_the_loss_itself_takes_limited_gradients(problem, make_network):
    records = run(
        make_network(), problem, epochs=3, updates="esgd", max_gradient_norm=0.1, learning_rate=0.1
    )
    assert records[-1].train["loss"] < records[0].train["loss"]


@pytest.mark.jax
def test_jax_gets_its_batches_from_chunks_on_the_device(problem, make_network):
    pytest.importorskip("jax")
    plain, chunked = (
        run(make_network(), problem, backend="jax", epochs=2, batch_size=20, **more)
        for more in ({}, {"chunk_batches": 3})
    )
    for a, b in zip(plain, chunked, strict=True):
        assert a.train == pytest.approx(b.train, rel=1e-5)


def test_a_count_of_arrays_that_does_not_fit_the_losses_is_an_error(problem, make_network):
    with pytest.raises(DataError, match="the data have 2 arrays, but the loss takes 3"):
        run(make_network(), problem, weighted=True)


def test_a_plateau_cannot_change_a_step_of_ones_own(problem, make_network):
    with pytest.raises(ValueError, match="step of your own"):
        run(make_network(), problem, step=lambda x, y: 1.0,
            reduce_on_plateau=nncore.training.ReduceOnPlateau())  # fmt: skip


def test_an_evaluation_knows_weights_and_targets_that_are_the_input(problem):
    x, _ = problem
    copied = layers.NonlinearityLayer(layers.InputLayer((None, 2)), lambda v: 2 * v)
    loss = nncore.objectives.Loss("mae", target="in")
    found = evaluate(copied, x, objective=loss, monitors=(), backend="python")
    assert found["loss"] == pytest.approx(np.abs(x).mean(), rel=1e-5)
    weights = (np.arange(96) == 3).astype("float32")
    found = evaluate(
        copied, (x, 0 * x, weights), objective="mae", weighted=True, monitors=(), backend="python"
    )
    assert found["loss"] == pytest.approx(2 * np.abs(x[3]).mean(), rel=1e-5)
