from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncore import ops
from nncore.backends import get_mode
from nncore.ops.geometry import PoolGeometry
from nncore.resolve import resolve

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax
some = settings(max_examples=20, deadline=None, derandomize=True)


def kernel(kind, direction, geometry):
    return resolve(kind, "jax", "jax", direction, geometry)[1]


@some
@given(data=st.data())
def test_every_convolution_and_its_gradients_are_those_of_the_formula(oracle, data):
    g = data.draw(oracle.conv_geometries())
    x, w, gy = oracle.conv_values(g)

    @jax.jit
    def together(x, w, gy):
        return (
            kernel("conv", "forward", g)(x, w),
            kernel("conv", "grad_input", g)(w, gy, x.shape),
            kernel("conv", "grad_filters", g)(x, gy, w.shape),
        )

    for actual, expected in zip(together(x, w, gy), oracle.conv(g, x, w, gy), strict=True):
        oracle.close(np.asarray(actual), expected)


@some
@given(data=st.data())
def test_every_pooling_and_its_gradients_are_those_of_the_formula(oracle, data):
    g = data.draw(oracle.pool_geometries())
    x, gy, values = oracle.pool_values(g)

    @jax.jit
    def together(x, gy, values):
        directions = [kernel("pool", "forward", g)(x), kernel("pool", "grad_input", g)(x, gy)]
        if g.mode == "max":
            directions.append(kernel("pool", "grad_grad", g)(x, values))
        return directions

    expected = oracle.pool(g, x, gy, values)
    actual = together(x, gy, values)
    for one, other in zip(actual, expected, strict=False):
        oracle.close(np.asarray(one), other)
    assert len(actual) == (3 if g.mode == "max" else 2)


def test_padding_never_wins_over_an_infinitely_small_element():
    x = np.full((1, 1, 2), -np.inf, "float32")
    g = PoolGeometry(x.shape, (2,), (1,), ((1, 1),), "max", True, "float32")
    gx = kernel("pool", "grad_input", g)(x, np.ones((1, 1, 3), "float32"))
    assert np.asarray(gx).tolist() == [[[2, 1]]]


def test_a_graph_of_unknown_sizes_agrees_with_numpy(fast):
    x, w = pt.tensor4("x", dtype="float32"), pt.tensor4("w", dtype="float32")
    y = ops.pool(ops.conv(x, w, pad="same"), 2, mode="max")
    z = ops.conv_transpose(y, w, stride=2, pad="same", output_padding=1)
    outputs = [y, z, *pytensor.grad((z * z).sum(), [x, w])]
    compiled = pytensor.function([x, w], outputs, mode=get_mode("jax"))
    reference = pytensor.function([x, w], outputs, mode=fast)
    rng = np.random.default_rng(0)
    for shapes in (((2, 3, 7, 8), (4, 3, 3, 2)), ((1, 2, 6, 6), (3, 2, 2, 3))):
        values = [rng.standard_normal(s).astype("float32") for s in shapes]
        for actual, expected in zip(compiled(*values), reference(*values), strict=True):
            assert actual.dtype == "float32"
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("build", "shapes", "match"),
    [
        (lambda x, w: ops.conv(x, w), ((1, 2, 2, 2), (3, 2, 3, 3)), "no output on spatial axis 0"),
        (lambda x, w: ops.conv(x, w), ((1, 3, 4, 4), (3, 2, 3, 3)), "3 channels"),
        (lambda x, w: ops.pool(x, 3) + w.sum(), ((1, 2, 2, 2), (1, 1, 1, 1)), "does not fit"),
        (
            lambda x, w: ops.conv_transpose(x, w, pad=2),
            ((1, 3, 1, 9), (3, 2, 3, 3)),
            "after cropping",
        ),
        (lambda x, w: ops.conv_transpose(x, w), ((1, 2, 4, 4), (3, 2, 3, 3)), "has 2 channels"),
    ],
)
def test_sizes_that_do_not_fit_are_named_at_run_time(build, shapes, match):
    x, w = pt.tensor4("x", dtype="float32"), pt.tensor4("w", dtype="float32")
    function = pytensor.function([x, w], build(x, w), mode=get_mode("jax"))
    with pytest.raises(ValueError, match=match):
        function(*(np.ones(s, "float32") for s in shapes))
