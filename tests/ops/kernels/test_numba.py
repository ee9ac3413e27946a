from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncore.ops.geometry import ConvGeometry
from nncore.ops.kernels import _numba_conv, _numba_entry, _numba_pool
from nncore.ops.kernels.numba import NumbaConvolution, NumbaPooling

many = settings(max_examples=100, deadline=None, derandomize=True)
dtypes = st.sampled_from(["float32", "float64"])
GUARD = 256


def guarded(array, filler):
    """A contiguous copy of an array in the middle of a larger block of memory."""
    block = np.full(array.size + 2 * GUARD, filler, array.dtype)
    inside = block[GUARD : GUARD + array.size]
    inside[:] = array.reshape(-1)
    return block, inside.reshape(array.shape)


def call(module, entry, version, sizes, *operands):
    """Run a compiled kernel; what is before and after its result must not change."""
    dtype = operands[0].dtype.name
    function = getattr(module, entry)
    _numba_entry.entry_point(function, dtype, len(operands), version)
    symbol = f"{function.__module__}.{function.__name__}.{dtype}.{version}"
    compiled = _numba_entry._functions[symbol][0].ctypes
    scalar = ctypes.POINTER(ctypes.c_float if dtype == "float32" else ctypes.c_double)
    blocks = [guarded(operand, np.nan) for operand in operands[:-1]]
    whole, target = guarded(operands[-1], 77)
    sizes = np.asarray(sizes, "int64")
    pointers = [inside.ctypes.data_as(scalar) for _, inside in blocks]
    pointers.append(target.ctypes.data_as(scalar))
    results = []
    for _ in range(2):
        target[...] = np.nan
        compiled(*pointers, sizes.ctypes.data_as(ctypes.POINTER(ctypes.c_int64)))
        results.append(target.copy())
    # The same number of threads gives the same bits.
    np.testing.assert_array_equal(*results)
    assert np.all(whole[:GUARD] == 77)
    assert np.all(whole[len(whole) - GUARD :] == 77)
    return target


def three(values, filler):
    return (filler,) * (3 - len(values)) + tuple(values)


def check_conv(oracle, g, values):
    x, w, gy = values
    y, gx, gw = oracle.conv(g, x, w, gy)
    pads = g.pads()
    sizes = [x.shape[0], g.groups, w.shape[1], w.shape[0] // g.groups, g.flip]
    for part, filler in (
        (x.shape[2:], 1),
        (w.shape[2:], 1),
        (y.shape[2:], 1),
        (g.stride, 1),
        ([before for before, _ in pads], 0),
        (g.dilation, 1),
    ):
        sizes += three(part, filler)
    version = NumbaConvolution.version
    for entry, *operands, expected in (
        ("_forward_entry", x, w, y),
        ("_grad_input_entry", w, gy, gx),
        ("_grad_filters_entry", x, gy, gw),
    ):
        if expected.size and all(operand.size for operand in operands):
            result = np.empty(expected.shape, g.dtype)
            actual = call(_numba_conv, entry, version, sizes, *operands, result)
            oracle.close(actual, expected, g.dtype)


@many
@given(data=st.data(), dtype=dtypes)
def test_every_convolution_and_its_gradients_are_those_of_the_formula(oracle, data, dtype):
    g = data.draw(oracle.conv_geometries(dtype=dtype, words=False, wide=True))
    check_conv(oracle, g, oracle.conv_values(g))


def extreme(x, w, stride=1, pad=0, dilation=1, groups=1):
    n = len(x) - 2
    return ConvGeometry(
        x, w, (stride,) * n, ((pad, pad),) * n, (dilation,) * n, groups, True, "float32"
    )


EXTREME = {
    "more filter elements than a tile has columns": extreme((3, 5, 9, 8), (9, 5, 5, 5)),
    "many filters": extreme((2, 2, 6), (131, 2, 3)),
    "one output": extreme((1, 3, 5, 5), (7, 3, 5, 5)),
    "one output of a batch": extreme((50, 3, 3, 3), (9, 3, 3, 3)),
    "one tap": extreme((2, 17, 7, 7), (5, 17, 1, 1)),
    "stride over more than the filter": extreme((3, 2, 20, 23), (4, 2, 2, 2), stride=7),
    "dilation over more than the input": extreme((2, 2, 3, 3), (4, 2, 3, 3), pad=9, dilation=6),
    "padding over more than the filter": extreme((2, 2, 3), (4, 2, 2), pad=5),
    "an empty input with padding": extreme((2, 2, 0, 3), (4, 2, 2, 2), pad=1),
    "many groups": extreme((2, 65, 6, 6), (130, 1, 3, 3), groups=65, pad=1),
    "positions of more than one block": extreme((3, 2, 41, 37), (3, 2, 3, 3), pad=1),
    "three axes": extreme((2, 3, 6, 7, 50), (9, 3, 2, 3, 4), pad=1),
    "work for many threads": extreme((8, 12, 20, 20), (24, 4, 3, 3), pad=1, groups=3),
    "work for many threads in one sample": extreme((1, 16, 40, 40), (40, 16, 3, 3), stride=2),
}


@pytest.mark.parametrize("name", EXTREME)
def test_extreme_convolutions_are_right(oracle, name):
    g = EXTREME[name]
    check_conv(oracle, g, oracle.conv_values(g))


@many
@given(data=st.data(), dtype=dtypes)
def test_every_pooling_and_its_gradients_are_those_of_the_formula(oracle, data, dtype):
    g = data.draw(oracle.pool_geometries(dtype=dtype))
    x, gy, values = oracle.pool_values(g)
    y, gx, taken = oracle.pool(g, x, gy, values)
    sizes = [x.shape[0] * x.shape[1], *three(x.shape[2:], 1), *three(y.shape[2:], 1)]
    sizes += [*three(g.window, 1), *three(g.stride, 1)]
    sizes += [*three([b for b, _ in g.pad], 0), *three([a for _, a in g.pad], 0)]
    sizes += [_numba_pool._MODES.get(g.mode, -1)]
    if g.mode == "max":
        work = (
            ("_max_entry", x, x, y),
            ("_max_grad_entry", x, gy, gx),
            ("_max_entry", x, values, taken),
        )
    else:
        work = (("_linear_entry", x, y), ("_linear_grad_entry", gy, gx))
    for entry, *operands, expected in work:
        result = np.empty(expected.shape, dtype)
        oracle.close(
            call(_numba_pool, entry, NumbaPooling.version, sizes, *operands, result),
            expected,
            dtype,
        )


NARROW = """
import sys
import llvmlite.binding as llvm
features = llvm.get_host_cpu_features
llvm.get_host_cpu_features = lambda: {sys.argv[1]: True}
from nncore.ops.kernels import _numba_tile
llvm.get_host_cpu_features = features
import numpy as np
from nncore.ops.geometry import ConvGeometry
from nncore.resolve import resolve
dtype = sys.argv[2]
rng = np.random.default_rng(0)
g = ConvGeometry((3, 5, 9, 11), (7, 5, 3, 2), (1, 2), ((1, 1), (1, 1)), (1, 1), 1, True, dtype)
x, w, gy = (rng.standard_normal(s).astype(dtype) for s in
            (g.input_shape, g.filters_shape, g.output_shape()))
for direction, arguments in (
    ("forward", (x, w)), ("grad_input", (w, gy, x.shape)), ("grad_filters", (x, gy, w.shape))
):
    numba, numpy = (resolve("conv", None, backend, direction, g)[1](*arguments)
                    for backend in ("numba", "python"))
    np.testing.assert_allclose(numba, numpy, rtol=1e-4, atol=1e-4)
print(_numba_tile._BYTES, _numba_tile._ROWS, _numba_tile._VECTORS)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("feature", "dtype", "shape"), [("neon", "float32", "16 8 3"), ("sse2", "float64", "16 4 2")]
)
def test_tiles_of_narrow_vector_registers_give_the_same_results(tmp_path, feature, dtype, shape):
    done = subprocess.run(
        [sys.executable, "-c", NARROW, feature, dtype],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == shape
