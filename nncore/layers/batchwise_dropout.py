# ruff: noqa: B008, D102  (initializers have no state; overridden methods keep Layer's text)
"""Dropout with one mask for the whole batch, so that the matrices really shrink."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt

from nncore import init, nonlinearities
from nncore.layers._random import RandomStream
from nncore.layers.base import Layer, _label
from nncore.layers.dense import DenseLayer

__all__ = ["BatchwiseDropoutDenseLayer", "BatchwiseDropoutLayer", "kept_units"]


def kept_units(expression: Any) -> tuple[Any, Any] | None:
    """Return what a batchwise dropout kept, if the expression is the output of one.

    Parameters
    ----------
    expression : expression
        The output of a layer.

    Returns
    -------
    tuple of expressions, or None
        The part of it that is kept, ``(batch, num_kept)``, and the indices of its units,
        ``(num_kept,)``, in ascending order.

    Examples
    --------
    >>> from nncore.layers import BatchwiseDropoutLayer, InputLayer, get_output, kept_units
    >>> layer = BatchwiseDropoutLayer(InputLayer((None, 10)), p=0.3)
    >>> kept, indices = kept_units(get_output(layer))
    >>> kept.type.shape
    (None, 7)
    """
    return getattr(expression.tag, "kept_units", None)


def _submatrix(matrix: Any, rows: Any, columns: Any) -> Any:
    """Take rows (None for all) and columns in one step, and so in one step back for gradients."""
    if rows is None:
        rows = np.arange(matrix.type.shape[0])
    places = rows[:, None] * matrix.type.shape[1] + columns[None, :]
    taken = matrix.flatten()[places.flatten()]
    return taken.reshape((rows.shape[0], columns.type.shape[0]))


class _Selection:
    """Which of the units to keep: a fixed number of them, drawn anew for each batch."""

    def __init__(self, layer: Layer, p: Any, units: int, rescale: bool) -> None:
        if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p < 1:
            raise ValueError(
                f"{_label(layer)}: p={p!r} is the fraction of units to drop, so it must be a "
                "number of at least 0 and less than 1."
            )
        self.units = units
        self.count = max(1, round((1 - p) * units))
        self.scale = units / self.count if rescale else 1.0
        self._srng = RandomStream()

    def draw(self) -> Any:
        """Indices in ascending order, which read the memory in its order."""
        numbers = self._srng.uniform((self.units,))
        chosen = pt.argsort(numbers)[: self.count]
        return pt.specify_shape(pt.sort(chosen), (self.count,))

    def spread(self, kept: Any, indices: Any) -> Any:
        """Put the kept units back among zeros, and remember them for the next layer."""
        if self.scale != 1:
            kept = kept * self.scale
        zeros = pt.zeros((self.units, kept.shape[0]), dtype=kept.dtype)
        output = pt.set_subtensor(zeros[indices], kept.T).T
        output.tag.kept_units = (kept, indices)
        return output


class BatchwiseDropoutLayer(Layer):
    r"""Dropout that drops the same units for all samples of a batch [1]_.

    The number of units that are kept is fixed, :math:`k = round((1 - p) n)` of :math:`n`; which
    ones is drawn anew for each batch. A :class:`BatchwiseDropoutDenseLayer` that follows
    multiplies only those.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, units)``.
    p : float
        The fraction of units to drop. Default: 0.5.
    rescale : bool
        If true, the units that are kept are multiplied by :math:`n / k`, so that the expectation
        does not change. Default: True.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `p` is outside ``[0, 1)``, or the input is not ``(batch, units)`` with a fixed number
        of units.

    Notes
    -----
    For the same mask the output is that of :class:`DropoutLayer` with ``shared_axes=(0,)`` and
    the probability :math:`1 - k / n`, zeros included. With
    ``get_output(..., deterministic=True)`` the layer does nothing.

    References
    ----------
    .. [1] Graham, B., Reizenstein, J. and Robinson, L. (2015): Efficient batchwise dropout
           training using submatrices. arXiv:1502.02478.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.backends import get_mode
    >>> from nncore.layers import BatchwiseDropoutLayer, InputLayer, get_output
    >>> layer = BatchwiseDropoutLayer(InputLayer((2, 4)), p=0.25)
    >>> output = get_output(layer, np.ones((2, 4)))
    >>> (output.eval(mode=get_mode("python")) != 0).sum(axis=1)
    array([3, 3])
    """

    def __init__(self, incoming: Any, p: float = 0.5, rescale: bool = True, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        if len(self.input_shape) != 2 or self.input_shape[1] is None:
            raise ValueError(
                f"{_label(self)} needs an input (batch, units) with a fixed number of units, not "
                f"{self.input_shape!r}; a FlattenLayer before it makes one."
            )
        self._selection = _Selection(self, p, self.input_shape[1], rescale)
        self.p = p
        self.rescale = rescale

    def get_output_for(self, input: Any, deterministic: bool = False, **kwargs: Any) -> Any:
        selection = self._selection
        if deterministic or selection.count == selection.units:
            return input
        indices = selection.draw()
        return selection.spread(input.T[indices].T, indices)


class BatchwiseDropoutDenseLayer(DenseLayer):
    r"""A fully connected layer and batchwise dropout of its units, computed as one [1]_.

    During training one mask for the whole batch drops a fixed number of the units, and only the
    columns of the weights that belong to the others are taken. If the layer before drops units
    batchwise, too, only the rows of those that it kept are taken. The products, forth and back,
    are smaller by both: with half of the units on both sides they take about a quarter of the
    time.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    num_units : int
        The number of units, :math:`n`.
    p : float
        The fraction of this layer's units to drop: :math:`k = round((1 - p) n)` are kept. 0 for
        the last layer of a network. Default: 0.5.
    rescale : bool
        If true, the units that are kept are multiplied by :math:`n / k`, so that the expectation
        does not change. Default: True.
    W : shared variable, expression, array, number or callable
        The weights, ``(num_inputs, num_units)``. Default: Glorot's uniform initialization.
    b : shared variable, expression, array, number, callable or None
        The biases, ``(num_units,)``; None for none. Default: zeros.
    nonlinearity : callable or None
        Applied to the units that are kept; it must treat every unit on its own unless `p` is 0.
        None for none. Default: rectification.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `p` is outside ``[0, 1)``, or an axis that is flattened has no fixed size.

    Notes
    -----
    For the same mask the output is that of :class:`DropoutLayer` with ``shared_axes=(0,)`` and
    the probability :math:`1 - k / n` on a :class:`DenseLayer`: ``(batch, num_units)``, with zeros
    for what is dropped, so that any layer can follow. What makes use of the zeros is this layer
    again. With ``get_output(..., deterministic=True)`` it is a plain :class:`DenseLayer`.

    References
    ----------
    .. [1] Graham, B., Reizenstein, J. and Robinson, L. (2015): Efficient batchwise dropout
           training using submatrices. arXiv:1502.02478.

    Examples
    --------
    >>> from nncore.layers import BatchwiseDropoutDenseLayer, InputLayer, get_output
    >>> from nncore.nonlinearities import softmax
    >>> hidden = BatchwiseDropoutDenseLayer(InputLayer((None, 784)), 800, p=0.5)
    >>> network = BatchwiseDropoutDenseLayer(hidden, 10, p=0, nonlinearity=softmax)
    >>> hidden.output_shape, network.output_shape
    ((None, 800), (None, 10))
    """

    def __init__(
        self,
        incoming: Any,
        num_units: int,
        p: float = 0.5,
        rescale: bool = True,
        W: Any = init.GlorotUniform(),
        b: Any = init.Constant(0.0),
        nonlinearity: Any = nonlinearities.rectify,
        **kwargs: Any,
    ) -> None:
        super().__init__(incoming, num_units, W, b, nonlinearity, **kwargs)
        self._selection = _Selection(self, p, self.num_units, rescale)
        self.p = p
        self.rescale = rescale

    def get_output_for(self, input: Any, deterministic: bool = False, **kwargs: Any) -> Any:
        if deterministic:
            return super().get_output_for(input, **kwargs)
        selection = self._selection
        W, b = self.W, self.b
        shrinks = selection.count < selection.units
        units = selection.draw() if shrinks else None
        before = kept_units(input)
        rows, indices = (input.flatten(2), None) if before is None else before
        if shrinks:
            W = _submatrix(W, indices, units)
            b = None if b is None else b[units]
        elif indices is not None:
            W = W[indices]
        activation = pt.dot(rows, W)
        if b is not None:
            activation = activation + b.dimshuffle("x", 0)
        output = self.nonlinearity(activation)
        return selection.spread(output, units) if shrinks else output
