"""Restricted Boltzmann machines, against sums over all their states."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.models.sda import RBM

RNG = np.random.default_rng(5)
VISIBLE = np.array(list(product((0, 1), repeat=4)), dtype="float32")
HIDDEN = np.array(list(product((0, 1), repeat=3)), dtype="float32")


@pytest.fixture
def machine():
    return RBM(4, 3, W=RNG.normal(size=(4, 3)), b=RNG.normal(size=3), b_visible=RNG.normal(size=4))


def joint(machine):
    """The probability of every pair of a visible and a hidden state."""
    W, b, b_visible = (p.get_value().astype("float64") for p in machine.params)
    weights = np.exp(VISIBLE @ W @ HIDDEN.T + (VISIBLE @ b_visible)[:, None] + HIDDEN @ b)
    return weights / weights.sum()


def test_the_free_energy_is_that_of_the_sum_over_hidden_states(machine):
    energy = machine.free_energy(pt.constant(VISIBLE)).eval()
    probabilities = joint(machine).sum(axis=1)
    # Free energies are known up to a constant.
    np.testing.assert_allclose(energy - energy[0], -np.log(probabilities / probabilities[0]), 1e-4)
    assert energy.dtype == np.float32


def test_probabilities_are_those_of_the_joint_distribution(machine):
    table = joint(machine)
    up = table @ HIDDEN / table.sum(axis=1, keepdims=True)
    down = table.T @ VISIBLE / table.sum(axis=0)[:, None]
    np.testing.assert_allclose(machine.propup(pt.constant(VISIBLE)).eval(), up, rtol=1e-4)
    np.testing.assert_allclose(machine.propdown(pt.constant(HIDDEN)).eval(), down, rtol=1e-4)


@pytest.mark.parametrize("direction", ["hvh", "vhv"])
def test_gibbs_steps_keep_the_distribution(machine, fast, direction):
    table = joint(machine)
    count = 20_000
    of = table.sum(axis=0) if direction == "hvh" else table.sum(axis=1)
    states = HIDDEN if direction == "hvh" else VISIBLE
    start = states[RNG.choice(len(states), size=count, p=of)]
    x = pt.matrix("x")
    step = getattr(machine, f"gibbs_{direction}")(x)[3]
    drawn = pytensor.function([x], step, mode=fast)(start)
    assert drawn.dtype == np.float32
    powers = 2 ** np.arange(states.shape[1])[::-1]
    shares = np.bincount((drawn @ powers).astype(int), minlength=len(states)) / count
    # Five standard deviations of a share.
    assert (abs(shares - of) < 5 * np.sqrt(of * (1 - of) / count) + 1e-4).all()


def test_a_step_of_contrastive_divergence_is_data_minus_model(fast):
    # Visible units that are all but sure make the reconstruction known.
    machine = RBM(4, 3, W=RNG.normal(size=(4, 3)), b_visible=np.array([60, -60, 60, -60.0]))
    W, b, b_visible = (p.get_value().astype("float64") for p in machine.params)
    x = pt.matrix("x")
    cost, updates = machine.get_cost_updates(x, learning_rate=0.5, k=2)
    batch = VISIBLE[[1, 6, 7]]
    value = pytensor.function([x], cost, updates=updates, mode=fast)(batch)
    assert value > 0
    model = np.tile([1.0, 0, 1, 0], (3, 1))
    up = [1 / (1 + np.exp(-(v @ W + b))) for v in (batch, model)]
    wanted = (
        W + 0.5 * (batch.T @ up[0] - model.T @ up[1]) / 3,
        b + 0.5 * (up[0] - up[1]).mean(axis=0),
        b_visible + 0.5 * (batch - model).mean(axis=0),
    )
    for param, expected in zip(machine.params, wanted, strict=True):
        np.testing.assert_allclose(param.get_value(), expected, rtol=1e-5, atol=1e-6)


def test_the_pseudo_likelihood_goes_through_all_units(machine, fast):
    x = pt.matrix("x")
    updates = {}
    cost = machine.get_pseudo_likelihood_cost(x, updates)
    function = pytensor.function([x], cost, updates=updates, mode=fast)
    found = np.mean([function(VISIBLE) for _ in range(4)])
    p = joint(machine).sum(axis=1)
    flipped = [[int(np.flatnonzero((abs(v - e) == VISIBLE).all(axis=1))[0]) for e in np.eye(4)]
               for v in VISIBLE]  # fmt: skip
    expected = -np.log(p[:, None] / (p[:, None] + p[flipped])).sum(axis=1).mean()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_persistent_chains_go_on_and_the_likelihood_of_the_data_rises(fast):
    machine = RBM(4, 3)
    data = np.tile(VISIBLE[[0, 15]], (10, 1))
    x = pt.matrix("x")
    chains = machine.chains(50)
    cost, updates = machine.get_cost_updates(x, 0.1, persistent=chains, k=1)
    step = pytensor.function([x], cost, updates=updates, mode=fast)

    def likelihood():
        return np.log(joint(machine).sum(axis=1)[[0, 15]]).mean()

    before = likelihood()
    for _ in range(300):
        step(data)
    assert chains.get_value().shape == (50, 3)
    assert chains.get_value().any()
    # The best possible is log(1/2); a machine that knows nothing has log(1/16).
    assert before < -2.2
    assert likelihood() > -1.3


@pytest.mark.parametrize("k", [0, 1.5, True])
def test_a_number_of_steps_that_is_none_is_refused(machine, k):
    with pytest.raises(ValueError, match="k="):
        machine.get_cost_updates(pt.matrix(), k=k)
