"""An initializer without outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nncore.init import Initializer
from nncore.random import get_rng
from nncore.utils import floatX

__all__ = ["TruncatedNormal"]

#: Standard deviation of a normal distribution that is cut off at two of its standard deviations.
_CUT = 0.8796256610342398


class TruncatedNormal(Initializer):
    """Draw from a normal distribution that is cut off at two standard deviations.

    The values have the standard deviation ``gain / sqrt(fan_in)``, as in He's initialization.

    Parameters
    ----------
    gain : float
        Default: the square root of 2, for rectifiers.

    Examples
    --------
    >>> from shelfmade import TruncatedNormal
    >>> values = TruncatedNormal(gain=1.0)((100, 50))
    >>> bool(abs(values).max() <= 2 * 0.1 / 0.8796)
    True
    """

    def __init__(self, gain: float = math.sqrt(2)) -> None:
        self.gain = gain

    def sample(self, shape: Sequence[int], fans: tuple[int, int] | None = None) -> np.ndarray:
        """Draw values.

        Parameters
        ----------
        shape : sequence of int
            The parameter's shape.
        fans : pair of int, optional
            Fan-in and fan-out. Default: the first axis is the fan-in of a matrix, and all axes but
            the first are that of filters.

        Returns
        -------
        array
            Of ``floatX``.
        """
        shape = tuple(shape)
        fan_in = fans[0] if fans else shape[0] if len(shape) < 3 else math.prod(shape[1:])
        rng = get_rng()
        values = rng.normal(size=shape)
        while (outside := np.abs(values) > 2).any():
            values[outside] = rng.normal(size=int(outside.sum()))
        return floatX(values * (self.gain / math.sqrt(fan_in) / _CUT))
