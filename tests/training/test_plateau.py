"""Reducing the learning rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nncore.training import ReduceOnPlateau, train
from nncore.training.plateau import improves


def test_the_rate_falls_after_so_many_scores_without_improvement():
    plateau = ReduceOnPlateau(factor=0.5, patience=2)
    scores = [5.0, 4.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0]
    scales = [plateau.scale(scores[:n]) for n in range(1, 9)]
    assert scales == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_after_a_reduction_it_waits():
    plateau = ReduceOnPlateau(factor=0.5, patience=1, cooldown=2)
    assert [plateau.scale([1.0] * n) for n in range(1, 7)] == [1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_there_is_a_smallest_scale():
    assert ReduceOnPlateau(factor=0.1, patience=1, min_scale=0.05).scale([1.0] * 9) == 0.05


@pytest.mark.parametrize(
    ("score", "best", "fraction", "expected"),
    [
        (0.99, 1.0, 0.0, True),
        (1.0, 1.0, 0.0, False),
        (0.95, 1.0, 0.1, False),
        (0.89, 1.0, 0.1, True),
        # Of a negative best, a worse value never counts as better.
        (-0.95, -1.0, 0.1, False),
        (-1.05, -1.0, 0.1, False),
        (-1.2, -1.0, 0.1, True),
        (5.0, math.inf, 0.1, True),
        (math.nan, 1.0, 0.0, False),
        (math.nan, math.inf, 0.0, False),
    ],
)
def test_an_improvement_is_relative_to_the_size_of_the_best(score, best, fraction, expected):
    assert improves(score, best, fraction) is expected


@pytest.mark.parametrize(
    "options", [{"factor": 1.0}, {"factor": 0}, {"patience": 0}, {"cooldown": -1}]
)
def test_impossible_values_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ReduceOnPlateau(**options)


def run(network, problem, path, epochs, resume=False):
    return list(
        train(
            network,
            problem,
            problem,
            epochs=epochs,
            batch_size=32,
            updates="sgd",
            learning_rate=1e-4,
            backend="python",
            checkpoint=path,
            resume=resume,
            # Every epoch is a plateau for so high a threshold.
            reduce_on_plateau=ReduceOnPlateau(factor=0.5, patience=1, min_improvement=0.9),
        )
    )


def test_a_training_resumes_with_the_rate_that_it_had(problem, make_network, tmp_path):
    from nncore.layers import get_all_param_values
    from nncore.serialization import load_arrays

    whole, resumed = make_network(1), make_network(99)
    run(whole, problem, tmp_path / "a.safetensors", 5)
    run(make_network(1), problem, tmp_path / "b.safetensors", 2)
    run(resumed, problem, tmp_path / "b.safetensors", 5, resume=True)
    for a, b in zip(get_all_param_values(whole), get_all_param_values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    arrays, _ = load_arrays(tmp_path / "b.safetensors")
    (scale,) = (value for name, value in arrays.items() if name.endswith("learning_rate.scale"))
    assert scale == pytest.approx(0.5**4)
