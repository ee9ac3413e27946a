from __future__ import annotations

import copy
import pickle

import numpy as np
import pytensor
import pytest

from nncore import init
from nncore.layers import (
    BatchNormLayer,
    BiasLayer,
    DenseLayer,
    InputLayer,
    LocalResponseNormalization2DLayer,
    NINLayer,
    NonlinearityLayer,
    ScaleLayer,
    StandardizationLayer,
    batch_norm,
    get_all_layers,
    get_all_params,
    get_output,
    instance_norm,
    layer_norm,
)
from nncore.nonlinearities import identity, rectify, tanh

rng = np.random.default_rng(0)
X = rng.normal(3, 2, size=(6, 3, 4)).astype("float32")


def compiled(layer, fast, **options):
    bottom = get_all_layers(layer)[0]
    return pytensor.function([bottom.input_var], get_output(layer, **options), mode=fast)


def close(a, b):
    assert a.dtype == "float32"
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 4, 7])
@pytest.mark.parametrize("n", [1, 3, 5])
def test_local_response_normalization_is_the_published_formula(channels, n, fast):
    x = rng.normal(size=(2, channels, 3, 3)).astype("float32")
    layer = LocalResponseNormalization2DLayer(
        InputLayer((None, channels, 3, 3)), alpha=0.3, k=1.5, beta=0.6, n=n
    )
    expected = np.empty_like(x)
    for c in range(channels):
        near = x[:, max(0, c - n // 2) : c + n // 2 + 1]
        expected[:, c] = x[:, c] / (1.5 + 0.3 * (near**2).sum(axis=1)) ** 0.6
    close(compiled(layer, fast)(x), expected)


def test_local_response_normalization_needs_an_odd_n():
    with pytest.raises(NotImplementedError, match="n=4 must be odd"):
        LocalResponseNormalization2DLayer((None, 3, 4, 4), n=4)


def expected_statistics(x, axes, epsilon=1e-4):
    x = x.astype("float64")
    return x.mean(axes), 1 / np.sqrt(x.var(axes) + epsilon)


@pytest.mark.parametrize("axes", ["auto", (0, 2), (0,), (0, 1, 2), 0, (0, -1)])
def test_batch_norm_layer_normalizes_over_its_axes(axes, fast):
    layer = BatchNormLayer(
        InputLayer((None, 3, 4)), axes, epsilon=0.1, beta=init.Normal(1.0), gamma=init.Normal(1.0)
    )
    over = {"auto": (0, 2), 0: (0,), (0, -1): (0, 2)}.get(axes, axes)
    assert layer.axes == over
    mean, inv_std = expected_statistics(X, over, 0.1)
    beta, gamma = layer.beta.get_value(), layer.gamma.get_value()
    assert beta.shape == mean.shape

    def wide(v):
        return np.expand_dims(v, over)

    expected = (X - wide(mean)) * wide(gamma * inv_std) + wide(beta)
    close(compiled(layer, fast)(X), expected)


def test_batch_norm_layer_updates_its_averages_at_every_training_call(fast):
    layer = BatchNormLayer(InputLayer((None, 3, 4)), alpha=0.3)
    train = compiled(layer, fast)
    mean, inv_std = np.zeros(3), np.ones(3)
    for scale in (1, 2, 3):
        train(scale * X)
        newest = expected_statistics(scale * X, (0, 2))
        mean = 0.7 * mean + 0.3 * newest[0]
        inv_std = 0.7 * inv_std + 0.3 * newest[1]
        close(layer.mean.get_value(), mean)
        close(layer.inv_std.get_value(), inv_std)


def test_batch_norm_layer_uses_its_averages_when_deterministic(fast):
    mean, inv_std = np.array([1.0, 2, 3]), np.array([0.5, 1, 2])
    layer = BatchNormLayer(InputLayer((None, 3, 4)), mean=mean, inv_std=inv_std)
    result = compiled(layer, fast, deterministic=True)(X)
    close(result, (X - mean[:, None]) * inv_std[:, None])
    close(layer.mean.get_value(), mean)
    close(layer.inv_std.get_value(), inv_std)


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("use", [True, False, None])
@pytest.mark.parametrize("update", [True, False, None])
def test_use_and_update_of_the_averages_are_set_apart(deterministic, use, update, fast):
    layer = BatchNormLayer(InputLayer((None, 3, 4)), mean=np.ones(3))
    f = compiled(
        layer,
        fast,
        deterministic=deterministic,
        batch_norm_use_averages=use,
        batch_norm_update_averages=update,
    )
    result = f(X)
    batch = expected_statistics(X, (0, 2))
    mean, inv_std = (np.ones(3), np.ones(3)) if (deterministic if use is None else use) else batch
    close(result, (X - mean[:, None]) * inv_std[:, None])
    changed = (not deterministic) if update is None else update
    close(layer.mean.get_value(), 0.9 + 0.1 * batch[0] if changed else np.ones(3))
    close(layer.inv_std.get_value(), 0.9 + 0.1 * batch[1] if changed else np.ones(3))


def test_the_averages_are_updated_in_the_default_mode_too():
    layer = BatchNormLayer(InputLayer((None, 3, 4)))
    f = pytensor.function(
        [layer.input_layer.input_var],
        get_output(layer),
        mode=pytensor.compile.mode.Mode(linker="py", optimizer="fast_run"),
    )
    f(X)
    close(layer.mean.get_value(), 0.1 * expected_statistics(X, (0, 2))[0])
    assert layer.mean.type.shape == (3,)


def test_training_recovers_averages_that_are_not_finite_in_the_output_at_least(fast):
    layer = BatchNormLayer(InputLayer((None, 3, 4)), mean=np.full(3, np.nan))
    assert np.isfinite(compiled(layer, fast)(X)).all()


def test_reading_the_averages_elsewhere_does_not_update_them(fast):
    layer = BatchNormLayer(InputLayer((None, 3, 4)))
    get_output(layer)
    assert layer.mean.default_update is None
    pytensor.function([], layer.mean + 1, mode=fast)()
    close(layer.mean.get_value(), np.zeros(3))


def test_a_copied_network_leaves_the_originals_averages_alone(fast):
    layer = BatchNormLayer(InputLayer((None, 3, 4)))
    compiled(layer, fast)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        compiled(twin, fast)(X)
        close(twin.mean.get_value(), 0.1 * expected_statistics(X, (0, 2))[0])
        close(layer.mean.get_value(), np.zeros(3))


def test_shared_averages_of_unknown_static_shape_are_updated(fast):
    mean = pytensor.shared(np.zeros(3, "float32"))
    layer = BatchNormLayer(InputLayer((None, 3, 4)), mean=mean)
    compiled(layer, fast)(X)
    close(mean.get_value(), 0.1 * expected_statistics(X, (0, 2))[0])


def test_one_channel_and_unknown_axes_keep_the_static_types(fast):
    layer = BatchNormLayer(InputLayer((None, 1, None)))
    compiled(layer, fast)(X[:, :1])
    close(layer.mean.get_value(), 0.1 * expected_statistics(X[:, :1], (0, 2))[0])


def test_batch_norm_layers_parameters_have_their_tags():
    layer = BatchNormLayer((None, 3, 4))
    assert layer.get_params(trainable=True) == [layer.beta, layer.gamma]
    assert layer.get_params(batch_norm_stat=True) == [layer.mean, layer.inv_std]
    assert layer.get_params(regularizable=True) == []
    layer = BatchNormLayer((None, 3, 4), beta=None, gamma=None)
    assert layer.get_params(trainable=True) == []
    assert layer.beta is None


def test_batch_norm_layer_without_beta_and_gamma_only_normalizes(fast):
    layer = BatchNormLayer(InputLayer((None, 3, 4)), beta=None, gamma=None)
    result = compiled(layer, fast)(X)
    np.testing.assert_allclose(result.mean((0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(result.std((0, 2)), 1, rtol=1e-3)


def test_batch_norm_layer_needs_fixed_sizes_for_its_parameters():
    with pytest.raises(ValueError, match=r"BatchNormLayer 'bn' needs fixed sizes"):
        BatchNormLayer((2, None, 4), name="bn")
    with pytest.raises(ValueError, match="axes='all' is not known"):
        BatchNormLayer((2, 3, 4), axes="all")
    with pytest.raises(ValueError, match="axes=3 must be among the 3 axes"):
        BatchNormLayer((2, 3, 4), axes=3)


def test_batch_norm_moves_the_nonlinearity_and_removes_the_bias():
    dense = DenseLayer(InputLayer((None, 3)), 2, nonlinearity=tanh, name="hidden")
    top = batch_norm(dense, epsilon=0.5)
    bn = top.input_layer
    assert isinstance(top, NonlinearityLayer)
    assert top.nonlinearity is tanh
    assert bn.epsilon == 0.5
    assert (bn.name, top.name) == ("hidden_bn", "hidden_bn_nonlin")
    assert dense.nonlinearity is identity
    assert dense.b is None
    assert get_all_params(top, trainable=True) == [dense.W, bn.beta, bn.gamma]
    assert batch_norm(DenseLayer((None, 3), 2), name="other").name == "other_nonlin"


def test_batch_norm_of_a_layer_without_nonlinearity_is_a_batch_norm_layer():
    assert isinstance(batch_norm(InputLayer((None, 3))), BatchNormLayer)


@pytest.mark.parametrize(
    ("axes", "over"),
    [("auto", (2, 3)), ("spatial", (2, 3)), ("features", (1, 2, 3)), (1, (1,)), ((-1,), (3,))],
)
def test_standardization_is_per_item(axes, over, fast):
    x = rng.normal(3, 2, size=(2, 3, 4, 5)).astype("float32")
    layer = StandardizationLayer(InputLayer((None, 3, 4, 5)), axes, epsilon=0.01)
    expected = (x - x.mean(over, keepdims=True)) / np.sqrt(x.var(over, keepdims=True) + 0.01)
    close(compiled(layer, fast)(x), expected)


def test_standardization_of_two_axes_is_over_the_features():
    assert StandardizationLayer((None, 3)).axes == (1,)


def test_instance_norm_has_the_parts_that_were_asked_for(fast):
    x = rng.normal(3, 2, size=(2, 3, 4, 5)).astype("float32")

    def build(**kwargs):
        return instance_norm(NINLayer(InputLayer((None, 3, 4, 5)), 2, name="nin"), **kwargs)

    def kinds(top):
        return [type(layer) for layer in get_all_layers(top)[2:]]

    top = build()
    assert kinds(top) == [StandardizationLayer, ScaleLayer, BiasLayer, NonlinearityLayer]
    assert [layer.name for layer in get_all_layers(top)[2:]] == [
        "nin_in",
        "nin_in_scale",
        "nin_in_bias",
        "nin_in_nonlin",
    ]
    assert kinds(build(learn_scale=False)) == [StandardizationLayer, BiasLayer, NonlinearityLayer]
    assert kinds(build(learn_bias=False)) == [StandardizationLayer, ScaleLayer, NonlinearityLayer]
    product = np.einsum("ncij,cf->nfij", x, get_all_layers(top)[1].W.get_value())
    normal = (product - product.mean((2, 3), keepdims=True)) / np.sqrt(
        product.var((2, 3), keepdims=True) + 1e-4
    )
    close(compiled(top, fast)(x), np.maximum(normal, 0))


def test_layer_norm_normalizes_over_all_features(fast):
    x = rng.normal(3, 2, size=(5, 3)).astype("float32")
    dense = DenseLayer(InputLayer((None, 3)), 4, name="d")
    top = layer_norm(dense)
    assert top.nonlinearity is rectify
    assert top.name == "d_ln_nonlin"
    product = x @ dense.W.get_value()
    normal = (product - product.mean(1, keepdims=True)) / np.sqrt(
        product.var(1, keepdims=True) + 1e-4
    )
    close(compiled(top, fast)(x), np.maximum(normal, 0))


@pytest.mark.jax
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")
def test_normalization_compiles_with_jax_and_updates_its_averages():
    pytest.importorskip("jax")
    layer = BatchNormLayer(InputLayer((None, 3, 4)))
    f = pytensor.function([layer.input_layer.input_var], get_output(layer), mode="JAX")
    for _ in range(2):
        result = np.asarray(f(X))
    np.testing.assert_allclose(result.mean((0, 2)), 0, atol=1e-5)
    expected = expected_statistics(X, (0, 2))[0] * (0.1 + 0.9 * 0.1)
    np.testing.assert_allclose(np.asarray(layer.mean.get_value()), expected, rtol=1e-4)
    x = rng.normal(size=(2, 4, 3, 3)).astype("float32")
    layer = LocalResponseNormalization2DLayer(InputLayer((None, 4, 3, 3)))
    f = pytensor.function([layer.input_layer.input_var], get_output(layer), mode="JAX")
    assert np.asarray(f(x)).shape == x.shape
