"""Run after ``pip install``: the names are found through the entry point."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytensor
import pytest

from nncore import layers, random, registry, serialization


def test_everything_is_found_by_its_name() -> None:
    import shelfmade

    assert layers.SqueezeExciteLayer is shelfmade.SqueezeExciteLayer
    assert registry.get("initializer", "TruncatedNormal") is shelfmade.TruncatedNormal
    assert registry.get("conv", "fft").kind == "conv"


def test_a_gate_scales_each_channel_as_in_the_formula(tmp_path) -> None:
    random.set_rng(0)
    layer = layers.SqueezeExciteLayer((None, 6, 4, 5), ratio=2, name="gate")
    x = np.random.default_rng(0).standard_normal((3, 6, 4, 5))
    w_in, b_in, w_out, b_out = (p.get_value() for p in layer.get_params())
    hidden = np.maximum(x.mean(axis=(2, 3)) @ w_in + b_in, 0)
    gate = 1 / (1 + np.exp(-(hidden @ w_out + b_out)))
    network = layers.SqueezeExciteLayer(
        layers.InputLayer((None, 6, 4, 5)), 2, w_in, b_in, w_out, b_out
    )

    def output(network) -> np.ndarray:
        variable = layers.get_all_layers(network)[0].input_var
        expression = layers.get_output(network)
        return pytensor.function([variable], expression, mode="FAST_COMPILE")(
            x.astype(variable.dtype)
        )

    np.testing.assert_allclose(output(network), x * gate[:, :, None, None], rtol=1e-4, atol=1e-5)
    serialization.save_model(network, tmp_path / "model")
    again = serialization.load_model(tmp_path / "model").layer
    np.testing.assert_array_equal(output(again), output(network))


def test_more_squeezing_than_there_are_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="3 channels cannot be squeezed by ratio=4"):
        layers.SqueezeExciteLayer((None, 3, 8, 8), ratio=4)


def test_initial_values_have_he_s_deviation_and_no_outliers() -> None:
    random.set_rng(0)
    values = registry.get("initializer", "TruncatedNormal")()((400, 50, 3, 3))
    std = np.sqrt(2 / (50 * 9))
    assert abs(values.std() / std - 1) < 0.01
    assert abs(values).max() <= 2.28 * std
    assert abs(values.mean()) < 0.01 * std


@pytest.mark.parametrize("backend", ["python", "jax"])
def test_the_convolution_passes_the_conformance_suite(backend: str, tmp_path) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    arguments = ["--implementation", "fft", "--backend", backend, "--examples", "10"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "nncore.testing", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "groups are not implemented" in done.stdout
