"""Text as sequences of class labels, for recurrent classifiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytensor

from nncore.errors import DataError
from nncore.models.recurrent import positive, windows

__all__ = ["Text"]


class Text:
    r"""A text over an alphabet.

    Parameters
    ----------
    text : str
        The text.
    alpha : str, optional
        The characters of the alphabet. Default: all that are in the text at least `min_count`
        times, sorted.
    min_count : int
        Used without `alpha`. Default: 2.
    unknown : str
        The character that stands for all that are not in the alphabet; it is put before the
        alphabet. Default: ``"\0"``.

    Attributes
    ----------
    text : str
        The text, with `unknown` for what is not in the alphabet.
    alpha : str
        The alphabet, without `unknown`.
    num_classes : int
        The number of labels: the size of the alphabet, and one more.

    Raises
    ------
    ValueError
        If `unknown` is not one character, or is in the alphabet, or a character is in it twice.
    nncore.errors.DataError
        If the alphabet is empty.

    Examples
    --------
    >>> from nncore.models.text import Text
    >>> text = Text("hello old world", unknown="_")
    >>> text.alpha, text.text
    (' dlo', '__llo old _o_ld')
    >>> text.encode("loud")
    [3, 4, 0, 2]
    >>> text.decode([3, 4, 0, 2])
    'lo_d'
    """

    def __init__(
        self, text: str, alpha: str | None = None, min_count: int = 2, unknown: str = "\0"
    ) -> None:
        if len(unknown) != 1:
            raise ValueError(f"unknown={unknown!r} must be one character.")
        if alpha is None:
            counts = Counter(text)
            alpha = "".join(sorted(c for c, n in counts.items() if n >= min_count and c != unknown))
        if not alpha:
            raise DataError(
                f"the alphabet is empty: no character is {min_count} times in the text of "
                f"{len(text)}. Give alpha=, or a lower min_count."
            )
        if unknown in alpha:
            raise ValueError(
                f"unknown={unknown!r} is in the alphabet {alpha!r}; give another character, or "
                "leave it out of the alphabet."
            )
        twice = sorted(c for c, n in Counter(alpha).items() if n > 1)
        if twice:
            raise ValueError(f"alpha has {twice[0]!r} more than once.")
        self.alpha = alpha
        self.unknown = unknown
        self._characters = unknown + alpha
        self._labels = {character: label for label, character in enumerate(self._characters)}
        self.text = self.decode(self.encode(text))

    @property
    def num_classes(self) -> int:
        """The number of labels."""
        return len(self._characters)

    def encode(self, txt: str) -> list[int]:
        """Turn characters into labels.

        Parameters
        ----------
        txt : str
            The characters.

        Returns
        -------
        list of int
            Their places in the alphabet, from 1 on, and 0 for those that are not in it.
        """
        return [self._labels.get(character, 0) for character in txt]

    def decode(self, enc: Iterable[int]) -> str:
        """Turn labels into characters.

        Parameters
        ----------
        enc : iterable of int
            The labels.

        Returns
        -------
        str
            The characters, `unknown` for 0.

        Raises
        ------
        ValueError
            If a label is out of range.
        """
        labels = [int(label) for label in enc]
        wrong = [label for label in labels if not 0 <= label < self.num_classes]
        if wrong:
            raise ValueError(
                f"the labels must be from 0 to {self.num_classes - 1}, not {wrong[0]}."
            )
        return "".join(self._characters[label] for label in labels)

    def classifier_batches(
        self, steps: int, batch_size: int, rng: Any = None
    ) -> Callable[[], Iterator[tuple[np.ndarray[Any, Any], ...]]]:
        """Make batches that teach a classifier which character comes next.

        Parameters
        ----------
        steps : int
            Characters of a sequence.
        batch_size : int
            Sequences of a batch.
        rng : numpy.random.Generator, numpy.random.RandomState, int or None
            Draws the places, or the seed of what draws them. Default: None, other places each
            time.

        Returns
        -------
        callable
            Data for training: each call gives an iterator over the batches of an epoch, pairs of
            characters, ``(batch_size, steps, num_classes)``, with a one at the label, and of the
            labels of the characters after each, ``(batch_size, steps)``.

        Raises
        ------
        nncore.errors.DataError
            If the text is not longer than `steps`.
        ValueError
            If `steps` or `batch_size` is no positive integer.

        Examples
        --------
        >>> from nncore.models.text import Text
        >>> epoch = Text("abracadabra" * 50).classifier_batches(steps=10, batch_size=4, rng=0)
        >>> x, y = next(epoch())
        >>> x.shape, y.shape, bool((x.argmax(-1)[:, 1:] == y[:, :-1]).all())
        ((4, 10, 6), (4, 10), True)
        """
        steps, batch_size = positive("steps", steps), positive("batch_size", batch_size)
        labels = np.array(self.encode(self.text), dtype="int32")
        places = len(labels) - steps
        if places < 1:
            raise DataError(
                f"the text has {len(labels)} characters, but sequences of steps={steps} need at "
                "least one more than that."
            )
        one_hot = np.eye(self.num_classes, dtype=pytensor.config.floatX)
        return windows(
            places, steps, batch_size, rng, lambda rows: (one_hot[labels[rows]], labels[rows + 1])
        )
