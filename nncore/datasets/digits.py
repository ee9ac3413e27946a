"""The digits that come with scikit-learn: 1,797 images of 8 x 8 pixels."""

from __future__ import annotations

import numpy as np

from nncore.datasets.base import Dataset, assemble
from nncore.errors import DataError

__all__ = ["load_digits"]


def load_digits(*, validation: float | None = None, seed: int = 0) -> Dataset:
    """Handwritten digits, part of scikit-learn, so that nothing has to be fetched.

    A fifth of the images is the test split; the division is stratified.

    Parameters
    ----------
    validation : float, optional
        Share of the other images for validation, 1/8 by default: a tenth of all.
    seed : int (default=0)
        Seed of the division.

    Returns
    -------
    Dataset
        Images ``(n, 1, 8, 8)``; the grey levels 0 to 16 are divided by 16.

    Raises
    ------
    nncore.errors.DataError
        If scikit-learn is not installed.

    Examples
    --------
    >>> from nncore.datasets import load
    >>> data = load("digits")
    >>> len(data.train), len(data.validation), len(data.test)
    (1258, 180, 359)
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise DataError(
            "the data set 'digits' is part of scikit-learn, which is not installed. Install it "
            "with: pip install 'nncore-pytensor[cli]'"
        ) from error
    bunch = datasets.load_digits()
    return assemble(
        "digits",
        "Optical recognition of handwritten digits (Alpaydin and Kaynak, 1998), test part, as in "
        "scikit-learn",
        tuple(str(name) for name in bunch.target_names),
        ((bunch.images / 16).astype(np.float32)[:, None], bunch.target),
        share=validation,
        seed=seed,
        what="digits",
    )
