"""The networks of the training benchmark in PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.subjects.batches import INFERENCE_BATCHES, batch
from benchmarks.subjects.device_torch import prepared
from benchmarks.subjects.launch import Launch


def network(case: dict[str, Any]) -> nn.Module:
    modules: list[nn.Module] = []
    flat = False
    for step in case["layers"]:
        kind, *numbers = step
        if kind == "conv":
            filters, size, pad = numbers
            modules += [nn.LazyConv2d(filters, size, padding=pad), nn.ReLU()]
        elif kind == "pool":
            modules.append(nn.MaxPool2d(numbers[0]))
        else:
            if not flat:
                modules.append(nn.Flatten())
                flat = True
            modules += [nn.LazyLinear(numbers[0]), nn.ReLU()]
    modules.append(nn.LazyLinear(case["classes"]))
    return nn.Sequential(*modules)


def prepare(
    case: dict[str, Any], threads: int, device: str = "cpu", tf32: bool = False
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    torch.set_num_threads(threads)
    wait = prepared(device, tf32)
    torch.manual_seed(0)
    started, started_cpu = time.perf_counter(), time.process_time()
    net = network(case).to(device)
    images, labels = batch(case, case["batch_size"])
    x, y = torch.from_numpy(images).to(device), torch.from_numpy(labels).long().to(device)
    with torch.no_grad():
        net(x[:1])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def train() -> Any:
        net.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    first_loss = float(train())
    info = {
        "compile_seconds": time.perf_counter() - started,
        "compile_cpu_seconds": time.process_time() - started_cpu,
        "parameters": sum(p.numel() for p in net.parameters()),
        "first_loss": first_loss,
    }

    def predict(images: torch.Tensor) -> Any:
        net.eval()
        with torch.inference_mode():
            return functional.softmax(net(images), dim=1).cpu().numpy()

    calls: dict[str, Callable[[], Any]] = {"step": Launch(train, lambda loss: float(wait(loss)))}
    for size in INFERENCE_BATCHES:
        calls[f"inference_{size}"] = partial(
            predict, torch.from_numpy(batch(case, size)[0]).to(device)
        )
    for call in calls.values():
        call()
    return info, calls
