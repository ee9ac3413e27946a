from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from nncore.datasets import load
from nncore.errors import DataError


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data = load("digits")
    parts = (data.train, data.validation, data.test)
    ours = np.concatenate([np.column_stack([p.x.reshape(len(p), -1) * 16, p.y]) for p in parts])
    theirs = load_digits()
    expected = np.column_stack([theirs.data, theirs.target])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], expected[np.lexsort(expected.T)])


def test_the_digits_are_divided_in_7_1_and_2_tenths_of_every_class():
    data = load("digits")
    sizes = [len(p) for p in (data.train, data.validation, data.test)]
    np.testing.assert_allclose(np.array(sizes) / sum(sizes), [0.7, 0.1, 0.2], atol=0.001)
    counts = np.stack([np.bincount(p.y) for p in (data.train, data.validation, data.test)])
    np.testing.assert_allclose(counts[2] / counts.sum(axis=0), 0.2, atol=0.006)


def test_the_same_seed_gives_the_same_division():
    first, again, other = load("digits", seed=3), load("digits", seed=3), load("digits", seed=4)
    np.testing.assert_array_equal(first.test.x, again.test.x)
    assert not np.array_equal(first.test.x, other.test.x)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError, match=r"pip install 'nncore-pytensor\[cli\]'"):
        load("digits")


def test_importing_the_data_sets_imports_neither_scikit_learn_nor_pillow():
    code = "import sys, nncore.datasets; assert not {'sklearn', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
