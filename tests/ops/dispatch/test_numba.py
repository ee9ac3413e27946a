from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import NUMBA

from nncore import ops
from nncore.errors import ImplementationUnavailable

rng = np.random.default_rng(0)


def compare(inputs, outputs, batches, fast):
    """One compilation for many operations, run on several batches."""
    compiled = pytensor.function(inputs, outputs, mode=NUMBA)
    reference = pytensor.function(inputs, outputs, mode=fast)
    for values in batches:
        expected = reference(*values)
        first, again = compiled(*values), compiled(*values)
        for one, two, right in zip(first, again, expected, strict=True):
            assert one.dtype == right.dtype
            tolerance = 1e-4 if one.dtype == "float32" else 1e-10
            np.testing.assert_allclose(one, right, rtol=tolerance, atol=tolerance)
            np.testing.assert_array_equal(one, two)


def test_graphs_of_unknown_sizes_agree_with_numpy(fast):
    x = pt.tensor3("x", dtype="float32")
    w = pt.tensor3("w", dtype="float32")
    y = ops.conv(x, w, stride=2, pad="same")
    z = ops.conv_transpose(y, w, stride=2, pad="same", output_padding=1)
    loss = (z**2).sum()
    batches = [
        [rng.standard_normal(s).astype("float32") for s in shapes]
        for shapes in (
            ((2, 3, 9), (4, 3, 3)),
            ((1, 1, 2), (1, 1, 4)),
            ((0, 2, 5), (3, 2, 2)),
        )
    ]
    compare([x, w], [y, z, *pytensor.grad(loss, [x, w])], batches, fast)


@pytest.mark.slow
def test_graphs_of_two_and_three_axes_agree_with_numpy(fast):
    x, w = pt.tensor4("x", dtype="float32"), pt.tensor("w", dtype="float32", shape=(6, 2, 3, 2))
    y = ops.conv(x, w, stride=(1, 2), pad=[(0, 2), 1], dilation=(2, 1), groups=2)
    pooled = ops.pool(y, (2, 3), stride=2, pad=(0, 1), ignore_border=False)
    v = pt.tensor5("v", dtype="float32")
    deep = ops.conv(v, v[:, :, :2, :2, :2], pad="same")
    means = ops.pool(deep, 2, mode="average_exc_pad", pad=1)
    gradient = pytensor.grad((pooled**2).sum(), x)
    outputs = [pooled, gradient, pytensor.grad((gradient**2).sum(), x), means]
    outputs.append(pytensor.grad((means**2).sum(), v))
    batches = [
        [rng.standard_normal(s).astype("float32") for s in (shape, (6, 2, 3, 2), deep_shape)]
        for shape, deep_shape in (
            ((3, 4, 9, 8), (2, 3, 4, 5, 3)),
            ((1, 4, 5, 4), (1, 1, 2, 2, 2)),
        )
    ]
    # Neither operand need be contiguous.
    batches[0][0] = np.asfortranarray(batches[0][0])
    compare([x, w, v], outputs, batches, fast)


@pytest.mark.slow
def test_sizes_of_run_time_are_checked():
    x, w = pt.tensor3("x", dtype="float64"), pt.tensor3("w", dtype="float64")
    convolve = pytensor.function([x, w], ops.conv(x, w), mode=NUMBA)
    transpose = pytensor.function([x, w], ops.conv_transpose(x, w, pad=2), mode=NUMBA)
    pool = pytensor.function([x], ops.pool(x, 3, pad=1), mode=NUMBA)
    for function, shapes, match in (
        (convolve, ((1, 2, 3), (3, 2, 4)), "no output.*use a smaller filter"),
        (convolve, ((1, 2, 3), (3, 3, 2)), "number of input channels"),
        (convolve, ((1, 2, 3), (3, 2, 0)), "at least one tap"),
        (transpose, ((1, 3, 1), (3, 2, 3)), "no output; use less padding"),
        (transpose, ((1, 2, 9), (3, 2, 3)), "gradient's shape"),
        (pool, ((1, 2, 0),), "no output.*use a smaller window"),
    ):
        with pytest.raises(ValueError, match=match):
            function(*(np.ones(shape) for shape in shapes))


def test_a_type_that_numba_lacks_is_refused_when_compiling():
    x = pt.tensor3("x", dtype="float16")
    with pytest.raises(ImplementationUnavailable, match=r"float32 and float64 only"):
        pytensor.function([x], ops.pool(x, 2, implementation="numba"), mode=NUMBA)


def test_gradients_of_another_shape_are_refused():
    x, g = pt.tensor3("x", dtype="float64"), pt.tensor3("g", dtype="float64")
    op = ops.PoolGradInput((2,), (2,), ((0, 0),), "max")
    with pytest.raises(ValueError, match=r"gradient's shape"):
        pytensor.function([x, g], op(x, g), mode=NUMBA)(np.ones((1, 1, 4)), np.ones((1, 1, 3)))


TWICE = """
import numpy as np, pytensor, pytensor.tensor as pt
from nncore import ops
x = pt.tensor4("x", dtype="float32")
w = pytensor.shared(np.linspace(-1, 1, 54).reshape(3, 2, 3, 3).astype("float32"))
y = ops.pool(ops.conv(x, w), 2)
loss = (y * y).sum()
step = pytensor.function([x], loss, updates={w: w - 0.01 * pytensor.grad(loss, w)}, mode="NUMBA")
value = np.cos(np.arange(2 * 2 * 8 * 8)).reshape(2, 2, 8, 8).astype("float32")
print(*(step(value).tobytes().hex() for _ in range(3)))
"""


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path):
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
        "PYTENSOR_FLAGS": f"floatX=float32,base_compiledir={tmp_path / 'pytensor'}",
    }

    def run():
        done = subprocess.run(
            [sys.executable, "-c", TWICE],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        kept = {p: p.stat().st_mtime_ns for p in Path(tmp_path).rglob("*.nb[ic]")}
        return done.stdout, kept

    (first, compiled), (second, again) = run(), run()
    assert first == second
    assert compiled
    assert again == compiled
