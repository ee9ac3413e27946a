from __future__ import annotations

import pickle
import zlib
from dataclasses import replace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import ops
from nncore.backends import get_mode
from nncore.errors import KernelError, PluginError
from nncore.ops.geometry import ConvGeometry
from nncore.resolve import resolve

#: An implementation whose every kernel returns what is written here.
RETURNING = """
from nncore.hookspecs import Implementation, hookimpl

nncore_contract = 1


class Odd(Implementation):
    name = "odd"
    kind = "{kind}"
    backends = ("{backend}",)
    version = {version}

    def kernel(self, backend, direction, geometry):
        if backend == "jax":
            import jax.numpy as np
        else:
            import numpy as np

        def two(x, y):
            return {returned}

        def one(x):
            return two(x, x)

        def three(x, y, shape):
            return two(x, y)

        if backend == "numba":
            import numba

            two = numba.njit(two)
            one, three = numba.njit(one), numba.njit(three)
        if geometry.__class__.__name__ == "PoolGeometry":
            return one if direction == "forward" else two
        return two if direction == "forward" else three


@hookimpl
def nncore_implementations():
    return [Odd()]
"""
BACKENDS = ["python", pytest.param("jax", marks=pytest.mark.jax), "numba"]
LIKE = "np.zeros((x.shape[0], 3, 4), np.float32)"
X, W, GY = (np.ones(s, "float32") for s in ((2, 3, 5), (3, 3, 2), (2, 3, 4)))


@pytest.fixture
def odd(install):
    """Install an implementation that returns what is given, and compile with it."""

    def odd(backend, kind, direction, returned):
        if backend == "jax":
            pytest.importorskip("jax")
        # A graph that was compiled for other kernels of that name is not to be found on disk.
        version = zlib.crc32(returned.encode())
        source = RETURNING.format(backend=backend, kind=kind, returned=returned, version=version)
        install(source, "odd")
        x, w, gy = (pt.tensor3(n, dtype="float32") for n in ("x", "w", "gy"))
        conv = ((1,), ((0, 0),), (1,), 1, True, "odd")
        pool = ((2,), (1,), ((0, 0),), "max", True, "odd")
        op, names = {
            ("conv", "forward"): (ops.Conv(*conv), "xw"),
            ("conv", "grad_input"): (ops.ConvGradInput(*conv), "wyx"),
            ("conv", "grad_filters"): (ops.ConvGradFilters(*conv), "xyw"),
            ("conv", "transpose"): (ops.ConvGradInput(*conv, output_padding=(0,)), "wy"),
            ("pool", "forward"): (ops.Pool(*pool), "x"),
            ("pool", "grad_input"): (ops.PoolGradInput(*pool), "xy"),
            ("pool", "grad_grad"): (ops.PoolGradGrad(*pool), "xx"),
        }[kind, direction]
        given = {"x": (x, X), "w": (w, W), "y": (gy, GY)}
        used = list(dict.fromkeys(names))
        output = op(*(given[name][0] for name in names))
        function = pytensor.function(
            [given[name][0] for name in used], output, mode=get_mode(backend)
        )
        return function(*(given[name][1] for name in used))

    return odd


def implementation(kind):
    return f"{'convolution' if kind == 'conv' else 'pooling'} implementation 'odd' of nncore-odd 1"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("kind", "direction", "expected"),
    [
        ("conv", "forward", (2, 3, 4)),
        ("conv", "grad_input", (2, 3, 5)),
        ("conv", "grad_filters", (3, 3, 2)),
        ("conv", "transpose", (2, 3, 5)),
        ("pool", "forward", (2, 3, 4)),
        ("pool", "grad_input", (2, 3, 5)),
        ("pool", "grad_grad", (2, 3, 4)),
    ],
)
def test_a_kernel_that_returns_a_wrong_shape_is_named(odd, backend, kind, direction, expected):
    with pytest.raises(KernelError) as caught:
        odd(backend, kind, direction, "np.zeros((7, 8, 9), np.float32)")
    message = str(caught.value)
    assert implementation(kind) in message
    assert direction.replace("transpose", "grad_input") in message
    assert ("1D convolution" if kind == "conv" else "1D max pooling") in message
    assert "shape (7, 8, 9)" in message
    assert str(expected) in message
    assert isinstance(caught.value, PluginError)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("np.zeros((x.shape[0], 3, 4), np.int32)", ["int32", "float32"]),
        ("np.zeros((x.shape[0], 3), np.float32)", ["float32"]),
        ("(x, y)", ["uple"]),
    ],
    ids=["dtype", "axes", "no array"],
)
def test_a_kernel_that_returns_another_type_is_named(odd, backend, returned, words):
    with pytest.raises(KernelError, match=implementation("conv")) as caught:
        odd(backend, "conv", "forward", returned)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_kernel_that_returns_what_it_has_to_is_let_through(odd, backend):
    result = np.asarray(odd(backend, "conv", "forward", LIKE))
    assert (result.shape, result.dtype, result.any()) == ((2, 3, 4), "float32", False)


@pytest.mark.parametrize(
    ("pad", "stride", "dilation"),
    [("same", 2, 1), ("full", 3, 2), (((2, 0), (1, 3)), (1, 2), (2, 1))],
)
def test_compiled_code_expects_the_output_of_every_geometry(pad, stride, dilation):
    import numba

    from nncore.ops.dispatch.numba import _output

    stride, dilation = (2 * (n,) if isinstance(n, int) else n for n in (stride, dilation))
    geometry = ConvGeometry((None,) * 4, (None,) * 4, stride, pad, dilation, 1, True, "float32")
    output = _output(geometry)
    # What belongs into graphs cannot be called from Python.
    call = numba.njit(lambda x, w: output(x, w))
    for taps in ((1, 2), (3, 2)):
        shapes = (2, 3, 9, 8), (4, 3, *taps)
        sized = replace(geometry, input_shape=shapes[0], filters_shape=shapes[1])
        assert call(*shapes) == sized.output_shape()


def test_an_error_of_a_kernel_survives_pickling():
    error = KernelError("it returned", (1, 2), (1, 3), ((4, 5), (6,)))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert str(error) == (
        "it returned an array of shape (1, 2) instead of (1, 3), for operands of shapes "
        "(4, 5), (6,)."
    )


BUILDING = """
from nncore.hookspecs import Implementation, hookimpl

nncore_contract = 1


class Odd(Implementation):
    name = "odd"
    kind = "conv"
    backends = ("python", "numba", "jax")

    def kernel(self, backend, direction, geometry):
        {body}


@hookimpl
def nncore_implementations():
    return [Odd()]
"""


@pytest.mark.parametrize("backend", ["python", "numba", "jax"])
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("raise SystemExit('no compiler')", "raised SystemExit: no compiler"),
        ("import a_missing_library", "raised ModuleNotFoundError: .*a_missing_library"),
        ("return 3", "gave 3, which is not callable"),
    ],
)
def test_an_implementation_that_builds_no_kernel_is_named(install, backend, body, problem):
    install(BUILDING.format(body=body), "odd")
    geometry = ConvGeometry((1, 1, 5), (1, 1, 2), (1,), ((0, 0),), (1,), 1, True, "float32")
    for name in ("odd", None):
        with pytest.raises(KernelError, match=rf"{implementation('conv')}.*{problem}") as caught:
            resolve("conv", name, backend, "grad_filters", geometry)
        for part in (f"kernel('{backend}', 'grad_filters', ...)", str(geometry), "choose another"):
            assert part in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "second"), [(ops.conv, np.ones((1, 1, 2), "float32")), (ops.pool, 2)]
)
def test_an_implementation_that_is_no_name_is_refused(operation, second):
    with pytest.raises(TypeError, match=r"mine: implementation must be a name .* not 5\."):
        operation(np.ones((1, 1, 4), "float32"), second, implementation=5, name="mine")
