"""Results that are known from the literature, made again: ``nncore reproduce NAME``.

Each module of the package is one reproduction, and :data:`REPRODUCTIONS` has them by name. A
target is stated in the code of each before it is run, and model selection sees validation data
only.
"""

from __future__ import annotations

from nncore.errors import UnknownNameError, did_you_mean
from nncore.reproductions.addition import ADDITION
from nncore.reproductions.base import Context, Reproduction, ReproductionError, Result
from nncore.reproductions.characters import CHARACTERS
from nncore.reproductions.deep_autoencoder import DEEP_AUTOENCODER
from nncore.reproductions.sda import SDA
from nncore.reproductions.two_gaussians import TWO_GAUSSIANS

__all__ = [
    "REPRODUCTIONS",
    "Context",
    "Reproduction",
    "ReproductionError",
    "Result",
    "get",
]

#: Every reproduction by its name.
REPRODUCTIONS = {
    reproduction.name: reproduction
    for reproduction in (SDA, TWO_GAUSSIANS, DEEP_AUTOENCODER, ADDITION, CHARACTERS)
}


def get(name: str) -> Reproduction:
    """Find a reproduction.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    Reproduction
        The reproduction.

    Raises
    ------
    nncore.errors.UnknownNameError
        With the nearest known name.

    Examples
    --------
    >>> from nncore.reproductions import get
    >>> get("sda").title
    'Stacked denoising autoencoders on MNIST'
    >>> get("sdae")
    Traceback (most recent call last):
    ...
    nncore.errors.UnknownNameError: 'sdae' is not a known reproduction. Did you mean 'sda'? ...
    """
    if name in REPRODUCTIONS:
        return REPRODUCTIONS[name]
    hint = did_you_mean(name, REPRODUCTIONS)
    raise UnknownNameError(
        f"{name!r} is not a known reproduction.{hint} Known: {', '.join(REPRODUCTIONS)}."
    )
