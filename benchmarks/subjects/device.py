"""Says whether JAX can compute on the platform of the measurements, and on what."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from nncore import devices

#: What nvidia-smi is asked for: the name in the record, and its own name.
_ASKED = {
    "driver": "driver_version",
    "memory": "memory.total",
    "max_clock": "clocks.max.sm",
    "power_limit": "power.limit",
    "other_load": "utilization.gpu",
}


def prepare(
    case: dict[str, Any], platform: str, threads: int
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    answer = devices.cuda() if platform == "gpu" else devices.jax_available()
    if not answer:
        return {"reason": answer.reason}, {}
    import jax

    device = jax.local_devices()[0]
    info = {
        "reason": "",
        "platform": device.platform,
        "name": device.device_kind,
        "compute_capability": getattr(device, "compute_capability", None),
        "runtime": device.client.platform_version,
    }
    return {**info, **(_smi() if platform == "gpu" else {})}, {}


def _smi() -> dict[str, str]:
    """What the driver's own program says about the first GPU that is visible."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    command = [program, f"--query-gpu={','.join(_ASKED.values())}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode or not done.stdout.strip():
        return {}
    words = done.stdout.splitlines()[0].split(",")
    return dict(zip(_ASKED, (word.strip() for word in words), strict=False))
