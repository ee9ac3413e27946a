# ruff: noqa: D102  (overridden methods keep the documentation of Layer)
"""Layers that bring several inputs together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt

from nncore.layers.base import MergeLayer, _label

__all__ = [
    "ConcatLayer",
    "ElemwiseMergeLayer",
    "ElemwiseSumLayer",
    "autocrop",
    "autocrop_array_shapes",
    "concat",
]

_CROPPINGS = (None, "lower", "center", "upper")


def _croppings(cropping: Any, ndim: int) -> list[str | None]:
    """One known cropping for each axis; axes that are not named are not cropped."""
    if isinstance(cropping, str):
        raise ValueError(
            f"cropping={cropping!r} must be a sequence with one of {_CROPPINGS} for each axis."
        )
    modes = list(cropping)
    for mode in modes:
        if mode not in _CROPPINGS:
            raise ValueError(f"cropping={cropping!r} has {mode!r}, which is none of {_CROPPINGS}.")
    return (modes + [None] * ndim)[:ndim]


def _same_ndim(counts: list[int]) -> None:
    if len(set(counts)) > 1:
        raise ValueError(
            f"inputs can only be cropped to each other if they have as many axes as each other, "
            f"not {counts}."
        )


def autocrop(inputs: Sequence[Any], cropping: Any) -> list[Any]:
    """Crop inputs to the smallest of them along each axis.

    Parameters
    ----------
    inputs : list of expressions
        With as many axes as each other.
    cropping : None or list
        For each axis, None (no cropping), ``'lower'`` (keep the first elements), ``'center'``
        (keep those in the middle) or ``'upper'`` (keep the last). Axes beyond the list are not
        cropped, and None instead of a list is no cropping at all.

    Returns
    -------
    list of expressions
        The cropped inputs.

    Raises
    ------
    ValueError
        For an unknown cropping, or inputs with different numbers of axes.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.layers import autocrop
    >>> a, b = pt.tensor(dtype="float32", shape=(2, 5)), pt.tensor(dtype="float32", shape=(2, 3))
    >>> autocrop([a, b], [None, "center"])[0].type.shape
    (2, 3)
    """
    if cropping is None:
        return list(inputs)
    _same_ndim([input.ndim for input in inputs])
    modes = _croppings(cropping, inputs[0].ndim)
    slices: list[list[slice]] = [[] for _ in inputs]
    for axis, mode in enumerate(modes):
        lengths = [
            input.shape[axis] if input.type.shape[axis] is None else input.type.shape[axis]
            for input in inputs
        ]
        if mode is None:
            for its in slices:
                its.append(slice(None))
            continue
        if all(isinstance(length, int) for length in lengths):
            smallest: Any = min(lengths)
        else:
            smallest = lengths[0]
            for length in lengths[1:]:
                smallest = pt.minimum(smallest, length)
        for its, length in zip(slices, lengths, strict=True):
            surplus = length - smallest
            start = {"lower": 0, "center": surplus // 2, "upper": surplus}[mode]
            its.append(slice(start, start + smallest))
    return [input[tuple(its)] for input, its in zip(inputs, slices, strict=True)]


def autocrop_array_shapes(input_shapes: Sequence[Any], cropping: Any) -> list[tuple[Any, ...]]:
    """Compute what :func:`autocrop` does to shapes.

    Parameters
    ----------
    input_shapes : list of tuple
        Shapes with as many axes as each other, None where a size may vary.
    cropping : None or list
        As for :func:`autocrop`.

    Returns
    -------
    list of tuple
        The shapes after cropping; a cropped axis is None if it is None in any of them.

    Raises
    ------
    ValueError
        For an unknown cropping, or shapes with different numbers of axes.

    Examples
    --------
    >>> from nncore.layers import autocrop_array_shapes
    >>> autocrop_array_shapes([(2, 5), (3, 4)], [None, "lower"])
    [(2, 4), (3, 4)]
    """
    if cropping is None:
        return list(input_shapes)
    _same_ndim([len(shape) for shape in input_shapes])
    modes = _croppings(cropping, len(input_shapes[0]))
    columns: list[Sequence[Any]] = []
    for mode, column in zip(modes, zip(*input_shapes, strict=True), strict=True):
        if mode is None:
            columns.append(column)
        else:
            columns.append([None if None in column else min(column)] * len(column))
    return list(zip(*columns, strict=True))


def _agree(layer: Any, shapes: Sequence[Any], skip: int | None, what: str) -> list[Any]:
    """Find the common size of each axis, None if none is known; raise if two differ."""
    if len({len(shape) for shape in shapes}) > 1:
        raise ValueError(
            f"{_label(layer)}: all inputs must have as many axes as each other, but their shapes "
            f"are {', '.join(map(repr, shapes))}."
        )
    sizes = []
    for axis, column in enumerate(zip(*shapes, strict=True)):
        known = {size for size in column if size is not None}
        if len(known) > 1 and axis != skip:
            raise ValueError(
                f"{_label(layer)}: the inputs have the sizes {sorted(known)} on axis {axis} "
                f"(shapes {', '.join(map(repr, shapes))}), but {what}. Use layers of the same "
                "size, or crop with cropping=, which has 'lower', 'center' or 'upper' for each "
                "axis."
            )
        sizes.append(known.pop() if known else None)
    return sizes


class ConcatLayer(MergeLayer):
    """A layer that joins its inputs along an axis.

    Parameters
    ----------
    incomings : list of Layer or tuple
        The layers feeding into this one, or shapes.
    axis : int
        The axis. Default: 1, the channels.
    cropping : None or list
        How to crop the inputs to each other, as for :func:`autocrop`; the joined axis is never
        cropped. Default: None.
    **kwargs
        Passed to :class:`MergeLayer`.

    Raises
    ------
    ValueError
        If the sizes on another axis differ.

    Examples
    --------
    >>> from nncore.layers import ConcatLayer, InputLayer
    >>> ConcatLayer([InputLayer((None, 2, 8)), InputLayer((None, 3, 8))]).output_shape
    (None, 5, 8)
    """

    def __init__(
        self, incomings: Sequence[Any], axis: int = 1, cropping: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(incomings, **kwargs)
        if not self.input_shapes:
            raise ValueError(f"{_label(self)} needs at least one input.")
        ndim = len(self.input_shapes[0])
        if not -ndim <= axis < ndim:
            raise ValueError(
                f"{_label(self)}: axis={axis} is none of the {ndim} axes of the inputs."
            )
        self.axis = axis
        self.cropping = cropping
        if cropping is not None:
            modes: list[Any] = _croppings(cropping, ndim)
            modes[axis] = None
            self.cropping = modes
        self.get_output_shape_for(self.input_shapes)

    def get_output_shape_for(self, input_shapes: Any) -> Any:
        shapes = autocrop_array_shapes(input_shapes, self.cropping)
        axis = self.axis % len(shapes[0])
        sizes = _agree(self, shapes, axis, "only the joined axis may differ")
        joined = [shape[axis] for shape in shapes]
        sizes[axis] = None if None in joined else sum(joined)
        return tuple(sizes)

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return pt.concatenate(autocrop(inputs, self.cropping), axis=self.axis)


concat = ConcatLayer


class ElemwiseMergeLayer(MergeLayer):
    """A layer that merges inputs of the same shape, element by element.

    Parameters
    ----------
    incomings : list of Layer or tuple
        The layers feeding into this one, or shapes.
    merge_function : callable
        Takes two expressions and returns one, such as ``pytensor.tensor.mul``; it is applied from
        the left to the right.
    cropping : None or list
        How to crop the inputs to each other, as for :func:`autocrop`. Default: None.
    **kwargs
        Passed to :class:`MergeLayer`.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.layers import ElemwiseMergeLayer, InputLayer
    >>> gate, values = InputLayer((None, 3)), InputLayer((None, 3))
    >>> ElemwiseMergeLayer([gate, values], pt.mul).output_shape
    (None, 3)
    """

    def __init__(
        self, incomings: Sequence[Any], merge_function: Any, cropping: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(incomings, **kwargs)
        if not self.input_shapes:
            raise ValueError(f"{_label(self)} needs at least one input.")
        self.merge_function = merge_function
        self.cropping = cropping
        self.get_output_shape_for(self.input_shapes)

    def get_output_shape_for(self, input_shapes: Any) -> Any:
        shapes = autocrop_array_shapes(input_shapes, self.cropping)
        return tuple(_agree(self, shapes, None, "must be the same in all"))

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        first, *others = autocrop(inputs, self.cropping)
        for other in others:
            first = self.merge_function(first, other)
        return first


class ElemwiseSumLayer(ElemwiseMergeLayer):
    """A layer that adds inputs of the same shape, with weights if wanted.

    Parameters
    ----------
    incomings : list of Layer or tuple
        The layers feeding into this one, or shapes.
    coeffs : float or list of float
        What to multiply all inputs, or each of them, by before they are added. Default: 1.
    cropping : None or list
        How to crop the inputs to each other, as for :func:`autocrop`. Default: None.
    **kwargs
        Passed to :class:`MergeLayer`.

    Raises
    ------
    ValueError
        If the shapes differ, or `coeffs` has another length than `incomings`.

    Examples
    --------
    >>> from nncore.layers import ElemwiseSumLayer, InputLayer
    >>> branches = [InputLayer((None, 3)), InputLayer((None, 3))]
    >>> ElemwiseSumLayer(branches, coeffs=[0.5, 0.5]).output_shape
    (None, 3)
    """

    def __init__(
        self, incomings: Sequence[Any], coeffs: Any = 1, cropping: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(incomings, pt.add, cropping=cropping, **kwargs)
        count = len(self.input_shapes)
        if isinstance(coeffs, list | tuple):
            if len(coeffs) != count:
                raise ValueError(
                    f"{_label(self)}: coeffs has {len(coeffs)} elements for {count} inputs; give "
                    "one number for all, or one for each."
                )
            self.coeffs = list(coeffs)
        else:
            self.coeffs = [coeffs] * count

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        weighted = [
            # A NumPy scalar would make float64 of float32.
            input if isinstance(coeff, int | float) and coeff == 1 else input * _plain(coeff)
            for coeff, input in zip(self.coeffs, inputs, strict=True)
        ]
        return super().get_output_for(weighted, **kwargs)


def _plain(number: Any) -> Any:
    return number.item() if hasattr(number, "item") and not hasattr(number, "owner") else number
