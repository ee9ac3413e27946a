"""The shapes and networks of the GPU benchmark, and small ones of the same kind."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import conv, pool
from benchmarks.training import NETWORKS as CPU_NETWORKS

#: The first ones are what cuda-convnet was made for.
CASES: list[dict[str, Any]] = [
    conv("3x3 64->64 at 32x32", (128, 64, 32, 32), (64, 64, 3, 3), pad=1),
    conv("5x5 64->64 at 32x32", (128, 64, 32, 32), (64, 64, 5, 5), pad=2),
    conv("3x3 128->128 at 16x16", (128, 128, 16, 16), (128, 128, 3, 3), pad=1),
    conv("5x5 64->128 at 16x16", (128, 64, 16, 16), (128, 64, 5, 5), pad=2),
    conv("5x5 3->64 at 32x32", (128, 3, 32, 32), (64, 3, 5, 5), pad=2),
    conv("11x11 stride 4 3->96 at 224x224", (128, 3, 224, 224), (96, 3, 11, 11), pad=2, stride=4),
    conv("7x7 stride 2 3->64 at 224x224", (64, 3, 224, 224), (64, 3, 7, 7), pad=3, stride=2),
    conv("3x3 64->64 at 56x56", (64, 64, 56, 56), (64, 64, 3, 3), pad=1),
    conv("1x1 256->64 at 56x56", (64, 256, 56, 56), (64, 256, 1, 1)),
    conv("3x3 stride 2 128->256 at 28x28", (64, 128, 28, 28), (256, 128, 3, 3), pad=1, stride=2),
    conv("3x3 512->512 at 7x7", (64, 512, 7, 7), (512, 512, 3, 3), pad=1),
    conv("32 groups 3x3 256->256 at 14x14", (64, 256, 14, 14), (256, 8, 3, 3), pad=1, groups=32),
    conv("depthwise 3x3 256 at 28x28", (64, 256, 28, 28), (256, 1, 3, 3), pad=1, groups=256),
    conv("3x3 dilation 2 128->128 at 28x28", (64, 128, 28, 28), (128, 128, 3, 3), 2, dilation=2),
    conv("1D 9 64->64 at 4096", (64, 64, 4096), (64, 64, 9), pad=4),
    conv("3D 3x3x3 32->64 at 16x56x56", (8, 32, 16, 56, 56), (64, 32, 3, 3, 3), pad=1),
    pool("max 2x2 at 32x32", (128, 64, 32, 32), (2, 2), 2),
    pool("max 3x3 stride 2 at 32x32", (128, 64, 32, 32), (3, 3), 2),
    pool("max 3x3 stride 2 at 112x112", (64, 64, 112, 112), (3, 3), 2, pad=1),
    pool("average 2x2 at 56x56", (64, 128, 56, 56), (2, 2), 2, mode="average_inc_pad"),
    pool("1D max 2 at 4096", (64, 64, 4096), (2,), 2),
    pool("3D max 2x2x2 at 16x56x56", (8, 64, 16, 56, 56), (2, 2, 2), 2),
]

NETWORKS: list[dict[str, Any]] = [
    *CPU_NETWORKS,
    {
        "name": "photos",
        "input_shape": [3, 96, 96],
        "layers": [
            *[["conv", 64, 3, 1], ["conv", 64, 3, 1], ["pool", 2]],
            *[["conv", 128, 3, 1], ["conv", 128, 3, 1], ["pool", 2]],
            *[["conv", 256, 3, 1], ["conv", 256, 3, 1], ["pool", 2]],
            ["dense", 512],
        ],
        "classes": 100,
        "batch_size": 64,
    },
]


def small(case: dict[str, Any]) -> dict[str, Any]:
    """A case of the same kind in which a CPU has little to do: for looking whether it runs."""
    batch, channels, *spatial = case["input_shape"]
    size = (case["filters_shape"][2:] if case["kind"] == "conv" else case["window"])[0]
    lengths = [min(n, max(6, case.get("dilation", 1) * (size - 1) + 2)) for n in spatial]
    few = min(channels, 16)
    found = {**case, "input_shape": (min(batch, 4), few, *lengths)}
    if case["kind"] == "conv":
        groups = case["groups"] * few // channels or 1
        taps = case["filters_shape"][2:]
        found |= {"groups": groups, "filters_shape": (16, few // groups, *taps)}
    return found


def small_network(case: dict[str, Any]) -> dict[str, Any]:
    """A network of the same layers, with few units and a small batch."""
    channels, *spatial = case["input_shape"]
    steps = [
        [kind, min(numbers[0], 16), *numbers[1:]] if kind != "pool" else [kind, *numbers]
        for kind, *numbers in case["layers"]
    ]
    shape = [channels, *(min(n, 28 if case["name"] == "lenet" else 16) for n in spatial)]
    return {**case, "input_shape": shape, "layers": steps, "batch_size": 8}
