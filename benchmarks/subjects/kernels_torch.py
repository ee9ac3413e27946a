"""Convolution and pooling in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from benchmarks.subjects.device_torch import prepared
from benchmarks.subjects.launch import Launch
from benchmarks.subjects.operands import checksums, operands

aten = torch.ops.aten


def prepare(
    case: dict[str, Any], threads: int, device: str = "cpu", tf32: bool = False
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    torch.set_num_threads(threads)
    wait = prepared(device, tf32)
    x, w, gy = (None if a is None else torch.from_numpy(a).to(device) for a in operands(case))
    launches = _convolution(case, x, w, gy) if w is not None else _pooling(case, x, gy)
    calls: dict[str, Callable[[], Any]] = {
        name: Launch(launch, wait) for name, launch in launches.items()
    }
    return {"checksums": checksums(calls)}, calls


def _convolution(case: dict[str, Any], x: Any, w: Any, gy: Any) -> dict[str, Callable[[], Any]]:
    ndim = x.ndim - 2
    geometry = (
        *([case[key]] * ndim for key in ("stride", "pad", "dilation")),
        False,
        [0] * ndim,
        case["groups"],
    )

    def backward(*mask: bool) -> Any:
        gradients = aten.convolution_backward(gy, x, w, None, *geometry, [*mask, False])
        return gradients[mask.index(True)]

    return {
        "forward": lambda: aten.convolution(x, w, None, *geometry),
        "grad_input": lambda: backward(True, False),
        "grad_filters": lambda: backward(False, True),
    }


def _pooling(case: dict[str, Any], x: Any, gy: Any) -> dict[str, Callable[[], Any]]:
    name = {"max": "max_pool", "average_inc_pad": "avg_pool"}[case["mode"]]
    pool = getattr(functional, f"{name}{x.ndim - 2}d")
    arguments = (case["window"], case["stride"], case["pad"])
    followed = x.clone().requires_grad_()
    y = pool(followed, *arguments)
    return {
        "forward": lambda: pool(x, *arguments),
        "grad_input": lambda: torch.autograd.grad(y, followed, gy, retain_graph=True)[0],
    }
