from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore.layers import (
    FeaturePoolLayer,
    FeatureWTALayer,
    GlobalPoolLayer,
    InputLayer,
    get_output,
)

X = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")


def apply(layer, x, fast):
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    assert result.dtype == "float32"
    promised = layer.output_shape
    assert all(p in (None, n) for p, n in zip(promised, result.shape, strict=True))
    return result


def test_groups_of_neighbouring_features_are_pooled(fast):
    bottom = InputLayer((None, 6, 4))
    maxout = FeaturePoolLayer(bottom, 3)
    np.testing.assert_array_equal(apply(maxout, X, fast), X.reshape(2, 2, 3, 4).max(2))
    last = FeaturePoolLayer(bottom, 2, axis=2, pool_function=pt.mean)
    np.testing.assert_allclose(
        apply(last, X, fast), X.reshape(2, 6, 2, 2).mean(3), rtol=1e-5, atol=1e-6
    )


def test_only_the_winner_of_each_group_stays(fast):
    groups = X.reshape(2, 3, 2, 4)
    expected = np.where(groups == groups.max(2, keepdims=True), groups, 0).reshape(X.shape)
    layer = FeatureWTALayer(InputLayer((None, 6, 4)), 2)
    assert layer.output_shape == (None, 6, 4)
    np.testing.assert_array_equal(apply(layer, X, fast), expected)
    negative = FeatureWTALayer(InputLayer((None, 4)), 4)
    result = apply(negative, np.array([[-2, -1, -3, -4]], "float32"), fast)
    np.testing.assert_array_equal(result, [[0, -1, 0, 0]])


def test_of_equal_features_the_first_wins(fast):
    layer = FeatureWTALayer(InputLayer((None, 4)), 2)
    result = apply(layer, np.array([[3, 3, 1, 1]], "float32"), fast)
    np.testing.assert_array_equal(result, [[3, 0, 1, 0]])


@pytest.mark.parametrize("cls", [FeaturePoolLayer, FeatureWTALayer])
def test_groups_must_fit(cls):
    with pytest.raises(ValueError, match=r"pool_size=4 must divide the size of axis 1.*6"):
        cls((None, 6, 4), 4)
    with pytest.raises(ValueError, match=r"size of axis 1 .*must be fixed"):
        cls((2, None), 2)
    with pytest.raises(ValueError, match="axis=3 is none of the 3 axes"):
        cls((None, 6, 4), 2, axis=3)
    with pytest.raises(ValueError, match="pool_size must be a positive integer"):
        cls((None, 6, 4), 0)


@pytest.mark.parametrize("spatial", [(5,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("function", ["mean", "max"])
def test_global_pooling_is_over_all_positions(spatial, function, fast):
    x = np.random.default_rng(1).normal(size=(2, 3, *spatial)).astype("float32")
    bottom = InputLayer((None, 3, *(None,) * len(spatial)))
    layer = GlobalPoolLayer(bottom, getattr(pt, function))
    assert layer.output_shape == (None, 3)
    expected = getattr(np, function)(x, axis=tuple(range(2, x.ndim)))
    np.testing.assert_allclose(apply(layer, x, fast), expected, rtol=1e-4, atol=1e-6)


def test_global_pooling_needs_positions():
    with pytest.raises(ValueError, match="must have a spatial axis"):
        GlobalPoolLayer((None, 3))


@pytest.mark.jax
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_feature_pooling_compiles_with_jax_for_any_batch_size():
    pytest.importorskip("jax")
    bottom = InputLayer((None, 6, 4))
    tops = [FeaturePoolLayer(bottom, 3), FeatureWTALayer(bottom, 3), GlobalPoolLayer(bottom)]
    cost = sum(output.sum() for output in get_output(tops))
    outputs = [cost, pytensor.grad(cost, bottom.input_var)]
    results = [
        pytensor.function([bottom.input_var], outputs, mode=mode)(X)
        for mode in ("JAX", "FAST_COMPILE")
    ]
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)
