from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from nncore.ops.geometry import ConvGeometry, PoolGeometry
from nncore.resolve import resolve

many = settings(max_examples=150, deadline=None, derandomize=True)


def kernel(kind, direction, geometry):
    return resolve(kind, "reference", "python", direction, geometry)[1]


@pytest.mark.parametrize("mode", ["valid", "full", "same"])
@pytest.mark.parametrize("shape", [(9,), (6, 7), (4, 5, 6)])
def test_a_convolution_is_that_of_scipy(oracle, shape, mode):
    rng = np.random.default_rng(1)
    taps = (3, 2, 4)[: len(shape)]
    x, w = rng.standard_normal(shape), rng.standard_normal(taps)
    reach = [k - 1 for k in taps]
    pad = {
        "valid": [(0, 0) for _ in reach],
        "full": [(r, r) for r in reach],
        # SciPy gives the middle of the full result; its surplus of padding is before.
        "same": [(r - r // 2, r // 2) for r in reach],
    }[mode]
    for flip, expected in (
        (True, signal.convolve(x, w, mode)),
        (False, signal.correlate(x, w, "valid" if mode == "valid" else mode)),
    ):
        if not flip and mode == "same":
            pad = [(r // 2, r - r // 2) for r in reach]
            expected = signal.correlate(np.pad(x, pad), w, "valid")
        ones = (1,) * len(shape)
        g = ConvGeometry((1, 1, *shape), (1, 1, *taps), ones, tuple(pad), ones, 1, flip, "float64")
        y = kernel("conv", "forward", g)(x[None, None], w[None, None])
        oracle.close(y[0, 0], expected, "float64")


@many
@given(data=st.data(), dtype=st.sampled_from(["float32", "float64"]))
def test_every_convolution_and_its_gradients_are_those_of_the_formula(oracle, data, dtype):
    g = data.draw(oracle.conv_geometries(dtype=dtype))
    x, w, gy = oracle.conv_values(g)
    y, gx, gw = oracle.conv(g, x, w, gy)
    assert g.output_shape() == y.shape
    oracle.close(kernel("conv", "forward", g)(x, w), y, dtype)
    oracle.close(kernel("conv", "grad_input", g)(w, gy, x.shape), gx, dtype)
    oracle.close(kernel("conv", "grad_filters", g)(x, gy, w.shape), gw, dtype)


@many
@given(data=st.data(), dtype=st.sampled_from(["float32", "float64"]))
def test_every_pooling_and_its_gradients_are_those_of_the_formula(oracle, data, dtype):
    g = data.draw(oracle.pool_geometries(dtype=dtype))
    x, gy, values = oracle.pool_values(g)
    y, gx, taken = oracle.pool(g, x, gy, values)
    assert g.output_shape() == y.shape
    oracle.close(kernel("pool", "forward", g)(x), y, dtype)
    oracle.close(kernel("pool", "grad_input", g)(x, gy), gx, dtype)
    if g.mode == "max":
        oracle.close(kernel("pool", "grad_grad", g)(x, values), taken, dtype)


def test_the_first_of_equal_maxima_in_row_major_order_gets_the_gradient():
    x = np.array([[1, 5, 0], [5, 5, 5]], "float32").reshape(1, 1, 2, 3)
    g = PoolGeometry(x.shape, (2, 3), (2, 3), ((0, 0), (0, 0)), "max", True, "float32")
    gx = kernel("pool", "grad_input", g)(x, np.ones((1, 1, 1, 1), "float32"))
    assert gx.tolist() == [[[[0, 1, 0], [0, 0, 0]]]]


def test_a_nan_is_the_maximum_of_its_windows():
    x = np.array([1, np.nan, 3, 4], "float32").reshape(1, 1, 4)
    g = PoolGeometry(x.shape, (2,), (2,), ((0, 0),), "max", True, "float32")
    assert np.isnan(kernel("pool", "forward", g)(x)).tolist() == [[[True, False]]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("max", [1, 3, 3]),
        ("sum", [1, 5, 3]),
        ("average_inc_pad", [0.5, 2.5, 1.5]),
        ("average_exc_pad", [1, 2.5, 3]),
    ],
)
def test_padding_counts_in_one_kind_of_average_only(mode, expected):
    x = np.array([1, 2, 3, 3], "float32").reshape(1, 1, 4)
    g = PoolGeometry(x.shape, (2,), (2,), ((1, 1),), mode, True, "float32")
    assert kernel("pool", "forward", g)(x).tolist() == [[expected]]
