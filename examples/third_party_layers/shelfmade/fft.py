"""Convolution as a product of Fourier transforms, whose cost does not grow with the filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncore.hookspecs import AVAILABLE, Availability, Implementation, unavailable
from nncore.ops.geometry import ConvGeometry, Geometry

__all__ = ["FourierConvolution"]


class FourierConvolution(Implementation):
    """Multiply the transforms of the padded input and of the filters.

    With all lengths taken modulo that of the padded input, a convolution and its two gradients are
    products of transforms, some of them conjugated; what wraps around is never part of the result.
    """

    name = "fft"
    kind = "conv"
    backends = ("python", "jax")
    devices = ("cpu", "cuda")
    # Below the core's own: it pays for large filters only, so it has to be asked for.
    rank = -10

    def supports(self, geometry: Geometry) -> Availability:
        """Whether the transforms can be multiplied."""
        assert isinstance(geometry, ConvGeometry)
        if geometry.groups > 1:
            return unavailable("groups are not implemented")
        if geometry.dtype == "float16":
            return unavailable("there is no Fourier transform in float16")
        return AVAILABLE

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        assert isinstance(geometry, ConvGeometry)
        if backend == "jax":
            import jax.numpy as xp
        else:
            import numpy as xp

        stride, dilation = geometry.stride, geometry.dilation
        axes = tuple(range(2, 2 + geometry.ndim))

        def spread(array: Any, steps: tuple[int, ...], lengths: tuple[int, ...]) -> Any:
            """Put an array into zeros, its elements `steps` apart."""
            whole = xp.zeros((*array.shape[:2], *lengths), array.dtype)
            slices = (
                slice(0, s * (n - 1) + 1, s) for n, s in zip(array.shape[2:], steps, strict=True)
            )
            place: Any = (..., *slices)
            if backend == "jax":
                return whole.at[place].set(array)
            whole[place] = array
            return whole

        def padded_lengths(spatial: tuple[int, ...], taps: tuple[int, ...]) -> tuple[int, ...]:
            pads = geometry.pads(tuple(taps))
            return tuple(n + sum(p) for n, p in zip(spatial, pads, strict=True))

        def of_input(x: Any, lengths: tuple[int, ...], taps: tuple[int, ...]) -> Any:
            pads = geometry.pads(tuple(taps))
            return xp.fft.rfftn(xp.pad(x, ((0, 0), (0, 0), *pads)), lengths, axes)

        def of_filters(w: Any, lengths: tuple[int, ...]) -> Any:
            turned = xp.flip(w, axes) if geometry.flip else w
            return xp.fft.rfftn(spread(turned, dilation, lengths), lengths, axes)

        def back(transform: Any, lengths: tuple[int, ...], slices: Any, like: Any) -> Any:
            whole = xp.fft.irfftn(transform, lengths, axes)
            return whole[(..., *slices)].astype(like.dtype)

        def forward(x: Any, w: Any) -> Any:
            taps = tuple(w.shape[2:])
            lengths = padded_lengths(x.shape[2:], taps)
            seen, filters = of_input(x, lengths, taps), of_filters(w, lengths)
            product = xp.einsum("nc...,fc...->nf...", seen, filters.conj())
            reach = [n - d * (k - 1) for n, d, k in zip(lengths, dilation, taps, strict=True)]
            return back(
                product, lengths, [slice(0, r, s) for r, s in zip(reach, stride, strict=True)], x
            )

        def grad_input(w: Any, gy: Any, shape: tuple[int, ...]) -> Any:
            taps = tuple(w.shape[2:])
            lengths = padded_lengths(shape[2:], taps)
            grads = xp.fft.rfftn(spread(gy, stride, lengths), lengths, axes)
            product = xp.einsum("nf...,fc...->nc...", grads, of_filters(w, lengths))
            pads = geometry.pads(taps)
            inner = [slice(a, a + n) for (a, _), n in zip(pads, shape[2:], strict=True)]
            return back(product, lengths, inner, w)

        def grad_filters(x: Any, gy: Any, shape: tuple[int, ...]) -> Any:
            taps = tuple(shape[2:])
            lengths = padded_lengths(x.shape[2:], taps)
            seen = of_input(x, lengths, taps)
            grads = xp.fft.rfftn(spread(gy, stride, lengths), lengths, axes)
            product = xp.einsum("nf...,nc...->fc...", grads.conj(), seen)
            at = [slice(0, d * (k - 1) + 1, d) for d, k in zip(dilation, taps, strict=True)]
            result = back(product, lengths, at, x)
            return xp.flip(result, axes) if geometry.flip else result

        functions: dict[str, Callable[..., Any]] = {
            "forward": forward,
            "grad_input": grad_input,
            "grad_filters": grad_filters,
        }
        return functions[direction]
