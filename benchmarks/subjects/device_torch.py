"""The device and the precision that PyTorch computes on and in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def prepared(device: str, tf32: bool) -> Callable[[Any], Any]:
    """Choose the precision; give what waits for a result.

    The convolution's algorithm is found by measuring, as XLA does, too.
    """
    if device != "cuda":
        return lambda result: result
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32

    def wait(result: Any) -> Any:
        torch.cuda.synchronize()
        return result

    return wait
