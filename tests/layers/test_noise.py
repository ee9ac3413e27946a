from __future__ import annotations

import copy
import pickle

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import nncore.random
from nncore.layers import (
    DropoutLayer,
    GaussianNoiseLayer,
    InputLayer,
    dropout,
    dropout_channels,
    dropout_locations,
    get_output,
    spatial_dropout,
)


def compiled(layer, fast, **options):
    return pytensor.function([layer.input_layer.input_var], get_output(layer, **options), mode=fast)


ONES = np.ones((100, 100), "float32")


@pytest.fixture(autouse=True)
def _seeded():
    before = nncore.random.get_rng()
    nncore.random.set_rng(np.random.RandomState(1))
    yield
    nncore.random.set_rng(before)


@pytest.mark.parametrize("shape", [(None, 100), (100, 100), (None, None)])
@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_zeroes_its_share_and_scales_up_the_rest(p, shape, fast):
    result = compiled(DropoutLayer(InputLayer(shape), p), fast)(ONES)
    assert result.dtype == "float32"
    # Four standard deviations of a binomial share of 10000.
    assert abs((result == 0).mean() - p) < 4 * np.sqrt(p * (1 - p)) / 100
    np.testing.assert_allclose(np.unique(result), [0, 1 / (1 - p)], rtol=1e-6)


def test_dropout_without_rescaling(fast):
    result = compiled(DropoutLayer(InputLayer((None, 100)), 0.5, rescale=False), fast)(ONES)
    np.testing.assert_array_equal(np.unique(result), [0, 1])


def test_dropout_does_nothing_when_deterministic_or_with_p_zero():
    layer = dropout(InputLayer((None, 3)))
    assert get_output(layer, deterministic=True) is layer.input_layer.input_var
    layer = dropout(InputLayer((None, 3)), p=0)
    assert get_output(layer) is layer.input_layer.input_var


def test_dropout_draws_anew_at_every_call_and_differently_in_every_layer(fast):
    bottom = InputLayer((None, 100))
    first, second = dropout(bottom), dropout(bottom)
    f = pytensor.function([bottom.input_var], get_output([first, second]), mode=fast)
    a, b = f(ONES)
    assert (a != b).any()
    assert (f(ONES)[0] != a).any()


def test_the_global_seed_decides_what_is_dropped(fast):
    results = []
    for seed in (7, 7, 8):
        nncore.random.set_rng(np.random.RandomState(seed))
        results.append(compiled(dropout(InputLayer((None, 100))), fast)(ONES))
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_a_layers_stream_can_be_seeded_again(fast):
    layer = dropout(InputLayer((None, 100)))
    f = compiled(layer, fast)
    layer._srng.seed(3)
    first = f(ONES)
    second = f(ONES)
    assert (first != second).any()
    layer._srng.seed(3)
    np.testing.assert_array_equal(f(ONES), first)


def test_the_probability_may_be_a_shared_variable(fast):
    p = pytensor.shared(np.float32(0.9))
    f = compiled(DropoutLayer(InputLayer((None, 100)), p), fast)
    result = f(ONES)
    assert result.dtype == "float32"
    assert abs((result == 0).mean() - 0.9) < 0.02
    p.set_value(np.float32(0))
    np.testing.assert_array_equal(f(ONES), ONES)


@pytest.mark.parametrize("shared", [(0,), (1,), (-1,), (0, 1)])
@pytest.mark.parametrize("shape", [(None, 100), (100, 100)])
def test_dropout_shares_its_mask_along_axes(shared, shape, fast):
    result = compiled(DropoutLayer(InputLayer(shape), shared_axes=shared), fast)(ONES)
    assert result.shape == (100, 100)
    for axis in shared:
        assert (result.max(axis) == result.min(axis)).all()
    if len(shared) == 1:
        assert len(np.unique(result)) == 2


def test_dropout_of_channels_and_of_locations(fast):
    assert spatial_dropout is dropout_channels
    x = np.ones((4, 5, 6, 7), "float32")
    result = compiled(dropout_channels(InputLayer((None, 5, 6, 7))), fast)(x)
    assert (result == result[:, :, :1, :1]).all()
    assert len(np.unique(result)) == 2
    result = compiled(dropout_locations(InputLayer((None, 5, 6, 7))), fast)(x)
    assert (result == result[:, :1]).all()
    assert len(np.unique(result)) == 2
    assert dropout_channels((None, 5, 6)).shared_axes == (2,)


def test_impossible_arguments_are_refused():
    for p in (-0.1, 1, 50):
        with pytest.raises(ValueError, match=r"DropoutLayer 'd': p=.*probability"):
            DropoutLayer((None, 3), p, name="d")
    with pytest.raises(ValueError, match="shared_axes"):
        DropoutLayer((None, 3), shared_axes=(2,))
    with pytest.raises(ValueError, match="sigma=-1 must not be negative"):
        GaussianNoiseLayer((None, 3), -1)


@pytest.mark.parametrize("shape", [(None, 100), (100, 100)])
def test_gaussian_noise_has_mean_zero_and_the_given_deviation(shape, fast):
    result = compiled(GaussianNoiseLayer(InputLayer(shape), sigma=0.5), fast)(ONES)
    assert result.dtype == "float32"
    assert abs(result.mean() - 1) < 4 * 0.5 / 100
    assert abs(result.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * 10000)


def test_gaussian_noise_does_nothing_when_deterministic_or_with_sigma_zero():
    layer = GaussianNoiseLayer(InputLayer((None, 3)))
    assert get_output(layer, deterministic=True) is layer.input_layer.input_var
    layer = GaussianNoiseLayer(InputLayer((None, 3)), 0)
    assert get_output(layer) is layer.input_layer.input_var


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_used_layer_can_be_copied_and_goes_on_drawing(duplicate, fast):
    layer = dropout(InputLayer((None, 100)))
    compiled(layer, fast)
    twin = duplicate(layer)
    assert twin._srng.generators == []
    np.testing.assert_array_equal(compiled(twin, fast)(ONES), compiled(layer, fast)(ONES))


@pytest.mark.jax
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
@pytest.mark.filterwarnings("ignore:The RandomType SharedVariables:UserWarning")
def test_noise_compiles_with_jax_for_any_batch_size():
    pytest.importorskip("jax")
    x = pt.tensor("x", shape=(None, 4, 5), dtype="float32")
    bottom = InputLayer((None, 4, 5), x)
    for top in (
        dropout(bottom, 0.25),
        dropout_channels(bottom, 0.25),
        dropout_locations(bottom, 0.25),
        GaussianNoiseLayer(bottom),
    ):
        f = pytensor.function([x], get_output(top), mode="JAX")
        first = np.asarray(f(np.ones((50, 4, 5), "float32")))
        assert first.shape == (50, 4, 5)
        assert len(np.unique(first)) > 1
        assert (first != np.asarray(f(np.ones((50, 4, 5), "float32")))).any()
        assert np.asarray(f(np.ones((3, 4, 5), "float32"))).shape == (3, 4, 5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("wrap", [float, np.float64, np.float32, pytensor.shared])
def test_the_output_has_the_floating_point_type_of_the_input(wrap, dtype):
    x = pt.matrix(dtype=dtype)
    assert DropoutLayer((None, 3), p=wrap(0.5)).get_output_for(x).dtype == dtype
    assert GaussianNoiseLayer((None, 3), sigma=wrap(0.5)).get_output_for(x).dtype == dtype
