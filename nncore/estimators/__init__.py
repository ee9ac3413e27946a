"""Networks as scikit-learn estimators, for pipelines, cross-validation and searches.

It needs scikit-learn: ``pip install 'nncore-pytensor[sklearn]'``. Everything else in nncore works
without, so this module is not imported by ``import nncore``.
"""

from __future__ import annotations

try:
    # It came with scikit-learn 1.6.
    from sklearn.utils.validation import validate_data as _validate_data  # noqa: F401
except ImportError as error:
    raise ImportError(
        "nncore.estimators needs scikit-learn 1.6 or newer, which is not installed: "
        "pip install 'nncore-pytensor[sklearn]', or train with nncore.training.train."
    ) from error

from nncore.estimators.classifier import NetworkClassifier as NetworkClassifier
from nncore.estimators.regressor import NetworkRegressor as NetworkRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor"]
