from __future__ import annotations

import io

import numpy as np
import pytest

from nncore.reporting import plots
from nncore.training.records import EpochRecord

image = pytest.importorskip("PIL.Image")


def pixels(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return np.asarray(image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def orange(png):
    """The share of pixels that are clearly orange."""
    red, green, blue = np.moveaxis(pixels(png), 2, 0)
    return ((red > green + 30) & (green > blue + 30)).mean()


def history(epochs=3, validation=True):
    return [
        EpochRecord(
            epoch=e,
            train={"loss": 1.0 / e, "accuracy": 1 - 0.5 / e},
            validation={"loss": 1.2 / e, "accuracy": 1 - 0.6 / e} if validation else {},
        )
        for e in range(1, epochs + 1)
    ]


def test_a_learning_curve_shows_the_validation_only_if_there_is_one():
    assert orange(plots.learning_curve(history())) > 0
    assert orange(plots.learning_curve(history(validation=False))) == 0


@pytest.mark.parametrize("epochs", [0, 1, 50])
def test_a_learning_curve_can_have_any_number_of_epochs(epochs):
    assert pixels(plots.learning_curve(history(epochs))).size


def test_a_learning_curve_with_an_infinite_value_is_drawn():
    records = history()
    records[1].validation["loss"] = float("inf")
    assert orange(plots.learning_curve(records)) > 0


def test_the_dark_theme_is_dark_and_the_light_one_light():
    for theme, low, high in (("light", 200, 256), ("dark", 0, 60)):
        for png in (
            plots.learning_curve(history(), theme),
            plots.confusion_matrix(np.eye(3, dtype=int), "abc", theme),
            plots.filters(np.ones((4, 1, 3, 3)), (1, 8, 8), theme),
        ):
            assert low <= np.median(pixels(png)[0]) < high


def test_the_same_content_gives_the_same_picture():
    assert plots.learning_curve(history()) == plots.learning_curve(history())


def test_a_confusion_matrix_is_orange_only_where_something_was_mistaken():
    right = 5 * np.eye(3, dtype=int)
    wrong = right.copy()
    wrong[0, 2] = 1
    assert orange(plots.confusion_matrix(right, "abc")) == 0
    assert orange(plots.confusion_matrix(wrong, "abc")) > 0.01


@pytest.mark.parametrize("classes", [1, 2, 25, 60])
def test_a_confusion_matrix_can_have_any_number_of_classes(classes):
    names = [f"a rather long name of class {i}" for i in range(classes)]
    rows, columns = pixels(plots.confusion_matrix(np.eye(classes, dtype=int), names)).shape[:2]
    assert rows < 2500
    assert columns < 2500


def test_filters_of_three_channels_are_shown_in_their_colours():
    weights = np.zeros((2, 3, 3, 3))
    weights[:, 0] = 1.0
    red, green, blue = np.moveaxis(pixels(plots.filters(weights, (3, 8, 8))), 2, 0)
    assert ((red > 250) & (green < 5) & (blue < 5)).mean() > 0.2


def test_filters_of_one_channel_show_the_sign_in_colour():
    positive = orange(plots.filters(np.ones((4, 1, 3, 3)), (1, 8, 8)))
    negative = orange(plots.filters(-np.ones((4, 1, 3, 3)), (1, 8, 8)))
    assert positive > negative + 0.2


def test_dense_weights_are_laid_out_as_images():
    # One unit that looks at the upper half of a 4 x 4 image.
    weights = np.zeros((16, 1))
    weights[:8] = 1.0
    picture = pixels(plots.filters(weights, (1, 4, 4)))
    red, green, blue = np.moveaxis(picture, 2, 0)
    left = ((red > green + 30) & (green > blue + 30))[:, : picture.shape[1] // 3]
    rows = np.flatnonzero(left.any(axis=1))
    assert rows.size
    assert rows.max() < 0.65 * picture.shape[0]


def test_filters_of_two_channels_and_of_zeros_are_drawn():
    assert pixels(plots.filters(np.zeros((3, 2, 3, 3)), (2, 8, 8))).size
