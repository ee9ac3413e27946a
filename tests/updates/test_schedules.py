"""Learning rates as expressions of a step counter."""

from __future__ import annotations

import math

import numpy as np
import pytensor
import pytest

from nncore import updates as up

FORMULAS = {
    "constant": (up.constant_schedule(0.3), lambda t: 0.3),
    "linear": (up.linear_schedule(0.5, 0.1, 8), lambda t: 0.5 - 0.4 * min(t, 8) / 8),
    "cosine": (
        up.cosine_schedule(0.5, 0.1, 8),
        lambda t: 0.1 + 0.4 * math.cos(math.pi * min(t, 8) / 16) ** 2,
    ),
    "exponential": (up.exponential_schedule(0.5, 0.9, 3), lambda t: 0.5 * 0.9 ** (t / 3)),
    "step": (up.step_schedule(0.5, 0.1, 4), lambda t: 0.5 * 0.1 ** (t // 4)),
    "warm-up": (
        up.warm_up(up.step_schedule(0.5, 0.1, 4), 6),
        lambda t: 0.5 * 0.1 ** (t // 4) * min(1, (t + 1) / 6),
    ),
    "a function of one's own": (up.Schedule(lambda t: 1 / (1 + t)), lambda t: 1 / (1 + t)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_rate_of_each_step_is_that_of_the_formula(name, fast):
    schedule, formula = FORMULAS[name]
    w = pytensor.shared(np.float32(0), name="w")
    updates = up.apply_schedule(up.sgd, schedule)(-w, [w])
    step = pytensor.function([], updates[w] - w, updates=updates, mode=fast)
    rates = [float(step()) for _ in range(12)]
    assert rates == pytest.approx([formula(t) for t in range(12)], rel=2e-5, abs=1e-6)


def test_the_counter_is_part_of_the_updates_and_stays_exact():
    w = pytensor.shared(np.float32(0), name="w")
    updates = up.apply_schedule(up.adam, up.constant_schedule(0.1))(w**2, [w])
    (counter,) = (variable for variable in updates if variable.name == "learning_rate.t")
    assert counter.type.dtype == updates[counter].type.dtype == "int32"
    assert updates[w].type.dtype == "float32"


@pytest.mark.parametrize("steps", [0, -3, True, math.inf])
@pytest.mark.parametrize(
    "make",
    [
        lambda n: up.linear_schedule(1, 0, n),
        lambda n: up.cosine_schedule(1, 0, n),
        lambda n: up.exponential_schedule(1, 0.5, n),
        lambda n: up.step_schedule(1, 0.5, n),
        lambda n: up.warm_up(1.0, n),
    ],
    ids=["linear", "cosine", "exponential", "step", "warm_up"],
)
def test_a_number_of_steps_that_is_none_is_refused(make, steps):
    with pytest.raises(ValueError, match="steps greater than 0"):
        make(steps)


def test_a_factor_without_logarithm_is_refused():
    with pytest.raises(ValueError, match="factor"):
        up.exponential_schedule(1.0, 0.0)
