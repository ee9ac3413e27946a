"""Layers that enlarge their input."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt

from nncore.layers._arguments import positive_ints
from nncore.layers.base import Layer, _label

__all__ = ["Upscale1DLayer", "Upscale2DLayer", "Upscale3DLayer"]


class _UpscaleLayer(Layer):
    """What the upscaling layers share; ``n`` is the number of spatial axes."""

    n: int

    def __init__(
        self, incoming: Any, scale_factor: Any, mode: str = "repeat", **kwargs: Any
    ) -> None:
        super().__init__(incoming, **kwargs)
        if len(self.input_shape) != self.n + 2:
            raise ValueError(
                f"{_label(self)}: the input shape {self.input_shape!r} has "
                f"{len(self.input_shape)} axes, but it must have {self.n + 2}: (batch, channels, "
                f"and {self.n} spatial)."
            )
        self.scale_factor = positive_ints(self, "scale_factor", scale_factor, self.n)
        if mode not in ("repeat", "dilate"):
            raise ValueError(
                f"{_label(self)}: mode={mode!r} is not known; use 'repeat' or 'dilate'."
            )
        self.mode = mode

    def get_output_shape_for(self, input_shape: Any) -> Any:
        return (
            *input_shape[:2],
            *(
                None if size is None else size * factor
                for size, factor in zip(input_shape[2:], self.scale_factor, strict=True)
            ),
        )

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        for axis, factor in enumerate(self.scale_factor, start=2):
            if factor > 1:
                copies = [input] * factor
                if self.mode == "dilate":
                    copies[1:] = [pt.zeros_like(input)] * (factor - 1)
                # One axis after the other, so that at most one size has to be inferred: JAX cannot
                # compile a reshape to products of sizes known at run time only.
                sizes = [
                    input.shape[i] if size is None else size
                    for i, size in enumerate(input.type.shape)
                ]
                length = input.type.shape[axis]
                sizes[axis] = -1 if length is None else length * factor
                input = pt.stack(copies, axis=axis + 1).reshape(tuple(sizes))
        return input


class Upscale1DLayer(_UpscaleLayer):
    """An upscaling layer over one spatial axis.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, length)``.
    scale_factor : int or sequence of int
        What to multiply the sizes by, for all spatial axes or for each.
    mode : str
        ``'repeat'`` repeats each element; ``'dilate'`` puts zeros after it. Default:
        ``'repeat'``.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If a factor is not positive or the mode is not known.

    Examples
    --------
    >>> from nncore.layers import InputLayer, Upscale1DLayer
    >>> Upscale1DLayer(InputLayer((None, 3, 8)), scale_factor=3).output_shape
    (None, 3, 24)
    """

    n = 1


class Upscale2DLayer(_UpscaleLayer):
    """An upscaling layer over two spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, rows, columns)``.
    scale_factor : int or sequence of int
        What to multiply the sizes by, for all spatial axes or for each.
    mode : str
        ``'repeat'`` repeats each element; ``'dilate'`` puts zeros after it. Default:
        ``'repeat'``.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If a factor is not positive or the mode is not known.

    Examples
    --------
    >>> from nncore.layers import InputLayer, Upscale2DLayer
    >>> Upscale2DLayer(InputLayer((None, 3, 8, 8)), scale_factor=(2, 3)).output_shape
    (None, 3, 16, 24)
    """

    n = 2


class Upscale3DLayer(_UpscaleLayer):
    """An upscaling layer over three spatial axes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its shape, ``(batch, channels, depth, rows, columns)``.
    scale_factor : int or sequence of int
        What to multiply the sizes by, for all spatial axes or for each.
    mode : str
        ``'repeat'`` repeats each element; ``'dilate'`` puts zeros after it. Default:
        ``'repeat'``.
    **kwargs
        Passed to :class:`Layer`.

    Raises
    ------
    ValueError
        If a factor is not positive or the mode is not known.

    Examples
    --------
    >>> from nncore.layers import InputLayer, Upscale3DLayer
    >>> Upscale3DLayer(InputLayer((None, 3, 8, 8, 8)), scale_factor=(1, 2, 3)).output_shape
    (None, 3, 8, 16, 24)
    """

    n = 3
