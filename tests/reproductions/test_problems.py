"""The generated problems and the numbers that are known about them."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from nncore.reproductions import addition, characters, two_gaussians
from nncore.reproductions.deep_autoencoder import pca_error


def test_two_marked_numbers_make_the_sum_one_in_each_half():
    x, sums = addition.sequences(500, 11, np.random.default_rng(0))
    assert x.shape == (500, 11, 2)
    assert x.dtype == sums.dtype == np.float32
    marks = x[..., 1]
    assert set(np.unique(marks)) == {0.0, 1.0}
    np.testing.assert_array_equal(marks[:, :5].sum(axis=1), 1)
    np.testing.assert_array_equal(marks[:, 5:].sum(axis=1), 1)
    np.testing.assert_allclose(sums[:, 0], (x[..., 0] * marks).sum(axis=1), rtol=1e-6)
    assert all(marks[:, place].any() for place in range(11))


def test_the_answer_one_has_the_error_of_chance():
    _, sums = addition.sequences(100_000, 4, np.random.default_rng(0))
    assert np.square(sums - 1).mean() == pytest.approx(addition.CHANCE, rel=0.02)


def test_no_rule_is_better_than_the_straight_line_between_the_means():
    points, labels = two_gaussians.draw(200_000, np.random.default_rng(0))
    error = ((points.sum(axis=1) > 0) != labels).mean()
    assert pytest.approx(norm.cdf(-math.sqrt(2)), rel=1e-12) == two_gaussians.BAYES_ERROR
    assert error == pytest.approx(two_gaussians.BAYES_ERROR, abs=0.003)
    assert set(np.unique(labels)) == {0, 1}


def all_sentences():
    """Every sentence with its probability, put together from scratch."""
    phrases = []
    for (noun, plural), adjective in product(
        product(characters._NOUNS, (0, 1)), (None, *characters._ADJECTIVES)
    ):
        chance = 1 / 8 * (1 / 2 if adjective is None else 1 / 8)
        phrases.append(
            (f"the {adjective + ' ' if adjective else ''}{noun[plural]}", plural, chance)
        )
    for (subject, plural, p), (thing, _, q), verb in product(phrases, phrases, characters._VERBS):
        yield f"{subject} {verb[plural]} {thing}. ", p * q / 4


def test_the_entropy_is_that_of_the_list_of_all_sentences():
    chances = dict(all_sentences())
    assert len(chances) == 6400
    assert sum(chances.values()) == pytest.approx(1)
    bits = -sum(p * math.log2(p) for p in chances.values())
    length = sum(p * len(text) for text, p in chances.items())
    assert characters.entropy() == pytest.approx(bits / length, rel=1e-9)
    # Half a piece always holds the beginning of a sentence.
    assert max(map(len, chances)) <= characters._FULL.length // 2


def test_sentences_are_drawn_from_that_list():
    chances = dict(all_sentences())
    text = characters.sentences(3000, np.random.default_rng(0))
    drawn = [part + ". " for part in text.removesuffix(". ").split(". ")]
    assert len(drawn) == 3000
    assert set(drawn) <= set(chances)
    mean = sum(p * len(sentence) for sentence, p in chances.items())
    assert np.mean([len(sentence) for sentence in drawn]) == pytest.approx(mean, rel=0.02)


def test_pieces_of_text_have_the_next_characters_as_targets():
    x, y = characters._windows("the dog sees the cat. ", 5)
    assert x.shape == y.shape == (4, 5)
    np.testing.assert_array_equal(x.ravel()[1:], y.ravel()[:-1])
    assert "".join(characters.ALPHABET[i] for i in y.ravel()) == "he dog sees the cat."


def test_bits_are_counted_in_the_later_half_only():
    probabilities = np.zeros((1, 4, 2))
    probabilities[0, :, 0] = [0.001, 0.001, 0.5, 0.125]
    assert characters.bits(probabilities, np.zeros((1, 4), int)) == pytest.approx((1 + 3) / 2)


def test_principal_components_lose_the_smallest_singular_values():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 3
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    for kept in (1, 3, 6):
        expected = np.square(values[kept:]).sum() / 200
        assert pca_error(x, x, kept) == pytest.approx(expected, abs=1e-8)
