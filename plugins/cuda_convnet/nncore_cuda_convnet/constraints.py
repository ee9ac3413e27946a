"""What the kernels can compute, said once for the layers and for the implementations."""

from __future__ import annotations

from nncore.ops.geometry import ConvGeometry, PoolGeometry, Shape

__all__ = ["MAX_ELEMENTS", "check_size", "conv_refusal", "pool_refusal"]

#: The most elements of a tensor, whose indices the kernels count in 32 bits.
MAX_ELEMENTS = 2**31 - 1024

_FLOATS = ("float32", "float64")


def _dtype_refusal(dtype: str) -> str:
    if dtype in _FLOATS:
        return ""
    return f"the data type is {dtype}, and it must be one of {', '.join(_FLOATS)}"


def _size(shape: Shape) -> int | None:
    count = 1
    for length in shape:
        if length is None:
            return None
        count *= length
    return count


def _size_refusal(*shapes: Shape) -> str:
    for shape in shapes:
        if (_size(shape) or 0) > MAX_ELEMENTS:
            return (
                f"a tensor of shape {shape} has more than {MAX_ELEMENTS} elements; divide the batch"
            )
    return ""


def check_size(*shapes: Shape) -> None:
    """Raise for a tensor with more elements than the kernels can count.

    Parameters
    ----------
    *shapes : tuple of int
        The shapes.

    Raises
    ------
    ValueError
        With the shape.
    """
    if reason := _size_refusal(*shapes):
        raise ValueError(f"cuda_convnet: {reason}.")


def conv_refusal(geometry: ConvGeometry) -> str:
    """Say why the kernels cannot compute a convolution.

    Parameters
    ----------
    geometry : nncore.ops.geometry.ConvGeometry
        The convolution.

    Returns
    -------
    str
        What was given, what is allowed and what to do; empty if they can.

    Examples
    --------
    >>> from nncore.ops.geometry import ConvGeometry
    >>> def convolution(filters):
    ...     shape, one, pads = (128, 3, 32, 32), (1, 1), ((2, 2), (2, 2))
    ...     return ConvGeometry(shape, filters, one, pads, one, 1, False, "float32")
    >>> conv_refusal(convolution((64, 3, 5, 5)))
    ''
    >>> print(conv_refusal(convolution((60, 3, 5, 5))))
    there are 60 filters, and their number must be a multiple of 16; take 48 or 64
    """
    if geometry.ndim != 2:
        return f"there are {geometry.ndim} spatial axes, and there must be 2"
    if geometry.dilation != (1, 1):
        return f"the dilation is {geometry.dilation}, and it must be 1; use another implementation"
    if geometry.groups != 1:
        return f"there are {geometry.groups} groups, and there must be one"
    filters, channels, rows, columns = geometry.filters_shape
    if filters is None or channels is None or rows is None or columns is None:
        return (
            f"the shape of the filters, {geometry.filters_shape}, must be known when the "
            "expression is built; use nncore.parameter.new_parameter or pytensor.tensor."
            "specify_shape"
        )
    if filters % 16 or filters == 0:
        below, above = filters // 16 * 16, (filters // 16 + 1) * 16
        take = f"{below} or {above}" if below else f"{above}"
        return (
            f"there are {filters} filters, and their number must be a multiple of 16; take {take}"
        )
    if channels > 3 and channels % 4:
        return (
            f"there are {channels} input channels, and there must be 1, 2, 3 or a multiple of 4; "
            f"take {channels // 4 * 4 or 4} or {(channels // 4 + 1) * 4}"
        )
    if rows != columns:
        return f"the filter size is {(rows, columns)}, and filters must be square"
    if geometry.stride[0] != geometry.stride[1]:
        return f"the stride is {geometry.stride}, and it must be the same on both axes"
    pads = {pad for pair in geometry.pads() for pad in pair}
    if len(pads) > 1:
        return (
            f"the padding is {geometry.pads()}, and it must be the same before and after both axes"
            + ("; take filters of odd size for pad='same'" if rows % 2 == 0 else "")
        )
    return _dtype_refusal(geometry.dtype) or _size_refusal(
        geometry.input_shape, geometry.filters_shape, geometry.output_shape()
    )


def pool_refusal(geometry: PoolGeometry) -> str:
    """Say why the kernels cannot compute a pooling.

    Parameters
    ----------
    geometry : nncore.ops.geometry.PoolGeometry
        The pooling.

    Returns
    -------
    str
        What was given and what is allowed; empty if they can.

    Examples
    --------
    >>> from nncore.ops.geometry import PoolGeometry
    >>> pads = ((0, 0), (0, 0))
    >>> pool_refusal(PoolGeometry((128, 8, 9, 9), (3, 3), (2, 2), pads, "sum", True, "float32"))
    "the mode is 'sum', and it must be 'max'"
    """
    if geometry.ndim != 2:
        return f"there are {geometry.ndim} spatial axes, and there must be 2"
    if geometry.mode != "max":
        return f"the mode is {geometry.mode!r}, and it must be 'max'"
    return _dtype_refusal(geometry.dtype) or _size_refusal(geometry.input_shape)
