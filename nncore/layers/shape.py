# ruff: noqa: D102  (overridden methods keep the documentation of Layer)
"""Layers that rearrange, cut or pad their input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import pytensor.tensor as pt

from nncore.layers.base import Layer, _label

__all__ = [
    "DimshuffleLayer",
    "FlattenLayer",
    "PadLayer",
    "ReshapeLayer",
    "SliceLayer",
    "dimshuffle",
    "flatten",
    "pad",
    "reshape",
]


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


class FlattenLayer(Layer):
    """A layer that merges the last axes into one.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    outdim : int
        Number of axes of the output; all axes from the last of them on are merged. Default: 2.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `outdim` is not a positive integer, or greater than the input's number of axes.

    Examples
    --------
    >>> from nncore.layers import FlattenLayer, InputLayer
    >>> FlattenLayer(InputLayer((None, 3, 4, 5)), outdim=3).output_shape
    (None, 3, 20)
    """

    def __init__(self, incoming: Any, outdim: int = 2, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        self.outdim = outdim
        if not _is_int(outdim) or outdim < 1:
            raise ValueError(f"{_label(self)}: outdim must be a positive integer, not {outdim!r}.")
        if outdim > len(self.input_shape):
            raise ValueError(
                f"{_label(self)}: outdim={outdim} is more than the {len(self.input_shape)} axes "
                f"of the input {self.input_shape!r}."
            )

    def get_output_shape_for(self, input_shape: Any) -> Any:
        merged = input_shape[self.outdim - 1 :]
        size = None if any(n is None for n in merged) else math.prod(merged)
        return (*input_shape[: self.outdim - 1], size)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return input.flatten(self.outdim)


flatten = FlattenLayer


class ReshapeLayer(Layer):
    """A layer that gives its input another shape.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    shape : tuple
        The sizes of the output. Each is a positive integer, or ``-1`` (at most once) for the size
        that keeps the number of elements, or ``[i]`` for the size of axis ``i`` of the input, or
        a symbolic integer.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If the shape is not of this form, or cannot hold the elements of the input.

    Examples
    --------
    >>> from nncore.layers import InputLayer, ReshapeLayer
    >>> layer = InputLayer((None, 4, 6))
    >>> ReshapeLayer(layer, ([0], 2, 2, [2])).output_shape
    (None, 2, 2, 6)
    >>> ReshapeLayer(layer, ([0], -1)).output_shape
    (None, 24)
    """

    def __init__(self, incoming: Any, shape: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        shape = tuple(shape)
        for size in shape:
            if _is_int(size):
                valid = size == -1 or size > 0
            elif isinstance(size, list):
                valid = len(size) == 1 and _is_int(size[0]) and size[0] >= 0
            else:
                valid = getattr(size, "ndim", None) == 0
            if not valid:
                raise ValueError(
                    f"{_label(self)}: {size!r} is not allowed in shape={shape!r}; use positive "
                    "integers, -1, [i] for the size of the input's axis i, or scalar expressions."
                )
        if sum(_is_int(size) and size == -1 for size in shape) > 1:
            raise ValueError(f"{_label(self)}: shape={shape!r} has -1 more than once.")
        self.shape = shape
        # Errors show now, and not when the network is used.
        self.get_output_shape_for(self.input_shape)

    def get_output_shape_for(self, input_shape: Any, **kwargs: Any) -> Any:
        known_input = list(input_shape)
        sizes: list[Any] = []
        for size in self.shape:
            if isinstance(size, list):
                axis = size[0]
                if axis >= len(input_shape):
                    raise ValueError(
                        f"{_label(self)}: [{axis}] in shape={self.shape!r} names an axis that the "
                        f"input {input_shape!r} does not have."
                    )
                size = input_shape[axis]
                if size is None:
                    # An unknown size on both sides cancels, but only once.
                    sizes.append((None, 1 if known_input[axis] is None else None))
                    known_input[axis] = 1
                    continue
            sizes.append((size, size) if _is_int(size) else (None, None))
        factors = [factor for _, factor in sizes]
        elements = None if None in known_input else math.prod(known_input)
        result = [size for size, _ in sizes]
        if -1 in result:
            others = [f for f in factors if f != -1]
            inferred = None
            if elements is not None and None not in others:
                inferred, rest = divmod(elements, math.prod(others))
                if rest:
                    self._misfit(input_shape)
            result[result.index(-1)] = inferred
        elif elements is not None and None not in factors and math.prod(factors) != elements:
            self._misfit(input_shape)
        return tuple(result)

    def _misfit(self, input_shape: Any) -> None:
        raise ValueError(
            f"{_label(self)}: an input of shape {input_shape!r} cannot be reshaped to "
            f"{self.shape!r}; the number of elements must stay the same."
        )

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        sizes = [_length(input, size[0]) if isinstance(size, list) else size for size in self.shape]
        return pt.reshape(input, tuple(sizes), ndim=len(sizes))


def _length(input: Any, axis: int) -> Any:
    """Return the size of an axis: an integer if the type says, else an expression."""
    known = input.type.shape[axis]
    return input.shape[axis] if known is None else known


reshape = ReshapeLayer


class DimshuffleLayer(Layer):
    """A layer that reorders axes, and adds and removes axes of size 1.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    pattern : tuple
        For each axis of the output, the input's axis, or ``'x'`` for a new axis of size 1. Axes of
        size 1 may be left out.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If the pattern repeats an axis, names one that does not exist, or leaves out an axis whose
        size is not 1.

    Examples
    --------
    >>> from nncore.layers import DimshuffleLayer, InputLayer
    >>> DimshuffleLayer(InputLayer((None, 3, 5)), (0, 2, "x", 1)).output_shape
    (None, 5, 1, 3)
    """

    def __init__(self, incoming: Any, pattern: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        used = set()
        for entry in pattern:
            if _is_int(entry) and entry >= 0:
                if entry in used:
                    raise ValueError(
                        f"{_label(self)}: the pattern {tuple(pattern)!r} has axis {entry} twice."
                    )
                used.add(entry)
            elif entry != "x":
                raise ValueError(
                    f"{_label(self)}: {entry!r} is not allowed in the pattern {tuple(pattern)!r}; "
                    "use the numbers of the input's axes, and 'x' for a new axis."
                )
        self.pattern = tuple(pattern)
        self.get_output_shape_for(self.input_shape)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        sizes = []
        for entry in self.pattern:
            if entry == "x":
                sizes.append(1)
            elif entry >= len(input_shape):
                raise ValueError(
                    f"{_label(self)}: the pattern {self.pattern!r} names axis {entry}, which the "
                    f"input {input_shape!r} does not have."
                )
            else:
                sizes.append(input_shape[entry])
        for axis, size in enumerate(input_shape):
            if axis not in self.pattern and size not in (None, 1):
                raise ValueError(
                    f"{_label(self)}: the pattern {self.pattern!r} leaves out axis {axis}, but "
                    f"its size in the input {input_shape!r} is {size}; only axes of size 1 can be "
                    "left out."
                )
        return tuple(sizes)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        dropped = [axis for axis in range(input.ndim) if axis not in self.pattern]
        if any(input.type.shape[axis] != 1 for axis in dropped):
            input = pt.specify_shape(
                input, [1 if axis in dropped else None for axis in range(input.ndim)]
            )
        return input.dimshuffle(self.pattern)


dimshuffle = DimshuffleLayer


def pad_pairs(subject: str, width: Any, ndim: int, batch_ndim: int) -> list[tuple[int, int]]:
    """Return how much to add before and after each axis that is padded.

    Parameters
    ----------
    subject : str
        What to name in messages.
    width : int, or sequence of int or of (before, after) pairs
        What was given.
    ndim : int
        Number of axes.
    batch_ndim : int
        Number of leading axes that are not padded.

    Returns
    -------
    list of pairs of int
        One for each padded axis.

    Raises
    ------
    ValueError
        If the width has a negative number or does not fit the number of axes.
    """
    count = ndim - batch_ndim
    if count < 0 or batch_ndim < 0:
        raise ValueError(
            f"{subject}: batch_ndim={batch_ndim} does not fit an input of {ndim} axes."
        )
    each = (width,) * count if _is_int(width) else tuple(width)
    pairs = [tuple(one) if isinstance(one, Sequence) else (one, one) for one in each]
    if len(pairs) != count or any(
        len(pair) != 2 or any(not _is_int(n) or n < 0 for n in pair) for pair in pairs
    ):
        raise ValueError(
            f"{subject}: width={width!r} must be a number that is not negative, or {count} "
            "numbers or (before, after) pairs, one for each padded axis."
        )
    return pairs


def padded(input: Any, width: Sequence[tuple[int, int]], val: Any, batch_ndim: int) -> Any:
    """Surround an expression with a constant.

    Parameters
    ----------
    input : expression
        What to surround.
    width : sequence of pairs of int
        How much to add before and after each axis that is padded.
    val : float or scalar expression
        The constant.
    batch_ndim : int
        Number of leading axes that are not padded.

    Returns
    -------
    expression
        With the static sizes that are known.
    """
    sizes = [_length(input, axis) for axis in range(input.ndim)]
    inner = [slice(None)] * batch_ndim
    for axis, (before, after) in enumerate(width, batch_ndim):
        inner.append(slice(before, before + sizes[axis]))
        sizes[axis] = sizes[axis] + before + after
    border = pt.alloc(pt.cast(val, input.dtype), *sizes)
    return pt.set_subtensor(border[tuple(inner)], input)


class PadLayer(Layer):
    """A layer that surrounds its input with a constant.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    width : int, or sequence of int or of (before, after) pairs
        How much to add on both sides of each padded axis, or for each axis, or before and after
        each.
    val : float
        The constant. Default: 0.
    batch_ndim : int
        Number of leading axes that are not padded. Default: 2, mini-batch and channels.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If `width` has a negative number or does not fit the number of axes.

    Examples
    --------
    >>> from nncore.layers import InputLayer, PadLayer
    >>> PadLayer(InputLayer((None, 3, 8, 8)), [(1, 2), (0, 3)]).output_shape
    (None, 3, 11, 11)
    """

    def __init__(
        self, incoming: Any, width: Any, val: Any = 0, batch_ndim: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(incoming, **kwargs)
        self.val = val
        self.batch_ndim = batch_ndim
        self.width = pad_pairs(_label(self), width, len(self.input_shape), batch_ndim)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        sizes = list(input_shape)
        for axis, (before, after) in enumerate(self.width, self.batch_ndim):
            if sizes[axis] is not None:
                sizes[axis] += before + after
        return tuple(sizes)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        return padded(input, self.width, self.val, self.batch_ndim)


pad = PadLayer


class SliceLayer(Layer):
    """A layer that takes part of an axis.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape.
    indices : int or slice
        An integer takes one element and removes the axis; a slice keeps it.
    axis : int
        The axis. Default: -1, the last.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If the axis does not exist or the index lies outside of it.

    Examples
    --------
    >>> from nncore.layers import InputLayer, SliceLayer
    >>> layer = InputLayer((2, 3, 4))
    >>> SliceLayer(layer, indices=0, axis=1).output_shape
    (2, 4)
    >>> SliceLayer(layer, indices=slice(0, 3, 2), axis=-1).output_shape
    (2, 3, 2)
    """

    def __init__(self, incoming: Any, indices: Any, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(incoming, **kwargs)
        ndim = len(self.input_shape)
        if not _is_int(axis) or not -ndim <= axis < ndim:
            raise ValueError(
                f"{_label(self)}: axis={axis!r} is none of the {ndim} axes of the input "
                f"{self.input_shape!r}."
            )
        if not isinstance(indices, slice) and not _is_int(indices):
            raise ValueError(
                f"{_label(self)}: indices must be an integer or a slice, not {indices!r}."
            )
        size = self.input_shape[axis]
        if size is not None and _is_int(indices) and not -size <= indices < size:
            raise ValueError(
                f"{_label(self)}: the index {indices} lies outside axis {axis}, which has "
                f"{size} elements."
            )
        self.slice = indices
        self.axis = axis

    def get_output_shape_for(self, input_shape: Any) -> Any:
        sizes = list(input_shape)
        axis = self.axis % len(sizes)
        if _is_int(self.slice):
            del sizes[axis]
        elif sizes[axis] is not None:
            sizes[axis] = len(range(*self.slice.indices(sizes[axis])))
        return tuple(sizes)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        axis = self.axis % input.ndim
        return input[(slice(None),) * axis + (self.slice,)]
