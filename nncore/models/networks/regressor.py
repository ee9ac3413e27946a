"""Networks that give numbers."""

from __future__ import annotations

from nncore.layers._docs import describe
from nncore.models.networks.arguments import PARAMETERS
from nncore.models.networks.base import Network

__all__ = ["Regressor"]


@describe(PARAMETERS.replace("<loss>", '``"mse"``'))
class Regressor(Network):
    """A network that is trained to give targets.

    Parameters
    ----------
    <parameters>

    Raises
    ------
    TypeError, ValueError
        If a layer is not possible.
    nncore.errors.UnknownNameError
        If a name is not known; with the nearest one.

    See Also
    --------
    Classifier : For targets that are classes.
    nncore.estimators.NetworkRegressor : For pipelines and searches of scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.models import Regressor
    >>> network = Regressor([4, (10, "tanh"), 2], backend="python")
    >>> network.predict(np.zeros((3, 4), "float32")).shape
    (3, 2)
    >>> sequences = Regressor([4, (10, "lstm"), 2], backend="python")
    >>> sequences.predict(np.zeros((3, 7, 4), "float32")).shape
    (3, 7, 2)
    """
