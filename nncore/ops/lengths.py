"""The arithmetic of sizes along one axis, shared by operations, layers and kernels."""

from __future__ import annotations

from typing import Any

__all__ = [
    "conv_input_length",
    "conv_output_length",
    "pool_output_length",
    "same_pad",
]


def same_pad(filter_size: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after an axis that keep its length under a stride of 1.

    Parameters
    ----------
    filter_size : int
        Length of the filter.
    dilation : int
        Distance between the filter's taps. Default: 1.

    Returns
    -------
    tuple of int
        ``(before, after)``; an odd total has the extra zero after.
    """
    total = (filter_size - 1) * dilation
    return total // 2, total - total // 2


def _pads(pad: Any, filter_size: Any, dilation: Any) -> Any:
    """The total padding of one axis."""
    if isinstance(pad, str):
        if pad == "valid":
            return 0
        if pad == "full":
            return 2 * (filter_size - 1) * dilation
        if pad == "same":
            return (filter_size - 1) * dilation
        raise ValueError(
            f"pad={pad!r} is not known; use an integer, a (before, after) pair, "
            "'valid', 'same' or 'full'."
        )
    if isinstance(pad, tuple):
        return pad[0] + pad[1]
    return 2 * pad


def conv_output_length(
    input_length: Any, filter_size: Any, stride: Any, pad: Any = 0, dilation: Any = 1
) -> Any:
    """Length of the output of a convolution along one axis.

    Parameters
    ----------
    input_length : int, None or expression
        Length of the input.
    filter_size : int
        Length of the filter.
    stride : int
        Step of the filter.
    pad : int, pair of int, or str
        Zeros on each side, ``(before, after)``, ``'valid'``, ``'same'`` or ``'full'``. Default: 0.
    dilation : int
        Distance between the filter's taps. Default: 1.

    Returns
    -------
    int, None or expression
        ``(input_length + pads - dilation * (filter_size - 1) - 1) // stride + 1``; None if the
        input length is None. It is not positive if the filter does not fit.

    Raises
    ------
    ValueError
        For an unknown word as `pad`.

    Examples
    --------
    >>> conv_output_length(28, 5, stride=2, pad="same")
    14
    """
    if input_length is None:
        return None
    span = dilation * (filter_size - 1) + 1
    return (input_length + _pads(pad, filter_size, dilation) - span) // stride + 1


def conv_input_length(output_length: Any, filter_size: Any, stride: Any, pad: Any = 0) -> Any:
    """Smallest length of an input that a convolution turns into a given output length.

    Parameters
    ----------
    output_length : int, None or expression
        Length of the output.
    filter_size : int
        Length of the filter.
    stride : int
        Step of the filter.
    pad : int, pair of int, or str
        As for :func:`conv_output_length`. Default: 0.

    Returns
    -------
    int, None or expression
        ``(output_length - 1) * stride - pads + filter_size``; None if the output length is None.

    Raises
    ------
    ValueError
        For an unknown word as `pad`.

    Examples
    --------
    >>> conv_input_length(24, 5, stride=1)
    28
    """
    if output_length is None:
        return None
    return (output_length - 1) * stride - _pads(pad, filter_size, 1) + filter_size


def pool_output_length(
    input_length: Any, pool_size: int, stride: int, pad: int | tuple[int, int], ignore_border: bool
) -> Any:
    """Length of the output of pooling along one axis.

    Parameters
    ----------
    input_length : int or None
        Length of the input.
    pool_size : int
        Length of the window.
    stride : int
        Step of the window.
    pad : int or pair of int
        Padding on each side, or ``(before, after)``.
    ignore_border : bool
        If true, windows that would reach over the end are left out; if false, they are cut off
        there, as long as they begin inside the input or the padding before it.

    Returns
    -------
    int or None
        None if the input length is None.

    Examples
    --------
    >>> pool_output_length(7, 2, 2, 0, ignore_border=True)
    3
    >>> pool_output_length(7, 2, 2, 0, ignore_border=False)
    4
    """
    if input_length is None:
        return None
    before, after = pad if isinstance(pad, tuple) else (pad, pad)
    total = input_length + before + after
    if ignore_border:
        return (total - pool_size) // stride + 1
    if isinstance(input_length, int):
        length = max(0, -(-(total - pool_size) // stride)) + 1
        # The last window has to begin before the padding after the input.
        last = (input_length + before - 1) // stride + 1
        return min(length, last)
    from pytensor.tensor import maximum, minimum

    length = maximum(0, -((pool_size - total) // stride)) + 1
    return minimum(length, (input_length + before - 1) // stride + 1)
