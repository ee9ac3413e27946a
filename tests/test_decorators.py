from __future__ import annotations

import copy
import pickle

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import nncore.random
from nncore import init
from nncore.decorators import initializer, layer, objective, update_rule
from nncore.layers import (
    DenseLayer,
    InputLayer,
    Layer,
    MergeLayer,
    get_all_params,
    get_output,
)
from nncore.serialization import load_model, save_model

rng = np.random.default_rng(0)


@layer
def Times(input, factor=2.0):
    """Multiply by a fixed factor."""
    return input * factor


@layer(
    params={
        "W": (init.HeNormal(), lambda shape, units: (shape[1], units)),
        "b": (init.Constant(0.5), lambda shape, units: (units,), {"regularizable": False}),
    },
    output_shape=lambda shape, units: (shape[0], units),
)
def AffineLayer(input, W, b, units):
    output = pt.dot(input, W)
    return output if b is None else output + b


@layer(output_shape="auto")
def SpatialMean(input):
    return input.mean(axis=(2, 3))


@layer
def Difference(inputs):
    return inputs[0] - inputs[1]


@layer
def Jitter(input, rng, sigma=0.1, deterministic=False, *, more=0.0):
    if deterministic:
        return input + more
    return input + rng.normal(input.shape, 0.0, sigma)


@initializer
def Exponential(shape, rng, scale=0.1):
    """Exponentially distributed values."""
    return rng.exponential(scale, size=shape)


@initializer
def ByFans(shape, fans):
    return np.full(shape, -1.0 if fans is None else fans[0] / fans[1])


@objective
def squared(predictions, targets, scale=1.0):
    """The squared error, scaled."""
    return scale * (predictions - targets) ** 2


@update_rule(state={"velocity": 0.0})
def heavy_ball(param, grad, velocity, learning_rate=0.1, momentum=0.9):
    """Momentum, as Polyak has it."""
    velocity = momentum * velocity - learning_rate * grad
    return param + velocity, velocity


@update_rule
def normalized(params, grads, learning_rate=0.1):
    norm = pt.sqrt(sum((grad**2).sum() for grad in grads))
    return {p: p - learning_rate * g / norm for p, g in zip(params, grads, strict=True)}


def value(layer, x, fast, **options):
    inputs = layer.input_layer.input_var
    return pytensor.function([inputs], get_output(layer, **options), mode=fast)(x)


def test_a_layer_of_a_function_is_a_class_of_its_name():
    assert issubclass(Times, Layer)
    assert (Times.__name__, Times.__module__, Times.__doc__) == (
        "Times",
        __name__,
        "Multiply by a fixed factor.",
    )
    assert Times.function(3, factor=5) == 15


def test_a_layer_computes_what_its_function_does_and_keeps_the_shape(fast):
    x = rng.normal(size=(4, 3)).astype("float32")
    made = Times(InputLayer((None, 3)), 0.5, name="half")
    assert (made.factor, made.name, made.output_shape) == (0.5, "half", (None, 3))
    np.testing.assert_array_equal(value(made, x, fast), x * np.float32(0.5))
    assert Times(InputLayer((None, 3))).factor == 2.0


def test_declared_parameters_have_shapes_tags_and_names(fast):
    made = AffineLayer(InputLayer((None, 3)), 5, name="out")
    assert made.get_params() == [made.W, made.b]
    assert (made.W.name, made.W.type.shape, made.b.type.shape) == ("out.W", (3, 5), (5,))
    assert made.get_params(regularizable=True) == [made.W]
    assert made.output_shape == (None, 5)
    x = rng.normal(size=(4, 3)).astype("float32")
    expected = x @ made.W.get_value() + 0.5
    np.testing.assert_allclose(value(made, x, fast), expected, rtol=1e-5)


def test_a_parameter_may_be_given_shared_or_left_out(fast):
    W = np.ones((3, 2), dtype="float32")
    made = AffineLayer(InputLayer((None, 3)), 2, W=W, b=None)
    assert made.b is None
    assert get_all_params(made) == [made.W]
    np.testing.assert_allclose(value(made, np.ones((1, 3), "float32"), fast), [[3, 3]])
    assert AffineLayer(made, 3, W=np.ones((2, 3)), b=made.W.get_value()[:, 0]).params
    assert AffineLayer(InputLayer((None, 3)), 2, W=made.W).W is made.W


def test_the_shape_is_found_in_the_expression_on_request():
    assert SpatialMean(InputLayer((None, 3, 8, 8))).output_shape == (None, 3)
    assert SpatialMean(InputLayer((7, 3, None, 8))).output_shape == (7, 3)


def test_a_function_of_inputs_merges(fast):
    first, second = InputLayer((None, 3)), InputLayer((None, 3))
    made = Difference([first, second])
    assert isinstance(made, MergeLayer)
    assert made.output_shape == (None, 3)
    f = pytensor.function([first.input_var, second.input_var], get_output(made), mode=fast)
    assert f([[5, 4, 3]], [[1, 1, 1]]).tolist() == [[4, 3, 2]]


def test_options_of_get_output_reach_only_functions_that_take_them(fast, recwarn):
    noisy = Jitter(Times(InputLayer((None, 3))), sigma=10.0)
    x = np.ones((2, 3), dtype="float32")
    f = pytensor.function(
        [noisy.input_layer.input_layer.input_var],
        [get_output(noisy), get_output(noisy, deterministic=True, more=1.0)],
        mode=fast,
    )
    drawn, clean = f(x)
    np.testing.assert_array_equal(clean, 2 * x + 1)
    assert np.abs(drawn - 2 * x).min() > 0
    assert not np.array_equal(drawn, f(x)[0])
    assert not recwarn.list


def test_an_option_that_no_layer_takes_is_warned_of():
    with pytest.warns(UserWarning, match="mroe.*perhaps you meant more"):
        get_output(Jitter(InputLayer((None, 3))), mroe=1)


def test_layers_are_pickled_and_copied():
    made = AffineLayer(Times(InputLayer((None, 3)), factor=3.0), 2, name="out")
    for other in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert type(other) is AffineLayer
        assert other.input_layer.factor == 3.0
        np.testing.assert_array_equal(other.W.get_value(), made.W.get_value())
        assert other.W is not made.W


def test_the_configuration_names_the_arguments():
    made = AffineLayer(InputLayer((None, 3)), 2, b=None, name="out")
    assert made.get_config() == {"units": 2, "W": "param", "b": None, "name": "out"}


def test_a_plugin_registers_what_decorators_make_and_models_are_saved(install, tmp_path):
    install(
        """
import pytensor.tensor as pt
from nncore import init
from nncore.decorators import layer
from nncore.hookspecs import hookimpl

nncore_contract = 1

@layer(params={"W": (init.HeNormal(), lambda shape, units: (shape[1], units))},
       output_shape=lambda shape, units: (shape[0], units))
def ProjectionLayer(input, W, units=2):
    return pt.dot(input, W)

@hookimpl
def nncore_layers():
    return {"ProjectionLayer": ProjectionLayer}
"""
    )
    from nncore.layers import ProjectionLayer

    network = ProjectionLayer(InputLayer((None, 3)), units=4, name="out")
    save_model(network, tmp_path / "model")
    loaded = load_model(tmp_path / "model").layer
    assert type(loaded) is ProjectionLayer
    assert (loaded.units, loaded.name, loaded.output_shape) == (4, "out", (None, 4))
    np.testing.assert_array_equal(loaded.W.get_value(), network.W.get_value())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layer(lambda x: x), "first argument .* must be 'input' or 'inputs'"),
        (lambda: layer(3), "@layer goes before a function, not 3"),
        (lambda: layer(lambda input, *rest: input), "can be given by name"),
        (lambda: layer(lambda input, name: input), "'name' means something else"),
        (lambda: layer(lambda input, params: input), "'params' means something else"),
        (lambda: layer(lambda input, *, option: input), "option of get_output.* needs a default"),
        (
            lambda: layer(params={"W": (0, (1,))})(lambda input: input),
            "params has 'W', but .* no argument",
        ),
        (lambda: layer(params={"W": 0})(lambda input, W: input), "must be a pair"),
        (lambda: initializer(lambda size: 0), "must be 'shape'"),
        (lambda: initializer(lambda shape, **more: 0), "cannot become an attribute"),
        (lambda: objective(lambda predictions: 0), "must be 'targets'"),
        (lambda: update_rule(lambda param: 0), "must begin with the arguments param, grad"),
        (
            lambda: update_rule(state={"v": 0})(lambda params, grads, v: 0),
            "no state",
        ),
    ],
)
def test_functions_that_do_not_fit_are_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_an_initializer_of_a_function_draws_from_the_global_numbers():
    nncore.random.set_rng(np.random.RandomState(1))
    try:
        drawn = Exponential(scale=2.0)((3, 2))
    finally:
        nncore.random.set_rng(np.random)
    expected = np.random.RandomState(1).exponential(2.0, size=(3, 2))
    np.testing.assert_allclose(drawn, expected, rtol=1e-6)
    assert drawn.dtype == "float32"


def test_initializers_are_compared_shown_and_pickled():
    assert Exponential(0.3) == Exponential(scale=0.3) != Exponential()
    assert repr(Exponential(0.3)) == "Exponential(scale=0.3)"
    assert pickle.loads(pickle.dumps(Exponential(0.3))) == Exponential(0.3)
    assert issubclass(Exponential, init.Initializer)


def test_an_initializer_is_told_the_fans_of_a_layer():
    from nncore.layers import Conv2DLayer

    made = Conv2DLayer(InputLayer((None, 4, 8, 8)), 6, 3, num_groups=2, W=ByFans())
    np.testing.assert_allclose(made.W.get_value(), 2 / 3, rtol=1e-6)
    assert ByFans()((2,)).tolist() == [-1, -1]


def test_an_initializer_that_returns_another_shape_is_an_error():
    @initializer
    def Wrong(shape):
        return np.zeros(3)

    with pytest.raises(ValueError, match=r"Wrong was asked for the shape \(2,\).*\(3,\)"):
        DenseLayer(InputLayer((None, 3)), 2, b=Wrong())


def test_an_objective_aligns_targets_and_keeps_the_dtype(fast):
    predictions, targets = pt.col("predictions"), pt.lvector("targets")
    loss = squared(predictions, targets, scale=0.5)
    f = pytensor.function([predictions, targets], loss, mode=fast)
    result = f(np.array([[1], [2]], "float32"), np.array([3, 5]))
    assert result.dtype == "float32"
    assert result.tolist() == [[2.0], [4.5]]
    assert squared([1.0], [3.0]).eval().tolist() == [4.0]


def test_an_objective_and_a_rule_are_pickled_by_name():
    assert pickle.loads(pickle.dumps(squared)) is squared
    assert pickle.loads(pickle.dumps(heavy_ball)) is heavy_ball
    assert heavy_ball.__doc__ == "Momentum, as Polyak has it."


def test_a_rule_of_one_parameter_keeps_its_state(fast):
    start = np.array([3.0, -1.0], dtype="float32")
    w = pytensor.shared(start, name="w")
    rate = pytensor.shared(np.float64(0.25))
    updates = heavy_ball((w**2).sum(), [w], learning_rate=rate, momentum=0.5)
    assert [v.name for v in updates] == ["w", "w.heavy_ball.velocity"]
    assert {v.type.dtype for v in updates.values()} == {"float32"}
    step = pytensor.function([], [], updates=updates, mode=fast)
    expected, velocity = start.astype("float64"), np.zeros(2)
    for _ in range(3):
        step()
        velocity = 0.5 * velocity - 0.25 * 2 * expected
        expected = expected + velocity
    np.testing.assert_allclose(w.get_value(), expected, rtol=1e-6)


def test_a_rule_of_all_parameters_sees_all_gradients(fast):
    a = pytensor.shared(np.float32(3), name="a")
    b = pytensor.shared(np.float32(4), name="b")
    step = pytensor.function([], [], updates=normalized([a, b], [a, b], 0.5), mode=fast)
    step()
    assert a.get_value() == pytest.approx(3 - 0.5 * 3 / 5)
    assert b.get_value() == pytest.approx(4 - 0.5 * 4 / 5)


def test_a_rule_that_returns_too_few_values_is_an_error():
    @update_rule(state={"v": 0.0})
    def forgetful(param, grad, v):
        return param - grad

    w = pytensor.shared(np.float32(3), name="w")
    with pytest.raises(ValueError, match=r"returned 1 values; .* parameter, v"):
        forgetful(w**2, [w])


def test_hyperparameters_are_checked_by_the_signature():
    w = pytensor.shared(np.float32(3), name="w")
    with pytest.raises(TypeError, match="learning_rtae"):
        heavy_ball(w**2, [w], learning_rtae=1)
