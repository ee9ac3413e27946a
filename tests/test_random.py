"""The one random number generator."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from nncore.random import get_rng, seeded, set_rng


@pytest.fixture(autouse=True)
def _restore():
    before = get_rng()
    yield
    set_rng(before)


def test_the_module_of_numpy_can_serve_as_generator():
    set_rng(np.random)
    assert get_rng() is np.random


def test_a_random_state_is_used_as_it_is():
    rng = np.random.RandomState(3)
    set_rng(rng)
    assert get_rng() is rng


def test_a_seed_gives_the_draws_of_a_random_state_with_that_seed():
    set_rng(5)
    expected = np.random.RandomState(5)
    np.testing.assert_array_equal(get_rng().normal(size=4), expected.normal(size=4))
    assert get_rng().randint(1, 2147462579) == expected.randint(1, 2147462579)


def test_a_numpy_integer_is_a_seed():
    set_rng(np.int32(5))
    assert get_rng().randint(10**6) == np.random.RandomState(5).randint(10**6)


def test_a_generator_draws_under_the_names_of_a_random_state():
    set_rng(np.random.default_rng(2))
    expected = np.random.default_rng(2)
    rng = get_rng()
    assert rng.randint(1, 100) == expected.integers(1, 100)
    np.testing.assert_array_equal(rng.randint(0, 9, size=(2, 3)), expected.integers(0, 9, (2, 3)))
    np.testing.assert_array_equal(rng.uniform(-1, 1, size=3), expected.uniform(-1, 1, size=3))
    np.testing.assert_array_equal(rng.rand(2, 2), expected.random((2, 2)))
    np.testing.assert_array_equal(rng.randn(3), expected.standard_normal(3))
    np.testing.assert_array_equal(rng.random_sample(2), expected.random(2))
    np.testing.assert_array_equal(rng.permutation(5), expected.permutation(5))


def test_a_wrapped_generator_survives_pickling():
    set_rng(np.random.default_rng(2))
    copy = pickle.loads(pickle.dumps(get_rng()))
    assert copy.randint(10**9) == get_rng().randint(10**9)


def test_a_block_draws_from_a_generator_of_its_own_and_leaves_the_other_alone():
    set_rng(5)
    outside = get_rng()
    with seeded(np.random.RandomState(3)):
        assert get_rng().randint(10**6) == np.random.RandomState(3).randint(10**6)
    assert get_rng() is outside
    assert outside.randint(10**6) == np.random.RandomState(5).randint(10**6)


@pytest.mark.parametrize("wrong", ["seed", None, 1.5, True, object()])
def test_what_cannot_draw_is_refused(wrong):
    with pytest.raises(TypeError, match="integer seed"):
        set_rng(wrong)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=f"the seed {seed} is out of range"):
        set_rng(seed)
