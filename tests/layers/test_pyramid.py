from __future__ import annotations

import math

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import nncore
from nncore import layers
from nncore.backends import get_mode
from nncore.layers import InputLayer, SpatialPyramidPoolingLayer, get_output, pool_2d_nxn_regions

rng = np.random.default_rng(0)
REDUCTIONS = {"max": np.max, "average_inc_pad": np.mean, "average_exc_pad": np.mean, "sum": np.sum}


def regions(size, n, implementation):
    """Begin and end of each region."""
    if implementation == "kaiming":
        return [
            (math.floor(i / n * size + 1e-9), math.ceil((i + 1) / n * size - 1e-9))
            for i in range(n)
        ]
    window, step = math.ceil(size / n), size // n
    if step and (size - window) // step + 1 == n:
        return [(i * step, i * step + window) for i in range(n)]
    return [((i * size) // n, (i * size) // n + window) for i in range(n)]


def reference(x, pool_dims, mode, implementation):
    found = []
    for n in pool_dims:
        for top, bottom in regions(x.shape[2], n, implementation):
            for left, right in regions(x.shape[3], n, implementation):
                assert 0 <= top < bottom <= x.shape[2]
                assert 0 <= left < right <= x.shape[3]
                found.append(REDUCTIONS[mode](x[:, :, top:bottom, left:right], axis=(2, 3)))
    return np.stack(found, axis=2)


@pytest.mark.parametrize("implementation", ["fast", "kaiming"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("size", [(8, 12), (5, 7), (9, 4), (11, 3), (1, 2)])
def test_an_image_of_any_size_is_pooled_to_the_same_number_of_features(
    implementation, known, size, fast
):
    layer = SpatialPyramidPoolingLayer(
        InputLayer((None, 3, *(size if known else (None, None)))), implementation=implementation
    )
    x = rng.normal(size=(2, 3, *size)).astype("float32")
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    assert result.shape == (2, 3, 21)
    assert layer.output_shape == (None, 3, 21)
    np.testing.assert_allclose(result, reference(x, [4, 2, 1], "max", implementation), rtol=1e-6)


@pytest.mark.parametrize("implementation", ["fast", "kaiming"])
@pytest.mark.parametrize("mode", list(REDUCTIONS))
def test_every_mode_reduces_its_regions(implementation, mode, fast):
    layer = SpatialPyramidPoolingLayer(InputLayer((2, 3, 7, None)), [3, 1], mode, implementation)
    x = rng.normal(size=(2, 3, 7, 9)).astype("float32")
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    assert result.dtype == "float32"
    expected = reference(x, [3, 1], mode, implementation)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [6, 7, 12, 49])
@pytest.mark.parametrize("n", [1, 3, 6])
def test_regions_cover_the_image(size, n, fast):
    """The sum over disjoint regions is that over the image; no region is empty."""
    x = np.ones((1, 1, size, 1), "float32")
    parts = [part.eval(mode=fast).item() for part in pool_2d_nxn_regions(x, n, "sum")]
    assert len(parts) == n * n
    lengths = parts[::n]
    assert sum(lengths) >= size
    if size % n == 0:
        assert lengths == [size // n] * n


def test_a_list_of_pool_dims_is_copied_and_one_number_is_enough():
    dims = [2, 1]
    layer = SpatialPyramidPoolingLayer((None, 3, 8, 8), dims)
    dims.append(5)
    assert layer.output_shape == (None, 3, 5)
    assert SpatialPyramidPoolingLayer((None, 3, 8, 8), 3).output_shape == (None, 3, 9)
    assert layers.pool.SpatialPyramidPoolingLayer is SpatialPyramidPoolingLayer
    assert layers.pool.pool_2d_nxn_regions is pool_2d_nxn_regions


def test_the_pooling_implementation_of_the_block_is_used():
    with nncore.using(pool="reference"):
        layer = SpatialPyramidPoolingLayer((None, 3, 8, 8), [2])
    output = layer.get_output_for(pt.tensor(dtype="float32", shape=(None, 3, 8, 8)))
    ops = [node.op for node in pytensor.graph.traversal.applys_between([], [output])]
    assert [op.implementation for op in ops if isinstance(op, nncore.ops.Pool)] == ["reference"]


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((None, 3, 8), {}, r"'spp'.*must have 4"),
        ((None, 3, 8, 8), {"mode": "min"}, "mode='min'"),
        ((None, 3, 8, 8), {"implementation": "quick"}, "implementation='quick'.*'kaiming'"),
        ((None, 3, 8, 8), {"pool_dims": []}, "pool_dims"),
        ((None, 3, 8, 8), {"pool_dims": [2, 0]}, "pool_dims"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        SpatialPyramidPoolingLayer(shape, name="spp", **options)


def test_regions_need_a_known_mode_and_a_positive_number():
    with pytest.raises(ValueError, match="mode='middle'"):
        pool_2d_nxn_regions(pt.tensor4(), 2, "middle")
    with pytest.raises(ValueError, match="output_size"):
        pool_2d_nxn_regions(pt.tensor4(), 0)


@pytest.mark.jax
@pytest.mark.parametrize(
    ("implementation", "shape", "mode"),
    [
        ("fast", (None, 3, None, None), "average_inc_pad"),
        ("fast", (None, 3, 7, 150), "max"),
        ("kaiming", (None, 3, None, None), "max"),
        ("kaiming", (None, 3, 7, 150), "average_exc_pad"),
    ],
)
def test_values_and_gradients_under_jax_are_those_of_the_reference(
    implementation, shape, mode, fast
):
    pytest.importorskip("jax")
    source = InputLayer(shape)
    output = get_output(SpatialPyramidPoolingLayer(source, [3, 1], mode, implementation))
    outputs = [output, pytensor.grad((output**2).mean(), source.input_var)]
    x = rng.normal(size=(2, 3, 7, 150)).astype("float32")
    expected = pytensor.function([source.input_var], outputs, mode=fast)(x)
    found = pytensor.function([source.input_var], outputs, mode=get_mode("jax"))(x)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == "float32"
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
