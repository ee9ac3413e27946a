"""The implementation ``cuda_convnet`` of convolution and of maximum pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncore.hookspecs import AVAILABLE, Availability, Implementation, unavailable
from nncore.ops.geometry import ConvGeometry, Geometry, PoolGeometry
from nncore_cuda_convnet import calls
from nncore_cuda_convnet.constraints import conv_refusal, pool_refusal
from nncore_cuda_convnet.library import library_available, load_library
from nncore_cuda_convnet.partial_sums import positions_per_sum

__all__ = ["CudaConvnetConvolution", "CudaConvnetPooling"]

# Below XLA's own kernels, which are cuDNN's on a GPU: whoever wants these asks for them.
_RANK = 5

_TO_C01B, _TO_BC01 = (1, 2, 3, 0), (3, 0, 1, 2)


def _c01b(array: Any) -> Any:
    return array.transpose(_TO_C01B)


def _bc01(array: Any) -> Any:
    return array.transpose(_TO_BC01)


def _answer(reason: str) -> Availability:
    return unavailable(reason) if reason else AVAILABLE


class CudaConvnetConvolution(Implementation):
    """Convolution by CUDA kernels in the c01b layout.

    It knows the option ``partial_sum``: how many positions of the output each partial sum of the
    gradient by the filters takes. 1 needs the most memory; 0 or None takes all positions and
    needs none. The default, ``"auto"``, takes as many as leave enough sums to keep a GPU busy.
    """

    name = "cuda_convnet"
    kind = "conv"
    backends = ("jax",)
    devices = ("cuda",)
    rank = _RANK

    def availability(self) -> Availability:
        """Whether there are JAX, a GPU and a compiler for the kernels."""
        return library_available()

    def supports(self, geometry: Geometry) -> Availability:
        """Whether the kernels can compute a convolution."""
        assert isinstance(geometry, ConvGeometry)
        return _answer(conv_refusal(geometry))

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        assert isinstance(geometry, ConvGeometry)
        load_library()
        stride, pad = geometry.stride[0], geometry.pads()[0][0]
        numbers: dict[str, Any] = {"stride": stride, "pad": pad, "flip": geometry.flip}
        size = geometry.filters_shape[2]
        assert size is not None
        partial_sum = dict(geometry.options).get("partial_sum", "auto")

        def lengths(spatial: tuple[int, ...]) -> tuple[int, int]:
            rows, columns = ((n + 2 * pad - size) // stride + 1 for n in spatial)
            return rows, columns

        def forward(x: Any, w: Any) -> Any:
            return _bc01(calls.conv_forward(_c01b(x), _c01b(w), lengths(x.shape[2:]), **numbers))

        def grad_input(w: Any, gy: Any, shape: tuple[int, ...]) -> Any:
            rows, columns = shape[2:]
            return _bc01(calls.conv_grad_input(_c01b(w), _c01b(gy), (rows, columns), **numbers))

        def grad_filters(x: Any, gy: Any, shape: tuple[int, ...]) -> Any:
            sums = positions_per_sum(partial_sum, lengths(x.shape[2:]), shape)
            return _bc01(
                calls.conv_grad_filters(_c01b(x), _c01b(gy), size, partial_sum=sums, **numbers)
            )

        functions: dict[str, Callable[..., Any]] = {
            "forward": forward,
            "grad_input": grad_input,
            "grad_filters": grad_filters,
        }
        return functions[direction]


class CudaConvnetPooling(Implementation):
    """Maximum pooling by CUDA kernels in the c01b layout."""

    name = "cuda_convnet"
    kind = "pool"
    backends = ("jax",)
    devices = ("cuda",)
    rank = _RANK

    def availability(self) -> Availability:
        """Whether there are JAX, a GPU and a compiler for the kernels."""
        return library_available()

    def supports(self, geometry: Geometry) -> Availability:
        """Whether the kernels can compute a pooling."""
        assert isinstance(geometry, PoolGeometry)
        return _answer(pool_refusal(geometry))

    def kernel(self, backend: str, direction: str, geometry: Geometry) -> Callable[..., Any]:
        """The function for a direction."""
        assert isinstance(geometry, PoolGeometry)
        load_library()
        rows, columns = (before for before, _ in geometry.pad)
        numbers: dict[str, Any] = {
            "window": geometry.window,
            "stride": geometry.stride,
            "pad": (rows, columns),
        }

        def grad_grad(x: Any, values: Any) -> Any:
            out = geometry.output_lengths(x.shape[2:])
            taken = calls.max_pool_take(_c01b(x), _c01b(values), (out[0], out[1]), **numbers)
            return _bc01(taken)

        def forward(x: Any) -> Any:
            return grad_grad(x, x)

        def grad_input(x: Any, gy: Any) -> Any:
            return _bc01(calls.max_pool_spread(_c01b(x), _c01b(gy), **numbers))

        functions: dict[str, Callable[..., Any]] = {
            "forward": forward,
            "grad_input": grad_input,
            "grad_grad": grad_grad,
        }
        return functions[direction]
