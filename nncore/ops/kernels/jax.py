"""Convolution and pooling by XLA, through JAX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from nncore.devices import jax_available
from nncore.hookspecs import Availability, Implementation
from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry

__all__ = ["JAXConvolution", "JAXPooling"]

_AXES = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


class JAXConvolution(Implementation):
    """Convolution by XLA's general dilated convolution."""

    name = "jax"
    kind = "conv"
    backends = ("jax",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    rank = 10
    version = 2

    def availability(self) -> Availability:
        """Whether JAX is installed."""
        return jax_available()

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        import jax
        import jax.numpy as jnp

        assert isinstance(geometry, ConvGeometry)
        layout = _AXES[geometry.ndim]
        spatial = tuple(range(2, 2 + geometry.ndim))

        def convolve(x: Any, w: Any, pads: Any) -> Any:
            return jax.lax.conv_general_dilated(
                x,
                jnp.flip(w, spatial) if geometry.flip else w,
                window_strides=geometry.stride,
                padding=pads,
                rhs_dilation=geometry.dilation,
                dimension_numbers=(layout, layout.replace("NC", "OI"), layout),
                feature_group_count=geometry.groups,
                precision=jax.lax.Precision.HIGHEST,
            )

        def forward(x: Any, w: Any) -> Any:
            return convolve(x, w, geometry.pads(w.shape[2:]))

        def padded_forward(x: Any, w: Any) -> Any:
            pads = geometry.pads(w.shape[2:])
            config = [(0, 0, 0), (0, 0, 0), *((before, after, 0) for before, after in pads)]
            whole = jax.lax.pad(x, x.dtype.type(0), config)
            return convolve(whole, w, ((0, 0),) * geometry.ndim)

        def grad_input(w: Any, gy: Any, shape: tuple[int, ...]) -> Any:
            like = jax.ShapeDtypeStruct(shape, gy.dtype)
            # XLA takes the filters for the input where they are the larger of the two, and then
            # aborts the process if padding that is taken away leaves it with the wrong sizes.
            larger = math.prod(w.shape[2:]) > math.prod(gy.shape[2:])
            function = padded_forward if larger else forward
            return jax.linear_transpose(lambda x: function(x, w), like)(gy)[0]

        def grad_filters(x: Any, gy: Any, shape: tuple[int, ...]) -> Any:
            like = jax.ShapeDtypeStruct(shape, gy.dtype)
            return jax.linear_transpose(lambda w: forward(x, w), like)(gy)[0]

        functions: dict[str, Callable[..., Any]] = {
            "forward": forward,
            "grad_input": grad_input,
            "grad_filters": grad_filters,
        }
        return functions[direction]


class JAXPooling(Implementation):
    """Pooling by XLA's window reductions."""

    name = "jax"
    kind = "pool"
    backends = ("jax",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    rank = 10

    def availability(self) -> Availability:
        """Whether JAX is installed."""
        return jax_available()

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        import jax

        assert isinstance(geometry, PoolGeometry)
        forward = _maximum(geometry) if geometry.mode == "max" else _linear(geometry)

        def grad_input(x: Any, gy: Any) -> Any:
            if geometry.mode == "max":
                return jax.vjp(forward, x)[1](gy)[0]
            return jax.linear_transpose(forward, x)(gy)[0]

        def grad_grad(x: Any, values: Any) -> Any:
            spread = jax.linear_transpose(lambda gy: grad_input(x, gy), jax.eval_shape(forward, x))
            return spread(values)[0]

        functions: dict[str, Callable[..., Any]] = {
            "forward": forward,
            "grad_input": grad_input,
            "grad_grad": grad_grad,
        }
        return functions[direction]


def _cover(geometry: PoolGeometry, spatial: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Padding that makes every window of the output whole, or cuts off what none reaches."""
    lengths = geometry.output_lengths(spatial)
    return tuple(
        (before, (length - 1) * step + size - before - n)
        for n, length, size, step, (before, _) in zip(
            spatial, lengths, geometry.window, geometry.stride, geometry.pad, strict=True
        )
    )


def _taps(geometry: PoolGeometry, x: Any, fill: Any) -> list[Any]:
    """The shifted views of the padded input that hold each element of the windows, in order."""
    import itertools

    import jax

    spatial = x.shape[2:]
    pads = _cover(geometry, spatial)
    config = [(0, 0, 0), (0, 0, 0), *((before, after, 0) for before, after in pads)]
    padded = jax.lax.pad(x, x.dtype.type(fill), config)
    lengths = geometry.output_lengths(spatial)
    views = []
    for tap in itertools.product(*map(range, geometry.window)):
        stops = [t + (n - 1) * s + 1 for t, n, s in zip(tap, lengths, geometry.stride, strict=True)]
        views.append(
            jax.lax.slice(
                padded,
                (0, 0, *tap),
                (*x.shape[:2], *stops),
                (1, 1, *geometry.stride),
            )
        )
    return views


def _maximum(geometry: PoolGeometry) -> Callable[[Any], Any]:
    """Maximum over the taps; the derivative goes to the first of them that has it."""
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def maximum(x: Any) -> Any:
        first, *rest = _taps(geometry, x, -jnp.inf)
        for view in rest:
            first = jnp.maximum(first, view)
        return first

    def run_forward(x: Any) -> Any:
        best, *rest = _taps(geometry, x, -jnp.inf)
        winner = jnp.zeros(best.shape, jnp.int32)
        # Padding never wins, not even against an infinitely small element.
        padded = any(before for before, _ in geometry.pad)
        ones = jnp.ones((1, 1, *x.shape[2:]), bool)
        inside, *others = _taps(geometry, ones, False) if padded else [True]
        for number, view in enumerate(rest, 1):
            better = (view > best) | (jnp.isnan(view) & ~jnp.isnan(best))
            if padded:
                better |= others[number - 1] & ~inside
                inside |= others[number - 1]
            best, winner = jnp.where(better, view, best), jnp.where(better, number, winner)
        return best, (x, winner)

    def run_backward(residuals: Any, gy: Any) -> Any:
        x, winner = residuals
        spread = jax.linear_transpose(lambda values: tuple(_taps(geometry, values, 0)), x)
        count = 1
        for size in geometry.window:
            count *= size
        return spread(tuple(jnp.where(winner == number, gy, 0) for number in range(count)))

    maximum.defvjp(run_forward, run_backward)
    return maximum


def _linear(geometry: PoolGeometry) -> Callable[[Any], Any]:
    """Sums or averages over the windows."""
    import jax.numpy as jnp
    import numpy as np

    def total(x: Any) -> Any:
        views = _taps(geometry, x, 0)
        result = views[0]
        for view in views[1:]:
            result = result + view
        return result

    def linear(x: Any) -> Any:
        if geometry.mode == "sum":
            return total(x)
        spatial = x.shape[2:]
        counts = np.ones((), x.dtype)
        inside = geometry.mode == "average_exc_pad"
        for n, length, size, step, (before, after) in zip(
            spatial,
            geometry.output_lengths(spatial),
            geometry.window,
            geometry.stride,
            geometry.pad,
            strict=True,
        ):
            starts = np.arange(length) * step - before
            stops = np.minimum(starts + size, n if inside else n + after)
            seen = stops - (np.maximum(starts, 0) if inside else starts)
            counts = np.multiply.outer(counts, seen.astype(x.dtype))
        return total(x) / jnp.asarray(counts)

    return linear
