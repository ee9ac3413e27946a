from __future__ import annotations

import numpy as np
import pytensor
import pytest

from nncore.layers import (
    InputLayer,
    Upscale1DLayer,
    Upscale2DLayer,
    Upscale3DLayer,
    get_output,
)

LAYERS = {1: Upscale1DLayer, 2: Upscale2DLayer, 3: Upscale3DLayer}


@pytest.mark.parametrize(
    ("n", "factor", "factors"),
    [(1, 3, (3,)), (2, 2, (2, 2)), (2, (1, 3), (1, 3)), (3, (2, 1, 3), (2, 1, 3))],
)
@pytest.mark.parametrize("mode", ["repeat", "dilate"])
@pytest.mark.parametrize("known", [True, False])
def test_elements_are_repeated_or_followed_by_zeros(n, factor, factors, mode, known, fast):
    spatial = (2, 3, 4)[:n]
    x = np.random.default_rng(0).normal(size=(2, 3, *spatial)).astype("float32")
    if mode == "repeat":
        expected = x
        for axis, times in enumerate(factors, start=2):
            expected = expected.repeat(times, axis)
    else:
        expected = np.zeros((2, 3, *(s * f for s, f in zip(spatial, factors, strict=True))))
        expected[(..., *(slice(None, None, f) for f in factors))] = x
    layer = LAYERS[n](InputLayer((None, 3, *(spatial if known else (None,) * n))), factor, mode)
    result = pytensor.function([layer.input_layer.input_var], get_output(layer), mode=fast)(x)
    assert result.dtype == "float32"
    np.testing.assert_array_equal(result, expected)
    assert layer.output_shape[2:] == (expected.shape[2:] if known else (None,) * n)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale_factor": 0}, "scale_factor must be positive"),
        ({"scale_factor": (1, 2, 3)}, "scale_factor must be an integer or 2 of them"),
        ({"mode": "nearest"}, "mode='nearest' is not known; use 'repeat' or 'dilate'"),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=f"Upscale2DLayer.*{message}"):
        Upscale2DLayer((None, 3, 4, 4), **({"scale_factor": 2} | options))
    with pytest.raises(ValueError, match=r"Upscale2DLayer.*it must have 4"):
        Upscale2DLayer((None, 3, 4), 2)


@pytest.mark.jax
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
@pytest.mark.parametrize("mode", ["repeat", "dilate"])
def test_upscaling_compiles_with_jax_for_any_batch_size(mode):
    pytest.importorskip("jax")
    layer = Upscale2DLayer(InputLayer((None, 3, 4, 5)), 2, mode)
    x = layer.input_layer.input_var
    y = get_output(layer)
    f = pytensor.function([x], [y, pytensor.grad(y.sum(), x)], mode="JAX")
    for batch in (2, 3):
        y, gradient = f(np.ones((batch, 3, 4, 5), "float32"))
        assert y.shape == (batch, 3, 8, 10)
        np.testing.assert_array_equal(gradient, 4.0 if mode == "repeat" else 1.0)
