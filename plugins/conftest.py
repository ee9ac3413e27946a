"""What the tests of all plugins share."""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncore.hookspecs import DIRECTIONS, Implementation
from nncore.ops.geometry import ConvGeometry, PoolGeometry
from nncore.ops.kernels.reference import ReferenceConvolution, ReferencePooling

# A plugin is collected where it is installed, and kernels that JAX traces where there is JAX.
collect_ignore = [
    str(package.parent)
    for package in Path(__file__).parent.glob("*/nncore_*")
    if importlib.util.find_spec(package.name) is None
]
collect_ignore_glob = [] if importlib.util.find_spec("jax") else ["*/nncore_*/kernels.py"]


def _conv_geometries() -> list[ConvGeometry]:
    """One to three axes, with every kind of pad, stride, dilation, groups and filter."""

    def one(x: Any, w: Any, s: int, pad: Any, d: int, groups: int, flip: bool) -> ConvGeometry:
        n = len(x) - 2
        return ConvGeometry(x, w, (s,) * n, pad, (d,) * n, groups, flip, "float32")

    wide = [(2, 4, 11), (2, 4, 9, 8), (2, 4, 6, 5, 7)]
    taps = [(3,), (3, 2), (2, 3, 1)]
    found = []
    for x, k in zip(wide, taps, strict=True):
        n = len(k)
        for (s, d), pad, (filters, groups) in zip(
            itertools.product((1, 2, 3), (1, 2)),
            itertools.cycle([((0, 0),) * n, "same", "full", ((1, 2),) + ((2, 0),) * (n - 1)]),
            itertools.cycle([(3, 1), (6, 2), (4, 4)]),
        ):
            w = (filters, x[1] // groups, *k)
            found.append(one(x, w, s, pad, d, groups, len(found) % 2 == 0))
    # The smallest there are, none at all, and a part of the input that no filter reaches.
    found.append(one((1, 1, 1), (1, 1, 1), 1, ((0, 0),), 1, 1, True))
    found.append(one((0, 2, 5, 5), (3, 2, 3, 3), 1, ((0, 0),) * 2, 1, 1, True))
    found.append(one((2, 3, 9, 10), (2, 3, 1, 2), 4, ((0, 0),) * 2, 1, 1, False))
    return found


def _pool_geometries() -> list[PoolGeometry]:
    found = []
    modes = itertools.cycle(["max", "average_inc_pad", "average_exc_pad", "sum"])
    for shape in [(2, 3, 11), (2, 3, 9, 8), (1, 2, 5, 6, 7)]:
        n = len(shape) - 2
        for window, stride, pad, ignore in [
            (2, 2, (0, 0), True),
            (3, 2, (1, 1), True),
            (3, 1, (2, 0), False),
            (2, 3, (0, 1), False),
            (3, 2, (0, 0), False),
        ]:
            for _ in range(2):
                found.append(
                    PoolGeometry(
                        shape,
                        (window,) * n,
                        (stride,) * n,
                        (pad,) * n,
                        next(modes),
                        ignore,
                        "float32",
                    )
                )
    return found


def _values(geometry: ConvGeometry | PoolGeometry) -> dict[str, tuple[Any, ...]]:
    """Operands for each direction."""
    rng = np.random.default_rng(0)

    def some(shape: Any) -> Any:
        return rng.standard_normal(shape).astype(geometry.dtype)

    y = some(geometry.output_shape())
    if isinstance(geometry, ConvGeometry):
        x, w = some(geometry.input_shape), some(geometry.filters_shape)
        return {"forward": (x, w), "grad_input": (w, y, x.shape), "grad_filters": (x, y, w.shape)}
    # Many equal numbers, as the first maximum of a window wins.
    x = rng.integers(-2, 3, geometry.input_shape).astype(geometry.dtype)
    values = {"forward": (x,), "grad_input": (x, y)}
    return values | ({"grad_grad": (x, some(x.shape))} if geometry.mode == "max" else {})


def _check(
    implementation: Implementation, geometry: ConvGeometry | PoolGeometry, tolerance: float = 3e-5
) -> None:
    """Compare every direction with the reference."""
    import jax

    conv = isinstance(geometry, ConvGeometry)
    oracle = ReferenceConvolution() if conv else ReferencePooling()
    values = _values(geometry)
    assert set(values) <= set(DIRECTIONS[implementation.kind])
    for direction, operands in values.items():
        arrays = [value for value in operands if not isinstance(value, tuple)]
        shape = [value for value in operands if isinstance(value, tuple)]
        kernel = implementation.kernel("jax", direction, geometry)
        assert kernel is not None, direction

        def run(*arrays: Any, kernel: Any = kernel, shape: Any = shape) -> Any:
            return kernel(*arrays, *shape)

        actual = np.asarray(jax.jit(run)(*arrays))
        expected = oracle.kernel("python", direction, geometry)(*operands)
        assert actual.dtype == geometry.dtype
        assert actual.shape == expected.shape, direction
        scale = max(1.0, np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(
            actual, expected, rtol=tolerance, atol=tolerance * scale, err_msg=direction
        )


def _isolated(code: str, **options: Any) -> Any:
    """What a new process prints, as JSON."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a geometry on all of them."""
    for name, found in (
        ("conv_geometry", _conv_geometries),
        ("pool_geometry", _pool_geometries),
    ):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, found(), ids=str)


@pytest.fixture(scope="session")
def check() -> Callable[..., None]:
    """Compare an implementation's kernels with the reference."""
    return _check


@pytest.fixture(scope="session")
def isolated() -> Callable[..., Any]:
    """Run code in a new process."""
    return _isolated
