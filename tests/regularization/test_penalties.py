"""Penalties."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import regularization as reg
from nncore.layers import DenseLayer, InputLayer

RNG = np.random.RandomState(0)
A, B = RNG.randn(4, 3).astype("float32"), RNG.randn(3, 2).astype("float32")


def value(expression):
    assert expression.type.dtype == "float32"
    assert expression.ndim == 0
    return float(expression.eval())


@pytest.fixture
def layers():
    l_in = InputLayer((None, 4))
    hidden = DenseLayer(l_in, num_units=3, W=A, b=np.ones(3))
    return hidden, DenseLayer(hidden, num_units=2, W=B, b=np.ones(2))


def norm1(x):
    return float(np.abs(x.astype("float64")).sum())


def norm2(x):
    return float((x.astype("float64") ** 2).sum())


def test_l1_and_l2_are_plain_sums():
    assert value(reg.l1(pt.constant(A))) == pytest.approx(norm1(A), rel=1e-6)
    assert value(reg.l2(pt.constant(A))) == pytest.approx(norm2(A), rel=1e-6)


def test_a_penalty_applies_to_one_or_several_expressions():
    a, b = pt.constant(A), pt.constant(B)
    assert value(reg.apply_penalty(a, reg.l1)) == pytest.approx(norm1(A), rel=1e-6)
    for several in ([a, b], (a, b), iter([a, b])):
        assert value(reg.apply_penalty(several, reg.l2)) == pytest.approx(
            norm2(A) + norm2(B), rel=1e-6
        )
    assert value(reg.apply_penalty([], reg.l2)) == 0


def test_further_arguments_reach_the_penalty(layers):
    def scaled(x, factor):
        return factor * reg.l2(x)

    assert value(reg.apply_penalty([pt.constant(A)], scaled, factor=3)) == pytest.approx(
        3 * norm2(A), rel=1e-6
    )
    assert value(reg.regularize_layer_params(layers[0], scaled, factor=3)) == pytest.approx(
        3 * norm2(A), rel=1e-6
    )


def test_a_layer_penalty_counts_its_weights_but_not_its_biases(layers):
    assert value(reg.regularize_layer_params(layers[1], reg.l2)) == pytest.approx(
        norm2(B), rel=1e-6
    )


def test_tags_choose_the_parameters(layers):
    penalty = reg.regularize_layer_params(layers[0], reg.l2, tags={"regularizable": False})
    assert value(penalty) == 3
    everything = reg.regularize_network_params(layers[1], reg.l1, tags={})
    assert value(everything) == pytest.approx(norm1(A) + norm1(B) + 5, rel=1e-6)


@pytest.mark.parametrize("container", [list, tuple, iter])
def test_several_layers_are_summed_up(layers, container):
    penalty = reg.regularize_layer_params(container(layers), reg.l1)
    assert value(penalty) == pytest.approx(norm1(A) + norm1(B), rel=1e-6)


def test_a_weight_that_layers_share_counts_once():
    W = pytensor.shared(np.ones((4, 4), "float32"))
    l_in = InputLayer((None, 4))
    first = DenseLayer(l_in, num_units=4, W=W)
    second = DenseLayer(first, num_units=4, W=W)
    assert value(reg.regularize_layer_params([first, second], reg.l2)) == 16
    assert value(reg.regularize_network_params(second, reg.l2)) == 16


@pytest.mark.parametrize("convert", [float, np.float64, lambda c: pytensor.shared(np.float32(c))])
def test_each_layer_has_its_coefficient(layers, convert):
    coefficients = {layers[0]: convert(0.5), layers[1]: convert(2)}
    penalty = reg.regularize_layer_params_weighted(coefficients, reg.l2)
    assert value(penalty) == pytest.approx(0.5 * norm2(A) + 2 * norm2(B), rel=1e-6)


def test_a_network_penalty_reaches_all_layers(layers):
    penalty = reg.regularize_network_params(layers[1], reg.l1)
    assert value(penalty) == pytest.approx(norm1(A) + norm1(B), rel=1e-6)
