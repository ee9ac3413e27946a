"""Initializers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import nncore.random
from nncore import init


@pytest.fixture(autouse=True)
def _seed():
    before = nncore.random.get_rng()
    nncore.random.set_rng(1234)
    yield
    nncore.random.set_rng(before)


ALL = [
    init.Normal(),
    init.Uniform(),
    init.Uniform((-1, 2)),
    init.Glorot(init.Normal),
    init.GlorotNormal(gain="relu"),
    init.GlorotUniform(),
    init.He(init.Uniform),
    init.HeNormal(),
    init.HeUniform(gain=2.0),
    init.Constant(0.5),
    init.Sparse(),
    init.Orthogonal(),
]


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_a_sample_has_the_shape_and_floatx(initializer):
    value = initializer((12, 20))
    assert value.shape == (12, 20)
    assert value.dtype == np.float32


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_one_seed_gives_one_value(initializer):
    nncore.random.set_rng(7)
    first = initializer((12, 20))
    nncore.random.set_rng(7)
    np.testing.assert_array_equal(initializer.sample((12, 20)), first)


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_a_pickled_copy_is_equal_and_has_the_same_hash(initializer):
    copy = pickle.loads(pickle.dumps(initializer))
    assert copy == initializer
    assert hash(copy) == hash(initializer)


@pytest.mark.parametrize("initializer", ALL, ids=repr)
def test_what_repr_shows_makes_an_equal_initializer(initializer):
    assert eval(repr(initializer), vars(init)) == initializer


def test_initializers_with_other_parameters_or_of_other_classes_differ():
    assert init.Normal(0.1) != init.Normal(0.2)
    assert init.GlorotNormal() != init.GlorotUniform()
    assert init.GlorotNormal() != init.Glorot(init.Normal)
    assert init.Constant([1, 2]) != init.Constant([1, 3])
    assert init.Constant(np.array([1, 2])) == init.Constant([1, 2])
    assert init.Normal() != "Normal"


def test_the_base_class_needs_a_sample_method():
    with pytest.raises(NotImplementedError, match="sample"):
        init.Initializer()((2,))


def test_normal_values_have_the_mean_and_standard_deviation():
    value = init.Normal(std=0.5, mean=2.0).sample((300, 300))
    assert value.mean() == pytest.approx(2.0, abs=0.01)
    assert value.std() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("initializer", "low", "high"),
    [
        (init.Uniform(0.3), -0.3, 0.3),
        (init.Uniform((1.0, 2.0)), 1.0, 2.0),
        (init.Uniform([1.0, 2.0]), 1.0, 2.0),
        (init.Uniform(std=0.1, mean=1.0), 1 - 0.1 * 3**0.5, 1 + 0.1 * 3**0.5),
    ],
)
def test_uniform_values_fill_their_interval(initializer, low, high):
    value = initializer.sample((200, 200))
    assert low <= value.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < value.max() <= high


def test_a_uniform_standard_deviation_is_what_was_asked_for():
    assert init.Uniform(std=0.1).sample((300, 300)).std() == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(
    ("shape", "c01b", "fan_in", "fan_out"),
    [
        ((150, 250), False, 150, 250),
        ((64, 32, 5), False, 32 * 5, 64 * 5),
        ((32, 16, 5, 3), False, 16 * 15, 32 * 15),
        ((16, 8, 3, 3, 3), False, 8 * 27, 16 * 27),
        ((16, 5, 3, 32), True, 16 * 15, 32 * 15),
    ],
)
@pytest.mark.parametrize("distribution", [init.Normal, init.Uniform])
@pytest.mark.parametrize(("gain", "factor"), [(1.0, 1.0), ("relu", 2**0.5), (3, 3.0)])
def test_scaled_values_have_the_standard_deviation_of_the_papers(
    shape, c01b, fan_in, fan_out, distribution, gain, factor
):
    glorot = init.Glorot(distribution, gain, c01b).sample(shape)
    assert glorot.std() == pytest.approx(factor * (2 / (fan_in + fan_out)) ** 0.5, rel=0.05)
    assert glorot.mean() == pytest.approx(0, abs=0.05 * float(glorot.std()))
    he = init.He(distribution, gain, c01b).sample(shape)
    assert he.std() == pytest.approx(factor * fan_in**-0.5, rel=0.05)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (init.GlorotNormal(2.0), init.Glorot(init.Normal, 2.0)),
        (init.GlorotUniform(2.0), init.Glorot(init.Uniform, 2.0)),
        (init.HeNormal(2.0), init.He(init.Normal, 2.0)),
        (init.HeUniform(2.0), init.He(init.Uniform, 2.0)),
    ],
)
def test_the_short_names_draw_the_same_values(short, long):
    nncore.random.set_rng(1)
    expected = long.sample((4, 5))
    nncore.random.set_rng(1)
    np.testing.assert_array_equal(short.sample((4, 5)), expected)


@pytest.mark.parametrize("kind", [init.GlorotUniform, init.HeNormal])
def test_scaling_needs_two_axes_and_four_for_c01b(kind):
    with pytest.raises(RuntimeError, match="length >= 2"):
        kind().sample((5,))
    with pytest.raises(RuntimeError, match=r"length 4.*\(2, 3\)"):
        kind(c01b=True).sample((2, 3))


@pytest.mark.parametrize("kind", [init.GlorotUniform, init.HeNormal, init.Orthogonal])
def test_an_unknown_gain_is_refused_by_name(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__}: gain='selu'"):
        kind(gain="selu")


def test_a_constant_fills_the_shape():
    np.testing.assert_array_equal(init.Constant(1.5)((2, 3)), np.full((2, 3), 1.5))
    np.testing.assert_array_equal(init.Constant([1, 2])((3, 2)), [[1, 2]] * 3)
    assert init.Constant(2)(()).shape == ()


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 1.0])
def test_sparse_columns_have_the_exact_fraction_of_non_zeros(sparsity):
    value = init.Sparse(sparsity, std=0.1).sample((40, 30))
    np.testing.assert_array_equal((value != 0).sum(axis=0), np.full(30, int(sparsity * 40)))
    if sparsity == 0.25:
        assert len(np.unique(np.nonzero(value.T)[1].reshape(30, 10), axis=0)) > 1
        assert value[value != 0].std() == pytest.approx(0.1, rel=0.15)


def test_sparse_needs_a_matrix():
    with pytest.raises(RuntimeError, match="length 2"):
        init.Sparse().sample((2, 3, 4))


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (6, 3, 2, 4)])
@pytest.mark.parametrize(("gain", "factor"), [(1.0, 1.0), ("relu", 2**0.5)])
def test_orthogonal_singular_values_all_equal_the_gain(shape, gain, factor):
    flat = init.Orthogonal(gain).sample(shape).reshape(shape[0], -1)
    singular = np.linalg.svd(flat.astype("float64"), compute_uv=False)
    np.testing.assert_allclose(singular, factor, rtol=1e-5)


def test_orthogonal_needs_two_axes():
    with pytest.raises(RuntimeError, match="length >= 2"):
        init.Orthogonal().sample((5,))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: init.Normal(std=-1), "Normal: std=-1"),
        (lambda: init.Uniform(std=-1), "Uniform: std=-1"),
        (lambda: init.Uniform(range=(2, 1)), "lower limit 2 exceeds the upper limit 1"),
        (lambda: init.Sparse(sparsity=1.5), "sparsity=1.5"),
        (lambda: init.Sparse(std=float("nan")), "Sparse: std=nan"),
    ],
)
def test_impossible_parameters_are_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
