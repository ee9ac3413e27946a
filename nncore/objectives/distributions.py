"""Losses that compare distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from nncore.objectives._common import aligned, at_least_tiny, floating
from nncore.utils import as_tensor

__all__ = ["gaussian_log_likelihood", "kullback_leibler", "maximum_mean_discrepancy"]


def kullback_leibler(predictions: Any, targets: Any) -> TensorVariable:
    r"""Kullback-Leibler divergence of predictions from targets.

    :math:`L_i = \sum_j t_{i,j} \log \frac{t_{i,j}}{p_{i,j}}`, where :math:`0 \log 0` is 0.

    Parameters
    ----------
    predictions : TensorVariable
        Probabilities :math:`p`, such as the output of a softmax: ``(..., values)``.
    targets : TensorVariable or array_like
        Probabilities :math:`t`, of the same shape.

    Returns
    -------
    TensorVariable
        The divergence of each example, ``(...)``, at least 0 if both sum to 1 along the last axis.

    References
    ----------
    .. [1] Solomon Kullback and Richard A. Leibler (1951): On information and sufficiency. The
           Annals of Mathematical Statistics 22(1), 79-86.

    Examples
    --------
    >>> from nncore.objectives import kullback_leibler
    >>> kullback_leibler([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.0, 1.0]]).eval().round(4)
    array([0.    , 0.6931], dtype=float32)
    """
    from nncore.objectives.classification import categorical_crossentropy

    predictions, targets = aligned(predictions, targets)
    entropy = -(targets * pt.log(at_least_tiny(targets))).sum(axis=-1)
    return categorical_crossentropy(predictions, targets) - entropy


def _gaussian(bandwidth: float) -> Callable[[Any, Any], Any]:
    def kernel(x: Any, y: Any) -> Any:
        # The differences themselves, as |x|^2 - 2 x.y + |y|^2 cancels where it matters.
        return pt.exp(-pt.sqr(x[:, None, :] - y[None, :, :]).sum(axis=2) / bandwidth)

    return kernel


def maximum_mean_discrepancy(predictions: Any, targets: Any, kernel: Any = 1) -> TensorVariable:
    r"""Squared maximum mean discrepancy between two sets of samples.

    :math:`L = \frac{1}{n^2} \sum_{i,j} k(p_i, p_j) + \frac{1}{m^2} \sum_{i,j} k(t_i, t_j)
    - \frac{2}{n m} \sum_{i,j} k(p_i, t_j)`, the squared distance between the means of the two
    sets in the space of the kernel; 0 only if they are distributed equally, for a Gaussian kernel
    and enough samples.

    Parameters
    ----------
    predictions : TensorVariable
        The samples :math:`p`: ``(n, ...)``; trailing axes are flattened.
    targets : TensorVariable or array_like
        The samples :math:`t`: ``(m, ...)``. They need not be in the order of the predictions.
    kernel : float, sequence of float, or callable, default 1
        The bandwidth :math:`b` of :math:`k(x, y) = \exp(-\|x - y\|^2 / b)`, several bandwidths of
        which the kernels are added, or a function of ``(n, d)`` and ``(m, d)`` that gives
        ``(n, m)``.

    Returns
    -------
    TensorVariable
        The discrepancy, a scalar: there is none of a single sample.

    Raises
    ------
    ValueError
        If a bandwidth is not greater than 0.

    References
    ----------
    .. [1] Arthur Gretton, Karsten M. Borgwardt, Malte J. Rasch, Bernhard Schölkopf and Alexander
           Smola (2012): A kernel two-sample test. JMLR 13, 723-773.

    Examples
    --------
    >>> from nncore.objectives import maximum_mean_discrepancy
    >>> float(maximum_mean_discrepancy([[0.0], [1.0]], [[1.0], [0.0]]).eval())
    0.0
    >>> round(float(maximum_mean_discrepancy([[0.0]], [[1.0]]).eval()), 4)
    1.2642
    """
    if callable(kernel) and not isinstance(kernel, Variable):
        kernels = [kernel]
    else:
        widths = [kernel] if isinstance(kernel, int | float) else list(kernel)
        if not widths or not all(width > 0 for width in widths):
            raise ValueError(f"kernel must be bandwidths greater than 0, not {kernel!r}")
        kernels = [_gaussian(float(width)) for width in widths]
    predictions = floating(predictions)
    x, y = predictions.flatten(2), as_tensor(targets).astype(predictions.dtype).flatten(2)
    total: Any = 0
    for k in kernels:
        total = total + k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean()
    return total


def gaussian_log_likelihood(
    mean: Any, targets: Any, covariance: Any, epsilon: float = 1e-3
) -> TensorVariable:
    r"""Negative logarithm of the likelihood of targets under a Gaussian with diagonal covariance.

    With :math:`v = \sigma^2 + \epsilon`, :math:`L_i = \frac{1}{2} \sum_j \left( \log 2 \pi +
    \log v_{i,j} + (t_{i,j} - \mu_{i,j})^2 / v_{i,j} \right)`

    Parameters
    ----------
    mean : TensorVariable
        The means :math:`\mu`: ``(..., dimensions)``.
    targets : TensorVariable or array_like
        The targets :math:`t`, of the same shape.
    covariance : TensorVariable
        The diagonals :math:`\sigma^2` of the covariance matrices, at least 0, of the same shape,
        or ``(..., 1)`` for multiples of the identity.
    epsilon : float, default 1e-3
        What is added to the variances :math:`\epsilon`, so that they stay away from 0.

    Returns
    -------
    TensorVariable
        The loss of each example: ``(...)``.

    Examples
    --------
    >>> from nncore.objectives import gaussian_log_likelihood
    >>> gaussian_log_likelihood([[0.0]], [[1.0]], [[1.0]], epsilon=0.0).eval().round(4)
    array([1.4189], dtype=float32)
    """
    mean, targets = aligned(mean, targets)
    variance = as_tensor(covariance).astype(mean.dtype) + float(epsilon)
    terms = math.log(2 * math.pi) + pt.log(variance) + pt.sqr(targets - mean) / variance
    return 0.5 * terms.sum(axis=-1)
