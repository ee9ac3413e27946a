"""What a convolution or a pooling operation computes, apart from the arrays: its geometry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from nncore.ops.lengths import conv_output_length, pool_output_length, same_pad

__all__ = [
    "POOL_MODES",
    "ConvGeometry",
    "Geometry",
    "Pads",
    "PoolGeometry",
    "Shape",
    "as_ints",
    "as_options",
    "as_pads",
    "check_gradient",
    "explicit_pads",
]

#: Static sizes; None where a size is not known before run time.
Shape: TypeAlias = tuple[int | None, ...]

#: ``((before, after), ...)``, or the word for a pad that depends on an unknown filter size.
Pads: TypeAlias = tuple[tuple[int, int], ...] | str

POOL_MODES = ("max", "average_inc_pad", "average_exc_pad", "sum")


def as_ints(value: Any, ndim: int, what: str, minimum: int) -> tuple[int, ...]:
    """Turn an int or a sequence into one int per spatial axis.

    Parameters
    ----------
    value : int or sequence of int
        What the user gave.
    ndim : int
        Number of spatial axes.
    what : str
        Name of the argument, for the message.
    minimum : int
        Smallest allowed value.

    Returns
    -------
    tuple of int
        One for each axis.

    Raises
    ------
    TypeError, ValueError
        If it is not that.
    """
    try:
        items = tuple(value) if isinstance(value, Iterable) else (value,) * ndim
        result = tuple(item.__index__() for item in items)
    except (AttributeError, TypeError):
        raise TypeError(
            f"{what} must be an integer or {ndim} of them, one for each spatial axis, not {value!r}"
        ) from None
    if len(result) != ndim:
        raise ValueError(
            f"{what}={value!r} has {len(result)} elements; give one integer, or {ndim}, one for "
            "each spatial axis"
        )
    if any(item < minimum for item in result):
        raise ValueError(f"{what}={value!r} must not be less than {minimum} on any axis")
    return result


def as_pads(pad: Any, ndim: int, what: str = "pad") -> Pads:
    """Bring a pad into one form.

    Parameters
    ----------
    pad : int, sequence of int or pairs of int, or str
        What the user gave.
    ndim : int
        Number of spatial axes.
    what : str
        Name of the argument, for the message. Default: ``"pad"``.

    Returns
    -------
    tuple of (int, int), or str
        ``(before, after)`` for each axis, or ``"same"`` or ``"full"``.

    Raises
    ------
    TypeError, ValueError
        If it is not that.
    """
    if isinstance(pad, str):
        if pad == "valid":
            return ((0, 0),) * ndim
        if pad in ("same", "full"):
            return pad
        raise ValueError(f"{what}={pad!r} is not known; the words are 'valid', 'same' and 'full'")
    items = tuple(pad) if isinstance(pad, Iterable) else (pad,) * ndim
    if len(items) != ndim:
        raise ValueError(
            f"{what}={pad!r} has {len(items)} elements; give one integer, or {ndim} integers or "
            "(before, after) pairs, one for each spatial axis"
        )
    pairs = []
    for item in items:
        if isinstance(item, Iterable) and not isinstance(item, str):
            pairs.append(as_ints(item, 2, f"{what}={pad!r}, of which the pair", 0))
        else:
            pairs.append(as_ints(item, 1, what, 0) * 2)
    return tuple((before, after) for before, after in pairs)


def as_options(options: Any) -> tuple[tuple[str, Any], ...]:
    """Bring an operation's options into one form, which can be compared and hashed.

    Parameters
    ----------
    options : mapping of str, or None
        What the user gave: numbers, strings, booleans or None by name.

    Returns
    -------
    tuple of (str, object)
        Sorted by name.

    Raises
    ------
    TypeError
        If it is not that.

    Examples
    --------
    >>> from nncore.ops.geometry import as_options
    >>> as_options({"tile": 8, "exact": True})
    (('exact', True), ('tile', 8))
    """
    if options is None:
        return ()
    if not isinstance(options, Mapping) or not all(
        isinstance(name, str) and isinstance(value, bool | int | float | str | None)
        for name, value in options.items()
    ):
        raise TypeError(f"options={options!r} must map names to numbers, strings, booleans or None")
    return tuple(sorted(options.items()))


def _sizes(shape: Shape) -> str:
    return "(" + ", ".join("?" if n is None else str(n) for n in shape) + ")"


@dataclass(frozen=True)
class ConvGeometry:
    """A convolution of an input ``(batch, channels, *spatial)`` by filters.

    Attributes
    ----------
    input_shape : tuple of int or None
        ``(batch, channels, *spatial)``.
    filters_shape : tuple of int or None
        ``(num_filters, channels // groups, *filter_size)``.
    stride, dilation : tuple of int
        One for each spatial axis.
    pad : tuple of (int, int), or str
        Zeros before and after each spatial axis; ``"same"`` or ``"full"`` if the filter size is
        not known.
    groups : int
        Number of groups that the channels and the filters are divided into.
    flip : bool
        Whether the filters are turned round, as in the mathematical convolution.
    dtype : str
        ``"float32"``, ``"float64"`` or ``"float16"``.
    options : tuple of (str, object)
        What the user asks of an implementation beyond the contract, by name; see
        :class:`nncore.hookspecs.Implementation`. Default: nothing.
    """

    input_shape: Shape
    filters_shape: Shape
    stride: tuple[int, ...]
    pad: Pads
    dilation: tuple[int, ...]
    groups: int
    flip: bool
    dtype: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.stride)

    def pads(self, filter_size: tuple[int, ...] | None = None) -> tuple[tuple[int, int], ...]:
        """Zeros before and after each axis, with the filter size of run time where needed.

        Parameters
        ----------
        filter_size : tuple of int, optional
            Default: the static one.

        Returns
        -------
        tuple of (int, int)
            One pair for each spatial axis.
        """
        return explicit_pads(self.pad, filter_size or self.filters_shape[2:], self.dilation)

    def output_shape(self) -> Shape:
        """The static shape ``(batch, num_filters, *spatial)`` of the output.

        Returns
        -------
        tuple of int or None
            Not positive on an axis where the filter does not fit.
        """
        return (self.input_shape[0], self.filters_shape[0], *self._spatial())

    def result_shape(self, direction: str) -> Shape:
        """The static shape of what a direction computes.

        Parameters
        ----------
        direction : str
            ``"forward"``, ``"grad_input"`` or ``"grad_filters"``.

        Returns
        -------
        tuple of int or None
            The shape of the output, the input or the filters.
        """
        shapes = {"grad_input": self.input_shape, "grad_filters": self.filters_shape}
        return shapes.get(direction) or self.output_shape()

    def _spatial(self) -> Shape:
        lengths = []
        for axis in range(self.ndim):
            size, taps = self.input_shape[2 + axis], self.filters_shape[2 + axis]
            pad = self.pad if isinstance(self.pad, str) else self.pad[axis]
            if taps is None:
                # A 'same' pad undoes the filter's size.
                known = pad == "same" and size is not None
                lengths.append(conv_output_length(size, 1, self.stride[axis]) if known else None)
            else:
                lengths.append(
                    conv_output_length(size, taps, self.stride[axis], pad, self.dilation[axis])
                )
        return tuple(lengths)

    def check(self, subject: str = "conv") -> None:
        """Raise for sizes that do not fit together, as far as they are known.

        Parameters
        ----------
        subject : str
            What to name in the message. Default: ``"conv"``.

        Raises
        ------
        ValueError
            With the sizes and the cure.
        """
        channels, (filters, fan_in) = self.input_shape[1], self.filters_shape[:2]
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"{subject}: {channels} input channels cannot be divided into {self.groups} "
                "groups; the number of groups must divide the number of channels."
            )
        if filters is not None and filters % self.groups:
            raise ValueError(
                f"{subject}: {filters} filters cannot be divided into {self.groups} groups; the "
                "number of groups must divide the number of filters."
            )
        if channels is not None and fan_in is not None and channels != fan_in * self.groups:
            raise ValueError(
                f"{subject}: the input of shape {_sizes(self.input_shape)} has {channels} "
                f"channels, but the filters of shape {_sizes(self.filters_shape)} in "
                f"{self.groups} group(s) are for {fan_in * self.groups}."
            )
        if 0 in self.filters_shape[2:]:
            raise ValueError(
                f"{subject}: the filters of shape {_sizes(self.filters_shape)} have no taps on a "
                "spatial axis; give them a length of at least 1 on each."
            )
        for axis, length in enumerate(self._spatial()):
            if length is not None and length < 1:
                taps, step = self.filters_shape[2 + axis], self.dilation[axis]
                if taps is None:
                    raise ValueError(
                        f"{subject}: no output on spatial axis {axis}: the input of shape "
                        f"{_sizes(self.input_shape)} has a length of 0 there. Use a larger input."
                    )
                before, after = explicit_pads(
                    self.pad if isinstance(self.pad, str) else (self.pad[axis],), (taps,), (step,)
                )[0]
                span = step * (taps - 1) + 1
                raise ValueError(
                    f"{subject}: no output on spatial axis {axis}: a filter of {taps} taps"
                    + (f" with dilation {step}" if step > 1 else "")
                    + f" spans {span}, but the input of length {self.input_shape[2 + axis]} with "
                    f"padding {before} + {after} has only "
                    f"{(self.input_shape[2 + axis] or 0) + before + after}. Use a smaller filter"
                    + (", a lower dilation" if step > 1 else "")
                    + ", more padding (for example pad='same'), or a larger input."
                )

    def __str__(self) -> str:
        text = (
            f"a {self.ndim}D convolution of {_sizes(self.input_shape)} by "
            f"{_sizes(self.filters_shape)} filters, stride {self.stride}, pad {self.pad}"
        )
        if any(step > 1 for step in self.dilation):
            text += f", dilation {self.dilation}"
        if self.groups > 1:
            text += f", {self.groups} groups"
        return f"{text}, {self.dtype}"


def check_gradient(subject: str, given: Any, geometry: ConvGeometry | PoolGeometry) -> None:
    """Raise for a gradient that has not the shape of the output, as far as both are known.

    Parameters
    ----------
    subject : str
        What to name in the message.
    given : tuple of int or None
        Shape of the gradient.
    geometry : ConvGeometry or PoolGeometry
        What it is the gradient of.

    Raises
    ------
    ValueError
        With both shapes.
    """
    expected = geometry.output_shape()
    if any(None not in pair and pair[0] != pair[1] for pair in zip(given, expected, strict=True)):
        raise ValueError(
            f"{subject}: the gradient of shape {_sizes(tuple(given))} is not that of an output of "
            f"shape {_sizes(expected)}, which is what {geometry} gives."
        )


def explicit_pads(
    pad: Pads, filter_size: tuple[int | None, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Resolve ``"same"`` and ``"full"`` with a known filter size.

    Parameters
    ----------
    pad : tuple of (int, int), or str
        As in :class:`ConvGeometry`.
    filter_size : tuple of int
        Length of the filter on each spatial axis.
    dilation : tuple of int
        One for each spatial axis.

    Returns
    -------
    tuple of (int, int)
        Zeros before and after each axis.
    """
    if not isinstance(pad, str):
        return pad
    pairs = []
    for taps, step in zip(filter_size, dilation, strict=True):
        assert taps is not None
        pairs.append(same_pad(taps, step) if pad == "same" else ((taps - 1) * step,) * 2)
    return tuple(pairs)


@dataclass(frozen=True)
class PoolGeometry:
    """Pooling of an input ``(batch, channels, *spatial)`` over windows.

    Attributes
    ----------
    input_shape : tuple of int or None
        ``(batch, channels, *spatial)``.
    window, stride : tuple of int
        One for each spatial axis.
    pad : tuple of (int, int)
        Padding before and after each spatial axis, less than the window.
    mode : str
        One of :data:`POOL_MODES`.
    ignore_border : bool
        Whether windows that reach over the end are left out.
    dtype : str
        ``"float32"``, ``"float64"`` or ``"float16"``.
    """

    input_shape: Shape
    window: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[tuple[int, int], ...]
    mode: str
    ignore_border: bool
    dtype: str

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.stride)

    def output_shape(self) -> Shape:
        """The static shape ``(batch, channels, *spatial)`` of the output.

        Returns
        -------
        tuple of int or None
            Not positive on an axis where no window fits.
        """
        return self.input_shape[:2] + self.output_lengths(self.input_shape[2:])

    def result_shape(self, direction: str) -> Shape:
        """The static shape of what a direction computes.

        Parameters
        ----------
        direction : str
            ``"forward"``, ``"grad_input"`` or ``"grad_grad"``.

        Returns
        -------
        tuple of int or None
            The shape of the output or the input.
        """
        return self.input_shape if direction == "grad_input" else self.output_shape()

    def output_lengths(self, spatial: tuple[Any, ...]) -> tuple[Any, ...]:
        """Lengths of the output for given lengths of the input.

        Parameters
        ----------
        spatial : tuple of int, None or expression
            One for each spatial axis.

        Returns
        -------
        tuple of int, None or expression
            One for each spatial axis.
        """
        return tuple(
            pool_output_length(n, w, s, p, self.ignore_border)
            for n, w, s, p in zip(spatial, self.window, self.stride, self.pad, strict=True)
        )

    def check(self, subject: str = "pool") -> None:
        """Raise for sizes that do not fit together, as far as they are known.

        Parameters
        ----------
        subject : str
            What to name in the message. Default: ``"pool"``.

        Raises
        ------
        ValueError
            With the sizes and the cure.
        """
        for axis, length in enumerate(self.output_shape()[2:]):
            # Padding alone fills no window, however much of it there is.
            if length is not None and (length < 1 or self.input_shape[2 + axis] == 0):
                before, after = self.pad[axis]
                raise ValueError(
                    f"{subject}: no output on spatial axis {axis}: the window of "
                    f"{self.window[axis]} does not fit into the input of length "
                    f"{self.input_shape[2 + axis]} with padding {before} + {after}. Use a smaller "
                    "window, more padding, ignore_border=False, or a larger input."
                )

    def __str__(self) -> str:
        return (
            f"{self.ndim}D {self.mode} pooling of {_sizes(self.input_shape)} over {self.window}, "
            f"stride {self.stride}, pad {self.pad}, {self.dtype}"
        )


Geometry: TypeAlias = ConvGeometry | PoolGeometry
