from __future__ import annotations

import copy
import pickle
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits, load_iris  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

import nncore  # noqa: E402
from nncore import layers, nonlinearities  # noqa: E402
from nncore.estimators import NetworkClassifier, NetworkRegressor, _base  # noqa: E402


def classifier(**arguments: Any) -> NetworkClassifier:
    """A small one that learns fast, on the Python backend."""
    return NetworkClassifier(
        **{
            "hidden_layer_sizes": (8,),
            "updates": "nesterov_momentum",
            "learning_rate": 0.2,
            "batch_size": 32,
            "max_epochs": 8,
            "random_state": 0,
            "backend": "python",
            **arguments,
        }
    )


def regressor(**arguments: Any) -> NetworkRegressor:
    """A small one that learns fast, on the Python backend."""
    return NetworkRegressor(
        **{
            "hidden_layer_sizes": (8,),
            "learning_rate": 0.05,
            "batch_size": 32,
            "max_epochs": 8,
            "random_state": 0,
            "backend": "python",
            **arguments,
        }
    )


def noisy(shape: tuple[int, ...], num_outputs: int, p: float = 0.5) -> layers.Layer:
    """A network with dropout."""
    net: layers.Layer = layers.DenseLayer(layers.InputLayer((None, *shape)), 8)
    net = layers.DropoutLayer(net, p)
    return layers.DenseLayer(net, num_outputs, nonlinearity=nonlinearities.softmax)


@pytest.fixture(scope="module")
def points() -> tuple[np.ndarray, np.ndarray]:
    """Three classes of points in the plane, 96 samples."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    y = np.arange(96) % 3
    return centres[y] + 0.5 * rng.normal(size=(96, 2)), y


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions that are compiled in a test."""
    import pytensor

    names: list[str] = []
    compile_function = pytensor.function

    def counting(*args: Any, **kwargs: Any) -> Any:
        names.append(kwargs.get("name"))
        return compile_function(*args, **kwargs)

    monkeypatch.setattr(pytensor, "function", counting)
    return names


@parametrize_with_checks([classifier(), regressor()])
def test_an_estimator_keeps_the_rules_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_importing_the_package_leaves_scikit_learn_alone_and_its_absence_is_explained() -> None:
    program = (
        "import sys, nncore\n"
        "assert not any(name.split('.')[0] == 'sklearn' for name in sys.modules)\n"
        "sys.modules['sklearn'] = None\n"
        "try:\n"
        "    import nncore.estimators\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "nncore-pytensor[sklearn]" in result.stdout


def test_labels_of_any_type_are_learnt_and_predicted(points: Any) -> None:
    x, y = points
    names = np.array(["red", "green", "blue"])[y]
    fitted = classifier().fit(x, names)
    assert fitted.classes_.tolist() == ["blue", "green", "red"]
    assert fitted.score(x, names) > 0.95
    probabilities = fitted.predict_proba(x)
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(x))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_history_has_a_record_for_each_epoch(points: Any) -> None:
    fitted = classifier(max_epochs=3).fit(*points)
    assert [record.epoch for record in fitted.history_] == [1, 2, 3]
    assert fitted.n_epochs_ == 3
    assert fitted.history_[2].train["loss"] < fitted.history_[0].train["loss"]


def test_the_same_seed_gives_the_same_network_with_its_noise(points: Any) -> None:
    x, y = points
    outputs = [
        classifier(network=noisy, max_epochs=2, random_state=seed).fit(x, y).predict_proba(x)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 0.01


def test_hidden_layers_can_be_specified_as_for_networks_in_one_line(points: Any) -> None:
    X, y = points
    estimator = classifier(hidden_layer_sizes=[(6, "tanh"), {"size": 4, "activation": "prelu"}])
    network = estimator.fit(X, y).network_
    shapes = {layer.name: layer.output_shape[1] for layer in layers.get_all_layers(network)}
    assert shapes["hid1"] == 6
    assert shapes["hid2"] == 4
    with pytest.raises(LookupError, match="tahn"):
        classifier(hidden_layer_sizes=[(6, "tahn")]).fit(X, y)


def test_a_template_is_copied_and_only_its_noise_is_seeded_anew(points: Any) -> None:
    x, y = points
    template = noisy((2,), 3)
    before = layers.get_all_param_values(template)
    # In one batch of all samples their order makes no difference, and so only the noise does.
    estimator = classifier(network=template, max_epochs=2, batch_size=96)
    outputs = [copy.deepcopy(estimator).fit(x, y).predict_proba(x) for _ in range(2)]
    other = estimator.set_params(random_state=3).fit(x, y)
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - other.predict_proba(x)).max() > 1e-3
    assert other.network_ is not template
    for value, kept in zip(before, layers.get_all_param_values(template), strict=True):
        np.testing.assert_array_equal(value, kept)


def test_fitting_draws_nothing_from_the_common_generator(points: Any) -> None:
    used = np.random.RandomState(5)
    before = nncore.random.get_rng()
    nncore.random.set_rng(used)
    try:
        classifier(network=noisy, max_epochs=1).fit(*points)
        assert nncore.random.get_rng() is used
        assert used.randint(2**31) == np.random.RandomState(5).randint(2**31)
    finally:
        nncore.random.set_rng(before)


def test_the_common_generator_is_back_after_a_network_that_cannot_be_built(points: Any) -> None:
    before = nncore.random.get_rng()

    def broken(shape: tuple[int, ...], num_outputs: int) -> layers.Layer:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        classifier(network=broken).fit(*points)
    assert nncore.random.get_rng() is before


def test_going_on_and_predicting_again_compile_nothing(points: Any, compilations: Any) -> None:
    x, y = points
    estimator = classifier(warm_start=True, max_epochs=1).partial_fit(x, y, classes=[0, 1, 2])
    estimator.set_params(learning_rate=0.01).fit(x, y).partial_fit(x, y)
    assert compilations.count("train") == 1
    estimator.predict(x)
    estimator.predict_proba(x)
    assert [name for name in compilations if name] == ["train", "predict"]
    assert estimator.n_epochs_ == len(estimator.history_) == 3


def test_a_learning_rate_set_later_is_used(points: Any) -> None:
    x, y = points
    estimator = classifier(updates="sgd", batch_size=96).partial_fit(x, y, classes=[0, 1, 2])
    start = layers.get_all_param_values(estimator.network_)
    same = copy.deepcopy(estimator)
    estimator.set_params(learning_rate=0.3).partial_fit(x, y)
    same.set_params(learning_rate=0.1).partial_fit(x, y)
    for first, large, small in zip(
        start,
        layers.get_all_param_values(estimator.network_),
        layers.get_all_param_values(same.network_),
        strict=True,
    ):
        np.testing.assert_allclose(large - first, 3 * (small - first), atol=1e-6)


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_pickled_estimator_goes_on_as_if_it_had_not_been(points: Any, rounds: int) -> None:
    x, y = points
    estimator = classifier(updates="adam", learning_rate=0.05, network="mlp", max_epochs=2)
    estimator.set_params(network_options={"hidden": (8,)}).fit(x, y)
    twin = estimator
    for _ in range(rounds):
        twin = pickle.loads(pickle.dumps(twin))
    np.testing.assert_array_equal(twin.predict(x), estimator.predict(x))
    for one in (twin, estimator):
        one.partial_fit(x, y)
    np.testing.assert_array_equal(twin.predict_proba(x), estimator.predict_proba(x))


def test_a_warm_start_goes_on_and_a_cold_one_does_not(points: Any) -> None:
    x, y = points
    warm = classifier(warm_start=True, max_epochs=2).fit(x, y)
    first = warm.history_[-1].train["loss"]
    assert warm.fit(x, y).n_epochs_ == 4
    assert warm.history_[2].train["loss"] < first
    cold = classifier(max_epochs=2).fit(x, y)
    assert cold.fit(x, y).n_epochs_ == 2
    with pytest.raises(ValueError, match="not among the classes"):
        warm.fit(x, y + 1)


def test_another_rule_is_used_after_a_warm_start(points: Any, compilations: Any) -> None:
    x, y = points
    estimator = classifier(warm_start=True, max_epochs=1).fit(x, y)
    estimator.set_params(updates="adam", learning_rate=0.05).fit(x, y)
    assert compilations.count("train") == 2


def test_validation_ends_training_and_keeps_the_best_parameters(points: Any) -> None:
    x, y = points
    noise = np.random.RandomState(0).permutation(y)
    estimator = classifier(
        validation_fraction=0.25, patience=2, max_epochs=50, learning_rate=0.5
    ).fit(x, noise)
    losses = [record.validation["loss"] for record in estimator.history_]
    best = int(np.argmin(losses)) + 1
    assert estimator.n_epochs_ == best + 2 < 50
    until_best = clone(estimator).set_params(max_epochs=best).fit(x, noise)
    np.testing.assert_array_equal(estimator.predict_proba(x), until_best.predict_proba(x))


def test_an_elementwise_objective_gets_a_row_for_each_label() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 4)).astype("float32"), np.arange(12) % 3
    w = rng.normal(size=(4, 3)).astype("float32")
    template = layers.DenseLayer(
        layers.InputLayer((None, 4)), 3, W=w, b=None, nonlinearity=nonlinearities.softmax
    )
    estimator = classifier(network=template, max_epochs=1, objective="squared_error").fit(x, y)
    e = np.exp(x @ w)
    expected = np.mean((e / e.sum(axis=1, keepdims=True) - np.eye(3)[y]) ** 2)
    assert estimator.history_[0].train["loss"] == pytest.approx(expected, rel=1e-5)


def test_l2_adds_the_squares_of_the_weights() -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(12, 4)).astype("float32"), rng.normal(size=(4, 2)).astype("float32")
    y = rng.normal(size=(12, 2))
    template = layers.DenseLayer(layers.InputLayer((None, 4)), 2, W=w, nonlinearity=None)
    estimator = regressor(network=template, max_epochs=1, l2=0.5).fit(x, y)
    expected = np.mean((x @ w - y) ** 2) + 0.5 * np.sum(w**2)
    assert estimator.history_[0].train["loss"] == pytest.approx(expected, rel=1e-5)


def test_one_sigmoid_is_enough_for_two_classes(points: Any) -> None:
    x, y = points
    labels = np.where(y == 0, "up", "down")

    def build(shape: tuple[int, ...], num_outputs: int) -> layers.Layer:
        return layers.DenseLayer(
            layers.InputLayer((None, *shape)), 1, nonlinearity=nonlinearities.sigmoid
        )

    fitted = classifier(network=build, learning_rate=0.5).fit(x, labels)
    assert fitted.score(x, labels) > 0.95
    probabilities = fitted.predict_proba(x)
    assert probabilities.shape == (96, 2)
    np.testing.assert_array_equal(probabilities[:, 1] > 0.5, fitted.predict(x) == "up")


def test_images_come_as_they_are_or_as_flat_rows() -> None:
    x, y = load_digits(n_class=3, return_X_y=True)
    x, y = x[:64] / 16, y[:64]
    template = layers.DenseLayer(
        layers.MaxPool2DLayer(layers.InputLayer((None, 1, 8, 8)), 2),
        3,
        nonlinearity=nonlinearities.softmax,
    )
    images = x.reshape((-1, 1, 8, 8))
    fitted = classifier(network=template, max_epochs=4).fit(images, y)
    flat = classifier(network=template, max_epochs=4).fit(x, y)
    assert fitted.score(images, y) > 0.8
    np.testing.assert_array_equal(fitted.predict_proba(images), flat.predict_proba(x))
    with pytest.raises(ValueError, match="takes"):
        fitted.predict(images[:, :, :7])


def test_a_model_is_built_by_name_for_images_in_flat_rows() -> None:
    x, y = load_digits(n_class=3, return_X_y=True)
    options = {"num_filters": (2, 2), "num_units": 4}
    fitted = classifier(
        network="lenet", input_shape=(1, 8, 8), network_options=options, max_epochs=1
    ).fit(x[:16], y[:16])
    assert [layer.output_shape for layer in layers.get_all_layers(fitted.network_)[:2]] == [
        (None, 1, 8, 8),
        (None, 2, 8, 8),
    ]
    assert fitted.predict_proba(x[:16]).shape == (16, 3)


def test_a_model_built_by_name_for_a_regressor_has_a_linear_output(points: Any) -> None:
    options = {"hidden": (4,), "dropout": 0, "input_dropout": 0}
    fitted = regressor(network="mlp", network_options=options, max_epochs=1).fit(*points)
    assert fitted.network_.output_shape == (None, 1)
    assert fitted.network_.nonlinearity is nonlinearities.identity


def test_a_network_of_indices_takes_whole_numbers() -> None:
    x = np.arange(32).reshape((16, 2)) % 4
    y = (x[:, 0] > 1).astype(int)
    import pytensor.tensor as pt

    net: layers.Layer = layers.InputLayer((None, 2), input_var=pt.imatrix())
    net = layers.EmbeddingLayer(net, 4, 3)
    net = layers.DenseLayer(net, 2, nonlinearity=nonlinearities.softmax)
    fitted = classifier(network=net, max_epochs=1).fit(x, y)
    np.testing.assert_array_equal(fitted.predict_proba(x), fitted.predict_proba(x.astype(float)))
    with pytest.raises(ValueError, match="whole numbers"):
        fitted.predict(x + 0.5)


def test_a_regressor_learns_several_targets_and_keeps_their_shape_and_type() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, size=(128, 3))
    y = np.stack([x[:, 0] + x[:, 1], x[:, 2]], axis=1)
    fitted = regressor(max_epochs=12).fit(x, y)
    assert fitted.score(x, y) > 0.9
    assert fitted.predict(x).shape == (128, 2)
    assert fitted.predict(x).dtype == np.float64
    assert regressor(max_epochs=1).fit(x, y[:, 0].astype("float32")).predict(x).dtype == np.float32
    with pytest.raises(ValueError, match="number of targets"):
        fitted.partial_fit(x, y[:, 0])


def test_estimators_work_in_pipelines_searches_and_cross_validation() -> None:
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), classifier(max_epochs=4))
    assert cross_val_score(pipeline, x, y, cv=2).min() > 0.8
    search = GridSearchCV(
        pipeline, {"networkclassifier__learning_rate": [1e-5, 0.3]}, cv=2, error_score="raise"
    ).fit(x, y)
    assert search.best_params_ == {"networkclassifier__learning_rate": 0.3}


def test_cloning_copies_a_template_and_nothing_that_was_learnt(points: Any) -> None:
    template = noisy((2,), 3)
    estimator = classifier(network=template, l2=0.25, max_epochs=1).fit(*points)
    twin = clone(estimator)
    assert twin.network is not template
    assert isinstance(twin.network, layers.DenseLayer)
    assert twin.l2 == 0.25
    assert estimator.network is template
    with pytest.raises(NotFittedError):
        twin.predict(points[0])
    assert clone(make_pipeline(estimator)).get_params()["networkclassifier__network"] is not None


def test_an_estimator_with_a_template_can_be_shown() -> None:
    estimator = classifier(network=noisy((2,), 3))
    assert "DenseLayer" in repr(estimator)
    assert "NetworkClassifier" in estimator._repr_html_()


def test_an_interrupted_fit_can_be_used(points: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting:
        def begin(self, *arguments: Any) -> None:
            self.epoch = arguments[0]

        def batch(self, done: int, samples_done: int, values: dict[str, float]) -> None:
            if self.epoch == 2:
                signal.raise_signal(signal.SIGINT)

        def end(self, record: Any) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr(_base, "make_progress", Interrupting)
    x, y = points
    with pytest.warns(UserWarning, match="interrupted after 1 epoch"):
        estimator = classifier(verbose=True).fit(x, y)
    assert estimator.n_epochs_ == 1
    assert estimator.predict(x).shape == (96,)


def test_progress_is_shown_on_demand(points: Any, capsys: pytest.CaptureFixture[str]) -> None:
    classifier(max_epochs=1).fit(*points)
    assert capsys.readouterr().out == ""
    classifier(max_epochs=1, verbose=True).fit(*points)
    assert "epoch 1/1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"max_epochs": 2.5}, "max_epochs=2.5"),
        ({"patience": 0}, "or None"),
        ({"validation_fraction": 1.0}, "less than 1"),
        ({"l2": -1}, "l2=-1"),
        ({"learning_rate": 0}, "learning_rate=0"),
        ({"input_shape": (1, 3)}, "flat ones of 3 numbers"),
        ({"network": lambda shape, n: noisy(shape, 5)}, r"\(None, 5\)"),
        ({"network": layers.InputLayer((4, 3))}, "batches of 4 only"),
        (
            {"network": layers.ConcatLayer([layers.InputLayer((None, 1)) for _ in range(3)])},
            "3 input layers",
        ),
        ({"network": "lenett"}, "Did you mean 'lenet'"),
        ({"objective": "nothing"}, "nothing"),
        ({"backend": "numbat"}, "numba"),
    ],
)
def test_what_cannot_be_is_said_before_training(
    points: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises((ValueError, LookupError), match=message):
        classifier(**arguments).fit(*points)


@pytest.mark.parametrize("network", [3, lambda shape, n: None])
def test_a_network_must_be_a_layer(points: Any, network: Any) -> None:
    with pytest.raises(TypeError, match="layer"):
        classifier(network=network).fit(*points)


def test_partial_fit_must_know_all_classes(points: Any) -> None:
    x, y = points
    with pytest.raises(ValueError, match="classes="):
        classifier().partial_fit(x, y)
    estimator = classifier().partial_fit(x[:1], y[:1], classes=[0, 1, 2])
    estimator.partial_fit(x, y)
    with pytest.raises(ValueError, match="not what the first call had"):
        estimator.partial_fit(x, y, classes=[0, 1])


@pytest.mark.jax
def test_jax_trains_and_is_pickled_like_the_python_backend(points: Any) -> None:
    pytest.importorskip("jax")
    x, y = points
    outputs = []
    for backend in ("python", "jax"):
        estimator = classifier(backend=backend, max_epochs=2, l2=1e-3).fit(x, y)
        twin = pickle.loads(pickle.dumps(estimator)).partial_fit(x, y)
        np.testing.assert_allclose(
            estimator.partial_fit(x, y).predict_proba(x), twin.predict_proba(x), atol=1e-6
        )
        outputs.append(twin.predict_proba(x))
    np.testing.assert_allclose(outputs[1], outputs[0], atol=1e-4)


def test_outputs_that_are_no_probabilities_are_not_given_as_such(points: Any) -> None:
    x, y = points
    net = layers.DenseLayer(layers.InputLayer((None, 2)), 3, nonlinearity=None)
    estimator = classifier(network=net, objective="multiclass_hinge_loss").fit(x, y)
    assert estimator.score(x, y) > 0.9
    with pytest.raises(ValueError, match="not probabilities"):
        estimator.predict_proba(x)
