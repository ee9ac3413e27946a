from __future__ import annotations

import math

import numpy as np

from nncore.reporting import class_results, count_confusions

LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
PREDICTED = np.array([0, 1, 1, 1, 1, 2, 0, 0, 1])


def test_confusions_are_counted_as_by_a_loop():
    expected = np.zeros((4, 4), dtype=int)
    for label, guess in zip(LABELS, PREDICTED, strict=True):
        expected[label, guess] += 1
    np.testing.assert_array_equal(count_confusions(LABELS, PREDICTED, 4), expected)


def test_a_class_has_its_recall_its_precision_and_its_commonest_confusion():
    first, second, third = class_results(count_confusions(LABELS, PREDICTED, 3), "abc")
    assert (first.count, first.correct, first.accuracy) == (3, 1, 1 / 3)
    assert first.precision == 1 / 3
    assert (first.mistaken_for, first.mistaken_count) == ("b", 2)
    assert (second.accuracy, second.precision, second.mistaken_for) == (1.0, 0.4, "")
    assert (third.mistaken_for, third.mistaken_count) == ("a", 2)


def test_a_class_without_images_has_no_accuracy_and_is_null_in_json():
    absent = class_results(count_confusions(LABELS, PREDICTED, 4), "abcd")[3]
    assert math.isnan(absent.accuracy)
    assert math.isnan(absent.precision)
    assert absent.as_dict()["accuracy"] is None
    assert absent.as_dict()["count"] == 0
