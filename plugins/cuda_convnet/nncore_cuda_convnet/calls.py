"""Calls of the kernels from JAX, on arrays in the layout c01b: (channels, rows, columns, batch)."""

from __future__ import annotations

from typing import Any

from nncore_cuda_convnet.constraints import check_size

__all__ = [
    "conv_forward",
    "conv_grad_filters",
    "conv_grad_input",
    "max_pool_spread",
    "max_pool_take",
]

_PREFIX = "nncore_cuda_convnet_"


def _call(name: str, results: Any, *operands: Any, **numbers: Any) -> Any:
    import jax
    import numpy as np

    attributes = {
        key: value if isinstance(value, bool) else np.int32(value) for key, value in numbers.items()
    }
    return jax.ffi.ffi_call(_PREFIX + name, results)(*operands, **attributes)


def _result(shape: tuple[int, ...], dtype: Any) -> Any:
    import jax

    check_size(shape)
    return jax.ShapeDtypeStruct(shape, dtype)


def _zeros(result: Any) -> Any:
    import jax.numpy as jnp

    return jnp.zeros(result.shape, result.dtype)


def conv_forward(
    images: Any, filters: Any, out: tuple[int, int], stride: int, pad: int, flip: bool
) -> Any:
    """Convolve.

    Parameters
    ----------
    images : jax.Array
        Shape ``(channels, rows, columns, batch)``.
    filters : jax.Array
        Shape ``(channels, size, size, num_filters)``.
    out : tuple of int
        Rows and columns of the output.
    stride, pad : int
        Step of the filters, and zeros on every side.
    flip : bool
        Whether the filters are turned round.

    Returns
    -------
    jax.Array
        Shape ``(num_filters, *out, batch)``.
    """
    check_size(images.shape)
    result = _result((filters.shape[3], *out, images.shape[3]), images.dtype)
    if images.size == 0:
        return _zeros(result)
    return _call("conv_forward", result, images, filters, stride=stride, pad=pad, flip=flip)


def conv_grad_input(
    filters: Any, gradients: Any, spatial: tuple[int, int], stride: int, pad: int, flip: bool
) -> Any:
    """Compute the gradient by the images.

    Parameters
    ----------
    filters : jax.Array
        Shape ``(channels, size, size, num_filters)``.
    gradients : jax.Array
        The output's gradient, ``(num_filters, rows, columns, batch)``.
    spatial : tuple of int
        Rows and columns of the images.
    stride, pad, flip
        As for :func:`conv_forward`.

    Returns
    -------
    jax.Array
        Shape ``(channels, *spatial, batch)``.
    """
    check_size(gradients.shape)
    result = _result((filters.shape[0], *spatial, gradients.shape[3]), gradients.dtype)
    if gradients.size == 0:
        return _zeros(result)
    return _call("conv_grad_input", result, filters, gradients, stride=stride, pad=pad, flip=flip)


def conv_grad_filters(
    images: Any, gradients: Any, size: int, stride: int, pad: int, flip: bool, partial_sum: int
) -> Any:
    """Compute the gradient by the filters.

    Parameters
    ----------
    images : jax.Array
        Shape ``(channels, rows, columns, batch)``.
    gradients : jax.Array
        The output's gradient, ``(num_filters, rows, columns, batch)``.
    size : int
        Size of the filters on each axis.
    stride, pad, flip
        As for :func:`conv_forward`.
    partial_sum : int
        Number of positions of the output in each partial sum, a divisor of their number.

    Returns
    -------
    jax.Array
        Shape ``(channels, size, size, num_filters)``.
    """
    check_size(images.shape, gradients.shape)
    result = _result((images.shape[0], size, size, gradients.shape[0]), images.dtype)
    if images.size == 0:
        return _zeros(result)
    import jax

    parts = gradients.shape[1] * gradients.shape[2] // partial_sum
    partials = jax.ShapeDtypeStruct((parts if parts > 1 else 0, *result.shape), result.dtype)
    return _call(
        "conv_grad_filters",
        (result, partials),
        images,
        gradients,
        stride=stride,
        pad=pad,
        flip=flip,
        partial_sum=partial_sum,
    )[0]


def _window(window: Any, stride: Any, pad: Any) -> dict[str, int]:
    return {
        f"{name}_{axis}": pair[i]
        for name, pair in (("window", window), ("stride", stride), ("pad", pad))
        for i, axis in enumerate(("rows", "columns"))
    }


def max_pool_take(
    images: Any,
    values: Any,
    out: tuple[int, int],
    window: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int],
) -> Any:
    """Take from values what they have at the place of each window's maximum.

    Parameters
    ----------
    images, values : jax.Array
        Shape ``(channels, rows, columns, batch)``.
    out : tuple of int
        Rows and columns of the output.
    window, stride, pad : tuple of int
        Size and step of the windows, and the padding before the rows and the columns.

    Returns
    -------
    jax.Array
        Shape ``(channels, *out, batch)``.
    """
    check_size(images.shape)
    result = _result((images.shape[0], *out, images.shape[3]), values.dtype)
    if images.size == 0:
        return _zeros(result)
    return _call("max_pool_take", result, images, values, **_window(window, stride, pad))


def max_pool_spread(
    images: Any,
    gradients: Any,
    window: tuple[int, int],
    stride: tuple[int, int],
    pad: tuple[int, int],
) -> Any:
    """Give each window's gradient to the place of its maximum.

    Parameters
    ----------
    images : jax.Array
        Shape ``(channels, rows, columns, batch)``.
    gradients : jax.Array
        The output's gradient.
    window, stride, pad : tuple of int
        As for :func:`max_pool_take`.

    Returns
    -------
    jax.Array
        Of the shape of the images.
    """
    check_size(gradients.shape)
    result = _result(images.shape, gradients.dtype)
    if images.size == 0:
        return _zeros(result)
    winners = _result(gradients.shape, "int32")
    return _call(
        "max_pool_spread", (result, winners), images, gradients, **_window(window, stride, pad)
    )[0]
