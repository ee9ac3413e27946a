from __future__ import annotations

import math

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import layers
from nncore.backends import get_mode
from nncore.layers import (
    DenseLayer,
    InputLayer,
    TPSTransformerLayer,
    TransformerLayer,
    get_all_params,
    get_output,
)

rng = np.random.default_rng(0)
BORDER_MODES = ["nearest", "mirror", "wrap"]


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def element(i, size, border_mode):
    """Walk along an axis to the element that stands at a position outside of the image."""
    if border_mode == "nearest":
        return min(max(i, 0), size - 1)
    if border_mode == "wrap":
        return i % size
    while not 0 <= i < size:
        if size == 1:
            return 0
        i = -i if i < 0 else 2 * (size - 1) - i
    return i


def sample(image, x, y, border_mode):
    """One bilinear sample; x and y in elements."""
    rows, columns = image.shape[-2:]
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            weight = (1 - abs(y - row)) * (1 - abs(x - column))
            at = (element(row, rows, border_mode), element(column, columns, border_mode))
            total = total + weight * image[:, at[0], at[1]]
    return total


def resampled(images, place, size, border_mode):
    """Sample every image where ``place(number, x, y)`` says, in coordinates from -1 to 1."""
    rows, columns = images.shape[2:]
    result = np.zeros((*images.shape[:2], *size))
    for number, image in enumerate(images.astype("float64")):
        for i, y in enumerate(np.linspace(-1, 1, size[0])):
            for j, x in enumerate(np.linspace(-1, 1, size[1])):
                to_x, to_y = place(number, x, y)
                to_x, to_y = (to_x + 1) / 2 * (columns - 1), (to_y + 1) / 2 * (rows - 1)
                result[number, :, i, j] = sample(image, to_x, to_y, border_mode)
    return result


def affine(theta):
    def place(number, x, y):
        return theta[number].reshape(2, 3) @ [x, y, 1]

    return place


def build(cls, shape, width, **options):
    source, control = InputLayer(shape), InputLayer((shape[0], width))
    return cls(source, control, **options), [source.input_var, control.input_var]


@pytest.mark.parametrize("border_mode", BORDER_MODES)
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("factor", [1, (2, 1.5), 0.5])
def test_an_affine_map_is_sampled_bilinearly(border_mode, known, factor, fast):
    shape = (None, 3, 6, 5) if known else (None, 3, None, None)
    layer, inputs = build(
        TransformerLayer, shape, 6, downsample_factor=factor, border_mode=border_mode
    )
    size = {1: (6, 5), (2, 1.5): (3, 3), 0.5: (12, 10)}[factor]
    x, theta = normal(2, 3, 6, 5), 1.3 * normal(2, 6)
    result = pytensor.function(inputs, get_output(layer), mode=fast)(x, theta)
    assert result.dtype == "float32"
    assert layer.output_shape == (None, 3, *(size if known else (None, None)))
    expected = resampled(x, affine(theta), size, border_mode)
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)


def test_the_identity_map_gives_the_image_back(fast):
    layer, inputs = build(TransformerLayer, (2, 3, 6, 5), 6)
    x = normal(2, 3, 6, 5)
    theta = np.tile(np.array([1, 0, 0, 0, 1, 0], "float32"), (2, 1))
    result = pytensor.function(inputs, get_output(layer), mode=fast)(x, theta)
    np.testing.assert_allclose(result, x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("border_mode", BORDER_MODES)
def test_an_image_of_one_element_fills_everything(border_mode, fast):
    for shape in ((1, 1, 1, 1), (1, 1, None, None)):
        layer, inputs = build(TransformerLayer, shape, 6, border_mode=border_mode)
        value = np.full((1, 1, 1, 1), 3.5, "float32")
        result = pytensor.function(inputs, get_output(layer), mode=fast)(value, normal(1, 6))
        np.testing.assert_allclose(result, value, rtol=1e-5)


@pytest.mark.parametrize("border_mode", BORDER_MODES)
def test_a_map_that_is_not_a_number_gives_no_number_and_reads_nothing_else(border_mode, fast):
    layer, inputs = build(TransformerLayer, (2, 1, 3, 3), 6, border_mode=border_mode)
    theta = np.zeros((2, 6), "float32")
    theta[1] = np.nan
    result = pytensor.function(inputs, get_output(layer), mode=fast)(normal(2, 1, 3, 3), theta)
    assert np.isfinite(result[0]).all()
    assert np.isnan(result[1]).all()


@pytest.mark.parametrize("border_mode", BORDER_MODES)
@pytest.mark.parametrize("cls", [TransformerLayer, TPSTransformerLayer])
def test_gradients_agree_with_finite_differences(cls, border_mode, fast):
    with pytensor.config.change_flags(floatX="float64"):
        width = 6 if cls is TransformerLayer else 18
        options = {} if cls is TransformerLayer else {"control_points": 9}
        layer, inputs = build(cls, (2, 2, 5, 4), width, border_mode=border_mode, **options)
        loss = (get_output(layer) ** 2).sum()
        function = pytensor.function(inputs, [loss, *pytensor.grad(loss, inputs)], mode=fast)
        x, theta = rng.normal(size=(2, 2, 5, 4)), 0.4 * rng.normal(size=(2, width))
        along = rng.normal(size=x.shape), rng.normal(size=theta.shape)
        _, by_x, by_theta = function(x, theta)
        ends = [function(x + s * along[0], theta + s * along[1])[0] for s in (1e-6, -1e-6)]
    slope = (by_x * along[0]).sum() + (by_theta * along[1]).sum()
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-4)


def spline(offsets, side):
    """Solve Bookstein's equations for each image, in their own order."""
    line = np.linspace(-1, 1, side)
    points = np.array([(x, y) for y in line for x in line])

    def u(r):
        return 0.0 if r == 0 else r**2 * math.log(r**2)

    n = len(points)
    k = np.array([[u(math.dist(p, q)) for q in points] for p in points])
    p = np.hstack([np.ones((n, 1)), points])
    system = np.block([[k, p], [p.T, np.zeros((3, 3))]])
    solved = []
    for one in offsets.reshape(len(offsets), 2, n):
        target = np.vstack([points + one.T, np.zeros((3, 2))])
        solved.append(np.linalg.solve(system, target))

    def place(number, x, y):
        basis = [u(math.dist((x, y), q)) for q in points]
        return np.array([*basis, 1, x, y]) @ solved[number]

    return place


@pytest.mark.parametrize("precompute", ["auto", True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("side", "factor"), [(2, 1), (3, (1, 2)), (4, 1)])
def test_a_thin_plate_spline_is_sampled_bilinearly(precompute, known, side, factor, fast):
    if precompute is True and not known:
        return
    shape = (None, 2, 6, 5) if known else (None, 2, None, None)
    layer, inputs = build(
        TPSTransformerLayer,
        shape,
        2 * side**2,
        control_points=side**2,
        downsample_factor=factor,
        precompute_grid=precompute,
        border_mode="mirror",
    )
    assert layer.precompute_grid == (known if precompute == "auto" else precompute)
    x, offsets = normal(2, 2, 6, 5), 0.3 * normal(2, 2 * side**2)
    result = pytensor.function(inputs, get_output(layer), mode=fast)(x, offsets)
    assert result.dtype == "float32"
    size = (6, 5) if factor == 1 else (6, 2)
    expected = resampled(x, spline(offsets, side), size, "mirror")
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precompute", [True, False])
def test_a_spline_without_offsets_gives_the_image_back(precompute, fast):
    layer, inputs = build(TPSTransformerLayer, (2, 1, 6, 5), 32, precompute_grid=precompute)
    x = normal(2, 1, 6, 5)
    result = pytensor.function(inputs, get_output(layer), mode=fast)(x, np.zeros((2, 32), "f"))
    np.testing.assert_allclose(result, x, rtol=1e-3, atol=1e-4)


def test_whole_numbers_are_interpolated_as_floats(fast):
    source = InputLayer((1, 1, 3, 3), pt.tensor4(dtype="uint8"))
    control = InputLayer((1, 6))
    output = get_output(TransformerLayer(source, control))
    function = pytensor.function([source.input_var, control.input_var], output, mode=fast)
    image = np.arange(9, dtype="uint8").reshape(1, 1, 3, 3)
    result = function(image, np.array([[1, 0, 0.5, 0, 1, 0]], "float32"))
    assert result.dtype == "float32"
    np.testing.assert_allclose(result[0, 0, 0], [0.5, 1.5, 2.0])


def test_the_parameters_of_the_localization_network_are_found():
    source = InputLayer((None, 1, 4, 4))
    network = DenseLayer(source, 6, nonlinearity=None)
    layer = TransformerLayer(source, network)
    assert get_all_params(layer) == [network.W, network.b]
    assert layers.special.TransformerLayer is TransformerLayer
    assert layers.special.TPSTransformerLayer is TPSTransformerLayer


@pytest.mark.parametrize(
    ("cls", "shape", "width", "options", "message"),
    [
        (TransformerLayer, (2, 3, 8), 6, {}, r"'t'.*must have 4"),
        (TransformerLayer, (2, 3, 8, 8), 5, {}, r"\(batch, 6\), not \(2, 5\)"),
        (TransformerLayer, (2, 3, 8, 8), 6, {"border_mode": "zero"}, "border_mode='zero'"),
        (TransformerLayer, (2, 3, 8, 8), 6, {"downsample_factor": 0}, "downsample_factor=0"),
        (TransformerLayer, (2, 3, 8, 8), 6, {"downsample_factor": 9}, "at least one row"),
        (TPSTransformerLayer, (2, 3, 8, 8), 30, {}, r"\(batch, 32\), not \(2, 30\)"),
        (TPSTransformerLayer, (2, 3, 8, 8), 16, {"control_points": 8}, "control_points=8"),
        (TPSTransformerLayer, (2, 3, 8, 8), 2, {"control_points": 1}, "control_points=1"),
        (TPSTransformerLayer, (2, 3, 8, None), 32, {"precompute_grid": True}, "fixed rows"),
        (TPSTransformerLayer, (2, 3, 8, 8), 32, {"precompute_grid": "yes"}, "'auto'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(cls, shape, width, options, message):
    with pytest.raises(ValueError, match=message):
        cls(shape, (2, width), name="t", **options)


@pytest.mark.jax
@pytest.mark.parametrize(
    ("cls", "shape", "border_mode"),
    [
        (TransformerLayer, (None, 2, 6, 5), "nearest"),
        (TransformerLayer, (None, None, None, None), "mirror"),
        (TransformerLayer, (None, 2, None, None), "wrap"),
        (TPSTransformerLayer, (None, 2, 6, 5), "mirror"),
        (TPSTransformerLayer, (None, None, None, None), "wrap"),
    ],
)
def test_values_and_gradients_under_jax_are_those_of_the_reference(cls, shape, border_mode, fast):
    pytest.importorskip("jax")
    width = 6 if cls is TransformerLayer else 32
    layer, inputs = build(cls, shape, width, downsample_factor=2, border_mode=border_mode)
    output = get_output(layer)
    outputs = [output, *pytensor.grad((output**2).mean(), inputs)]
    values = normal(3, 2, 6, 5), 0.5 * normal(3, width)
    expected = pytensor.function(inputs, outputs, mode=fast)(*values)
    found = pytensor.function(inputs, outputs, mode=get_mode("jax"))(*values)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == "float32"
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
