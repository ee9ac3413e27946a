"""The shapes of the convolution benchmark."""

from __future__ import annotations

from typing import Any


def conv(
    name: str,
    input_shape: tuple[int, ...],
    filters_shape: tuple[int, ...],
    pad: int = 0,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> dict[str, Any]:
    """A convolution, the same along every axis."""
    return {
        "kind": "conv",
        "name": name,
        "input_shape": input_shape,
        "filters_shape": filters_shape,
        "pad": pad,
        "stride": stride,
        "dilation": dilation,
        "groups": groups,
    }


def pool(
    name: str,
    input_shape: tuple[int, ...],
    window: tuple[int, ...],
    stride: int,
    pad: int = 0,
    mode: str = "max",
) -> dict[str, Any]:
    """A pooling, the same along every axis."""
    return {
        "kind": "pool",
        "name": name,
        "input_shape": input_shape,
        "window": window,
        "stride": stride,
        "pad": pad,
        "mode": mode,
    }


CASES: list[dict[str, Any]] = [
    conv("3x3 64->64 at 32x32", (128, 64, 32, 32), (64, 64, 3, 3), pad=1),
    conv("3x3 128->128 at 16x16", (128, 128, 16, 16), (128, 128, 3, 3), pad=1),
    conv("3x3 3->64 at 32x32", (128, 3, 32, 32), (64, 3, 3, 3), pad=1),
    conv("5x5 1->32 at 28x28", (128, 1, 28, 28), (32, 1, 5, 5)),
    conv("5x5 32->32 at 12x12", (128, 32, 12, 12), (32, 32, 5, 5)),
    conv("1x1 128->128 at 16x16", (128, 128, 16, 16), (128, 128, 1, 1)),
    conv("depthwise 3x3 128 at 16x16", (128, 128, 16, 16), (128, 1, 3, 3), pad=1, groups=128),
    conv("3x3 stride 2 64->128 at 32x32", (128, 64, 32, 32), (128, 64, 3, 3), pad=1, stride=2),
    conv("3x3 dilation 2 64->64 at 32x32", (128, 64, 32, 32), (64, 64, 3, 3), pad=2, dilation=2),
    conv("7x7 stride 2 3->64 at 224x224", (16, 3, 224, 224), (64, 3, 7, 7), pad=3, stride=2),
    conv("1D 9 64->64 at 512", (64, 64, 512), (64, 64, 9), pad=4),
    conv("3D 3x3x3 16->32 at 16x32x32", (8, 16, 16, 32, 32), (32, 16, 3, 3, 3), pad=1),
    pool("max 2x2 at 32x32", (128, 64, 32, 32), (2, 2), 2),
    pool("max 3x3 stride 2 at 32x32", (128, 64, 32, 32), (3, 3), 2, pad=1),
    pool("average 2x2 at 32x32", (128, 64, 32, 32), (2, 2), 2, mode="average_inc_pad"),
    pool("1D max 2 at 512", (64, 64, 512), (2,), 2),
    pool("3D max 2x2x2 at 16x32x32", (8, 32, 16, 32, 32), (2, 2, 2), 2),
]


def output_shape(case: dict[str, Any]) -> tuple[int, ...]:
    """Shape of the result of a convolution or pooling."""
    input_shape = case["input_shape"]
    if case["kind"] == "conv":
        channels, size = case["filters_shape"][0], case["filters_shape"][2:]
    else:
        channels, size = input_shape[1], case["window"]
    pad, stride, dilation = case["pad"], case["stride"], case.get("dilation", 1)
    spatial = (
        (n + 2 * pad - dilation * (k - 1) - 1) // stride + 1
        for n, k in zip(input_shape[2:], size, strict=True)
    )
    return (input_shape[0], channels, *spatial)


def directions(case: dict[str, Any]) -> tuple[str, ...]:
    """What is measured of a case."""
    if case["kind"] == "conv":
        return "forward", "grad_input", "grad_filters"
    return "forward", "grad_input"
