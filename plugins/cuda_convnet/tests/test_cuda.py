"""What a GPU would run, as far as it can be seen without one."""

from __future__ import annotations

import ctypes
import re
import subprocess

import numpy as np
import pytest

from nncore import registry
from nncore.ops.geometry import ConvGeometry, PoolGeometry
from nncore_cuda_convnet import implementations, library
from nncore_cuda_convnet.compilers import BuildError, nvcc

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax

CONV = ConvGeometry(
    (128, 64, 16, 12),
    (96, 64, 3, 3),
    (2, 2),
    ((1, 1),) * 2,
    (1, 1),
    1,
    True,
    "float32",
    (("partial_sum", 6),),
)
POOL = PoolGeometry((128, 96, 9, 7), (3, 3), (2, 2), ((0, 0),) * 2, "max", False, "float32")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Folder of the library and of its assembler text for two architectures; what nvcc says."""
    folder = tmp_path_factory.mktemp("cuda")
    try:
        compiler = nvcc(["8.0", "9.0"])
    except BuildError as error:
        pytest.skip(str(error))
    command = [compiler.path, *compiler.flags, "-isystem", jax.ffi.include_dir()]
    command += ["-Xptxas=-v", "-Xcompiler=-Wall,-Wextra", "--threads=2"]
    command += ["--keep", f"--keep-dir={folder}", str(library._SOURCES / "handlers.cu")]
    done = subprocess.run(
        [*command, "-o", str(folder / "kernels.so")],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return folder, said


def resources(said):
    """Registers and bytes of spilled registers, by architecture and mangled name of a kernel."""
    found = {}
    parts = re.split(r"Compiling entry function '(\w+)' for '(sm_\d+)'", said)[1:]
    for name, architecture, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        registers = int(re.search(r"Used (\d+) registers", text)[1])
        spilled = int(re.search(r"(\d+) bytes spill stores", text)[1])
        found[architecture, name] = registers, spilled
    return found


@pytest.mark.slow
def test_the_library_compiles_without_a_warning_and_has_its_functions(compiled):
    folder, said = compiled
    assert "warning" not in said
    # It brings CUDA's runtime along, so it loads where there is no GPU.
    loaded = ctypes.CDLL(str(folder / "kernels.so"))
    for target in library.TARGETS:
        assert getattr(loaded, target)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_no_kernel_runs_out_of_registers(compiled, architecture):
    found = {
        name: r for (where, name), r in resources(compiled[1]).items() if where == architecture
    }
    kinds = {re.search(r"convolve|correlate|add_up|pool_\w+?(?=I)", name)[0] for name in found}
    assert kinds == {
        "convolve",
        "correlate",
        "add_up",
        "pool_take",
        "pool_winners",
        "pool_spread",
    }
    assert {name: spilled for name, (_, spilled) in found.items() if spilled} == {}
    # Two blocks of 256 threads with 128 registers each fill a multiprocessor.
    floats = [count for name, (count, _) in found.items() if re.search(r"(ve|te)If", name)]
    assert floats
    assert max(floats) <= 128


@pytest.mark.slow
def test_images_and_filters_are_loaded_four_at_a_time(compiled):
    (path,) = compiled[0].glob("*compute_90*.ptx")
    bodies = dict(re.findall(r"\.entry (\w+)\((.*?)\n\}", path.read_text(), re.S))
    fours = [body for name, body in bodies.items() if re.search(r"(ve|te)IfLi128ELb1", name)]
    # The convolution, its gradient by the input, and the one by the filters.
    assert len(fours) == 3
    for body in fours:
        assert "ld.global.nc.v4" in body
        assert "ld.shared.v4" in body
        assert "st.global.v4" in body
        assert not re.search(r"ld\.global(\.nc)?\.[fb]32", body)
        # Each of 64 sums takes part in 8 steps at a time.
        assert body.count("fma.rn.f32") >= 64 * 8


def lowered(function, *shapes):
    arguments = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    return jax.jit(function).trace(*arguments).lower(lowering_platforms=("cuda",)).as_text()


def calls_in(text):
    return re.findall(r"custom_call @nncore_cuda_convnet_(\w+)\(", text)


OUT = (128, 96, 8, 6)


@pytest.fixture
def lowering(monkeypatch):
    """Build kernels to read what they become; for that the library need not be there."""
    monkeypatch.setattr(implementations, "load_library", lambda: None)


@pytest.mark.parametrize(
    ("direction", "shapes", "operands", "results"),
    [
        ("forward", [(128, 64, 16, 12), (96, 64, 3, 3)], "64x16x12x128 64x3x3x96", "96x8x6x128"),
        ("grad_input", [(96, 64, 3, 3), OUT], "64x3x3x96 96x8x6x128", "64x16x12x128"),
        (
            "grad_filters",
            [(128, 64, 16, 12), OUT],
            "64x16x12x128 96x8x6x128",
            "64x3x3x96 8x64x3x3x96",
        ),
    ],
)
def test_a_gpu_gets_a_convolution_in_the_order_of_the_kernels(
    lowering, direction, shapes, operands, results
):
    function = registry.get("conv", "cuda_convnet").kernel("jax", direction, CONV)
    if direction != "forward":
        shape = CONV.input_shape if direction == "grad_input" else CONV.filters_shape
        text = lowered(lambda a, b: function(a, b, shape), *shapes)
    else:
        text = lowered(function, *shapes)
    (line,) = [line for line in text.splitlines() if "custom_call @nncore" in line]
    assert calls_in(line) == [f"conv_{direction}"]
    assert "flip = true" in line
    assert "pad = 1 : i32" in line
    assert "stride = 2 : i32" in line
    given, made = line.rsplit(" : (", 1)[1].split(" -> ")
    assert " ".join(re.findall(r"tensor<([\dx]+)xf32>", given)) == operands
    assert " ".join(re.findall(r"tensor<([\dx]+)xf32>", made)) == results
    # The last axis, of the batch or of the filters, lies contiguous in memory.
    assert "dense<[3, 2, 1, 0]>" in line


def test_a_gpu_gets_a_pool_in_the_order_of_the_kernels(lowering):
    kernel = registry.get("pool", "cuda_convnet").kernel
    shape, out = (128, 96, 9, 7), (128, 96, 4, 3)
    forward = lowered(kernel("jax", "forward", POOL), shape)
    backward = lowered(kernel("jax", "grad_input", POOL), shape, out)
    assert calls_in(forward) == calls_in(lowered(kernel("jax", "grad_grad", POOL), shape, shape))
    assert calls_in(forward) == ["max_pool_take"]
    assert "-> tensor<96x4x3x128xf32>" in forward
    assert calls_in(backward) == ["max_pool_spread"]
    assert "tensor<96x9x7x128xf32>, tensor<96x4x3x128xi32>" in backward
    for axis in ("rows", "columns"):
        for text in (forward, backward):
            assert f"window_{axis} = 3 : i32" in text
            assert f"stride_{axis} = 2 : i32" in text
