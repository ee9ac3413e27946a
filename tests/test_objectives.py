"""Losses and accuracies."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import special

from nncore import objectives as ob
from nncore.nonlinearities import sigmoid, softmax

RNG = np.random.RandomState(0)
PROBABILITIES = special.softmax(RNG.randn(5, 4), axis=1)
LABELS = np.array([0, 3, 2, 2, 1], "int32")
ONE_HOT = np.eye(4)[LABELS]
UNIT = RNG.uniform(0.1, 0.9, (5, 4))
SCORES = 2 * RNG.randn(5, 4)
BITS = RNG.randint(0, 2, (5, 4)).astype("int32")


def hinge(p, t, delta):
    return np.array(
        [max(0, max(row[j] - row[c] + delta for j in range(len(row)) if j != c))
         for row, c in zip(p, t, strict=True)]
    )  # fmt: skip


def huber(p, t, delta):
    error = np.abs(p - t)
    return np.where(error <= delta, error**2 / 2, delta * (error - delta / 2))


CASES = {
    "binary_crossentropy": (
        ob.binary_crossentropy,
        lambda p, t: -t * np.log(p) - (1 - t) * np.log(1 - p),
        UNIT,
        BITS,
    ),
    "binary_crossentropy of a sigmoid": (
        lambda x, t: ob.binary_crossentropy(sigmoid(x), t),
        lambda x, t: -t * np.log(special.expit(x)) - (1 - t) * np.log(special.expit(-x)),
        SCORES,
        BITS,
    ),
    "categorical_crossentropy with indices": (
        ob.categorical_crossentropy,
        lambda p, t: -np.log(p[np.arange(5), t]),
        PROBABILITIES,
        LABELS,
    ),
    "categorical_crossentropy with one-hot targets": (
        ob.categorical_crossentropy,
        lambda p, t: -(t * np.log(p)).sum(axis=1),
        PROBABILITIES,
        ONE_HOT,
    ),
    "categorical_crossentropy of a softmax with indices": (
        lambda x, t: ob.categorical_crossentropy(softmax(x), t),
        lambda x, t: special.logsumexp(x, axis=1) - x[np.arange(5), t],
        SCORES,
        LABELS,
    ),
    "categorical_crossentropy of a softmax with probabilities": (
        lambda x, t: ob.categorical_crossentropy(softmax(x), t),
        lambda x, t: (t * (special.logsumexp(x, axis=1, keepdims=True) - x)).sum(axis=1),
        SCORES,
        PROBABILITIES,
    ),
    "squared_error": (ob.squared_error, lambda a, b: (a - b) ** 2, SCORES, UNIT),
    "binary_hinge_loss": (
        lambda p, t: ob.binary_hinge_loss(p, t, delta=0.7, log_odds=True),
        lambda p, t: np.maximum(0, 0.7 - p * (2 * t - 1)),
        SCORES,
        BITS,
    ),
    "binary_hinge_loss of signs": (
        lambda p, t: ob.binary_hinge_loss(p, t, log_odds=True, binary=False),
        lambda p, t: np.maximum(0, 1 - p * t),
        SCORES,
        2 * BITS - 1,
    ),
    "binary_hinge_loss of probabilities": (
        lambda p, t: ob.binary_hinge_loss(p, t, log_odds=False),
        lambda p, t: np.maximum(0, 1 - np.log(p / (1 - p)) * (2 * t - 1)),
        UNIT,
        BITS,
    ),
    "multiclass_hinge_loss with indices": (
        lambda p, t: ob.multiclass_hinge_loss(p, t, delta=2),
        lambda p, t: hinge(p, t, 2),
        SCORES,
        LABELS,
    ),
    "multiclass_hinge_loss with one-hot targets": (
        ob.multiclass_hinge_loss,
        lambda p, t: hinge(p, t.argmax(axis=1), 1),
        SCORES,
        ONE_HOT,
    ),
    "huber_loss": (
        lambda p, t: ob.huber_loss(p, t, delta=1.5),
        lambda p, t: huber(p, t, 1.5),
        SCORES,
        UNIT,
    ),
}

by_case = pytest.mark.parametrize("case", CASES)


def variables(p, t, dtype):
    shape = (None,) * p.ndim
    t_dtype = "int32" if t.dtype.kind == "i" else dtype
    return (
        pt.TensorType(dtype, shape=shape)("p"),
        pt.TensorType(t_dtype, shape=(None,) * t.ndim)("t"),
        p.astype(dtype),
        t.astype(t_dtype),
    )


@by_case
def test_a_loss_is_the_formula_and_keeps_float32(case, fast):
    loss, reference, p_value, t_value = CASES[case]
    p, t, p_32, t_32 = variables(p_value, t_value, "float32")
    expression = loss(p, t)
    assert expression.type.dtype == "float32"
    result = pytensor.function([p, t], expression, mode=fast)(p_32, t_32)
    np.testing.assert_allclose(result, reference(p_value, t_value), rtol=1e-5, atol=1e-6)


@by_case
def test_a_gradient_is_the_slope_of_the_formula(case, fast):
    loss, reference, p_value, t_value = CASES[case]
    p, t, p_64, t_64 = variables(p_value, t_value, "float64")
    grad = pytensor.function([p, t], pt.grad(loss(p, t).sum(), p), mode=fast)(p_64, t_64)
    for index in np.ndindex(p_64.shape):
        step = np.zeros_like(p_64)
        step[index] = 1e-6
        slope = (reference(p_64 + step, t_64) - reference(p_64 - step, t_64)).sum() / 2e-6
        assert grad[index] == pytest.approx(slope, rel=1e-5, abs=1e-7)


ACCURACIES = {
    "binary_accuracy": (ob.binary_accuracy, UNIT, BITS),
    "categorical_accuracy": (ob.categorical_accuracy, SCORES, LABELS),
    "categorical_accuracy of the top 2": (
        lambda p, t: ob.categorical_accuracy(p, t, top_k=2),
        SCORES,
        LABELS,
    ),
}


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
@pytest.mark.jax
@pytest.mark.parametrize("case", [*CASES, *ACCURACIES])
def test_values_and_gradients_under_jax_are_those_of_python(case, fast):
    (loss, *_), (p_value, t_value) = (CASES | ACCURACIES)[case], (CASES | ACCURACIES)[case][-2:]
    p, t, p_32, t_32 = variables(p_value, t_value, "float32")
    outputs = [loss(p, t)]
    if case in CASES:
        outputs.append(pt.grad(outputs[0].sum(), p))
    expected = pytensor.function([p, t], outputs, mode=fast)(p_32, t_32)
    got = pytensor.function([p, t], outputs, mode="JAX")(p_32, t_32)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-4, atol=1e-6)


EXTREME = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [1, 2, 3]], "float32")


@pytest.mark.parametrize("backend", ["py", "FAST_RUN"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_the_cross_entropy_of_a_softmax_is_exact_for_extreme_logits(backend, one_hot, fast):
    x = pt.fmatrix("x")
    labels = np.array([1, 0, 2])
    targets = np.eye(3, dtype="float32")[labels] if one_hot else labels
    loss = ob.categorical_crossentropy(softmax(x), targets)
    mode = fast if backend == "py" else None
    value, grad = pytensor.function([x], [loss, pt.grad(loss.sum(), x)], mode=mode)(EXTREME)
    exact = EXTREME.astype("float64")
    expected = special.logsumexp(exact, axis=1) - exact[np.arange(3), labels]
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(
        grad, special.softmax(exact, axis=1) - np.eye(3)[labels], rtol=1e-5, atol=1e-6
    )


def test_the_cross_entropy_of_a_sigmoid_is_exact_for_extreme_logits(fast):
    x = pt.fvector("x")
    logits = np.array([1e4, -1e4, 1e4, -1e4], "float32")
    loss = ob.binary_crossentropy(sigmoid(x), np.array([1, 1, 0, 0]))
    value, grad = pytensor.function([x], [loss, pt.grad(loss.sum(), x)], mode=fast)(logits)
    np.testing.assert_allclose(value, [0, 1e4, 1e4, 0])
    np.testing.assert_allclose(grad, [0, -1, 1, 0])


@pytest.mark.parametrize("targets", [np.array([0, 1]), np.eye(2, dtype="float32")])
def test_probabilities_that_rounded_to_zero_do_not_give_nan(targets, fast):
    p = pt.fmatrix("p")
    loss = ob.categorical_crossentropy(p, targets)
    outputs = pytensor.function([p], [loss, pt.grad(loss.sum(), p)], mode=fast)
    value, grad = outputs(np.array([[1, 0], [1, 0]], "float32"))
    np.testing.assert_allclose(value, [0, -np.log(np.finfo("float32").tiny)], rtol=1e-6)
    assert np.isfinite(grad).all()
    p = pt.fvector("p")
    loss = ob.binary_crossentropy(p, np.array([0, 1]))
    value, grad = pytensor.function([p], [loss, pt.grad(loss.sum(), p)], mode=fast)(
        np.array([0, 1], "float32")
    )
    np.testing.assert_array_equal(value, [0, 0])
    assert np.isfinite(grad).all()


def test_nan_predictions_stay_visible(fast):
    p = pt.fmatrix("p")
    value = np.full((2, 3), np.nan, "float32")
    losses = [
        ob.categorical_crossentropy(p, np.array([0, 1])),
        ob.categorical_crossentropy(p, np.eye(3)[:2]),
        ob.binary_crossentropy(p, np.ones((2, 3))),
        ob.multiclass_hinge_loss(p, np.array([0, 1])),
    ]
    for result in pytensor.function([p], losses, mode=fast)(value):
        assert np.isnan(result).all()
    accuracy = ob.categorical_accuracy(p, np.array([0, 1]), top_k=2)
    np.testing.assert_array_equal(pytensor.function([p], accuracy, mode=fast)(value), [0, 0])


@pytest.mark.parametrize("loss", [ob.categorical_crossentropy, ob.multiclass_hinge_loss])
def test_a_label_that_is_no_class_gives_nan(loss, fast):
    p = pt.fmatrix("p")
    f = pytensor.function([p], loss(p, np.array([-1, 4, 3, 0, 1])), mode=fast)
    np.testing.assert_array_equal(
        np.isnan(f(PROBABILITIES.astype("float32"))), [True, True, False, False, False]
    )


def test_classes_are_on_the_last_axis_of_any_number(fast):
    p, t = pt.ftensor3("p"), pt.imatrix("t")
    probabilities = special.softmax(RNG.randn(2, 3, 4), axis=-1).astype("float32")
    labels = RNG.randint(0, 4, (2, 3)).astype("int32")
    f = pytensor.function(
        [p, t], [ob.categorical_crossentropy(p, t), ob.categorical_accuracy(p, t)], mode=fast
    )
    loss, accuracy = f(probabilities, labels)
    chosen = np.take_along_axis(probabilities, labels[..., None], -1)[..., 0]
    np.testing.assert_allclose(loss, -np.log(chosen), rtol=1e-5)
    np.testing.assert_array_equal(accuracy, probabilities.argmax(-1) == labels)


@pytest.mark.parametrize(
    "loss", [ob.categorical_crossentropy, ob.multiclass_hinge_loss, ob.categorical_accuracy]
)
def test_targets_of_the_wrong_rank_or_size_are_refused(loss):
    with pytest.raises(TypeError, match=r"rank mismatch.*3 axes.*2 axes"):
        loss(pt.matrix(), pt.tensor3())
    with pytest.raises(TypeError, match="rank mismatch"):
        loss(pt.tensor3(), pt.ivector())
    with pytest.raises(ValueError, match="1 elements along the last axis, the predictions 4"):
        loss(pt.matrix(shape=(None, 4)), pt.icol())


@pytest.mark.parametrize(
    "loss",
    [
        ob.binary_crossentropy,
        ob.squared_error,
        ob.huber_loss,
        ob.binary_accuracy,
        lambda p, t: ob.binary_hinge_loss(p, t, log_odds=True),
        lambda p, t: ob.squared_error(t, p),
    ],
)
def test_a_vector_of_targets_becomes_a_column_for_predictions_in_a_column(loss, fast):
    p, t = pt.matrix("p", shape=(None, 1)), pt.ivector("t")
    result = pytensor.function([p, t], loss(p, t), mode=fast)(
        UNIT[:, :1].astype("float32"), LABELS // 2
    )
    assert result.shape == (5, 1)
    assert result.dtype == np.float32


def test_other_targets_are_not_aligned():
    p, t = pt.matrix(), pt.vector()
    assert ob.align_targets(p, t) == (p, t)


@pytest.mark.parametrize("weights", [None, np.array([1, 0, 2, 0, 1])])
@pytest.mark.parametrize("mode", ["mean", "sum", "normalized_sum"])
def test_aggregating_keeps_float32(mode, weights, fast):
    if mode == "normalized_sum" and weights is None:
        pytest.skip("needs weights")
    loss = pt.fvector()
    result = ob.aggregate(loss, weights, mode)
    assert result.type.dtype == "float32"
    value = UNIT[:, 0].astype("float32")
    w = np.ones(5) if weights is None else weights
    divisor = {"mean": 5, "sum": 1, "normalized_sum": w.sum()}[mode]
    got = pytensor.function([loss], result, mode=fast)(value)
    assert got == pytest.approx((value * w).sum() / divisor, rel=1e-6)


def test_aggregating_refuses_unknown_modes_and_missing_weights():
    with pytest.raises(ValueError, match="'mean', 'sum' or 'normalized_sum', got 'max'"):
        ob.aggregate(pt.vector(), mode="max")
    with pytest.raises(ValueError, match="needs weights"):
        ob.aggregate(pt.vector(), mode="normalized_sum")


def test_the_binary_hinge_loss_warns_if_not_told_about_log_odds(fast):
    p = pt.fvector("p")
    with pytest.warns(FutureWarning, match="log_odds=True"):
        loss = ob.binary_hinge_loss(p, np.array([1, 0]))
    result = pytensor.function([p], loss, mode=fast)(np.array([0.5, 0.5], "float32"))
    np.testing.assert_array_equal(result, [0.5, 1.5])


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_binary_accuracy_counts_the_threshold_as_one(threshold, fast):
    p = pt.fvector("p")
    accuracy = ob.binary_accuracy(p, np.array([0, 1, 1]), threshold)
    assert accuracy.mean().type.dtype == "float32"
    result = pytensor.function([p], accuracy, mode=fast)(np.array([0.4, threshold, 0.9], "f4"))
    np.testing.assert_array_equal(result, [float(threshold > 0.4), 1, 1])


@pytest.mark.parametrize("top_k", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("static", [None, 4])
def test_categorical_accuracy_agrees_with_sorting(top_k, one_hot, static, fast):
    p = pt.tensor("p", dtype="float32", shape=(None, static))
    targets = ONE_HOT if one_hot else LABELS
    accuracy = ob.categorical_accuracy(p, targets, top_k)
    assert accuracy.mean().type.dtype == "float32"
    ranks = (-SCORES).argsort(axis=1, kind="stable").argsort(axis=1)
    result = pytensor.function([p], accuracy, mode=fast)(SCORES.astype("float32"))
    np.testing.assert_array_equal(result, ranks[np.arange(5), LABELS] < top_k)


@pytest.mark.parametrize(("top_k", "expected"), [(1, [1, 0, 0]), (2, [1, 1, 0])])
def test_of_equal_predictions_the_first_is_the_highest(top_k, expected, fast):
    p = pt.fmatrix("p")
    accuracy = ob.categorical_accuracy(p, np.array([0, 1, 2]), top_k)
    result = pytensor.function([p], accuracy, mode=fast)(np.zeros((3, 3), "float32"))
    np.testing.assert_array_equal(result, expected)


def test_at_least_one_prediction_counts():
    with pytest.raises(ValueError, match="top_k=0"):
        ob.categorical_accuracy(pt.matrix(), pt.ivector(), top_k=0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_loss_keeps_the_floating_point_type_of_the_predictions(dtype):
    x = pt.matrix(dtype=dtype)
    losses = [
        ob.binary_crossentropy(x, x),
        ob.binary_hinge_loss(x, x, log_odds=True),
        ob.binary_hinge_loss(x, x, log_odds=False),
        ob.categorical_crossentropy(x, x),
        ob.categorical_crossentropy(x, pt.ivector()),
        ob.multiclass_hinge_loss(x, x),
        ob.multiclass_hinge_loss(x, pt.ivector()),
        ob.squared_error(x, x),
        ob.huber_loss(x, x),
        ob.binary_accuracy(x, x),
        ob.categorical_accuracy(x, pt.ivector()),
    ]
    assert {loss.dtype for loss in losses} == {dtype}
