"""Limits on gradients."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import updates as up

VALUES = [np.array([[3.0, -4.0], [0.0, 0.5]], "float32"), np.array([0.1, -0.2], "float32")]


def evaluated(expressions):
    return [expression.eval() for expression in expressions]


def test_elements_beyond_the_limit_are_cut_and_the_others_stay():
    first, second = evaluated(up.clip_by_value(map(pt.constant, VALUES), 1.5))
    np.testing.assert_array_equal(first, [[1.5, -1.5], [0.0, 0.5]])
    np.testing.assert_array_equal(second, VALUES[1])


def test_each_expression_keeps_its_direction_and_its_norm_is_limited():
    first, second = evaluated(up.clip_by_norm(map(pt.constant, VALUES), 2.0))
    np.testing.assert_allclose(first, VALUES[0] * 2 / np.linalg.norm(VALUES[0]), rtol=1e-6)
    np.testing.assert_array_equal(second, VALUES[1])


def test_a_gradient_of_zeros_stays_zero():
    (zeros,) = evaluated(up.clip_by_norm([pt.zeros(3)], 1.0))
    np.testing.assert_array_equal(zeros, np.zeros(3))


def test_limits_compose_and_go_to_a_rule(fast):
    w = pytensor.shared(np.array([3.0, 0.1]), name="w")
    grads = up.get_or_compute_grads(pt.sqr(w).sum(), [w])
    grads = up.total_norm_constraint(up.clip_by_norm(up.clip_by_value(grads, 2.0), 1.5), 1.0)
    moved = pytensor.function([], w - up.sgd(grads, [w], 1.0)[w], mode=fast)()
    direction = np.array([2.0, 0.2])
    np.testing.assert_allclose(moved, direction / np.linalg.norm(direction), rtol=1e-5)


@pytest.mark.parametrize("clip", [up.clip_by_value, up.clip_by_norm])
def test_a_limit_of_nothing_is_refused_and_float32_stays(clip):
    with pytest.raises(ValueError, match="greater than 0, not 0"):
        clip([pt.ones(2)], 0)
    assert clip([pt.ones(2)], np.float64(1))[0].dtype == "float32"
