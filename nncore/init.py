"""Initial values for parameters.

An initializer is called with a shape and returns an array of ``floatX``. All that is random
comes from :func:`nncore.random.get_rng`, so :func:`nncore.random.set_rng` makes it
reproducible.

Examples
--------
>>> import nncore.random
>>> from nncore import init
>>> nncore.random.set_rng(0)
>>> init.GlorotUniform()((3, 2)).shape
(3, 2)
>>> init.HeNormal(gain="relu") == init.HeNormal(gain="relu")
True
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor

from nncore.random import get_rng
from nncore.utils import floatX

__all__ = [
    "Constant",
    "Glorot",
    "GlorotNormal",
    "GlorotUniform",
    "He",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "Normal",
    "Orthogonal",
    "Sparse",
    "Uniform",
]


def _gain(owner: str, gain: float | str) -> float:
    if gain == "relu":
        return math.sqrt(2)
    if isinstance(gain, str):
        raise ValueError(f"{owner}: gain={gain!r} is unknown; give a number or 'relu'.")
    return gain


def _std(owner: str, std: float) -> float:
    if not std >= 0:
        raise ValueError(f"{owner}: std={std!r} is not a standard deviation; it must be >= 0.")
    return std


class Initializer:
    """Base class of all initializers.

    A subclass implements :meth:`sample`, and keeps each constructor argument in an attribute
    of the same name; by these attributes initializers are shown and compared. A subclass whose
    ``sample(shape, fans=None)`` has an argument ``fans`` is told fan-in and fan-out by the layer.
    """

    def __call__(self, shape: Sequence[int], fans: tuple[int, int] | None = None) -> np.ndarray:
        """Draw the initial value; the same as :meth:`sample`.

        Parameters
        ----------
        shape : sequence of int
            The parameter's shape.
        fans : pair of int, optional
            Fan-in and fan-out, which a layer knows better than the shape tells; passed to
            :meth:`sample` if that has an argument of this name. Default: None.

        Returns
        -------
        numpy.ndarray
            An array of this shape and of dtype ``floatX``.
        """
        if fans is not None and "fans" in inspect.signature(self.sample).parameters:
            return self.sample(shape, fans=fans)  # type: ignore[call-arg]
        return self.sample(shape)

    def sample(self, shape: Sequence[int]) -> np.ndarray:
        """Draw the initial value.

        Parameters
        ----------
        shape : sequence of int
            The parameter's shape.

        Returns
        -------
        numpy.ndarray
            An array of this shape and of dtype ``floatX``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method sample(shape)")

    def _arguments(self) -> dict[str, Any]:
        return {
            name: getattr(self, name)
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            and hasattr(self, name)
        }

    def __repr__(self) -> str:
        shown = (
            f"{name}={value.__name__ if isinstance(value, type) else repr(value)}"
            for name, value in self._arguments().items()
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = vars(self), vars(other)
        return mine.keys() == theirs.keys() and all(
            np.array_equal(mine[key], theirs[key]) for key in mine
        )

    def __hash__(self) -> int:
        return hash(type(self))


class Normal(Initializer):
    r"""Normally distributed values: :math:`w \sim N(\mu, \sigma^2)`.

    Parameters
    ----------
    std : float, default 0.01
        The standard deviation :math:`\sigma`.
    mean : float, default 0.0
        The mean :math:`\mu`.

    Raises
    ------
    ValueError
        If ``std`` is negative.

    Examples
    --------
    >>> from nncore.init import Normal
    >>> Normal(std=0.1)
    Normal(std=0.1, mean=0.0)
    """

    def __init__(self, std: float = 0.01, mean: float = 0.0) -> None:
        self.std = _std("Normal", std)
        self.mean = mean

    def sample(self, shape: Sequence[int]) -> np.ndarray:
        """Draw values of a shape; see :meth:`Initializer.sample`."""
        return floatX(get_rng().normal(self.mean, self.std, size=tuple(shape)))


class Uniform(Initializer):
    r"""Uniformly distributed values: :math:`w \sim U(a, b)`.

    Parameters
    ----------
    range : float or pair of float, default 0.01
        The limits :math:`(a, b)`; a single number :math:`r` stands for :math:`(-r, r)`. It is
        not used if ``std`` is given.
    std : float, optional
        The standard deviation :math:`\sigma`; then :math:`a = \mu - \sqrt{3} \sigma` and
        :math:`b = \mu + \sqrt{3} \sigma`.
    mean : float, default 0.0
        The mean :math:`\mu`, used together with ``std`` only.

    Raises
    ------
    ValueError
        If ``std`` is negative or the lower limit exceeds the upper one.

    Examples
    --------
    >>> from nncore.init import Uniform
    >>> Uniform(0.5).range
    (-0.5, 0.5)
    """

    def __init__(
        self,
        range: float | tuple[float, float] = 0.01,
        std: float | None = None,
        mean: float = 0.0,
    ) -> None:
        if std is not None:
            a = mean - math.sqrt(3) * _std("Uniform", std)
            b = mean + math.sqrt(3) * std
        elif isinstance(range, tuple | list | np.ndarray):
            a, b = range
        else:
            a, b = -range, range
        if not a <= b:
            raise ValueError(
                f"Uniform: the lower limit {a!r} exceeds the upper limit {b!r}; give range=(a, b) "
                "with a <= b, or a single number >= 0."
            )
        self.range = (a, b)
        self.std = std
        self.mean = mean

    def sample(self, shape: Sequence[int]) -> np.ndarray:
        """Draw values of a shape; see :meth:`Initializer.sample`."""
        return floatX(get_rng().uniform(self.range[0], self.range[1], size=tuple(shape)))


class _FanScaled(Initializer):
    """A distribution whose standard deviation follows from the parameter's shape."""

    def __init__(
        self,
        initializer: Callable[..., Initializer],
        gain: float | str = 1.0,
        c01b: bool = False,
    ) -> None:
        self.initializer = initializer
        self.gain = _gain(type(self).__name__, gain)
        self.c01b = c01b

    def _fans(self, shape: Sequence[int]) -> tuple[int, int]:
        """Fan-in and fan-out, as far as the shape tells."""
        name = type(self).__name__
        if self.c01b:
            if len(shape) != 4:
                raise RuntimeError(
                    f"{name}(c01b=True) only works with shapes of length 4, (channels, rows, "
                    f"columns, filters); it was given {tuple(shape)}."
                )
            field = shape[1] * shape[2]
            return shape[0] * field, shape[3] * field
        if len(shape) < 2:
            raise RuntimeError(
                f"{name} only works with shapes of length >= 2; it was given {tuple(shape)}. "
                "For a vector take Normal, Uniform or Constant."
            )
        if len(shape) == 2:
            return shape[0], shape[1]
        field = math.prod(shape[2:])
        return shape[1] * field, shape[0] * field


class Glorot(_FanScaled):
    r"""Scaling by fan-in and fan-out, also called Xavier initialization.

    The standard deviation is :math:`\sigma = g \sqrt{2 / (n_{in} + n_{out})}` with the gain
    :math:`g`. In convolutions :math:`n_{in}` and :math:`n_{out}` are the numbers of input
    channels and of filters in a group, times the size of a filter. The layers of nncore say what
    they are; called with nothing but a shape, the initializer takes it for a dense layer's or an
    ordinary convolution's.

    Parameters
    ----------
    initializer : callable
        The distribution: called with ``std=``, it returns an initializer, as :class:`Normal`
        and :class:`Uniform` do.
    gain : float or 'relu', default 1.0
        The gain; ``'relu'`` stands for :math:`\sqrt{2}`. It should be 1 for linear and sigmoid
        units and :math:`\sqrt{2 / (1 + \alpha^2)}` for rectifiers of leakiness :math:`\alpha`.
    c01b : bool, default False
        Whether the parameter is a filter bank ``(channels, rows, columns, filters)`` instead
        of ``(filters, channels, ...)``.

    Raises
    ------
    ValueError
        If ``gain`` is an unknown string.
    RuntimeError
        When it is called: if the shape has fewer than 2 elements, or not 4 with ``c01b``.

    References
    ----------
    .. [1] Xavier Glorot and Yoshua Bengio (2010): Understanding the difficulty of training deep
           feedforward neural networks. Proceedings of AISTATS.

    Examples
    --------
    >>> from nncore.init import Glorot, Normal
    >>> Glorot(Normal, gain="relu").sample((16, 3, 5, 5)).shape
    (16, 3, 5, 5)
    """

    def sample(self, shape: Sequence[int], fans: tuple[int, int] | None = None) -> np.ndarray:
        """Draw values of a shape; see :meth:`Initializer.__call__`."""
        std = self.gain * math.sqrt(2.0 / sum(fans or self._fans(shape)))
        return self.initializer(std=std).sample(shape)


class GlorotNormal(Glorot):
    """:class:`Glorot` with normally distributed values.

    Parameters
    ----------
    gain : float or 'relu', default 1.0
        As for :class:`Glorot`.
    c01b : bool, default False
        As for :class:`Glorot`.

    Examples
    --------
    >>> from nncore.init import GlorotNormal
    >>> GlorotNormal()
    GlorotNormal(gain=1.0, c01b=False)
    """

    def __init__(self, gain: float | str = 1.0, c01b: bool = False) -> None:
        super().__init__(Normal, gain, c01b)


class GlorotUniform(Glorot):
    """:class:`Glorot` with uniformly distributed values.

    Parameters
    ----------
    gain : float or 'relu', default 1.0
        As for :class:`Glorot`.
    c01b : bool, default False
        As for :class:`Glorot`.

    Examples
    --------
    >>> from nncore.init import GlorotUniform
    >>> abs(GlorotUniform().sample((3, 3))).max() <= 1
    np.True_
    """

    def __init__(self, gain: float | str = 1.0, c01b: bool = False) -> None:
        super().__init__(Uniform, gain, c01b)


class He(_FanScaled):
    r"""Scaling by fan-in: :math:`\sigma = g \sqrt{1 / n_{in}}`.

    Parameters
    ----------
    initializer : callable
        The distribution: called with ``std=``, it returns an initializer, as :class:`Normal`
        and :class:`Uniform` do.
    gain : float or 'relu', default 1.0
        The gain :math:`g`; ``'relu'`` stands for :math:`\sqrt{2}`, the value of the paper.
    c01b : bool, default False
        Whether the parameter is a filter bank ``(channels, rows, columns, filters)`` instead
        of ``(filters, channels, ...)``.

    Raises
    ------
    ValueError
        If ``gain`` is an unknown string.
    RuntimeError
        When it is called: if the shape has fewer than 2 elements, or not 4 with ``c01b``.

    References
    ----------
    .. [1] Kaiming He, Xiangyu Zhang, Shaoqing Ren and Jian Sun (2015): Delving deep into
           rectifiers: surpassing human-level performance on ImageNet classification.
           Proceedings of ICCV. arXiv:1502.01852.

    Examples
    --------
    >>> from nncore.init import He, Uniform
    >>> He(Uniform).sample((100, 10)).shape
    (100, 10)
    """

    def sample(self, shape: Sequence[int], fans: tuple[int, int] | None = None) -> np.ndarray:
        """Draw values of a shape; see :meth:`Initializer.__call__`."""
        std = self.gain * math.sqrt(1.0 / (fans or self._fans(shape))[0])
        return self.initializer(std=std).sample(shape)


class HeNormal(He):
    """:class:`He` with normally distributed values.

    Parameters
    ----------
    gain : float or 'relu', default 1.0
        As for :class:`He`.
    c01b : bool, default False
        As for :class:`He`.

    Examples
    --------
    >>> from nncore.init import HeNormal
    >>> round(HeNormal("relu").gain, 4)
    1.4142
    """

    def __init__(self, gain: float | str = 1.0, c01b: bool = False) -> None:
        super().__init__(Normal, gain, c01b)


class HeUniform(He):
    """:class:`He` with uniformly distributed values.

    Parameters
    ----------
    gain : float or 'relu', default 1.0
        As for :class:`He`.
    c01b : bool, default False
        As for :class:`He`.

    Examples
    --------
    >>> from nncore.init import HeUniform
    >>> HeUniform(gain=2.0)
    HeUniform(gain=2.0, c01b=False)
    """

    def __init__(self, gain: float | str = 1.0, c01b: bool = False) -> None:
        super().__init__(Uniform, gain, c01b)


class Constant(Initializer):
    """The same value everywhere.

    Parameters
    ----------
    val : float or array_like, default 0.0
        The value; an array must broadcast to the parameter's shape.

    Examples
    --------
    >>> from nncore.init import Constant
    >>> Constant(0.5)((2,))
    array([0.5, 0.5], dtype=float32)
    """

    def __init__(self, val: Any = 0.0) -> None:
        self.val = val

    def sample(self, shape: Sequence[int]) -> np.ndarray:
        """Fill a shape; see :meth:`Initializer.sample`."""
        return np.full(tuple(shape), self.val, dtype=pytensor.config.floatX)


class Sparse(Initializer):
    r"""A matrix in which only some elements of each column are not zero.

    Parameters
    ----------
    sparsity : float, default 0.1
        The exact fraction of elements that are NOT zero in each column, rounded down to a
        whole number of elements: larger values give denser matrices.
    std : float, default 0.01
        The elements that are not zero are drawn from :math:`N(0, std^2)`.

    Raises
    ------
    ValueError
        If ``sparsity`` is not between 0 and 1, or ``std`` is negative.
    RuntimeError
        When it is called: if the shape does not have 2 elements.

    References
    ----------
    .. [1] James Martens (2010): Deep learning via Hessian-free optimization. Proceedings of
           ICML.

    Examples
    --------
    >>> from nncore.init import Sparse
    >>> (Sparse(sparsity=0.25).sample((8, 3)) != 0).sum(axis=0)
    array([2, 2, 2])
    """

    def __init__(self, sparsity: float = 0.1, std: float = 0.01) -> None:
        if not 0 <= sparsity <= 1:
            raise ValueError(f"Sparse: sparsity={sparsity!r} is not a fraction from 0 to 1.")
        self.sparsity = sparsity
        self.std = _std("Sparse", std)

    def sample(self, shape: Sequence[int]) -> np.ndarray:
        """Draw values of a shape; see :meth:`Initializer.sample`."""
        if len(shape) != 2:
            raise RuntimeError(
                f"Sparse only works with shapes of length 2; it was given {tuple(shape)}."
            )
        rng = get_rng()
        num_inputs, num_units = shape
        size = int(self.sparsity * num_inputs)
        values = np.zeros(tuple(shape), dtype=pytensor.config.floatX)
        for unit in range(num_units):
            chosen = np.arange(num_inputs)
            rng.shuffle(chosen)
            values[chosen[:size], unit] = rng.normal(0.0, self.std, size=size)
        return values


class Orthogonal(Initializer):
    r"""A random matrix with orthogonal rows or columns, whichever are fewer.

    A shape with more than 2 elements is treated as the matrix ``(shape[0], prod(shape[1:]))``.
    The singular values all equal the gain.

    Parameters
    ----------
    gain : float or 'relu', default 1.0
        The gain; ``'relu'`` stands for :math:`\sqrt{2}`.

    Raises
    ------
    ValueError
        If ``gain`` is an unknown string.
    RuntimeError
        When it is called: if the shape has fewer than 2 elements.

    References
    ----------
    .. [1] Andrew M. Saxe, James L. McClelland and Surya Ganguli (2013): Exact solutions to the
           nonlinear dynamics of learning in deep linear neural networks. arXiv:1312.6120.

    Examples
    --------
    >>> from nncore.init import Orthogonal
    >>> W = Orthogonal().sample((2, 5))
    >>> abs(W @ W.T).round(3)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __init__(self, gain: float | str = 1.0) -> None:
        self.gain = _gain("Orthogonal", gain)

    def sample(self, shape: Sequence[int]) -> np.ndarray:
        """Draw values of a shape; see :meth:`Initializer.sample`."""
        if len(shape) < 2:
            raise RuntimeError(
                f"Orthogonal only works with shapes of length >= 2; it was given {tuple(shape)}."
            )
        flat = (shape[0], math.prod(shape[1:]))
        left, _, right = np.linalg.svd(get_rng().normal(0.0, 1.0, flat), full_matrices=False)
        values = left if left.shape == flat else right
        return floatX(self.gain * values.reshape(tuple(shape)))
