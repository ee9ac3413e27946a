"""Elementwise nonlinearities, and softmax.

Each is a function of an expression, or an object that is called like one. The objects can be
pickled and are equal if their parameters are.

Examples
--------
>>> from nncore.nonlinearities import LeakyRectify, leaky_rectify
>>> LeakyRectify(0.01) == leaky_rectify
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.special import softmax as _softmax
from pytensor.tensor.variable import TensorVariable

from nncore.utils import as_tensor, number_like

__all__ = [
    "SELU",
    "Clip",
    "Compose",
    "LeakyRectify",
    "Normalize",
    "ScaledTanH",
    "ScaledTanh",
    "elu",
    "identity",
    "leaky_rectify",
    "linear",
    "rectify",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
    "very_leaky_rectify",
]


def _number(value: Any) -> Any:
    # A NumPy scalar would widen float32 to float64; a Python float does not.
    return value if isinstance(value, Variable) else float(value)


class _Parameterized:
    """Comparison and display by the attributes, which are the constructor's arguments."""

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


def sigmoid(x: Any) -> TensorVariable:
    r"""Logistic sigmoid: :math:`\varphi(x) = 1 / (1 + e^{-x})`.

    Parameters
    ----------
    x : TensorVariable or array_like
        The activation (the summed, weighted input), of any shape.

    Returns
    -------
    TensorVariable
        The output, from 0 to 1, of the same shape.

    Examples
    --------
    >>> from nncore.nonlinearities import sigmoid
    >>> sigmoid(0.0).eval()
    array(0.5, dtype=float32)
    """
    return pt.sigmoid(as_tensor(x))


def softmax(x: Any) -> TensorVariable:
    r"""Softmax along the last axis.

    :math:`\varphi(x)_j = e^{x_j} / \sum_k e^{x_k}`

    Parameters
    ----------
    x : TensorVariable or array_like
        The activation, of shape ``(..., classes)``; at least one axis.

    Returns
    -------
    TensorVariable
        The output, which is positive and sums to 1 along the last axis; the same shape.

    Raises
    ------
    ValueError
        If ``x`` is a scalar.

    Examples
    --------
    >>> from nncore.nonlinearities import softmax
    >>> softmax([[0.0, 0.0], [1e4, 0.0]]).eval()
    array([[0.5, 0.5],
           [1. , 0. ]], dtype=float32)
    """
    x = as_tensor(x)
    if x.ndim == 0:
        raise ValueError(
            "softmax needs the classes along the last axis, so at least one axis; it was given a "
            "scalar."
        )
    return _softmax(x, axis=-1)


def tanh(x: Any) -> TensorVariable:
    r"""Hyperbolic tangent: :math:`\varphi(x) = \tanh(x)`.

    Parameters
    ----------
    x : TensorVariable or array_like
        The activation, of any shape.

    Returns
    -------
    TensorVariable
        The output, from -1 to 1, of the same shape.

    Examples
    --------
    >>> from nncore.nonlinearities import tanh
    >>> tanh(0.0).eval()
    array(0., dtype=float32)
    """
    return pt.tanh(as_tensor(x))


class ScaledTanH(_Parameterized):
    r"""Scaled hyperbolic tangent: :math:`\varphi(x) = \beta \tanh(\alpha x)`.

    Parameters
    ----------
    scale_in : float or TensorVariable, default 1
        The factor :math:`\alpha` of the input. LeCun et al. [1]_ take 2/3.
    scale_out : float or TensorVariable, default 1
        The factor :math:`\beta` of the output. LeCun et al. [1]_ take 1.7159, so that
        :math:`\varphi(\pm 1) = \pm 1`.

    Notes
    -----
    With :math:`\beta = 1 / \tanh(\alpha)` the points :math:`\pm 1` stay where they are. Inputs
    of zero mean and unit variance then keep their variance for about
    :math:`\alpha = 0.5, \beta = 2.4`.

    References
    ----------
    .. [1] Yann LeCun, Leon Bottou, Genevieve B. Orr and Klaus-Robert Mueller (1998): Efficient
           BackProp. In Neural Networks: Tricks of the Trade.

    Examples
    --------
    >>> from nncore.nonlinearities import ScaledTanH
    >>> ScaledTanH(scale_in=2 / 3, scale_out=1.7159)(1.0).eval().round(3)
    np.float32(1.0)
    """

    def __init__(self, scale_in: Any = 1, scale_out: Any = 1) -> None:
        self.scale_in = _number(scale_in)
        self.scale_out = _number(scale_out)

    def __call__(self, x: Any) -> TensorVariable:
        """Apply it to an activation of any shape."""
        x = as_tensor(x)
        return pt.tanh(x * number_like(self.scale_in, x)) * number_like(self.scale_out, x)


#: Another spelling of :class:`ScaledTanH`.
ScaledTanh = ScaledTanH


def rectify(x: Any) -> TensorVariable:
    r"""Rectifier: :math:`\varphi(x) = \max(0, x)`, with derivative 0 at 0.

    Parameters
    ----------
    x : TensorVariable or array_like
        The activation, of any shape.

    Returns
    -------
    TensorVariable
        The output, of the same shape.

    References
    ----------
    .. [1] Vinod Nair and Geoffrey E. Hinton (2010): Rectified linear units improve restricted
           Boltzmann machines. Proceedings of ICML.

    Examples
    --------
    >>> from nncore.nonlinearities import rectify
    >>> rectify([-1.0, 2.0]).eval()
    array([0., 2.], dtype=float32)
    """
    x = as_tensor(x)
    # Written so that NaN stays NaN on every backend, which maximum() does not promise.
    return pt.switch(x <= 0, pt.zeros((), dtype=x.dtype), x)


class LeakyRectify(_Parameterized):
    r"""Leaky rectifier: :math:`\varphi(x) = x` for :math:`x > 0`, else :math:`\alpha x`.

    Parameters
    ----------
    leakiness : float or TensorVariable, default 0.01
        The slope :math:`\alpha` for negative input: 0 gives the rectifier, 1 a linear
        function. Something between the two lets a gradient pass everywhere.

    See Also
    --------
    leaky_rectify : With ``leakiness=0.01``.
    very_leaky_rectify : With ``leakiness=1/3``.

    References
    ----------
    .. [1] Andrew L. Maas, Awni Y. Hannun and Andrew Y. Ng (2013): Rectifier nonlinearities
           improve neural network acoustic models. Proceedings of ICML.
    .. [2] Benjamin Graham (2014): Spatially-sparse convolutional neural networks.
           arXiv:1409.6070.

    Examples
    --------
    >>> from nncore.nonlinearities import LeakyRectify
    >>> LeakyRectify(0.5)([-1.0, 2.0]).eval()
    array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, leakiness: Any = 0.01) -> None:
        self.leakiness = _number(leakiness)

    def __call__(self, x: Any) -> TensorVariable:
        """Apply it to an activation of any shape."""
        x = as_tensor(x)
        return pt.switch(x > 0, x, x * number_like(self.leakiness, x))


#: :class:`LeakyRectify` with leakiness 0.01.
leaky_rectify = LeakyRectify()

#: :class:`LeakyRectify` with leakiness 1/3.
very_leaky_rectify = LeakyRectify(1.0 / 3)


def _exponential_linear(x: Any, scale: Any) -> TensorVariable:
    positive = x > 0
    # Without the inner switch, exp overflows for large x and its gradient becomes 0 * inf.
    negative_part = pt.expm1(pt.switch(positive, pt.zeros((), dtype=x.dtype), x))
    return pt.switch(positive, x, negative_part * number_like(scale, x))


def elu(x: Any) -> TensorVariable:
    r"""Exponential linear unit: :math:`\varphi(x) = x` for :math:`x > 0`, else :math:`e^x - 1`.

    Parameters
    ----------
    x : TensorVariable or array_like
        The activation, of any shape.

    Returns
    -------
    TensorVariable
        The output, above -1, of the same shape.

    References
    ----------
    .. [1] Djork-Arne Clevert, Thomas Unterthiner and Sepp Hochreiter (2015): Fast and accurate
           deep network learning by exponential linear units (ELUs). arXiv:1511.07289.

    Examples
    --------
    >>> from nncore.nonlinearities import elu
    >>> elu([-1.0, 2.0]).eval().round(3)
    array([-0.632,  2.   ], dtype=float32)
    """
    return _exponential_linear(as_tensor(x), 1.0)


class SELU(_Parameterized):
    r"""Scaled exponential linear unit.

    :math:`\varphi(x) = \lambda x` for :math:`x > 0`, else :math:`\lambda \alpha (e^x - 1)`.

    Parameters
    ----------
    scale : float or TensorVariable, default 1
        The factor :math:`\lambda` of the output.
    scale_neg : float or TensorVariable, default 1
        The factor :math:`\alpha` of the output for negative input.

    See Also
    --------
    selu : With the two factors that normalize.

    References
    ----------
    .. [1] Guenter Klambauer, Thomas Unterthiner, Andreas Mayr and Sepp Hochreiter (2017):
           Self-normalizing neural networks. arXiv:1706.02515.

    Examples
    --------
    >>> from nncore.nonlinearities import SELU
    >>> SELU(scale=2, scale_neg=1)([-1.0, 2.0]).eval().round(3)
    array([-1.264,  4.   ], dtype=float32)
    """

    def __init__(self, scale: Any = 1, scale_neg: Any = 1) -> None:
        self.scale = _number(scale)
        self.scale_neg = _number(scale_neg)

    def __call__(self, x: Any) -> TensorVariable:
        """Apply it to an activation of any shape."""
        x = as_tensor(x)
        return _exponential_linear(x, self.scale_neg) * number_like(self.scale, x)


#: :class:`SELU` with the fixed point at mean 0 and variance 1.
selu = SELU(scale=1.0507009873554805, scale_neg=1.6732632423543772)


def softplus(x: Any) -> TensorVariable:
    r"""Softplus: :math:`\varphi(x) = \log(1 + e^x)`.

    Parameters
    ----------
    x : TensorVariable or array_like
        The activation, of any shape.

    Returns
    -------
    TensorVariable
        The output, which is positive, of the same shape.

    Examples
    --------
    >>> from nncore.nonlinearities import softplus
    >>> softplus([0.0, 1000.0]).eval().round(3)
    array([6.93e-01, 1.00e+03], dtype=float32)
    """
    return pt.softplus(as_tensor(x))


def linear(x: Any) -> Any:
    r"""Linear, which is no nonlinearity: :math:`\varphi(x) = x`.

    Parameters
    ----------
    x : object
        The activation.

    Returns
    -------
    object
        The activation itself.

    Examples
    --------
    >>> from nncore.nonlinearities import linear
    >>> linear(3)
    3
    """
    return x


#: Another name of :func:`linear`.
identity = linear


class Clip(_Parameterized):
    r"""Limits: :math:`\varphi(x) = \min(\max(x, l), u)`.

    Parameters
    ----------
    low, high : float or None
        The limits :math:`l` and :math:`u`; None for none. Default: 0 and 1.

    Raises
    ------
    ValueError
        If `low` exceeds `high`.

    Examples
    --------
    >>> from nncore.nonlinearities import Clip
    >>> Clip(high=None)([-1.0, 2.0]).eval()
    array([0., 2.], dtype=float32)
    """

    def __init__(self, low: float | None = 0.0, high: float | None = 1.0) -> None:
        self.low = None if low is None else float(low)
        self.high = None if high is None else float(high)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low={low!r} must not exceed high={high!r}.")

    def __call__(self, x: Any) -> TensorVariable:
        """Apply it to an activation of any shape."""
        x = as_tensor(x)
        if self.low is not None:
            x = pt.switch(x <= self.low, pt.constant(self.low, dtype=x.dtype), x)
        if self.high is not None:
            x = pt.switch(x >= self.high, pt.constant(self.high, dtype=x.dtype), x)
        return x


class Normalize(_Parameterized):
    r"""Normalization of a layer's activations for each sample, without running statistics.

    Parameters
    ----------
    by : str
        ``"mean"`` subtracts the mean over the last axis, ``"max"`` divides by the largest
        magnitude, ``"std"`` by the standard deviation, and ``"z"`` subtracts the mean and divides
        by the standard deviation.
    epsilon : float
        Added to the largest magnitude, and its square to the variance, so that nothing is divided
        by 0. Default: 1e-6.

    Raises
    ------
    ValueError
        If `by` is something else.

    Examples
    --------
    >>> from nncore.nonlinearities import Normalize
    >>> Normalize("mean")([1.0, 2.0, 6.0]).eval()
    array([-2., -1.,  3.], dtype=float32)
    """

    def __init__(self, by: str, epsilon: float = 1e-6) -> None:
        if by not in ("mean", "max", "std", "z"):
            raise ValueError(f"by={by!r} must be one of 'mean', 'max', 'std' and 'z'.")
        self.by = by
        self.epsilon = float(epsilon)

    def __call__(self, x: Any) -> TensorVariable:
        """Apply it to an activation of shape ``(..., units)``."""
        x = as_tensor(x)
        normal = self._normalized(x)
        # Sums and epsilons of a float16 are a float32.
        return normal.astype(x.dtype) if x.dtype.startswith("float") else normal

    def _normalized(self, x: TensorVariable) -> TensorVariable:
        centred = x - x.mean(axis=-1, keepdims=True)
        if self.by == "mean":
            return centred
        if self.by == "max":
            return x / (abs(x).max(axis=-1, keepdims=True) + self.epsilon)
        # The epsilon inside of the root keeps the gradient finite where all units are equal.
        deviation = pt.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.epsilon**2)
        return (x if self.by == "std" else centred) / deviation


class Compose(_Parameterized):
    r"""One nonlinearity after the other: :math:`\varphi = \varphi_n \circ \dots \circ \varphi_1`.

    Parameters
    ----------
    functions : sequence of callable
        The nonlinearities, in the order in which they are applied.

    Examples
    --------
    >>> from nncore.nonlinearities import Compose, Normalize, rectify
    >>> Compose([Normalize("mean"), rectify])([1.0, 2.0, 6.0]).eval()
    array([0., 0., 3.], dtype=float32)
    """

    def __init__(self, functions: Sequence[Callable[[Any], Any]]) -> None:
        self.functions = tuple(functions)

    def __call__(self, x: Any) -> Any:
        """Apply them to an activation of any shape that they take."""
        for function in self.functions:
            x = function(x)
        return x
