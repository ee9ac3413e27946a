from __future__ import annotations

import importlib.util
import pickle

import numpy as np
import pytensor
import pytest

import nncore
from nncore import serialization
from nncore.backends import get_mode
from nncore.errors import ImplementationUnavailable
from nncore.layers import Conv2DLayer, InputLayer, get_output
from nncore_corrmm import Conv2DMMLayer

OPTIONS = {"stride": (2, 1), "pad": "same", "num_groups": 2, "dilation": (1, 2)}


def build(**options):
    return Conv2DMMLayer(InputLayer((None, 4, 9, 8)), 6, (3, 2), **OPTIONS | options)


def function(layer, mode):
    output = get_output(layer, deterministic=True)
    return pytensor.function([nncore.layers.get_all_layers(layer)[0].input_var], output, mode=mode)


def test_its_defaults_are_those_of_lasagne():
    layer = Conv2DMMLayer((None, 3, 8, 8), 4, 3)
    assert (layer.stride, layer.pad, layer.flip_filters) == ((1, 1), (0, 0), False)
    assert (layer.num_groups, layer.dilation, layer.untie_biases) == (1, (1, 1), False)
    assert layer.nonlinearity is nncore.nonlinearities.rectify
    assert (layer.implementation, layer.max_workspace) == ("corrmm", None)


def test_it_is_found_by_its_name_in_the_list_of_layers(capsys):
    from nncore.layers import Conv2DMMLayer as found

    assert found is Conv2DMMLayer
    nncore.summary(build(name="conv"))
    assert "conv   Conv2DMM  (None, 6, 5, 8)" in capsys.readouterr().out


@pytest.mark.jax
def test_it_computes_what_the_core_s_layer_computes(fast):
    pytest.importorskip("jax")
    layer = build(max_workspace=500)
    same = Conv2DLayer(
        layer.input_layer, 6, (3, 2), W=layer.W, b=layer.b, flip_filters=False, **OPTIONS
    )
    x = np.random.default_rng(0).standard_normal((3, 4, 9, 8)).astype("float32")
    actual = function(layer, get_mode("jax"))(x)
    np.testing.assert_allclose(actual, function(same, fast)(x), rtol=1e-4, atol=1e-5)


@pytest.mark.jax
def test_it_learns(fast):
    pytest.importorskip("jax")

    def train(implementation, mode):
        layer = Conv2DMMLayer(
            InputLayer((5, 1, 6, 6)), 2, 3, W=W, max_workspace=1000, implementation=implementation
        )
        loss = (get_output(layer) ** 2).mean()
        updates = nncore.updates.sgd(loss, layer.get_params(), 0.1)
        step = pytensor.function([layer.input_layer.input_var], loss, updates=updates, mode=mode)
        x = np.random.default_rng(0).standard_normal((5, 1, 6, 6)).astype("float32")
        return [float(step(x)) for _ in range(3)]

    W = np.random.default_rng(1).standard_normal((2, 1, 3, 3)).astype("float32")
    losses = train("corrmm", get_mode("jax"))
    np.testing.assert_allclose(losses, train("auto", fast), rtol=1e-5)
    assert losses[2] < losses[0]


def test_the_option_of_a_layer_goes_into_its_operation():
    op = get_output(build(max_workspace=500, nonlinearity=None, b=None)).owner.op
    assert op.options == (("max_workspace", 500),)
    assert get_output(build(nonlinearity=None, b=None)).owner.op.options == ()
    with pytest.raises(ValueError, match="positive number of bytes, not 0"):
        build(max_workspace=0)


def test_it_survives_a_pickle_and_a_model_file(tmp_path, fast):
    layer = build(max_workspace=500, implementation="auto")
    x = np.random.default_rng(0).standard_normal((3, 4, 9, 8)).astype("float32")
    expected = function(layer, fast)(x)
    serialization.save_model(layer, tmp_path / "model")
    loaded = serialization.load_model(tmp_path / "model").layer
    for copy in (pickle.loads(pickle.dumps(layer)), loaded):
        assert isinstance(copy, Conv2DMMLayer)
        assert (copy.max_workspace, copy.implementation) == (500, "auto")
        np.testing.assert_array_equal(function(copy, fast)(x), expected)


def test_compiling_it_for_another_backend_names_what_would_work(fast):
    with pytest.raises(ImplementationUnavailable, match="no kernel for the python") as caught:
        function(build(), fast)
    assert "reference" in caught.value.alternatives


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="JAX is installed")
def test_without_jax_the_reason_says_what_to_install():
    from nncore_corrmm.implementation import CorrMMConvolution

    answer = CorrMMConvolution().availability()
    assert "JAX is not installed (pip install" in answer.reason
