# ruff: noqa: D102  (overridden methods keep the documentation of Layer)
"""Spatial transformers: layers that resample images on a grid that a network computes."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore import utils
from nncore.layers.base import MergeLayer, _label

__all__ = ["TPSTransformerLayer", "TransformerLayer"]

_BORDER_MODES = ("nearest", "mirror", "wrap")


def _as_float(size: Any) -> Any:
    return float(size) if isinstance(size, int) else pt.cast(size, pytensor.config.floatX)


def _counted(n: Any) -> Any:
    """The integers below n, as floats; JAX can make no range of a length computed from sizes."""
    if isinstance(n, int):
        return pt.constant(np.arange(n, dtype=pytensor.config.floatX))
    return pt.cumsum(pt.alloc(pt.constant(1.0, dtype=pytensor.config.floatX), n)) - 1.0


def _known_grid(rows: Any, columns: Any) -> np.ndarray:
    """Coordinates x and y, from -1 to 1, of all elements of an image, row by row."""
    axes = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    return np.array([axis.ravel() for axis in axes])


def _grid(rows: Any, columns: Any) -> tuple[Any, Any]:
    """Coordinates as in :func:`_known_grid`, of an image of any size."""
    if isinstance(rows, int) and isinstance(columns, int):
        known = utils.floatX(_known_grid(rows, columns))
        return known[0], known[1]
    steps = [
        _counted(n) * (2.0 / pt.maximum(_as_float(n) - 1.0, 1.0)) - 1.0 for n in (columns, rows)
    ]
    x, y = steps[0][None, :], steps[1][:, None]
    return (x * pt.ones_like(y)).flatten(), (y * pt.ones_like(x)).flatten()


def _inside(position: Any, size: Any, border_mode: str) -> Any:
    """Turn whole positions along an axis into indices of elements of the image."""
    last = _as_float(size) - 1.0
    if border_mode == "mirror":
        period = max(2.0 * last, 1.0) if isinstance(size, int) else pt.maximum(2.0 * last, 1.0)
        position = pt.mod(position, period)
        position = pt.minimum(position, period - position)
    elif border_mode == "wrap":
        position = pt.mod(position, last + 1.0)
    else:
        position = pt.clip(position, 0.0, last)
    # What is not a number stays so in the weights, but must not lead out of the image here.
    return pt.cast(pt.switch(pt.isnan(position), 0.0, position), "int64")


def _sample(input: Any, x: Any, y: Any, size: tuple[Any, Any], border_mode: str) -> Any:
    """Interpolate images bilinearly.

    Parameters
    ----------
    input : expression
        Shape ``(batch, channels, rows, columns)``.
    x, y : expression
        Shape ``(batch, out_rows * out_columns)``; -1 and 1 are the first and the last column
        (row) of the image.
    size : tuple
        ``(out_rows, out_columns)``.
    border_mode : str
        What lies around the image.

    Returns
    -------
    expression
        Shape ``(batch, channels, out_rows, out_columns)``.
    """
    if not input.dtype.startswith("float"):
        input = input.astype(pytensor.config.floatX)
    batch, channels, rows, columns = _sizes(input)
    x = (x + 1.0) * (0.5 * (_as_float(columns) - 1.0))
    y = (y + 1.0) * (0.5 * (_as_float(rows) - 1.0))
    left, top = pt.floor(x), pt.floor(y)
    to_left, to_top = x - left, y - top
    # The channels of an element are taken together, as a row of a matrix.
    elements = input.dimshuffle(0, 2, 3, 1).reshape((batch * rows * columns, channels))
    first = pt.cast(_counted(batch), "int64")[:, None] * (rows * columns)
    total: Any = 0.0
    for dy, weight_y in ((0.0, 1.0 - to_top), (1.0, to_top)):
        row = first + _inside(top + dy, rows, border_mode) * columns
        for dx, weight_x in ((0.0, 1.0 - to_left), (1.0, to_left)):
            index = row + _inside(left + dx, columns, border_mode)
            weight = (weight_y * weight_x).flatten()[:, None]
            total = total + weight * elements[index.flatten()]
    return total.reshape((batch, *size, channels)).dimshuffle(0, 3, 1, 2)


def _sizes(input: Any) -> tuple[Any, ...]:
    return tuple(
        input.shape[axis] if size is None else size for axis, size in enumerate(input.type.shape)
    )


class _TransformerLayer(MergeLayer):
    """What the transformers share: the checks, and the size of the output."""

    def __init__(
        self,
        incoming: Any,
        localization_network: Any,
        downsample_factor: Any,
        border_mode: str,
        num_outputs: int,
        **kwargs: Any,
    ) -> None:
        super().__init__([incoming, localization_network], **kwargs)
        shape, localization = self.input_shapes
        if len(shape) != 4:
            raise ValueError(
                f"{_label(self)}: the input shape {tuple(shape)} has {len(shape)} axes, but it "
                "must have 4: (batch, channels, rows, columns)."
            )
        if len(localization) != 2 or localization[1] != num_outputs:
            raise ValueError(
                f"{_label(self)}: the localization network must have the output shape (batch, "
                f"{num_outputs}), not {tuple(localization)}."
            )
        self.downsample_factor = utils.as_tuple(downsample_factor, 2, (int, float))
        if any(not factor > 0 for factor in self.downsample_factor) or 0 in self.output_shape[2:]:
            raise ValueError(
                f"{_label(self)}: downsample_factor={downsample_factor!r} must be positive and "
                f"leave at least one row and column of the input {tuple(shape)}."
            )
        if border_mode not in _BORDER_MODES:
            raise ValueError(
                f"{_label(self)}: border_mode={border_mode!r} is not known; use one of "
                f"{_BORDER_MODES}."
            )
        self.border_mode = border_mode

    def get_output_shape_for(self, input_shapes: Any) -> Any:
        shape = input_shapes[0]
        return (
            *shape[:2],
            *(
                None if size is None else int(size // factor)
                for size, factor in zip(shape[2:], self.downsample_factor, strict=True)
            ),
        )

    def _output_size(self, input: Any) -> tuple[Any, Any]:
        rows, columns = (
            int(size // factor) if isinstance(size, int) else pt.cast(size // factor, "int64")
            for size, factor in zip(_sizes(input)[2:], self.downsample_factor, strict=True)
        )
        return rows, columns


class TransformerLayer(_TransformerLayer):
    """A spatial transformer: a layer that applies an affine map to images [1]_.

    The localization network computes for each image the 2 x 3 matrix, row by row, that maps the
    coordinates ``(x, y, 1)`` of an element of the output to the place in the input where its
    value is taken from, by bilinear interpolation. Coordinates run from -1, the first column or
    row, to 1, the last.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer whose output is transformed, or its shape, ``(batch, channels, rows, columns)``.
    localization_network : Layer or tuple
        The layer that computes the maps, of shape ``(batch, 6)``. Bias ``[1, 0, 0, 0, 1, 0]`` and
        weights of zero let it begin with the identity.
    downsample_factor : float, or sequence of float
        What to divide the sizes by, for both spatial axes or for each. Below 1 it enlarges.
        Default: 1.
    border_mode : str
        What lies around the image: ``'nearest'`` continues the outermost elements, ``'mirror'``
        reflects the image at them, ``'wrap'`` begins at the other side. Default: ``'nearest'``.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If shapes do not fit, or for an unknown border mode or an impossible factor.

    References
    ----------
    .. [1] Jaderberg, M. et al. (2015): Spatial Transformer Networks. arXiv:1506.02025.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.layers import DenseLayer, InputLayer, TransformerLayer
    >>> image = InputLayer((None, 1, 28, 28))
    >>> identity = np.array([1, 0, 0, 0, 1, 0], dtype="float32")
    >>> maps = DenseLayer(image, 6, W=np.zeros((784, 6)), b=identity, nonlinearity=None)
    >>> TransformerLayer(image, maps, downsample_factor=2).output_shape
    (None, 1, 14, 14)
    """

    def __init__(
        self,
        incoming: Any,
        localization_network: Any,
        downsample_factor: Any = 1,
        border_mode: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            incoming, localization_network, downsample_factor, border_mode, 6, **kwargs
        )

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        input, theta = inputs
        size = self._output_size(input)
        x, y = _grid(*size)
        a = [theta[:, i : i + 1] for i in range(6)]
        mapped = (a[0] * x + a[1] * y + a[2], a[3] * x + a[4] * y + a[5])
        return _sample(input, *mapped, size, self.border_mode)


def _radial(squared: Any) -> Any:
    """U(r) = r^2 log(r^2), with U(0) = 0."""
    return squared * np.log(np.where(squared > 0, squared, 1.0))


class TPSTransformerLayer(_TransformerLayer):
    r"""A spatial transformer that applies thin-plate splines to images [1]_ [2]_.

    Control points form a square grid over the output. The localization network computes for each
    image how far from its own place each of them is mapped to, and the smoothest map that does
    so, :math:`f(p) = a + B p + \sum_i w_i U(|p_i - p|)` with :math:`U(r) = r^2 \log r^2`, says
    where each element of the output is taken from the input, by bilinear interpolation.
    Coordinates run from -1, the first column or row, to 1, the last.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer whose output is transformed, or its shape, ``(batch, channels, rows, columns)``.
    localization_network : Layer or tuple
        The layer that computes the offsets, of shape ``(batch, 2 * control_points)``: those along
        x for all control points, row by row, and then those along y. Weights and bias of zero let
        it begin with the identity.
    downsample_factor : float, or sequence of float
        What to divide the sizes by, for both spatial axes or for each. Below 1 it enlarges.
        Default: 1.
    control_points : int
        Number of control points, the square of an integer above 1. Default: 16.
    precompute_grid : bool or 'auto'
        Whether to compute what depends only on the grid once, at the beginning, which needs fixed
        rows and columns. ``'auto'`` does so if they are fixed. Default: ``'auto'``.
    border_mode : str
        What lies around the image: ``'nearest'`` continues the outermost elements, ``'mirror'``
        reflects the image at them, ``'wrap'`` begins at the other side. Default: ``'nearest'``.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If shapes do not fit, for a number of control points that is not a square, or a grid that
        cannot be precomputed.

    References
    ----------
    .. [1] Jaderberg, M. et al. (2015): Spatial Transformer Networks. arXiv:1506.02025.
    .. [2] Bookstein, F. L. (1989): Principal warps: thin-plate splines and the decomposition of
           deformations. IEEE Transactions on Pattern Analysis and Machine Intelligence 11(6),
           567-585.

    Examples
    --------
    >>> from nncore import init
    >>> from nncore.layers import DenseLayer, InputLayer, TPSTransformerLayer
    >>> image = InputLayer((None, 1, 28, 28))
    >>> offsets = DenseLayer(image, 2 * 16, W=init.Constant(0), nonlinearity=None)
    >>> TPSTransformerLayer(image, offsets, control_points=16).output_shape
    (None, 1, 28, 28)
    """

    def __init__(
        self,
        incoming: Any,
        localization_network: Any,
        downsample_factor: Any = 1,
        control_points: int = 16,
        precompute_grid: bool | str = "auto",
        border_mode: str = "nearest",
        **kwargs: Any,
    ) -> None:
        self.name = kwargs.get("name")
        count: Any = control_points
        whole = isinstance(count, Integral) and int(count) >= 4
        if not whole or math.isqrt(count) ** 2 != count:
            raise ValueError(
                f"{_label(self)}: control_points={control_points!r} must be the square of an "
                "integer above 1, such as 4, 9 or 16."
            )
        self.control_points = int(control_points)
        super().__init__(
            incoming,
            localization_network,
            downsample_factor,
            border_mode,
            2 * self.control_points,
            **kwargs,
        )
        known = None not in self.input_shapes[0][2:]
        if isinstance(precompute_grid, str):
            if precompute_grid != "auto":
                raise ValueError(
                    f"{_label(self)}: precompute_grid={precompute_grid!r} must be True, False or "
                    "'auto'."
                )
            precompute_grid = known
        if precompute_grid and not known:
            raise ValueError(
                f"{_label(self)}: precompute_grid=True needs fixed rows and columns, but the input "
                f"shape is {tuple(self.input_shapes[0])}. Use 'auto' or False."
            )
        self.precompute_grid = bool(precompute_grid)
        side = math.isqrt(self.control_points)
        #: The control points, ``(2, control_points)``: x and y of each.
        self.source_points = _known_grid(side, side)
        self._weights = self._solve()
        if self.precompute_grid:
            basis = self._basis(*_known_grid(*self.output_shape[2:]))
            self._weights = self._weights @ basis

    def _basis(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1, x, y and U of the distances to the control points, ``(control_points + 3, n)``."""
        distances = (self.source_points[:, :, None] - np.array([x, y])[:, None, :]) ** 2
        return np.concatenate([np.array([np.ones_like(x), x, y]), _radial(distances.sum(axis=0))])

    def _solve(self) -> np.ndarray:
        """The spline's coefficients are the destinations times this matrix."""
        n = self.control_points
        system = np.zeros((n + 3, n + 3))
        system[:, 3:] = self._basis(*self.source_points)
        system[3:, :3] = system[:3, 3:].T
        return np.linalg.inv(system)[:, 3:].T

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        input, offsets = inputs
        n = self.control_points
        # For each image, one row of x coordinates and one of y coordinates.
        source = utils.floatX(self.source_points)[None]
        destination = (offsets.reshape((-1, 2, n)) + source).reshape((-1, n))
        mapped = pt.dot(destination, utils.floatX(self._weights))
        if self.precompute_grid:
            size: tuple[Any, Any] = self.output_shape[2:]  # type: ignore[assignment]
        else:
            size = self._output_size(input)
            x, y = _grid(*size)
            columns = utils.floatX(self.source_points)[:, :, None]
            squared = (columns[0] - x) ** 2 + (columns[1] - y) ** 2
            radial = squared * pt.log(pt.switch(pt.gt(squared, 0.0), squared, 1.0))
            coefficients = mapped
            mapped = (
                coefficients[:, :1]
                + coefficients[:, 1:2] * x
                + coefficients[:, 2:3] * y
                + pt.dot(coefficients[:, 3:], radial)
            )
        return _sample(input, mapped[0::2], mapped[1::2], size, self.border_mode)
