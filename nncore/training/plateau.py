"""Reducing the learning rate when training makes no progress."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ReduceOnPlateau", "improves"]


def improves(score: float, best: float, min_improvement: float = 0.0) -> bool:
    """Whether a score is lower than the best by more than a fraction of the size of the best.

    Parameters
    ----------
    score, best : float
        Scores, of which lower ones are better, of any sign.
    min_improvement : float
        The fraction. Default: 0.

    Returns
    -------
    bool
        Also True for a finite score after an infinite one; False for one that is not a number.

    Examples
    --------
    >>> from nncore.training.plateau import improves
    >>> improves(0.95, 1.0, 0.1), improves(0.85, 1.0, 0.1), improves(-0.95, -1.0, 0.1)
    (False, True, False)
    """
    if math.isinf(best):
        return score < best
    return best - score > min_improvement * abs(best)


@dataclass(frozen=True)
class ReduceOnPlateau:
    """When, and by how much, to reduce a learning rate.

    Attributes
    ----------
    factor : float
        What the rate is multiplied by, between 0 and 1. Default: 0.1.
    patience : int
        After how many validations without improvement. Default: 10.
    cooldown : int
        For how many validations after a reduction none is counted. Default: 0.
    min_improvement : float
        The relative improvement that counts; see :func:`improves`. Default: 1e-4.
    min_scale : float
        The smallest product of all factors. Default: 0.

    Raises
    ------
    ValueError
        If a value is not possible.

    Examples
    --------
    >>> from nncore.training import ReduceOnPlateau
    >>> ReduceOnPlateau(factor=0.5, patience=2).scale([3.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    0.25
    """

    factor: float = 0.1
    patience: int = 10
    cooldown: int = 0
    min_improvement: float = 1e-4
    min_scale: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.factor < 1:
            raise ValueError(f"factor must be between 0 and 1, not {self.factor!r}")
        if self.patience < 1 or self.cooldown < 0:
            raise ValueError(
                f"patience must be at least 1 and cooldown at least 0, not {self.patience!r} and "
                f"{self.cooldown!r}"
            )

    def scale(self, scores: Sequence[float]) -> float:
        """What the rate is multiplied by after some validations.

        Parameters
        ----------
        scores : sequence of float
            The scores of all validations so far, of which lower ones are better.

        Returns
        -------
        float
            At most 1. It depends on the scores alone, so that a training that goes on from a
            checkpoint has the rate that it would have had.
        """
        scale, best, stale, cooling = 1.0, math.inf, 0, 0
        for score in scores:
            better = improves(score, best, self.min_improvement)
            if better:
                best = score
            if cooling:
                cooling, stale = cooling - 1, 0
                continue
            stale = 0 if better else stale + 1
            if stale >= self.patience:
                scale, stale, cooling = max(scale * self.factor, self.min_scale), 0, self.cooldown
        return scale
