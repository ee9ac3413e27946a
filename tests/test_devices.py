"""The answers about JAX and the GPU, each in a process of its own, where JAX starts afresh."""

from __future__ import annotations

import ctypes.util
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from nncore import devices
from nncore.devices import cuda, jax_available

ROOT = Path(__file__).resolve().parents[1]

PROBE = """
import json, sys
from nncore import devices
answer = {call}
loaded = "jax" in sys.modules
total = None
if {compute}:
    import jax
    total = float(jax.numpy.ones(3).sum())
print(json.dumps([answer.ok, answer.reason, loaded, total]))
"""

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "{module}":
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""

#: A driver with the functions that are asked for.
DRIVER = """
int cuInit(unsigned flags) {{ return {status}; }}
int cuDriverGetVersion(int *version) {{ *version = {version}; return 0; }}
int cuGetErrorName(int error, const char **text) {{
    *text = error == 100 ? "CUDA_ERROR_NO_DEVICE" : 0; return 0; }}
int cuGetErrorString(int error, const char **text) {{
    *text = error == 100 ? "no CUDA-capable device is detected" : 0; return 0; }}
"""

#: A backend with one device, or a failing one, as JAX's CUDA plugin registers it.
BACKEND = """
import types
from jax._src import hardware_utils, xla_bridge

def factory():
    {start}
    device = types.SimpleNamespace(
        platform="gpu", device_kind="Tesla T4", compute_capability="7.5", process_index=0
    )
    return types.SimpleNamespace(
        platform="cuda", platform_version="fake", device_count=lambda: 1,
        process_index=lambda: 0, devices=lambda: [device], local_devices=lambda: [device],
    )

def initialize():
    hardware_utils.has_visible_nvidia_gpu = lambda: True
    xla_bridge.register_backend_factory("cuda", factory, priority=500, fail_quietly=False)
"""

no_driver_here = pytest.mark.skipif(
    ctypes.util.find_library("cuda") is not None, reason="this machine has an NVIDIA driver"
)
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


@pytest.fixture
def probe(tmp_path: Path) -> Callable[..., list[object]]:
    """Ask a new process, which must write nothing else."""

    def probe(
        call: str = "devices.cuda()", before: str = "", compute: bool = False, **environment: str
    ) -> list[object]:
        kept = {k: v for k, v in os.environ.items() if k not in ("JAX_PLATFORMS", "PYTHONPATH")}
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        result = subprocess.run(
            [sys.executable, "-c", dedent(before) + PROBE.format(call=call, compute=compute)],
            capture_output=True,
            text=True,
            env={**kept, "PYTHONPATH": path, "LD_LIBRARY_PATH": str(tmp_path), **environment},
        )
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        answer: list[object] = json.loads(result.stdout)
        return answer

    return probe


@pytest.fixture
def cuda_plugin(tmp_path: Path) -> Callable[[str], None]:
    """Install a CUDA plugin of JAX, one that JAX finds as it finds its own."""

    def cuda_plugin(source: str) -> None:
        package = tmp_path / "jax_plugins" / "xla_cuda99"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(source)

    return cuda_plugin


@pytest.fixture
def driver(tmp_path: Path) -> Callable[..., None]:
    """Put a driver where the dynamic linker looks first."""
    compiler = shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and gcc, to make a driver")

    def driver(status: int = 0, version: int = 13000) -> None:
        source = tmp_path / "driver.c"
        source.write_text(DRIVER.format(status=status, version=version))
        target = tmp_path / "libcuda.so.1"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", target, source], check=True)

    return driver


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="JAX is installed")
def test_where_jax_is_not_installed_both_answers_say_what_to_install():
    for answer in (jax_available(), cuda()):
        assert not answer
        assert answer.reason == "JAX is not installed (pip install 'nncore-pytensor[jax]')"


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("jax", "JAX is not installed (pip install 'nncore-pytensor[jax]')"),
        (
            "jaxlib",
            "jaxlib, a part of JAX, is not installed (pip install 'nncore-pytensor[jax]')",
        ),
    ],
)
def test_a_part_of_jax_that_cannot_be_found_is_named(probe, module, reason):
    if module == "jaxlib" and importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    before = BLOCK.format(module=module)
    assert probe(before=before) == [False, reason, False, None]
    assert probe("devices.jax_available()", before=before) == [False, reason, False, None]


@needs_jax
def test_installed_jax_is_available_without_being_imported(probe):
    assert probe("devices.jax_available()") == [True, "", False, None]


@needs_jax
@pytest.mark.skipif(devices._has_cuda_plugin(), reason="JAX's CUDA plugin is installed")
def test_jax_for_the_cpu_only_is_told_from_no_gpu_without_starting_it(probe):
    assert probe() == [
        False,
        (
            "JAX is installed for the CPU only "
            "(pip install 'nncore-pytensor[cuda12]' or 'nncore-pytensor[cuda13]')"
        ),
        False,
        None,
    ]


@needs_jax
def test_platforms_without_cuda_are_named(probe, cuda_plugin):
    cuda_plugin("def initialize(): pass")
    ok, reason, loaded, _ = probe(JAX_PLATFORMS="cpu")
    assert (ok, loaded) == (False, False)
    assert reason == "JAX is told to use 'cpu' and not CUDA (by JAX_PLATFORMS or jax.config)"
    configured = probe(before="import jax; jax.config.update('jax_platforms', 'cpu')")
    assert configured == [False, reason, True, None]


@needs_jax
@no_driver_here
def test_a_missing_driver_is_told_from_a_missing_plugin(probe, cuda_plugin):
    cuda_plugin("def initialize(): pass")
    assert probe(compute=True) == [
        False,
        "there is no NVIDIA driver on this machine (libcuda cannot be loaded)",
        False,
        3.0,
    ]


@needs_jax
@pytest.mark.parametrize(
    ("status", "environment", "reason"),
    [
        (100, {}, "CUDA_ERROR_NO_DEVICE, no CUDA-capable device is detected"),
        (
            100,
            {"CUDA_VISIBLE_DEVICES": ""},
            (
                "CUDA_ERROR_NO_DEVICE, no CUDA-capable device is detected "
                "(with CUDA_VISIBLE_DEVICES='')"
            ),
        ),
        (803, {}, "error 803"),
    ],
)
def test_a_driver_that_does_not_start_is_quoted(
    probe, cuda_plugin, driver, monkeypatch, status, environment, reason
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    cuda_plugin("def initialize(): pass")
    driver(status)
    assert probe(compute=True, **environment) == [
        False,
        f"the NVIDIA driver does not start: {reason}",
        False,
        3.0,
    ]


@needs_jax
def test_a_driver_for_too_old_a_cuda_is_named_with_both_versions(probe, cuda_plugin, driver):
    cuda_plugin("def initialize(): pass")
    driver(version=11040)
    assert probe("devices.cuda(minimum_cuda=(12, 1))") == [
        False,
        "the NVIDIA driver supports CUDA 11.4, and 12.1 is needed; install a newer driver",
        False,
        None,
    ]


@needs_jax
def test_a_cuda_plugin_that_fails_to_start_is_quoted_and_silenced(probe, cuda_plugin, driver):
    cuda_plugin(
        "import os\n"
        "def initialize():\n"
        "    os.write(2, b'Could not find cuda drivers on your machine\\n')\n"
        "    raise RuntimeError('Unable to load cuDNN. Is it installed?')\n"
    )
    driver()
    assert probe(compute=True) == [
        False,
        "JAX does not use the GPU: Unable to load cuDNN. Is it installed?",
        True,
        3.0,
    ]


@needs_jax
def test_a_cuda_backend_that_fails_to_start_leaves_jax_usable_on_the_cpu(
    probe, cuda_plugin, driver
):
    message = "FAILED_PRECONDITION: No visible GPU devices."
    cuda_plugin(BACKEND.format(start=f"raise RuntimeError({message!r})"))
    driver()
    assert probe(compute=True) == [
        False,
        "JAX does not use the GPU: FAILED_PRECONDITION: No visible GPU devices",
        True,
        3.0,
    ]


@needs_jax
def test_a_jax_that_started_before_without_cuda_is_told(probe, cuda_plugin, driver):
    cuda_plugin("def initialize(): pass")
    driver()
    ok, reason, *_ = probe(before="import jax; jax.devices()", compute=True)
    assert not ok
    assert "has started without its CUDA backend" in reason


@needs_jax
def test_the_compute_capability_is_compared_as_numbers(probe, cuda_plugin, driver):
    cuda_plugin(BACKEND.format(start="pass"))
    driver()
    minima = [None, (7, 0), (7, 5), (8, 0), (10, 0)]
    answers = f"[devices.cuda(minimum_capability=m).reason for m in {minima}]"
    reasons = probe(f"devices.Availability(True, {answers})")[1]
    assert reasons == [
        "",
        "",
        "",
        "the GPU Tesla T4 has compute capability 7.5, and 8.0 is needed",
        "the GPU Tesla T4 has compute capability 7.5, and 10.0 is needed",
    ]


def test_what_goes_wrong_while_looking_is_a_reason_too(monkeypatch):
    def broken():
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr(devices, "jax_available", broken)
    assert cuda().reason == "looking for a GPU raised ZeroDivisionError: no luck"


# What JAX 0.10 says on a machine without a driver, and with parts that are too old.
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Unable to load CUDA. Is it installed?", "Unable to load CUDA. Is it installed?"),
        (
            (
                "Unable to initialize backend 'cuda': FAILED_PRECONDITION: No visible GPU devices. "
                "(you may need to uninstall the failing plugin package, or set JAX_PLATFORMS=cpu "
                "to skip this backend.)"
            ),
            "FAILED_PRECONDITION: No visible GPU devices",
        ),
        (
            (
                "Unable to initialize backend 'cuda': Backend 'cuda' is not in the list of known "
                "backends: ['cpu', 'tpu']. (set JAX_PLATFORMS='' to automatically choose an "
                "available backend)"
            ),
            "Backend 'cuda' is not in the list of known backends: ['cpu', 'tpu']",
        ),
        (
            (
                "Outdated cuDNN installation found.\nVersion JAX was built against: 91200\n"
                "Minimum supported: 912\nInstalled version: 90100\nThe local installation version "
                "must be no lower than 912."
            ),
            (
                "Outdated cuDNN installation found. Version JAX was built against: 91200; Minimum "
                "supported: 912; Installed version: 90100; The local installation version must be "
                "no lower than 912"
            ),
        ),
        (
            (
                "Backend 'cuda' failed to initialize: INTERNAL: no supported devices found for "
                "platform CUDA. Available backends are ['cpu']"
            ),
            "INTERNAL: no supported devices found for platform CUDA",
        ),
    ],
    ids=["no driver", "no device", "platform", "old library", "quiet failure"],
)
def test_messages_of_jax_become_one_line_without_their_frame(message, reason):
    assert devices._reason(message) == reason
