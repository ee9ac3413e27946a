from __future__ import annotations

import warnings

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.backends import get_mode

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax


def compare(fast, inputs, outputs, *batches):
    """The same numbers as the Python linker, without a word of warning."""
    reference = pytensor.function(inputs, outputs, mode=fast)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled = pytensor.function(inputs, outputs, mode=get_mode("jax"))
        for values in batches:
            for actual, expected in zip(compiled(*values), reference(*values), strict=True):
                np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def floats(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


def test_sizes_may_be_computed_with(fast):
    x, y = pt.tensor3("x", dtype="float32"), pt.matrix("y", dtype="float32")
    a, b, c = x.shape
    outputs = [
        x.reshape((a * b, c)),
        x.reshape((a, b * c)).T,
        pt.repeat(x, 2, axis=1),
        pt.tensordot(x, y, axes=[[2], [0]]),
        pt.dot(x, y),
        pt.zeros((a + 1, b)) + pt.ones((1, b)),
        x / (a * c).astype("float32"),
        pytensor.grad((x.reshape((a * b, c)) @ y).sum() ** 2, x),
    ]
    compare(fast, [x, y], outputs, (floats(2, 3, 4), floats(4, 5)), (floats(1, 2, 3), floats(3, 1)))


def recurrence(x, w):
    """Loss, last state and gradients of ``state = tanh(w * state + row)``, summed squares."""
    states = [np.zeros(x.shape[1])]
    for row in x.astype("float64"):
        states.append(np.tanh(w * states[-1] + row))
    gx, gw, back = np.zeros(x.shape), 0.0, np.zeros(x.shape[1])
    for i in range(len(x), 0, -1):
        back = (2 * states[i] + back) * (1 - states[i] ** 2)
        gx[i - 1] = back
        gw += back @ states[i - 1]
        back = back * w
    return sum((state**2).sum() for state in states), states[-1], gx, gw


def test_the_gradient_of_a_scan_over_a_length_of_run_time_works():
    x, w = pt.matrix("x", dtype="float32"), pt.scalar("w", dtype="float32")
    states = pytensor.scan(
        lambda row, state, w: pt.tanh(w * state + row),
        sequences=[x],
        outputs_info=[pt.zeros_like(x[0])],
        non_sequences=[w],
        return_updates=False,
    )
    loss = (states**2).sum()
    outputs = [loss, states[-1], *pytensor.grad(loss, [x, w])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled = pytensor.function([x, w], outputs, mode=get_mode("jax"))
        for shape in ((4, 3), (7, 2)):
            actual = compiled(floats(*shape), np.float32(0.5))
            for one, other in zip(actual, recurrence(floats(*shape), 0.5), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_what_is_updated_is_donated_and_stays_on_the_device():
    w = pytensor.shared(floats(3), name="w")
    kept = pytensor.shared(floats(3), name="kept")
    x = pt.vector("x", dtype="float32")
    step = pytensor.function([x], (w * kept).sum(), updates={w: w + x}, mode=get_mode("jax"))
    step(np.ones(3, "float32"))
    before, constant = w.container.storage[0], kept.container.storage[0]
    copied = w.get_value()
    for _ in range(3):
        step(np.ones(3, "float32"))
    assert isinstance(w.container.storage[0], jax.Array)
    assert before.is_deleted()
    assert kept.container.storage[0] is constant
    np.testing.assert_allclose(copied, floats(3) + 1, rtol=1e-6)
    np.testing.assert_allclose(w.get_value(), floats(3) + 4, rtol=1e-6)
    w.set_value(np.zeros(3, "float32"))
    step(np.ones(3, "float32"))
    np.testing.assert_array_equal(w.get_value(), np.ones(3))


def test_two_parameters_may_have_one_value():
    start = np.ones(3, "float32")
    a, b = pytensor.shared(start), pytensor.shared(start)
    x = pt.vector("x", dtype="float32")
    step = pytensor.function([x], [], updates={a: a + x, b: a + x}, mode=get_mode("jax"))
    for _ in range(3):
        step(start)
    np.testing.assert_array_equal(a.get_value(), start * 4)
    np.testing.assert_array_equal(b.get_value(), start * 4)


def test_two_parameters_may_change_places():
    a, b = pytensor.shared(floats(3)), pytensor.shared(floats(3) + 1)
    step = pytensor.function([], [], updates={a: b, b: a}, mode=get_mode("jax"))
    for _ in range(3):
        step()
    np.testing.assert_array_equal(a.get_value(), floats(3) + 1)
    np.testing.assert_array_equal(b.get_value(), floats(3))


def test_an_output_that_is_the_new_value_survives_the_next_step():
    w = pytensor.shared(floats(3))
    new = w + 1
    step = pytensor.function([], [w, new], updates={w: new}, mode=get_mode("jax"))
    old, first = step()
    step()
    np.testing.assert_array_equal(old, floats(3))
    np.testing.assert_array_equal(first, floats(3) + 1)


def test_random_numbers_advance_with_every_call():
    rng = pytensor.shared(np.random.default_rng(3), name="rng")
    n = pt.lscalar("n")
    with warnings.catch_warnings():
        # The name for the argument that gives both outputs is of PyTensor 3.3.
        warnings.simplefilter("ignore", DeprecationWarning)
        following, draw = pt.random.normal(0, 1, size=(n,), rng=rng).owner.outputs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function = pytensor.function([n], draw, updates={rng: following}, mode=get_mode("jax"))
        one, two, more = (np.asarray(function(size)) for size in (4, 4, 6))
    assert one.dtype == "float32"
    assert (len(one), len(two), len(more)) == (4, 4, 6)
    assert not np.any(one == two)


def test_the_conversion_of_graphs_is_as_before_afterwards():
    from pytensor.graph.fg import AbstractFunctionGraph
    from pytensor.link.jax.dispatch.basic import jax_funcify

    before = jax_funcify.dispatch(AbstractFunctionGraph)
    x = pt.vector("x", dtype="float32")
    pytensor.function([x], x.sum(), mode=get_mode("jax"))
    assert jax_funcify.dispatch(AbstractFunctionGraph) is before
    with pytest.raises(NotImplementedError, match="NoDispatch"):
        pytensor.function([x], NoDispatch()(x), mode=get_mode("jax"))
    assert jax_funcify.dispatch(AbstractFunctionGraph) is before


class NoDispatch(pytensor.graph.op.Op):
    __props__ = ()

    def make_node(self, x):
        return pytensor.graph.basic.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, storage):
        storage[0][0] = inputs[0]


def test_a_concatenation_of_unknown_sizes_has_a_gradient(fast):
    x, y = pt.matrix("x", dtype="float32"), pt.matrix("y", dtype="float32")
    gradients = pytensor.grad((pt.concatenate([x, y], axis=1) ** 3).sum(), [x, y])
    compare(fast, [x, y], gradients, (floats(2, 3), floats(2, 4)), (floats(1, 5), floats(1, 1)))


def test_rows_picked_by_a_matrix_of_unknown_size_have_a_gradient(fast):
    rows, index = pt.matrix("rows", dtype="float32"), pt.imatrix("index")
    gradient = pytensor.grad((rows[index] ** 3).sum(), rows)
    batches = [(floats(4, 3), np.array(at, "int32")) for at in ([[0, 1], [3, 3]], [[2, 2, 1]])]
    compare(fast, [rows, index], [gradient], *batches)
