"""Autoencoders of one layer, against formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import nonlinearities
from nncore.errors import UnknownNameError
from nncore.models.sda import ContractiveAutoencoder, DenoisingAutoencoder

RNG = np.random.default_rng(3)
X = RNG.random((7, 5)).astype("float32")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def parts(autoencoder):
    W, b, b_visible = (p.get_value().astype("float64") for p in autoencoder.params[:3])
    return W, b, b_visible


@pytest.fixture
def built():
    return DenoisingAutoencoder(
        5, 3, W=RNG.normal(size=(5, 3)), b=RNG.normal(size=3), b_visible=RNG.normal(size=5)
    )


def test_the_loss_is_the_cross_entropy_summed_over_units_and_averaged_over_samples(built):
    W, b, b_visible = parts(built)
    z = sigmoid(sigmoid(X @ W + b) @ W.T + b_visible)
    expected = -(X * np.log(z) + (1 - X) * np.log(1 - z)).sum(axis=1).mean()
    loss = built.get_loss(pt.constant(X), deterministic=True)
    assert loss.dtype == "float32"
    np.testing.assert_allclose(loss.eval(), expected, rtol=1e-5)


def test_the_gradient_of_tied_weights_has_the_part_of_either_layer(fast):
    autoencoder = DenoisingAutoencoder(5, 3, None, W=RNG.normal(size=(5, 3)))
    W, b, b_visible = parts(autoencoder)
    x = pt.matrix("x")
    _, updates = autoencoder.get_cost_updates(x, learning_rate=0.5)
    pytensor.function([x], [], updates=updates, mode=fast)(X)
    h = sigmoid(X @ W + b)
    d_out = (sigmoid(h @ W.T + b_visible) - X) / len(X)
    d_hidden = d_out @ W * h * (1 - h)
    for param, before, gradient in zip(
        autoencoder.params,
        (W, b, b_visible),
        (X.T @ d_hidden + d_out.T @ h, d_hidden.sum(axis=0), d_out.sum(axis=0)),
        strict=True,
    ):
        np.testing.assert_allclose(param.get_value(), before - 0.5 * gradient, rtol=2e-5, atol=1e-6)
        assert param.get_value().dtype == np.float32


def test_with_another_visible_nonlinearity_the_loss_is_the_squared_error():
    autoencoder = DenoisingAutoencoder(5, 3, visible_nonlinearity=None, tied=False)
    W, b, b_visible = parts(autoencoder)
    back = autoencoder.decoder.W.get_value()
    assert back.shape == (3, 5)
    assert autoencoder.decoder.W in autoencoder.params
    expected = np.square(sigmoid(X @ W + b) @ back + b_visible - X).sum(axis=1).mean()
    loss = autoencoder.get_loss(pt.constant(X), deterministic=True)
    np.testing.assert_allclose(loss.eval(), expected, rtol=1e-5)


def test_corruption_sets_its_share_of_the_inputs_to_zero_and_changes_no_other(fast):
    autoencoder = DenoisingAutoencoder(40, 3, corruption=0.25)
    from nncore.layers import get_output

    x = pt.matrix("x")
    noisy = get_output(autoencoder.encoder.input_layer, {autoencoder.input_layer: x})
    corrupt = pytensor.function([x], noisy, mode=fast)
    ones = np.full((500, 40), 2.0, dtype="float32")
    first, second = corrupt(ones), corrupt(ones)
    assert set(np.unique(first)) == {0.0, 2.0}
    # 20,000 draws: four standard deviations are 0.012.
    assert (first == 0).mean() == pytest.approx(0.25, abs=0.013)
    assert (first != second).any()
    autoencoder.set_corruption(0.0)
    np.testing.assert_array_equal(corrupt(ones), ones)


def test_what_is_encoded_and_decoded_is_not_corrupted(built, fast):
    x = pt.matrix("x")
    restored = built.get_reconstructed_input(built.get_hidden_values(x))
    function = pytensor.function([x], restored, mode=fast)
    np.testing.assert_array_equal(function(X), function(X))
    W, b, b_visible = parts(built)
    np.testing.assert_allclose(
        function(X), sigmoid(sigmoid(X @ W + b) @ W.T + b_visible), rtol=1e-5
    )


def test_images_are_restored_as_rows():
    autoencoder = DenoisingAutoencoder((None, 1, 2, 3), 4)
    images = pt.tensor4("images")
    loss = autoencoder.get_loss(images, deterministic=True)
    pixels = RNG.random((5, 1, 2, 3)).astype("float32")
    rows = DenoisingAutoencoder(6, 4, W=autoencoder.encoder.W, b=autoencoder.encoder.b)
    expected = rows.get_loss(pt.constant(pixels.reshape(5, 6)), deterministic=True)
    np.testing.assert_allclose(loss.eval({images: pixels}), expected.eval(), rtol=1e-6)


@pytest.mark.parametrize("level", [-0.1, 1.0, float("nan")])
def test_a_level_of_corruption_that_is_no_probability_is_refused(level):
    with pytest.raises(ValueError, match="corruption="):
        DenoisingAutoencoder(5, 3, level)
    with pytest.raises(ValueError, match="corruption="):
        DenoisingAutoencoder(5, 3).set_corruption(level)


def test_the_level_of_an_autoencoder_without_corruption_cannot_be_set():
    with pytest.raises(ValueError, match="corruption=None"):
        DenoisingAutoencoder(5, 3, None).set_corruption(0.5)


def test_an_unknown_update_rule_is_refused(built):
    with pytest.raises(UnknownNameError, match="adm"):
        built.get_cost_updates(pt.matrix(), updates="adm")


@pytest.mark.parametrize("nonlinearity", [nonlinearities.sigmoid, nonlinearities.tanh])
def test_the_contraction_is_the_squared_frobenius_norm_of_the_jacobian(nonlinearity):
    autoencoder = ContractiveAutoencoder(
        5, 3, W=RNG.normal(size=(5, 3)), b=RNG.normal(size=3), nonlinearity=nonlinearity
    )
    W, b, _ = parts(autoencoder)
    act = sigmoid if nonlinearity is nonlinearities.sigmoid else np.tanh
    step = 1e-5
    norms = []
    for x in X.astype("float64"):
        columns = [
            (act((x + step * e) @ W + b) - act((x - step * e) @ W + b)) / (2 * step)
            for e in np.eye(5)
        ]
        norms.append(np.square(columns).sum())
    norm = autoencoder.get_jacobian_norm(pt.constant(X))
    np.testing.assert_allclose(norm.eval(), np.mean(norms), rtol=1e-4)


def test_the_contraction_is_in_the_gradient(fast):
    plain = DenoisingAutoencoder(5, 3, None, W=RNG.normal(size=(5, 3)))
    W, b, _ = parts(plain)
    contractive = ContractiveAutoencoder(5, 3, contraction=0.7, W=W, b=b)
    x = pt.matrix("x")
    for autoencoder in (plain, contractive):
        cost, updates = autoencoder.get_cost_updates(x, learning_rate=1.0)
        pytensor.function([x], cost, updates=updates, mode=fast)(X)

    def penalty(W):
        h = sigmoid(X @ W + b)
        return 0.7 * (np.square(h * (1 - h)) @ np.square(W).sum(axis=0)).mean()

    numeric = np.zeros_like(W)
    for place in np.ndindex(W.shape):
        shift = np.zeros_like(W)
        shift[place] = 1e-5
        numeric[place] = (penalty(W + shift) - penalty(W - shift)) / 2e-5
    difference = plain.encoder.W.get_value() - contractive.encoder.W.get_value()
    np.testing.assert_allclose(difference, numeric, rtol=1e-3, atol=1e-5)


def test_a_negative_contraction_is_refused():
    with pytest.raises(ValueError, match="contraction=-1"):
        ContractiveAutoencoder(5, 3, contraction=-1)


def test_a_twin_is_of_the_same_kind_with_weights_of_its_own():
    first = ContractiveAutoencoder(5, 3, contraction=0.3)
    twin = first.twin()
    assert twin.kind == first.kind
    assert twin.contraction == 0.3
    assert not set(twin.params) & set(first.params)
