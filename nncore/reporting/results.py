"""What a classifier got right and wrong, class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["ClassResult", "class_results", "count_confusions"]


@dataclass(frozen=True)
class ClassResult:
    """How one class fared.

    Attributes
    ----------
    name : str
        The class.
    count : int
        Number of its examples.
    correct : int
        How many of them were recognised.
    accuracy : float
        The share that was recognised (the recall); NaN without examples.
    precision : float
        The share of what was taken for this class that belongs to it; NaN if nothing was.
    mistaken_for : str
        The class that its other examples were most often taken for; empty if there are none.
    mistaken_count : int
        How often.
    """

    name: str
    count: int
    correct: int
    accuracy: float
    precision: float
    mistaken_for: str
    mistaken_count: int

    def as_dict(self) -> dict[str, Any]:
        """Give the attributes as a dictionary, None in the place of NaN."""
        return {
            key: None if isinstance(value, float) and np.isnan(value) else value
            for key, value in asdict(self).items()
        }


def count_confusions(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Count how often each class was taken for each.

    Parameters
    ----------
    labels, predicted : numpy.ndarray
        True and predicted classes ``(n,)``, integers from 0.
    num_classes : int
        Number of classes.

    Returns
    -------
    numpy.ndarray
        Counts ``(num_classes, num_classes)``: the row is the true class, the column the
        predicted one.

    Examples
    --------
    >>> import numpy as np
    >>> count_confusions(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    pairs = np.asarray(labels, dtype=np.int64) * num_classes + np.asarray(predicted)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_results(confusion: np.ndarray, class_names: Sequence[str]) -> list[ClassResult]:
    """Sum up a confusion matrix class by class.

    Parameters
    ----------
    confusion : numpy.ndarray
        Counts ``(classes, classes)`` as from :func:`count_confusions`.
    class_names : sequence of str
        One name for each class.

    Returns
    -------
    list of ClassResult
        One for each class.

    Examples
    --------
    >>> import numpy as np
    >>> cats = class_results(np.array([[3, 1], [0, 2]]), ["cat", "dog"])[0]
    >>> cats.accuracy, cats.precision, cats.mistaken_for
    (0.75, 1.0, 'dog')
    """
    results = []
    for index, name in enumerate(class_names):
        row, taken = confusion[index], int(confusion[:, index].sum())
        count, correct = int(row.sum()), int(row[index])
        others = row.copy()
        others[index] = 0
        worst = int(others.argmax())
        results.append(
            ClassResult(
                name=str(name),
                count=count,
                correct=correct,
                accuracy=correct / count if count else float("nan"),
                precision=correct / taken if taken else float("nan"),
                mistaken_for=str(class_names[worst]) if others[worst] else "",
                mistaken_count=int(others[worst]),
            )
        )
    return results
