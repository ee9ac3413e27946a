from __future__ import annotations

import pickle

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import toposort
from pytensor.tensor.math import Dot

from nncore import init
from nncore.backends import get_mode
from nncore.layers import (
    BatchwiseDropoutDenseLayer,
    BatchwiseDropoutLayer,
    DenseLayer,
    InputLayer,
    NonlinearityLayer,
    get_all_layers,
    get_all_params,
    get_output,
    kept_units,
)
from nncore.nonlinearities import tanh
from nncore.serialization import load_model, save_model

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def network(p=0.4):
    first = BatchwiseDropoutLayer(InputLayer((None, 10)), p=0.3)
    hidden = BatchwiseDropoutDenseLayer(first, 8, p=p, b=init.Normal(1.0), nonlinearity=tanh)
    hidden = BatchwiseDropoutDenseLayer(hidden, 6, p=p, b=init.Normal(1.0), nonlinearity=tanh)
    return BatchwiseDropoutDenseLayer(hidden, 3, p=0, b=init.Normal(1.0), nonlinearity=None)


def test_the_numbers_and_gradients_are_those_of_dropout_with_the_same_masks(fast):
    layers = get_all_layers(network())
    outputs = get_output(layers)
    params = get_all_params(layers[-1])
    seen = [kept_units(output)[1] for output in outputs[1:4]]
    grads = pt.grad((outputs[-1] ** 2).sum(), params)
    f = pytensor.function(
        [layers[0].input_var], [outputs[-1], *outputs[1:4], *seen, *grads], mode=fast
    )
    x = normal(5, 10)
    output, *found = f(x)
    hidden, masks, grads = found[:3], found[3:6], found[6:]

    counts = [7, 5, 4]
    scales = []
    for units, count, kept in zip((10, 8, 6), counts, masks, strict=True):
        assert len(kept) == len(set(kept)) == count
        assert (np.diff(kept) > 0).all()
        scales.append(np.zeros(units))
        scales[-1][kept] = units / count
    W1, b1, W2, b2, W3, b3 = (param.get_value().astype("float64") for param in params)
    h0 = x * scales[0]
    a1 = np.tanh(h0 @ W1 + b1)
    h1 = a1 * scales[1]
    a2 = np.tanh(h1 @ W2 + b2)
    h2 = a2 * scales[2]
    expected = h2 @ W3 + b3
    for one, two in zip((*hidden, output), (h0, h1, h2, expected), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
        assert one.dtype == "float32"

    d3 = 2 * expected
    d2 = d3 @ W3.T * scales[2] * (1 - a2**2)
    d1 = d2 @ W2.T * scales[1] * (1 - a1**2)
    wanted = [h0.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]
    for one, two in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4)


def test_all_products_shrink():
    last = network()
    loss = (get_output(last) ** 2).sum()
    grads = pt.grad(loss, get_all_params(last))
    fixed = pytensor.graph.rewriting.utils.rewrite_graph([loss, *grads], include=("canonicalize",))
    products = [node for node in toposort(fixed) if isinstance(node.op, Dot)]
    sizes = sorted({frozenset(v.type.shape) - {None} for n in products for v in n.inputs}, key=str)
    full = {10, 8, 6}
    assert len(products) == 8
    assert not any(full & set(size) for size in sizes)


def test_a_mask_is_drawn_for_each_batch_and_shared_by_its_samples(fast):
    layer = BatchwiseDropoutLayer(InputLayer((None, 40)), p=0.5)
    f = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)
    x = np.ones((3, 40), dtype="float32")
    masks = [f(x) for _ in range(200)]
    for mask in masks:
        assert (mask == mask[0]).all()
        assert sorted(set(mask[0])) == [0, 2]
        assert (mask[0] != 0).sum() == 20
    frequency = np.mean([mask[0] != 0 for mask in masks], axis=0)
    assert np.abs(frequency - 0.5).max() < 0.18
    assert not np.array_equal(masks[0], masks[1])


def test_without_dropout_they_are_ordinary_layers(fast):
    x = normal(4, 3, 2)
    dense = BatchwiseDropoutDenseLayer(InputLayer((None, 3, 2)), 5, p=0.5, b=init.Normal(1.0))
    usual = DenseLayer(dense.input_layer, 5, W=dense.W, b=dense.b)
    outputs = [
        get_output(dense, deterministic=True),
        get_output(usual),
        get_output(BatchwiseDropoutLayer(usual, 0.5), deterministic=True),
        get_output(BatchwiseDropoutDenseLayer(dense.input_layer, 5, p=0, W=dense.W, b=dense.b)),
    ]
    results = pytensor.function([dense.input_layer.input_var], outputs, mode=fast)(x)
    for result in results:
        np.testing.assert_allclose(result, results[0], rtol=1e-6)
    assert kept_units(outputs[0]) is kept_units(outputs[-1]) is None


def test_any_layer_may_follow(fast):
    hidden = BatchwiseDropoutDenseLayer(InputLayer((None, 10)), 8, b=init.Constant(1.0))
    between = NonlinearityLayer(hidden, tanh)
    last = BatchwiseDropoutDenseLayer(between, 4, p=0, nonlinearity=None)
    f = pytensor.function([hidden.input_layer.input_var], get_output([hidden, last]), mode=fast)
    below, above = f(normal(5, 10))
    assert below.shape == (5, 8)
    np.testing.assert_allclose(above, np.tanh(below) @ last.W.get_value(), rtol=1e-4, atol=1e-5)


def test_rescaling_can_be_left_out(fast):
    layer = BatchwiseDropoutLayer(InputLayer((None, 4)), p=0.5, rescale=False)
    f = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)
    assert set(f(np.ones((1, 4), "float32"))[0]) == {0, 1}


def test_at_least_one_unit_is_kept():
    layer = BatchwiseDropoutDenseLayer(InputLayer((None, 4)), 3, p=0.95)
    kept, indices = kept_units(get_output(layer))
    assert kept.type.shape == (None, 1)
    assert indices.type.shape == (1,)


@pytest.mark.parametrize("backend", ["numba", pytest.param("jax", marks=pytest.mark.jax)])
def test_a_training_step_runs_on_every_backend(backend):
    if backend == "jax":
        pytest.importorskip("jax")
    hidden = BatchwiseDropoutDenseLayer(InputLayer((None, 10)), 8, p=0.25)
    last = BatchwiseDropoutDenseLayer(hidden, 3, p=0, nonlinearity=None)
    params = get_all_params(last)
    loss = (get_output(last) ** 2).mean()
    updates = [(p, p - 0.05 * g) for p, g in zip(params, pt.grad(loss, params), strict=True)]
    x = get_all_layers(last)[0].input_var
    step = pytensor.function([x], loss, updates=updates, mode=get_mode(backend))
    data = normal(20, 10)
    losses = [float(step(data)) for _ in range(200)]
    assert np.mean(losses[-20:]) < 0.3 * np.mean(losses[:20])


def test_they_are_saved_and_pickled(tmp_path):
    layers = get_all_layers(network())
    save_model(layers[-1], tmp_path / "model")
    loaded = get_all_layers(load_model(tmp_path / "model").layer)
    copied = get_all_layers(pickle.loads(pickle.dumps(layers[-1])))
    for found in (loaded, copied):
        assert [type(one) for one in found] == [type(one) for one in layers]
        assert [one.p for one in found[1:]] == [0.3, 0.4, 0.4, 0]
        assert get_output(found[-1]).type.shape == (None, 3)


@pytest.mark.parametrize("p", [-0.1, 1.0, "half", True])
def test_a_fraction_outside_of_the_range_is_refused(p):
    with pytest.raises(ValueError, match=r"BatchwiseDropoutDenseLayer 'h': p=.* fraction"):
        BatchwiseDropoutDenseLayer(InputLayer((None, 4)), 3, p=p, name="h")


@pytest.mark.parametrize("shape", [(None, 3, 4), (None, None)])
def test_units_must_be_on_the_second_of_two_axes(shape):
    with pytest.raises(ValueError, match="FlattenLayer"):
        BatchwiseDropoutLayer(InputLayer(shape))
