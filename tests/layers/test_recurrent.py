from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import init, nonlinearities
from nncore.backends import get_mode
from nncore.layers import (
    Conv1DLayer,
    CustomRecurrentLayer,
    DenseLayer,
    DropoutLayer,
    ExpressionLayer,
    FlattenLayer,
    Gate,
    GRULayer,
    InputLayer,
    Layer,
    LSTMLayer,
    RecurrentLayer,
    ReshapeLayer,
    batch_norm,
    get_all_layers,
    get_all_params,
    get_output,
    get_output_shape,
)

rng = np.random.default_rng(0)
CLASSES = ["rnn", "lstm", "gru"]
KINDS = [*CLASSES, "lstm without peepholes"]


@pytest.fixture(autouse=True)
def no_c_compiler(monkeypatch):
    """PyTensor would compile the loops of its Python linker with C, which takes longer."""
    monkeypatch.setattr(pytensor.config, "cxx", "")


def normal(*shape):
    return rng.normal(size=shape).astype(pytensor.config.floatX)


def build(kind, incoming, num_units=4, **options):
    """A layer with large random parameters."""
    if kind == "rnn":
        layer = RecurrentLayer(incoming, num_units, nonlinearity=nonlinearities.tanh, **options)
    elif kind == "gru":
        layer = GRULayer(incoming, num_units, **options)
    else:
        layer = LSTMLayer(incoming, num_units, peepholes=kind == "lstm", **options)
    for param in layer.get_params():
        param.set_value(0.7 * normal(*param.get_value().shape))
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_step(kind, layer):
    """One step of the published formulas: x, *states -> *states, the output last."""
    p = {name: v.get_value() for name, v in vars(layer).items() if hasattr(v, "get_value")}

    def gate(name, x, h):
        return x @ p[f"W_in_to_{name}"] + h @ p[f"W_hid_to_{name}"] + p[f"b_{name}"]

    def rnn(x, h):
        return [np.tanh(x @ p["W_in_to_hid"] + h @ p["W_hid_to_hid"] + p["b"])]

    def lstm(x, c, h):
        w = {g: p.get(f"W_cell_to_{g}", 0) for g in ("ingate", "forgetgate", "outgate")}
        i = sigmoid(gate("ingate", x, h) + w["ingate"] * c)
        f = sigmoid(gate("forgetgate", x, h) + w["forgetgate"] * c)
        c = f * c + i * np.tanh(gate("cell", x, h))
        return [c, sigmoid(gate("outgate", x, h) + w["outgate"] * c) * np.tanh(c)]

    def gru(x, h):
        r, u = sigmoid(gate("resetgate", x, h)), sigmoid(gate("updategate", x, h))
        from_input = x @ p["W_in_to_hidden_update"] + p["b_hidden_update"]
        new = np.tanh(from_input + r * (h @ p["W_hid_to_hidden_update"]))
        return [(1 - u) * h + u * new]

    return {"rnn": rnn, "gru": gru}.get(kind, lstm)


def numpy_output(kind, layer, x, mask=None, states=None, backwards=False, final=False):
    step = numpy_step(kind, layer)
    if states is None:
        names = ["cell_init", "hid_init"] if "lstm" in kind else ["hid_init"]
        states = [np.repeat(getattr(layer, n).get_value(), len(x), axis=0) for n in names]
    x = x.reshape(*x.shape[:2], -1)
    out = np.zeros((*x.shape[:2], layer.num_units))
    times = range(x.shape[1])
    for t in reversed(times) if backwards else times:
        new = step(x[:, t], *states)
        if mask is not None:
            on = mask[:, t, None] != 0
            new = [np.where(on, a, b) for a, b in zip(new, states, strict=True)]
        states = new
        out[:, t] = states[-1]
    return states[-1] if final else out


def compiled(layer, mode, outputs=None, **options):
    inputs = [one.input_var for one in get_all_layers(layer) if isinstance(one, InputLayer)]
    expression = get_output(layer, **options) if outputs is None else outputs
    return pytensor.function(inputs, expression, mode=mode)


def close(actual, expected):
    assert actual.dtype == pytensor.config.floatX
    np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-5)


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_follows_the_formulas_for_sequences_of_any_length(kind, final, backwards, fast):
    layer = build(
        kind, InputLayer((None, None, 3)), backwards=backwards, only_return_final=final
    )  # fmt: skip
    f = compiled(layer, fast)
    for batch, time in ((2, 5), (1, 1), (3, 2)):
        x = normal(batch, time, 3)
        close(f(x), numpy_output(kind, layer, x, backwards=backwards, final=final))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_masked_elements_leave_the_states_as_they_are(kind, dtype, fast):
    x = normal(4, 5, 3)
    mask = rng.integers(0, 2, size=(4, 5)).astype(dtype)
    mask_input = InputLayer((None, None), pt.matrix(dtype=dtype))
    layer = build(kind, InputLayer((None, None, 3)), mask_input=mask_input, backwards=True)
    close(compiled(layer, fast)(x, mask), numpy_output(kind, layer, x, mask, backwards=True))


def test_padding_behind_a_mask_does_not_change_the_final_state(fast):
    mask_input = InputLayer((None, None))
    layer = build("lstm", InputLayer((None, None, 3)), mask_input=mask_input,
                  only_return_final=True)  # fmt: skip
    f = compiled(layer, fast)
    x = normal(2, 6, 3)
    mask = np.ones((2, 6), "float32")
    mask[:, 4:] = 0
    np.testing.assert_allclose(f(x, mask), f(x[:, :4], mask[:, :4]), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_initial_states_can_be_layers(kind, fast):
    names = ["cell_init", "hid_init"] if "lstm" in kind else ["hid_init"]
    sources = {name: InputLayer((None, 4), name=name) for name in names}
    incoming = InputLayer((None, None, 3))
    layer = build(kind, incoming, **sources)
    assert layer.hid_init is sources["hid_init"]
    states = {name: normal(2, 4) for name in names}
    x = normal(2, 5, 3)
    feed = {incoming: x, **{sources[name]: states[name] for name in names}}
    actual = get_output(layer, feed).eval(mode=fast)
    close(actual, numpy_output(kind, layer, x, states=[states[name] for name in names]))


@pytest.mark.parametrize("kind", CLASSES)
def test_trailing_axes_are_flattened_and_sizes_of_one_do_not_matter(kind, fast):
    x = normal(1, 4, 3, 2)
    for precompute in (True, False):
        layer = build(kind, InputLayer((None, 4, 3, 2)), 1, precompute_input=precompute)
        close(compiled(layer, fast)(x), numpy_output(kind, layer, x))
    layer = build(kind, InputLayer((None, 4, 3, 2)), hid_init=InputLayer((1, 4)))
    hidden = normal(1, 4)
    states = [np.repeat(layer.cell_init.get_value(), 1, axis=0)] if "lstm" in kind else []
    close(compiled(layer, fast)(x, hidden), numpy_output(kind, layer, x, states=[*states, hidden]))


def test_integers_as_input_do_not_widen_the_output(fast):
    layer = build("lstm", InputLayer((None, None, 3), pt.btensor3()))
    x = rng.integers(0, 2, size=(2, 3, 3)).astype("int8")
    close(compiled(layer, fast)(x), numpy_output("lstm", layer, x))


def test_a_layers_shape_is_known_without_its_values():
    words = InputLayer((None, None, 3))
    for kind in KINDS:
        assert build(kind, words).output_shape == (None, None, 4)
        layer = build(kind, words, only_return_final=True)
        assert get_output_shape(layer, (2, 5, 3)) == (2, 4)


# --- ways to compute the same ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
def test_unrolling_and_precomputing_change_nothing(kind, fast):
    incoming, mask_input = InputLayer((None, 3, 3)), InputLayer((None, 3))
    x, mask = normal(2, 3, 3), np.array([[1, 1, 0], [0, 1, 1]], "float32")
    values = None
    results = []
    for unroll in (False, True):
        for precompute in (False, True):
            layer = build(
                kind, incoming, mask_input=mask_input, learn_init=True, backwards=True,
                grad_clipping=0.05, unroll_scan=unroll, precompute_input=precompute,
            )  # fmt: skip
            params = layer.get_params()
            values = values or [param.get_value() for param in params]
            for param, value in zip(params, values, strict=True):
                param.set_value(value)
            output = get_output(layer)
            gradients = pytensor.grad((output**2).sum(), params)
            results.append(compiled(layer, fast, [output, *gradients])(x, mask))
    for result in results[1:]:
        for actual, expected in zip(result, results[0], strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
def test_gradients_agree_with_finite_differences(kind, fast):
    with pytensor.config.change_flags(floatX="float64"):
        mask_input = InputLayer((None, None))
        layer = build(kind, InputLayer((None, None, 3)), mask_input=mask_input, learn_init=True)
        loss = (get_output(layer) ** 2).sum()
        params = get_all_params(layer, trainable=True)
        assert layer.hid_init in params
        f = compiled(layer, fast, [loss, *pytensor.grad(loss, params)])
        x, mask = normal(2, 4, 3), np.array([[1, 1, 1, 1], [1, 0, 1, 0]], "float64")
        gradients = f(x, mask)[1:]
        for param, gradient in zip(params, gradients, strict=True):
            value = param.get_value()
            direction = normal(*value.shape)
            losses = []
            for step in (1e-5, -1e-5):
                param.set_value(value + step * direction)
                losses.append(f(x, mask)[0])
            param.set_value(value)
            numeric = (losses[0] - losses[1]) / 2e-5
            np.testing.assert_allclose((gradient * direction).sum(), numeric, rtol=1e-6)


def linear(weight, **options):
    """``h[t] = x[t] + weight * h[t - 1]``, and only the last of them."""
    one = np.ones((1, 1), "float32")
    return RecurrentLayer(
        InputLayer((None, None, 1)), 1, one, weight * one, nonlinearity=None,
        only_return_final=True, **options,
    )  # fmt: skip


def gradient_by_input(layer, x, fast):
    variable = layer.input_layers[0].input_var
    gradient = pytensor.grad(get_output(layer).sum(), variable)
    return pytensor.function([variable], gradient, mode=fast)(x)


def test_the_gradient_is_followed_through_a_limited_number_of_steps(fast):
    x = normal(1, 5, 1)
    for steps, expected in ((-1, [16, 8, 4, 2, 1]), (2, [0, 0, 0, 2, 1]), (9, [16, 8, 4, 2, 1])):
        gradient = gradient_by_input(linear(2, gradient_steps=steps), x, fast)
        np.testing.assert_allclose(gradient.ravel(), expected)


@pytest.mark.parametrize("precompute", [True, False])
def test_the_gradient_is_clipped_in_every_step(precompute, fast):
    x = normal(1, 4, 1)
    for clip, expected in ((0, [27, 9, 3, 1]), (5, [5, 5, 3, 1]), (0.5, [0.5] * 4)):
        layer = linear(3, grad_clipping=clip, precompute_input=precompute)
        np.testing.assert_allclose(gradient_by_input(layer, x, fast).ravel(), expected)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_gradient_is_clipped_at_all_gates(kind, fast):
    x = 0.1 * normal(3, 4, 3)
    bound = 1e-4
    names = LSTMLayer._gates if kind == "lstm" else GRULayer._gates
    for clip in (0, bound):
        layer = build(kind, InputLayer((None, None, 3)), grad_clipping=clip)
        biases = [getattr(layer, f"b_{name}") for name in names]
        f = compiled(layer, fast, pytensor.grad(get_output(layer).sum(), biases))
        for gradient in f(x):
            # A bias gets what every item and step contributes, each of them clipped.
            below = np.abs(gradient) <= bound * 3 * 4 * (1 + 1e-5)
            assert below.all() if clip else below.mean() < 0.5


# --- networks in the loop -------------------------------------------------------------------------


def test_a_custom_layer_runs_any_networks(fast):
    film, mask_input = InputLayer((None, None, 2, 6)), InputLayer((None, None))
    to_hidden = Conv1DLayer(InputLayer((None, 2, 6)), 3, 3, pad="same", nonlinearity=None)
    hidden = Conv1DLayer(InputLayer((None, 3, 6)), 3, 3, pad="same", nonlinearity=None, b=None)
    apply = [
        pytensor.function([one.input_layer.input_var], get_output(one), mode=fast)
        for one in (to_hidden, hidden)
    ]
    x, mask = normal(2, 4, 2, 6), np.array([[1, 1, 1, 1], [0, 1, 1, 0]], "float32")
    expected = np.zeros((2, 4, 3, 6))
    state = start = normal(1, 3, 6).repeat(2, axis=0)
    for t in range(4):
        new = np.tanh(apply[0](x[:, t]) + apply[1](state.astype("float32")))
        state = expected[:, t] = np.where(mask[:, t, None, None] != 0, new, state)
    for precompute in (True, False):
        layer = CustomRecurrentLayer(
            film, to_hidden, hidden, nonlinearities.tanh, hid_init=start[:1],
            mask_input=mask_input, precompute_input=precompute,
        )  # fmt: skip
        assert layer.output_shape == (None, None, 3, 6)
        close(compiled(layer, fast)(x, mask), expected)


def test_a_custom_layer_on_matrices_in_a_step(fast):
    incoming = InputLayer((None, None, 4))
    to_hidden = ReshapeLayer(InputLayer((None, 4)), ([0], 2, 2))
    flat = FlattenLayer(InputLayer((None, 2, 2)))
    hidden = ReshapeLayer(DenseLayer(flat, 4, nonlinearity=None), ([0], 2, 2))
    layer = CustomRecurrentLayer(incoming, to_hidden, hidden, backwards=True)
    x = normal(2, 3, 4)
    W = hidden.input_layer.W.get_value()
    state, expected = np.zeros((2, 4)), np.zeros((2, 3, 4))
    for t in (2, 1, 0):
        state = expected[:, t] = np.maximum(x[:, t] + state @ W, 0)
    close(compiled(layer, fast)(x), expected.reshape(2, 3, 2, 2))


def networks(num_units=4, **names):
    to_hidden = DenseLayer(InputLayer((None, 3)), num_units, name="x")
    return to_hidden, DenseLayer(InputLayer((None, num_units)), num_units, name="h")


def test_a_custom_layer_has_the_parameters_of_its_networks():
    to_hidden, hidden = networks()
    layer = CustomRecurrentLayer(InputLayer((None, None, 3)), to_hidden, hidden, name="r")
    assert [p.name for p in get_all_params(layer)] == ["r.hid_init", "x.W", "x.b", "h.W", "h.b"]
    assert get_all_params(layer, regularizable=True) == [to_hidden.W, hidden.W]
    assert layer.hid_init not in get_all_params(layer, trainable=True)
    shared = CustomRecurrentLayer(
        InputLayer((None, None, 4)), hidden, DenseLayer(InputLayer((None, 4)), 4, W=hidden.W)
    )
    assert get_all_params(shared).count(hidden.W) == 1


def test_options_reach_the_networks_that_know_them(fast):
    class Scaled(Layer):
        def get_output_for(self, input, scale=1.0, **kwargs):
            return scale * input

    to_hidden, hidden = networks()
    layer = CustomRecurrentLayer(InputLayer((None, None, 3)), Scaled(to_hidden), hidden)
    outputs = [get_output(layer), get_output(layer, scale=2.0), get_output(layer, scale=0.0)]
    first, second, third = compiled(layer, fast, outputs)(abs(normal(2, 1, 3)))
    np.testing.assert_allclose(second, 2 * first, rtol=1e-6)
    assert not third.any()
    with pytest.warns(UserWarning, match="scael"):
        get_output(layer, scael=2.0)


def test_what_a_loop_cannot_update_is_refused_and_can_be_unrolled(fast):
    incoming = InputLayer((None, 3, 3))
    to_hidden, hidden = networks()
    for inside in (DropoutLayer(hidden), batch_norm(networks()[1])):
        layer = CustomRecurrentLayer(incoming, to_hidden, inside, name="loop")
        with pytest.raises(ValueError, match=r"'loop'.*unroll_scan=True.*deterministic=True"):
            get_output(layer)
        assert np.isfinite(compiled(layer, fast, deterministic=True)(normal(2, 3, 3))).all()
    unrolled = CustomRecurrentLayer(incoming, to_hidden, DropoutLayer(hidden), unroll_scan=True)
    noisy = compiled(unrolled, fast)
    x = normal(20, 3, 3)
    assert (noisy(x) != noisy(x)).any()
    before = CustomRecurrentLayer(incoming, DropoutLayer(to_hidden), hidden)
    noisy = compiled(before, fast)
    assert (noisy(x) != noisy(x)).any()


def test_expressions_can_be_parameters_and_stay_outside_of_the_loop(fast):
    scale = pytensor.shared(np.float32(0.5), name="scale")
    W = scale * pt.eye(4, dtype="float32")
    layer = RecurrentLayer(InputLayer((None, None, 3)), 4, W_hid_to_hid=W)
    assert scale in get_all_params(layer)
    assert W in layer.get_params(unwrap_shared=False)
    x = abs(normal(2, 3, 3))
    layer.W_in_to_hid.set_value(np.ones((3, 4), "float32"))
    total = x.sum(axis=-1, keepdims=True)
    expected = total[:, 2] + 0.5 * total[:, 1] + 0.25 * total[:, 0]
    close(compiled(layer, fast)(x)[:, 2], np.repeat(expected, 4, axis=1))


def test_a_closure_in_the_loop_needs_no_declaration(fast):
    offset = pytensor.shared(normal(4))
    to_hidden, hidden = networks()
    layer = CustomRecurrentLayer(
        InputLayer((None, None, 3)), to_hidden, ExpressionLayer(hidden, lambda h: h + offset)
    )
    x = normal(2, 1, 3)
    first = compiled(to_hidden, fast)(x[:, 0])
    close(compiled(layer, fast)(x)[:, 0], np.maximum(first + offset.get_value(), 0))


# --- parameters -----------------------------------------------------------------------------------


def test_parameters_have_the_documented_names_shapes_and_tags():
    incoming = InputLayer((None, None, 3))
    rnn = RecurrentLayer(incoming, 4, name="r")
    assert [p.name for p in rnn.get_params()] == [
        "r.hid_init", "r.input_to_hidden.W", "r.input_to_hidden.b", "r.hidden_to_hidden.W",
    ]  # fmt: skip
    assert rnn.get_params(regularizable=True) == [rnn.W_in_to_hid, rnn.W_hid_to_hid]
    lstm = LSTMLayer(incoming, 4, name="l")
    expected = []
    for gate in ("ingate", "forgetgate", "cell", "outgate"):
        expected += [f"W_in_to_{gate}", f"W_hid_to_{gate}", f"b_{gate}"]
    expected += ["W_cell_to_ingate", "W_cell_to_forgetgate", "W_cell_to_outgate"]
    expected += ["cell_init", "hid_init"]
    assert [p.name for p in lstm.get_params()] == [f"l.{name}" for name in expected]
    assert [getattr(lstm, name) for name in expected] == lstm.get_params()
    assert len(LSTMLayer(incoming, 4, peepholes=False).get_params()) == 14
    gru = GRULayer(incoming, 4, learn_init=True)
    expected = []
    for gate in ("resetgate", "updategate", "hidden_update"):
        expected += [f"W_in_to_{gate}", f"W_hid_to_{gate}", f"b_{gate}"]
    assert [p.name for p in gru.get_params()] == [*expected, "hid_init"]
    assert gru.get_params(trainable=True) == gru.get_params()
    for layer in (rnn, lstm, gru):
        assert layer.hid_init.type.shape == (1, 4)
        assert not {layer.hid_init, *get_all_params(layer, regularizable=False)} & set(
            layer.get_params(regularizable=True)
        )
    assert rnn.get_params(trainable=False) == [rnn.hid_init]
    assert lstm.get_params(trainable=False) == [lstm.cell_init, lstm.hid_init]


def test_a_gate_says_where_parameters_start_and_what_is_applied(fast):
    gate = Gate(b=init.Constant(100.0), nonlinearity=None)
    assert gate.nonlinearity is nonlinearities.identity
    layer = GRULayer(InputLayer((None, None, 3)), 2, updategate=Gate(b=init.Constant(100.0)))
    assert layer.b_updategate.get_value().tolist() == [100, 100]
    assert layer.updategate.W_in is layer.W_in_to_updategate
    x = normal(2, 3, 3)
    new = np.tanh(x[:, 0] @ layer.W_in_to_hidden_update.get_value())
    close(compiled(layer, fast)(x)[:, 0], new)


def test_gates_share_parameters():
    one = LSTMLayer(InputLayer((None, None, 3)), 3)
    two = LSTMLayer(one, 3, ingate=one.ingate, outgate=Gate(W_hid=one.W_hid_to_ingate))
    assert two.W_cell_to_ingate is one.W_cell_to_ingate
    assert two.b_ingate is one.b_ingate
    assert two.W_hid_to_outgate is one.W_hid_to_ingate
    assert len(get_all_params(two)) == 2 * 17 - 5


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("kind", CLASSES)
def test_layers_survive_pickling_and_copying(kind, again, fast):
    layer = build(kind, InputLayer((None, None, 3)), mask_input=InputLayer((None, None)))
    x, mask = normal(2, 3, 3), np.ones((2, 3), "float32")
    other = again(layer)
    assert other.get_config().keys() == layer.get_config().keys()
    np.testing.assert_array_equal(compiled(other, fast)(x, mask), compiled(layer, fast)(x, mask))


def test_a_gate_made_of_a_lambda_expression_does_not_hinder_pickling():
    layer = LSTMLayer((None, None, 3), 2, ingate=Gate(W_in=lambda shape: np.ones(shape)))
    assert pickle.loads(pickle.dumps(layer)).W_in_to_ingate.get_value().tolist() == [[1, 1]] * 3


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((None, None, 3), {"unroll_scan": True}, r"unroll_scan=True.*\(None, None, 3\)"),
        ((None, 5, 3), {"unroll_scan": True, "gradient_steps": 2}, "gradient_steps=2 must be -1"),
        ((None, 5, 3), {"gradient_steps": 0}, "gradient_steps=0 must be a positive integer"),
        ((None, 5, 3), {"grad_clipping": -1}, "grad_clipping=-1 must be a positive number"),
        ((None, 5, None), {}, r"\(None, 5, None\) must be \(batch, time, \.\.\.\)"),
        ((None, 5), {}, r"\(None, 5\) must"),
        ((None, 5, 3), {"num_units": 0}, "num_units must be a positive integer, not 0"),
        ((2, 5, 3), {"mask_input": InputLayer((2, 4))}, r"mask_input is \(2, 4\).*\(2, 5\)"),
        ((2, 5, 3), {"mask_input": InputLayer((2, 5, 1))}, r"mask_input is \(2, 5, 1\)"),
        ((2, 5, 3), {"hid_init": InputLayer((2, 3))}, r"hid_init.*\(2, 3\).*\(2, 4\)"),
        ((2, 5, 3), {"hid_init": InputLayer((3, 4))}, r"hid_init.*\(3, 4\).*\(2, 4\)"),
        ((2, 5, 3), {"hid_init": np.zeros((2, 4), "float32")}, r"hid_init.*should be \(1, 4\)"),
    ],
)
def test_what_does_not_fit_is_refused_when_a_layer_is_built(kind, shape, options, message):
    options = {"num_units": 4, "name": "layer", **options}
    with pytest.raises(ValueError, match=message):
        build(kind, InputLayer(shape), **options)


def test_what_lstm_cannot_use_is_refused():
    with pytest.raises(ValueError, match=r"cell_init.*\(None, 3\).*\(None, 4\)"):
        LSTMLayer((None, None, 3), 4, cell_init=InputLayer((None, 3)))
    with pytest.raises(ValueError, match=r"outgate has W_cell=None.*peepholes=False"):
        LSTMLayer((None, None, 3), 4, outgate=Gate(W_cell=None))
    with pytest.raises(TypeError, match=r"forgetgate must be a nncore.*Gate, not Constant"):
        LSTMLayer((None, None, 3), 4, forgetgate=init.Constant(1.0))
    LSTMLayer((None, None, 3), 4, outgate=Gate(W_cell=None), peepholes=False)


@pytest.mark.parametrize(
    ("to_hidden", "hidden", "options", "message"),
    [
        ((None, 2), (None, 4), {}, r"InputLayer of input_to_hidden .*\(None, 2\).*\(None, 3\)"),
        ((None, 3), (None, 5), {}, r"hidden_to_hidden has the shape \(None, 5\).*\(None, 4\)"),
        ((2, 3), (3, 4), {"precompute_input": False}, r"_input=False.*\(2, 4\).*\(3, 4\)"),
        ((6, 3), (2, 4), {}, None),
    ],
)  # fmt: skip
def test_networks_that_do_not_fit_are_refused(to_hidden, hidden, options, message):
    networks = [DenseLayer(InputLayer(shape), 4) for shape in (to_hidden, hidden)]
    incoming = InputLayer((2, 3, 3))
    if message is None:
        CustomRecurrentLayer(incoming, *networks, **options)
        return
    with pytest.raises(ValueError, match=message):
        CustomRecurrentLayer(incoming, *networks, **options)


def test_networks_of_different_sizes_or_with_several_inputs_are_refused():
    incoming = InputLayer((2, 3, 3))
    small, large = (DenseLayer(InputLayer((None, 3)), size) for size in (3, 4))
    with pytest.raises(ValueError, match=r"\(None, 4\), and of hidden_to_hidden, \(None, 3\)"):
        CustomRecurrentLayer(incoming, large, small)
    open_size = ExpressionLayer(InputLayer((None, None)), pt.tanh)
    with pytest.raises(ValueError, match=r"hidden state has the shape.*must be fixed"):
        CustomRecurrentLayer((2, 3, 3), open_size, ExpressionLayer(InputLayer((None, None)), abs))
    double = RecurrentLayer(InputLayer((2, 3, 3)), 3, mask_input=InputLayer((2, 3)))
    with pytest.raises(ValueError, match=r"input_to_hidden must have exactly one InputLayer.*2"):
        CustomRecurrentLayer(incoming, double, small)
    with pytest.raises(ValueError, match=r"hidden_to_hidden must have exactly one InputLayer.*0"):
        CustomRecurrentLayer(incoming, small, DenseLayer((None, 3), 3))


# --- backends -------------------------------------------------------------------------------------


def everything(layer):
    """Inputs, and output and all gradients."""
    inputs = [one.input_var for one in get_all_layers(layer) if isinstance(one, InputLayer)]
    output = get_output(layer)
    loss = (output**2).mean()
    wanted = [inputs[0], *get_all_params(layer, trainable=True)]
    return inputs, [output, *pytensor.grad(loss, wanted)]


def agrees(layer, backend, fast):
    inputs, outputs = everything(layer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A hint of Numba's about strided operands, which a rewrite may or may not leave behind.
        warnings.filterwarnings("ignore", message=r"np\.dot\(\) is faster on contiguous arrays")
        f = pytensor.function(inputs, outputs, mode=get_mode(backend))
        expected = pytensor.function(inputs, outputs, mode=fast)
        for batch, time in ((3, 4), (2, 7), (1, 1)):
            mask = (np.arange(time) < rng.integers(1, time + 1, size=(batch, 1))).astype("float32")
            arguments = [normal(batch, time, 3), mask][: len(inputs)]
            for actual, value in zip(f(*arguments), expected(*arguments), strict=True):
                close(np.asarray(actual), value)


@pytest.mark.jax
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rnn", {"gradient_steps": 2}),
        ("lstm", {"grad_clipping": 1e-3, "backwards": True}),
        ("lstm without peepholes", {"precompute_input": False}),
        ("gru", {"only_return_final": True, "grad_clipping": 1e-3}),
    ],
)
def test_jax_agrees_with_the_python_linker(kind, options, fast):
    pytest.importorskip("jax")
    mask_input = InputLayer((None, None))
    agrees(
        build(kind, InputLayer((None, None, 3)), mask_input=mask_input, learn_init=True, **options),
        "jax",
        fast,
    )


@pytest.mark.jax
def test_stacked_layers_agree_under_jax(fast):
    pytest.importorskip("jax")
    mask_input = InputLayer((None, None))
    layer = build("lstm", InputLayer((None, None, 3)), mask_input=mask_input)
    layer = build("gru", layer, mask_input=mask_input, backwards=True, only_return_final=True)
    agrees(DenseLayer(layer, 2, nonlinearity=None), "jax", fast)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("gru", {"grad_clipping": 1e-3, "backwards": True}),
        ("rnn", {"gradient_steps": 2, "precompute_input": False}),
    ],
)
def test_numba_agrees_with_the_python_linker(kind, options, fast):
    mask_input = InputLayer((None, None))
    agrees(
        build(kind, InputLayer((None, None, 3)), mask_input=mask_input, learn_init=True, **options),
        "numba",
        fast,
    )
