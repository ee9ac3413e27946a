from __future__ import annotations

import numpy as np
import pytensor
import pytest

from nncore import init, nonlinearities
from nncore.backends import get_mode
from nncore.layers import (
    BidirectionalLayer,
    ClockworkLayer,
    ConcatLayer,
    GRULayer,
    InputLayer,
    LSTMLayer,
    MRNNLayer,
    MUT1Layer,
    RecurrentLayer,
    RRNNLayer,
    SCRNLayer,
    get_all_layers,
    get_all_params,
    get_output,
    get_output_shape,
)
from nncore.layers._recurrent_base import Carry

rng = np.random.default_rng(1)
CELLS = {
    "rrnn uniform": (RRNNLayer, {"rate": "uniform"}),
    "rrnn vector": (RRNNLayer, {"rate": "vector"}),
    "rrnn matrix": (RRNNLayer, {"rate": "matrix"}),
    "mrnn": (MRNNLayer, {"factors": 3}),
    "clockwork": (ClockworkLayer, {"periods": [2, 1]}),
    "mut1": (MUT1Layer, {}),
    "scrn uniform": (SCRNLayer, {"rate": "uniform", "context_size": 2}),
    "scrn vector": (SCRNLayer, {"rate": "vector", "nonlinearity_out": nonlinearities.tanh}),
    "scrn matrix": (SCRNLayer, {"rate": "matrix", "context_size": 2}),
}


@pytest.fixture(autouse=True)
def no_c_compiler(monkeypatch):
    """PyTensor would compile the loops of its Python linker with C, which takes longer."""
    monkeypatch.setattr(pytensor.config, "cxx", "")


def normal(*shape):
    return rng.normal(size=shape).astype(pytensor.config.floatX)


def randomize(layer):
    for param in layer.get_params():
        if param.name.endswith("uniform_rate"):
            continue
        param.set_value(0.7 * normal(*param.get_value().shape))
    return layer


def build(kind, incoming, num_units=4, **options):
    cls, own = CELLS[kind]
    return randomize(cls(incoming, num_units, **own, **options))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def values(layer):
    return {name: v.get_value() for name, v in vars(layer).items() if hasattr(v, "get_value")}


def rates(layer, p, x):
    if layer.rate == "uniform":
        return p["uniform_rate"]
    return sigmoid(p["b_rate"] + (x @ p["W_in_to_rate"] if layer.rate == "matrix" else 0))


def steps(kind, layer):
    """The published equations, in double precision: a step, the states' names and the output."""
    p = {name: value.astype("float64") for name, value in values(layer).items()}

    def rrnn(t, x, h):
        z = rates(layer, p, x)
        new = np.tanh(x @ p["W_in_to_hid"] + h @ p["W_hid_to_hid"] + p["b"])
        return [(1 - z) * h + z * new]

    def mrnn(t, x, h):
        f = np.diag
        new = [
            xi @ p["W_in_to_hid"]
            + hi @ p["W_hid_to_factor"] @ f(xi @ p["W_in_to_factor"]) @ p["W_factor_to_hid"]
            for xi, hi in zip(x, h, strict=True)
        ]
        return [np.tanh(np.array(new) + p["b"])]

    def clockwork(t, x, h):
        # Module by module, from a sum over the modules that it sees.
        new, n = h.copy(), layer.num_units // len(layer.periods)
        part = [slice(i * n, (i + 1) * n) for i in range(len(layer.periods))]
        for i, period in enumerate(layer.periods):
            if t % period == 0:
                total = x @ p["W_in_to_hid"][:, part[i]] + p["b"][part[i]]
                for j, other in enumerate(layer.periods):
                    if other >= period:
                        total = total + h[:, part[j]] @ p["W_hid_to_hid"][part[j], part[i]]
                new[:, part[i]] = np.tanh(total)
        return [new]

    def mut1(t, x, h):
        z = sigmoid(x @ p["W_in_to_updategate"] + p["b_updategate"])
        r = sigmoid(x @ p["W_in_to_resetgate"] + h @ p["W_hid_to_resetgate"] + p["b_resetgate"])
        new = np.tanh((r * h) @ p["W_hid_to_hid"] + np.tanh(x @ p["W_in_to_hid"]) + p["b"])
        return [new * z + h * (1 - z)]

    def scrn(t, x, s, h):
        a = rates(layer, p, x)
        s = (1 - a) * (x @ p["W_in_to_context"]) + a * s
        total = x @ p["W_in_to_hid"] + s @ p["W_context_to_hid"] + h @ p["W_hid_to_hid"]
        return [s, sigmoid(total + p["b"])]

    def scrn_output(s, h):
        y = h @ p["W_hid_to_out"] + s @ p["W_context_to_out"] + p["b_out"]
        return np.tanh(y) if kind == "scrn vector" else y

    name = kind.split()[0]
    step = {"rrnn": rrnn, "mrnn": mrnn, "clockwork": clockwork, "mut1": mut1, "scrn": scrn}[name]
    if name == "scrn":
        return step, ["context_init", "hid_init"], scrn_output
    return step, ["hid_init"], lambda h: h


def numpy_output(kind, layer, x, mask=None, backwards=False, final=False):
    step, names, output = steps(kind, layer)
    p = values(layer)
    states = [np.repeat(p[name], len(x), axis=0).astype("float64") for name in names]
    out = np.zeros((*x.shape[:2], layer.num_units))
    times = list(range(x.shape[1]))
    for number, t in enumerate(times[::-1] if backwards else times):
        new = step(number, x[:, t].astype("float64"), *states)
        if mask is not None:
            on = mask[:, t, None] != 0
            new = [np.where(on, a, b) for a, b in zip(new, states, strict=True)]
        states = new
        out[:, t] = output(*states)
    return output(*states) if final else out


def compiled(layer, mode, outputs=None, **options):
    inputs = [one.input_var for one in get_all_layers(layer) if isinstance(one, InputLayer)]
    expression = get_output(layer, **options) if outputs is None else outputs
    return pytensor.function(inputs, expression, mode=mode)


def close(actual, expected):
    assert actual.dtype == pytensor.config.floatX
    np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-5)


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_follows_the_published_equations_for_sequences_of_any_length(kind, fast):
    layer = build(kind, InputLayer((None, None, 3)))
    f = compiled(layer, fast)
    for batch, time in ((2, 7), (1, 1), (3, 2)):
        x = normal(batch, time, 3)
        close(f(x), numpy_output(kind, layer, x))


@pytest.mark.parametrize("kind", CELLS)
def test_a_masked_cell_goes_backwards_and_gives_the_final_output(kind, fast):
    source, mask_input = InputLayer((None, None, 3)), InputLayer((None, None))
    layer = build(kind, source, mask_input=mask_input, backwards=True, only_return_final=True)
    assert layer.output_shape == (None, 4)
    x, mask = normal(2, 5, 3), np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 1]], "float32")
    expected = numpy_output(kind, layer, x, mask, backwards=True, final=True)
    close(compiled(layer, fast)(x, mask), expected)


@pytest.mark.parametrize("options", [{}, {"backwards": True}], ids=["forwards", "backwards"])
@pytest.mark.parametrize("kind", ["rrnn matrix", "mrnn", "clockwork", "mut1", "scrn vector"])
def test_an_unrolled_cell_without_precomputed_input_gives_the_same(kind, options, fast):
    layer = build(kind, InputLayer((2, 5, 3)), unroll_scan=True, precompute_input=False, **options)
    x = normal(2, 5, 3)
    close(compiled(layer, fast)(x), numpy_output(kind, layer, x, backwards=bool(options)))


@pytest.mark.parametrize("kind", CELLS)
def test_the_declared_shape_is_the_shape_and_trailing_axes_are_flattened(kind, fast):
    layer = build(kind, InputLayer((None, None, 3, 2)))
    x = normal(2, 3, 3, 2)
    got = compiled(layer, fast)(x)
    assert got.shape == get_output_shape(layer, (2, 3, 3, 2)) == (2, 3, 4)
    close(got, numpy_output(kind, layer, x.reshape(2, 3, 6)))


@pytest.mark.parametrize("cls", [RRNNLayer, SCRNLayer])
def test_uniform_rates_lie_between_0_and_1_and_are_not_trained(cls):
    layer = cls((None, None, 3), 50, rate="uniform")
    (fixed,) = layer.get_params(trainable=False, regularizable=False)[:1]
    assert fixed is layer.uniform_rate
    assert fixed not in layer.get_params(trainable=True)
    value = fixed.get_value()
    assert value.min() > 0
    assert value.max() < 1
    assert len(set(value)) > 1


def test_a_rate_of_one_is_the_plain_recurrent_layer(fast):
    source = InputLayer((None, None, 3))
    layer = RRNNLayer(
        source, 4, rate="uniform", uniform_rate=init.Constant(1.0), b=init.Normal(1.0)
    )
    plain = RecurrentLayer(
        source, 4, layer.W_in_to_hid, layer.W_hid_to_hid, layer.b, nonlinearities.tanh
    )
    x = normal(2, 4, 3)
    close(compiled(layer, fast)(x), compiled(plain, fast)(x))


# --- clockwork ------------------------------------------------------------------------------------


def test_slow_modules_see_nothing_of_faster_ones_and_their_weights_have_no_gradient(fast):
    layer = build("clockwork", InputLayer((None, None, 3)))
    fast_to_slow = np.zeros((4, 4), bool)
    fast_to_slow[2:, :2] = (
        True  # The periods are [2, 1], so that the second module is the fast one.
    )
    assert (layer.W_hid_to_hid.get_value()[fast_to_slow] != 0).all()
    gradient = pytensor.grad((get_output(layer) ** 2).sum(), layer.W_hid_to_hid)
    f = compiled(layer, fast, [get_output(layer), gradient])
    x = normal(2, 6, 3)
    before, found = f(x)
    assert (found[fast_to_slow] == 0).all()
    assert (found[~fast_to_slow] != 0).all()
    value = layer.W_hid_to_hid.get_value()
    value[fast_to_slow] = np.nan
    layer.W_hid_to_hid.set_value(value)
    np.testing.assert_array_equal(f(x)[0], before)


def test_modules_change_only_at_their_periods(fast):
    layer = randomize(ClockworkLayer(InputLayer((None, None, 3)), 6, periods=(1, 3, 4)))
    changed = np.diff(compiled(layer, fast)(normal(1, 13, 3))[0], axis=0) != 0
    for module, period in enumerate((1, 3, 4)):
        times = changed[:, 2 * module : 2 * module + 2]
        expected = (np.arange(1, 13) % period == 0)[:, None]
        np.testing.assert_array_equal(times, np.broadcast_to(expected, times.shape))


def test_a_shared_matrix_is_left_as_it_was():
    shared = pytensor.shared(np.ones((4, 4), "float32"))
    layer = ClockworkLayer((None, None, 3), 4, periods=[1, 2], W_hid_to_hid=shared)
    assert layer.W_hid_to_hid is shared
    assert (shared.get_value() == 1).all()


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        ([1, 0], "positive integers"),
        ([], "positive integers"),
        (3, "positive integers"),
        ([1, 1.5], "positive integers"),
        ([2, 2], "all be different"),
        ([1, 2, 4], "multiple of the number of periods, 3"),
    ],
)
def test_bad_periods_are_refused(periods, message):
    with pytest.raises(ValueError, match=f"ClockworkLayer 'slow'.*{message}"):
        ClockworkLayer((None, None, 3), 4, periods=periods, name="slow")


# --- bidirectional --------------------------------------------------------------------------------


@pytest.mark.parametrize("worker", [LSTMLayer, "GRU", "MUT1Layer"])
def test_a_bidirectional_layer_is_both_of_its_layers_side_by_side(worker, fast):
    source, mask_input = InputLayer((None, None, 3)), InputLayer((None, None))
    layer = randomize(BidirectionalLayer(source, 4, worker, mask_input=mask_input, name="both"))
    cls = type(layer.forward)
    pair = [cls(source, 4, mask_input=mask_input, backwards=b) for b in (False, True)]
    for one, part in zip(pair, (layer.forward, layer.backward), strict=True):
        for param, other in zip(one.params, part.params, strict=True):
            param.set_value(other.get_value())
    joined = ConcatLayer(pair, axis=2)
    x, mask = normal(2, 4, 3), np.array([[1, 1, 1, 1], [1, 1, 0, 0]], "float32")
    close(compiled(layer, fast)(x, mask), compiled(joined, fast)(x, mask))
    assert layer.output_shape == joined.output_shape == (None, None, 8)
    assert len(get_all_params(layer)) == len(get_all_params(joined))
    assert layer.forward.hid_init.name == "both.forward.hid_init"


def test_a_bidirectional_layer_gives_both_final_states(fast):
    layer = randomize(BidirectionalLayer(InputLayer((2, 3, 3)), 4, GRULayer))
    final = BidirectionalLayer(
        InputLayer((2, 3, 3)), 4, GRULayer, only_return_final=True, learn_init=True
    )
    assert final.output_shape == (2, 8)
    assert final.backward.learn_init
    for param, other in zip(final.params, layer.params, strict=True):
        param.set_value(other.get_value())
    x = normal(2, 3, 3)
    every = compiled(layer, fast)(x)
    expected = np.concatenate([every[:, -1, :4], every[:, 0, 4:]], axis=1)
    close(compiled(final, fast)(x), expected)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"worker": InputLayer}, TypeError, "class of recurrent layers"),
        ({"worker": "Dense"}, TypeError, "class of recurrent layers"),
        ({"worker": "LSMT"}, LookupError, "LSTM"),
        ({"backwards": True}, TypeError, "both directions"),
        ({"hid_init": InputLayer((None, 4))}, TypeError, "hid_init must not be a layer"),
    ],
    ids=["class", "name", "misspelt", "backwards", "layer"],
)
def test_a_bidirectional_layer_refuses_what_it_cannot_do(options, error, message):
    with pytest.raises(error, match=message):
        BidirectionalLayer((None, None, 3), 4, **options)


# --- states that are carried on -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*CELLS, "rnn", "gru", "lstm"])
def test_a_sequence_can_go_through_in_pieces(kind, fast):
    source = InputLayer((None, None, 3))
    others = {"rnn": RecurrentLayer, "gru": GRULayer, "lstm": LSTMLayer}
    layer = randomize(others[kind](source, 4)) if kind in others else build(kind, source)
    x = normal(2, 7, 3)
    whole = compiled(layer, fast)(x)
    first = Carry({})
    pieces = [get_output(layer, x[:, :3], carry=first)]
    second = Carry(first.after, time=3)
    pieces.append(get_output(layer, x[:, 3:], carry=second))
    assert {owner for owner, _ in second.after} == {layer}
    f = pytensor.function([], pieces, mode=fast)
    close(np.concatenate(f(), axis=1), whole)


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CELLS)
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
            np.testing.assert_allclose((gradient * direction).sum(), numeric, rtol=1e-5)


@pytest.mark.parametrize("kind", CELLS)
def test_float32_stays_float32_through_a_gradient_step(kind):
    layer = build(kind, InputLayer((None, None, 3)), grad_clipping=1.0)
    output = get_output(layer)
    params = get_all_params(layer, trainable=True)
    gradients = pytensor.grad((output**2).mean(), params)
    assert {v.dtype for v in [output, *gradients]} == {"float32"}


# --- backends -------------------------------------------------------------------------------------


def agrees(kind, backend, fast, gradients=True):
    source, mask_input = InputLayer((2, 5, 3)), InputLayer((2, 5))
    layer = build(kind, source, mask_input=mask_input, backwards=kind == "clockwork")
    output = get_output(layer)
    params = get_all_params(layer, trainable=True) if gradients else []
    outputs = [output, *(pytensor.grad((output**2).sum(), params) if params else [])]
    x, mask = normal(2, 5, 3), np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], "float32")
    expected = compiled(layer, fast, outputs)(x, mask)
    for got, wanted in zip(
        compiled(layer, get_mode(backend), outputs)(x, mask), expected, strict=True
    ):
        assert got.dtype == "float32"
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rrnn matrix", "mrnn", "clockwork", "mut1", "scrn vector"])
def test_numba_agrees_with_the_python_linker(kind, fast):
    agrees(kind, "numba", fast, gradients=False)


@pytest.mark.jax
@pytest.mark.parametrize("kind", ["rrnn matrix", "mrnn", "clockwork", "mut1", "scrn vector"])
def test_jax_agrees_with_the_python_linker(kind, fast):
    pytest.importorskip("jax")
    agrees(kind, "jax", fast)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [RRNNLayer, SCRNLayer])
def test_an_unknown_rate_is_refused_with_the_nearest_one(cls):
    with pytest.raises(ValueError, match=r"rate='vectro'.*'matrix'.*meant 'vector'"):
        cls((None, None, 3), 4, rate="vectro")


@pytest.mark.parametrize(
    ("cls", "options"),
    [(MRNNLayer, {"factors": 0}), (SCRNLayer, {"context_size": -1}), (MUT1Layer, {})],
    ids=["factors", "context_size", "num_units"],
)
def test_sizes_must_be_positive_integers(cls, options):
    name, units = (next(iter(options)), 4) if options else ("num_units", 1.5)
    with pytest.raises((TypeError, ValueError), match=f"{cls.__name__}.*{name}"):
        cls((None, None, 3), units, **options)
