from __future__ import annotations

import itertools

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

import nncore
from nncore.errors import UnknownNameError
from nncore.layers import (
    InputLayer,
    MaxPool1DLayer,
    MaxPool2DLayer,
    MaxPool3DLayer,
    Pool1DLayer,
    Pool2DLayer,
    Pool3DLayer,
    get_output,
    pool_2d,
    pool_3d,
)

rng = np.random.default_rng(0)
POOLS = {1: Pool1DLayer, 2: Pool2DLayer, 3: Pool3DLayer}
MAX_POOLS = {1: MaxPool1DLayer, 2: MaxPool2DLayer, 3: MaxPool3DLayer}


REDUCE = {
    "max": lambda p, m, axes: np.where(m, p, -np.inf).max(axes),
    "sum": lambda p, m, axes: p.sum(axes),
    "average_inc_pad": lambda p, m, axes: p.mean(axes),
    "average_exc_pad": lambda p, m, axes: p.sum(axes) / m.sum(axes),
}


def reference(x, size, stride, pads, mode, ignore_border):
    """Pool window by window, on the padded input and on a mask of what is padding."""
    n = x.ndim - 2
    widths = [(0, 0), (0, 0), *pads]
    padded = np.pad(x.astype("float64"), widths, constant_values=0)
    real = np.pad(np.ones(x.shape, bool), widths, constant_values=False)
    starts = []
    for axis in range(n):
        length = padded.shape[2 + axis]
        if ignore_border:
            starts.append(range(0, length - size[axis] + 1, stride[axis]))
        else:
            # Windows go on until one reaches the end, if they begin before the padding after it.
            found = [0]
            while found[-1] + size[axis] < length and (
                found[-1] + stride[axis] < length - pads[axis][1]
            ):
                found.append(found[-1] + stride[axis])
            starts.append(found)
    result = np.empty(x.shape[:2] + tuple(len(s) for s in starts))
    for where in itertools.product(*(range(len(s)) for s in starts)):
        window = (
            slice(None),
            slice(None),
            *(slice(starts[a][i], starts[a][i] + size[a]) for a, i in enumerate(where)),
        )
        axes = tuple(range(2, 2 + n))
        part, mask = padded[window], real[window]
        result[(slice(None), slice(None), *where)] = REDUCE[mode](part, mask, axes)
    return result


CASES = [
    (1, {"pool_size": 2}, (2,), [(0, 0)]),
    (1, {"pool_size": 3, "stride": 2, "pad": 1}, (2,), [(1, 1)]),
    (1, {"pool_size": 3, "stride": 2, "ignore_border": False}, (2,), [(0, 0)]),
    (2, {"pool_size": 2}, (2, 2), [(0, 0), (0, 0)]),
    (2, {"pool_size": (3, 2), "stride": (1, 2)}, (1, 2), [(0, 0), (0, 0)]),
    (2, {"pool_size": 3, "stride": 2, "pad": (1, 2)}, (2, 2), [(1, 1), (2, 2)]),
    (2, {"pool_size": 2, "ignore_border": False}, (2, 2), [(0, 0), (0, 0)]),
    (2, {"pool_size": 3, "stride": 3, "pad": [(0, 1), (2, 0)]}, (3, 3), [(0, 1), (2, 0)]),
    (3, {"pool_size": (2, 3, 2), "pad": 1}, (2, 3, 2), [(1, 1)] * 3),
]


@pytest.mark.parametrize(("n", "options", "stride", "pads"), CASES)
@pytest.mark.parametrize("mode", ["max", "sum", "average_inc_pad", "average_exc_pad"])
@pytest.mark.parametrize("known", [True, False])
def test_pooling_agrees_with_a_loop_over_windows(n, options, stride, pads, mode, known, fast):
    spatial = (7, 6, 5)[:n]
    shape = (None, 2, *(spatial if known else (None,) * n))
    layer = POOLS[n](InputLayer(shape), mode=mode, **options)
    x = rng.normal(size=(3, 2, *spatial)).astype("float32")
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    expected = reference(x, layer.pool_size, stride, pads, mode, layer.ignore_border)
    assert result.dtype == "float32"
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    promised = layer.output_shape
    assert all(p in (None, size) for p, size in zip(promised, result.shape, strict=True))
    assert (None in promised[2:]) == (not known)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_max_pooling_layers_are_pooling_layers_with_the_mode_fixed(n):
    layer = MAX_POOLS[n]((None, 3, *[8] * n), 3, 2, 1, ignore_border=False)
    assert isinstance(layer, POOLS[n])
    assert layer.mode == "max"
    assert layer.output_shape == (None, 3, *[5] * n)
    assert layer.pool_size == (3,) * n


def test_the_stride_is_the_window_by_default():
    assert Pool2DLayer((None, 3, 9, 8), (3, 2)).stride == (3, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool_size": 0}, "pool_size must be positive"),
        ({"pool_size": (2, 2, 2)}, "pool_size must be an integer or 2 of them"),
        ({"stride": 0}, "stride must be positive"),
        ({"pad": 2}, "pad=2 must be less than pool_size"),
        ({"pad": [(0, 2), 0]}, "must be less than pool_size"),
        ({"mode": "median"}, "mode='median' is not known"),
        ({"pool_size": 9}, r"leaves no output: input size \(8, 8\), pool size \(9, 9\).*smaller"),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=f"Pool2DLayer 'p'.*{message}"):
        Pool2DLayer((None, 6, 8, 8), **({"pool_size": 2, "name": "p"} | options))


def test_pooling_knows_no_word_for_its_padding():
    with pytest.raises(TypeError, match="pad='same' must be an integer"):
        Pool2DLayer((None, 6, 8, 8), 2, pad="same")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_input_with_another_number_of_axes_is_refused(n):
    with pytest.raises(ValueError, match=rf"Pool{n}DLayer.*it must have {n + 2}"):
        POOLS[n]((None, 3), 2)


def test_a_layer_remembers_its_implementation_or_that_of_the_block():
    assert MaxPool2DLayer((None, 3, 8, 8), 2).implementation is None
    with nncore.config.using(pool="numba", conv="reference"):
        layer = MaxPool2DLayer((None, 3, 8, 8), 2)
        other = Pool2DLayer(InputLayer((None, 3, 8, 8)), 2, implementation="reference")
    assert layer.implementation == "numba"
    assert layer.get_config()["implementation"] == "numba"
    assert get_output(other).owner.op.implementation == "reference"
    with pytest.raises(UnknownNameError, match="quick"):
        Pool2DLayer((None, 3, 8, 8), 2, implementation="quick")


def test_functions_with_theanos_argument_names(fast):
    for n, function in ((2, pool_2d), (3, pool_3d)):
        x = pt.tensor(dtype="float32", shape=(None,) * (n + 2))
        value = rng.normal(size=(1, 2, 6, 6, 6)[: n + 2]).astype("float32")
        y = function(x, ws=(2,) * n, stride=(1,) * n, mode="sum", ignore_border=True)
        result = pytensor.function([x], y, mode=fast)(value)
        expected = reference(value, (2,) * n, (1,) * n, [(0, 0)] * n, "sum", True)
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_the_shared_descriptions_are_in_every_docstring():
    for cls in (*POOLS.values(), *MAX_POOLS.values()):
        assert cls.__doc__.count("pool_size : int") == 1
        assert "<parameters>" not in cls.__doc__
