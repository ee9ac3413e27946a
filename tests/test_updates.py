"""Update rules, against the formulas of the papers in NumPy."""

from __future__ import annotations

import importlib.util
from collections import OrderedDict

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import DisconnectedInputError

from nncore import updates as up

START = [np.array([[1.0, -2.0, 0.5], [0.1, 3.0, -1.0]]), np.array([0.3, -0.7])]
TARGETS = [np.array([[0.5, 1.0, -1.0], [2.0, 0.0, 1.0]]), np.array([1.0, -1.0])]
STEPS = 10


def scalar_loss(params):
    """A quadratic whose curvature differs between the elements."""
    return sum(
        (pt.sqr(p - t.astype(p.type.dtype)) * (1 + np.abs(t)).astype(p.type.dtype)).sum()
        for p, t in zip(params, TARGETS, strict=True)
    )


def gradient(w, target):
    return 2 * (w - target) * (1 + np.abs(target))


def np_sgd(w, g, s, t, lr):
    return w - lr * g


def np_momentum(w, g, s, t, lr, mu):
    s["v"] = mu * s.get("v", 0) - lr * g
    return w + s["v"]


def np_nesterov(w, g, s, t, lr, mu):
    """The look-ahead point of Nesterov's method, by its own two-point recursion."""
    previous = s.get("base", w)
    s["base"] = w - lr * g
    return s["base"] + mu * (s["base"] - previous)


def np_adagrad(w, g, s, t, lr, eps):
    s["a"] = s.get("a", 0) + g**2
    return w - lr * g / np.sqrt(s["a"] + eps)


def np_rmsprop(w, g, s, t, lr, rho, eps):
    s["r"] = rho * s.get("r", 0) + (1 - rho) * g**2
    return w - lr * g / np.sqrt(s["r"] + eps)


def np_adadelta(w, g, s, t, lr, rho, eps):
    s["r"] = rho * s.get("r", 0) + (1 - rho) * g**2
    step = np.sqrt(s.get("d", 0) + eps) / np.sqrt(s["r"] + eps) * g
    s["d"] = rho * s.get("d", 0) + (1 - rho) * step**2
    return w - lr * step


def np_adam(w, g, s, t, lr, b1, b2, eps, largest=False):
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
    s["max"] = np.maximum(s.get("max", 0), s["v"]) if largest else s["v"]
    rate = lr * np.sqrt(1 - b2**t) / (1 - b1**t)
    return w - rate * s["m"] / (np.sqrt(s["max"]) + eps)


def np_adamax(w, g, s, t, lr, b1, b2, eps):
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0), np.abs(g))
    return w - lr / (1 - b1**t) * s["m"] / (s["u"] + eps)


def np_rprop(w, g, s, t, lr, up, down, low, high):
    """Element by element, as the papers tell it in words."""
    w, g = w.copy(), g.copy()
    step = s.setdefault("step", np.full_like(w, lr))
    previous = s.setdefault("previous", np.zeros_like(w))
    for i in np.ndindex(w.shape):
        if g[i] * previous[i] > 0:
            step[i] = min(step[i] * up, high)
        elif g[i] * previous[i] < 0:
            step[i] = max(step[i] * down, low)
            g[i] = 0
        if g[i] > 0:
            w[i] -= step[i]
        elif g[i] < 0:
            w[i] += step[i]
        previous[i] = g[i]
    return w


RULES = {
    "sgd": (up.sgd, np_sgd, {}, {}),
    "momentum": (up.momentum, np_momentum, {"momentum": 0.8}, {"mu": 0.8}),
    "nesterov_momentum": (up.nesterov_momentum, np_nesterov, {"momentum": 0.8}, {"mu": 0.8}),
    "adagrad": (up.adagrad, np_adagrad, {}, {"eps": 1e-6}),
    "rmsprop": (up.rmsprop, np_rmsprop, {"rho": 0.7}, {"rho": 0.7, "eps": 1e-6}),
    "adadelta": (up.adadelta, np_adadelta, {"epsilon": 1e-3}, {"rho": 0.95, "eps": 1e-3}),
    "adam": (up.adam, np_adam, {}, {"b1": 0.9, "b2": 0.999, "eps": 1e-8}),
    "adamax": (up.adamax, np_adamax, {"beta1": 0.6}, {"b1": 0.6, "b2": 0.999, "eps": 1e-8}),
    "amsgrad": (
        up.amsgrad,
        lambda *args, **kw: np_adam(*args, **kw, largest=True),
        {"beta1": 0.5, "beta2": 0.6},
        {"b1": 0.5, "b2": 0.6, "eps": 1e-8},
    ),
    "rprop": (
        up.rprop,
        np_rprop,
        {"increase": 3.0, "decrease": 0.4, "min_step": 0.1, "max_step": 1.0},
        {"up": 3.0, "down": 0.4, "low": 0.1, "high": 1.0},
    ),
}

by_rule = pytest.mark.parametrize("name", RULES)


def make_params(dtype="float32", static=True):
    return [
        pytensor.shared(value.astype(dtype), name=name, shape=value.shape if static else None)
        for name, value in zip("Wb", START, strict=True)
    ]


def numpy_result(name, learning_rate):
    _, rule, _, kwargs = RULES[name]
    results = []
    for value, target in zip(START, TARGETS, strict=True):
        w, state = value, {}
        for t in range(1, STEPS + 1):
            w = rule(w, gradient(w, target), state, t, learning_rate, **kwargs)
        results.append(w)
    return results


def run(updates, mode):
    step = pytensor.function([], [], updates=updates, mode=mode)
    for _ in range(STEPS):
        step()


@by_rule
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-9), ("float32", 2e-4)])
def test_several_steps_are_those_of_the_paper(name, dtype, rtol, fast):
    params = make_params(dtype)
    with pytensor.config.change_flags(floatX=dtype):
        updates = RULES[name][0](scalar_loss(params), params, learning_rate=0.05, **RULES[name][2])
        run(updates, fast)
    for param, expected in zip(params, numpy_result(name, 0.05), strict=True):
        np.testing.assert_allclose(param.get_value(), expected, rtol=rtol, atol=rtol)


LEARNING_RATES = {
    "a float": lambda: 0.05,
    "an integer": lambda: 1,
    "a NumPy float64": lambda: np.float64(0.05),
    "a float64 array": lambda: np.array(0.05),
    "a shared float32": lambda: pytensor.shared(np.float32(0.05)),
    "a shared float64": lambda: pytensor.shared(np.float64(0.05)),
    "an expression": lambda: pt.sqrt(pt.constant(np.float64(0.0025))),
}


@by_rule
@pytest.mark.parametrize("kind", LEARNING_RATES)
@pytest.mark.parametrize("static", [True, False])
def test_any_learning_rate_leaves_float32_alone(name, kind, static, fast):
    params = make_params(static=static)
    updates = RULES[name][0](scalar_loss(params), params, LEARNING_RATES[kind]())
    assert type(updates) is OrderedDict
    for variable, value in updates.items():
        assert variable.type.dtype == value.type.dtype == "float32"
    pytensor.function([], [], updates=updates, mode=fast)()


@by_rule
def test_float64_gradients_and_hyperparameters_leave_float32_alone(name, fast):
    params = make_params()
    grads = [pt.constant(np.ones(p.type.shape)) for p in params]
    hyper = {key: pytensor.shared(np.float64(value)) for key, value in RULES[name][2].items()}
    updates = RULES[name][0](grads, params, learning_rate=0.1, **hyper)
    assert {value.type.dtype for value in updates.values()} == {"float32"}
    pytensor.function([], [], updates=updates, mode=fast)()


@by_rule
def test_a_float64_parameter_keeps_its_precision_under_float32(name, fast):
    params = make_params("float64")
    run(RULES[name][0](scalar_loss(params), params, 0.05, **RULES[name][2]), fast)
    for param, expected in zip(params, numpy_result(name, 0.05), strict=True):
        np.testing.assert_allclose(param.get_value(), expected, rtol=1e-9)


@by_rule
def test_the_default_mode_agrees_and_state_has_the_type_of_the_parameter(name):
    params = make_params()
    updates = RULES[name][0](scalar_loss(params), params, learning_rate=0.05, **RULES[name][2])
    for variable in updates:
        if variable.name.startswith("W") and not variable.name.endswith(".t"):
            assert variable.type == params[0].type
    run(updates, None)
    for param, expected in zip(params, numpy_result(name, 0.05), strict=True):
        assert np.asarray(param.get_value()).dtype == np.float32
        np.testing.assert_allclose(param.get_value(), expected, rtol=2e-4, atol=2e-4)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")
@pytest.mark.jax
@by_rule
def test_jax_agrees(name):
    params = make_params()
    run(RULES[name][0](scalar_loss(params), params, 0.05, **RULES[name][2]), "JAX")
    for param, expected in zip(params, numpy_result(name, 0.05), strict=True):
        assert np.asarray(param.get_value()).dtype == np.float32
        np.testing.assert_allclose(param.get_value(), expected, rtol=2e-4, atol=2e-4)


def test_a_learning_rate_can_change_while_training(fast):
    w = pytensor.shared(np.float32(1))
    rate = pytensor.shared(np.float32(0.5))
    step = pytensor.function([], [], updates=up.sgd([pt.ones(())], [w], rate), mode=fast)
    step()
    rate.set_value(np.float32(0.1))
    step()
    assert w.get_value() == pytest.approx(0.4)


@by_rule
def test_state_is_named_after_parameter_and_rule(name):
    params = make_params()
    updates = RULES[name][0](scalar_loss(params), params, learning_rate=0.1)
    names = [variable.name for variable in updates]
    assert len(set(names)) == len(names)
    for variable in updates:
        if variable not in params:
            assert variable.name.split(".")[:2] in (["W", name], ["b", name])


def test_state_names_differ_if_parameters_share_a_name_or_have_none():
    params = [pytensor.shared(np.float32(0), name=n) for n in ("W", "W", None, None)]
    updates = up.momentum([pt.ones(())] * 4, params, 0.1)
    names = [variable.name for variable in updates if variable not in params]
    assert names == ["W[0].momentum", "W[1].momentum", "param[2].momentum", "param[3].momentum"]


@pytest.mark.parametrize(
    ("apply", "rule"),
    [(up.apply_momentum, np_momentum), (up.apply_nesterov_momentum, np_nesterov)],
)
def test_momentum_can_be_applied_to_some_updates_of_a_dictionary(apply, rule, fast):
    params = make_params("float64")
    plain = up.sgd(scalar_loss(params), params, 0.05)
    before = dict(plain)
    updates = apply(plain, params=params[:1], momentum=0.8)
    assert dict(plain) == before
    assert len(updates) == 3
    run(updates, fast)
    w, b, state = START[0], START[1], {}
    for t in range(STEPS):
        w = rule(w, gradient(w, TARGETS[0]), state, t, 0.05, 0.8)
        b = b - 0.05 * gradient(b, TARGETS[1])
    np.testing.assert_allclose(params[0].get_value(), w, rtol=1e-9)
    np.testing.assert_allclose(params[1].get_value(), b, rtol=1e-9)


@pytest.mark.parametrize("apply", [up.apply_momentum, up.apply_nesterov_momentum])
def test_only_what_is_updated_can_get_momentum(apply):
    W, b = make_params()
    with pytest.raises(ValueError, match=r"b cannot get momentum.*: W"):
        apply(up.sgd([pt.ones((2, 3))], [W], 0.1), params=[b])


def test_momentum_applied_to_float64_updates_stays_float32():
    (w, _) = make_params()
    updates = up.apply_momentum({w: w * np.float64(0.5)})
    assert {value.type.dtype for value in updates.values()} == {"float32"}


def test_gradients_that_are_given_are_passed_on():
    params = make_params()
    grads = [pt.matrix(), pt.vector()]
    assert up.get_or_compute_grads(grads, params) is grads


def test_gradients_are_those_of_the_loss(fast):
    params = make_params()
    grads = up.get_or_compute_grads(scalar_loss(params), params)
    for got, value, target in zip(
        pytensor.function([], grads, mode=fast)(), START, TARGETS, strict=True
    ):
        np.testing.assert_allclose(got, gradient(value, target), rtol=1e-5)


def test_the_numbers_of_gradients_and_parameters_must_match():
    with pytest.raises(ValueError, match="1 gradient expressions for 2 parameters"):
        up.sgd([pt.matrix()], make_params(), 0.1)


def test_parameters_must_be_shared_variables():
    W, b = make_params()
    with pytest.raises(ValueError, match=r"shared variables only.*collect_shared_vars"):
        up.sgd(scalar_loss([W, b]), [W, b * 2], 0.1)


def test_a_parameter_outside_of_the_graph_is_named():
    W, b = make_params()
    with pytest.raises(DisconnectedInputError, match="does not depend on the parameter b,"):
        up.adam(pt.sqr(W).sum(), [W, b])
    with pytest.raises(ValueError, match="on the parameters W, b,"):
        up.sgd(pt.scalar(), [W, b], 0.1)


def test_the_loss_must_be_a_scalar():
    W, _ = make_params()
    with pytest.raises(TypeError, match="must be a scalar, but it has 2 dimensions"):
        up.sgd(pt.sqr(W), [W], 0.1)


@pytest.mark.parametrize(
    ("shape", "norm_axes", "axes"),
    [
        ((6, 4), None, (0,)),
        ((6, 4), [1], (1,)),
        ((5, 3, 2), None, (1, 2)),
        ((5, 3, 2, 2), None, (1, 2, 3)),
        ((4, 3, 2, 2, 2), None, (1, 2, 3, 4)),
        ((6,), (0,), (0,)),
    ],
)
@pytest.mark.parametrize("symbolic", [False, True])
def test_norms_are_limited_and_directions_kept(shape, norm_axes, axes, symbolic, fast):
    value = np.random.RandomState(0).randn(*shape).astype("float32")
    norms = np.sqrt((value.astype("float64") ** 2).sum(axis=axes, keepdims=True))
    limit = float(np.median(norms))
    max_norm = pytensor.shared(np.float64(limit)) if symbolic else np.float64(limit)
    constrained = up.norm_constraint(pytensor.shared(value), max_norm, norm_axes)
    assert constrained.type.dtype == "float32"
    result = pytensor.function([], constrained, mode=fast)()
    np.testing.assert_allclose(result, value * np.minimum(1, limit / norms), rtol=1e-5)


def test_a_constrained_update_can_be_compiled(fast):
    W, b = make_params()
    updates = up.sgd(scalar_loss([W, b]), [W, b], 0.1)
    updates[W] = up.norm_constraint(updates[W], 1.0)
    pytensor.function([], [], updates=updates, mode=fast)()
    assert (np.linalg.norm(W.get_value(), axis=0) <= 1).all()


def test_a_zero_weight_stays_zero_under_a_norm_constraint(fast):
    W = pytensor.shared(np.zeros((2, 2), "float32"))
    np.testing.assert_array_equal(
        pytensor.function([], up.norm_constraint(W, 1.0), mode=fast)(), np.zeros((2, 2))
    )


@pytest.mark.parametrize("ndim", [1, 6])
def test_norm_axes_are_needed_for_other_dimensions(ndim):
    with pytest.raises(ValueError, match=f"dimensionality {ndim}.*norm_axes"):
        up.norm_constraint(pt.TensorType("float32", shape=(None,) * ndim)(), 1.0)


@pytest.mark.parametrize("max_norm", [1, 0.5, 1000.0])
def test_the_total_norm_is_limited_and_the_direction_kept(max_norm, fast):
    values = [value.astype("float32") for value in START]
    total = np.sqrt(sum((value.astype("float64") ** 2).sum() for value in values))
    scaled, norm = up.total_norm_constraint(
        [pt.constant(value) for value in values], max_norm, return_norm=True
    )
    *results, measured = pytensor.function([], [*scaled, norm], mode=fast)()
    assert measured == pytest.approx(total, rel=1e-6)
    for result, value in zip(results, values, strict=True):
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, value * min(1, max_norm / total), rtol=1e-5)


def test_the_total_norm_needs_something_to_measure():
    with pytest.raises(ValueError, match="no expressions"):
        up.total_norm_constraint([], 1)
    assert len(up.total_norm_constraint([pt.vector()], 1)) == 1
