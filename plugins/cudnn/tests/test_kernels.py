"""The kernels' numbers, on whatever device there is, and the programs that a GPU would get."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from nncore import devices
from nncore.hookspecs import DIRECTIONS
from nncore.ops.geometry import ConvGeometry, PoolGeometry
from nncore_cudnn.implementation import CuDNNConvolution, CuDNNPooling

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax


def conv(n=2, dtype="float32", **changes):
    """A convolution of everything at once: strides, uneven pads, groups."""
    geometry = ConvGeometry(
        (4, 6, 13, 12, 11)[: n + 2],
        (8, 3, 3, 2, 3)[: n + 2],
        (2, 1, 2)[:n],
        ((1, 2), (1, 1), (0, 1))[:n],
        (1,) * n,
        2,
        False,
        dtype,
    )
    return replace(geometry, **changes)


def operands(geometry, direction):
    x, y = geometry.input_shape, geometry.output_shape()
    if isinstance(geometry, PoolGeometry):
        return {"forward": (x,), "grad_input": (x, y), "grad_grad": (x, x)}[direction]
    w = geometry.filters_shape
    return {"forward": (x, w), "grad_input": (w, y), "grad_filters": (x, y)}[direction]


def function(geometry, direction):
    """The kernel as a function of arrays alone."""
    pooling = isinstance(geometry, PoolGeometry)
    implementation = CuDNNPooling() if pooling else CuDNNConvolution()
    kernel = implementation.kernel("jax", direction, geometry)
    if not pooling and direction == "grad_input":
        return lambda w, gy: kernel(w, gy, geometry.input_shape)
    if direction == "grad_filters":
        return lambda x, gy: kernel(x, gy, geometry.filters_shape)
    return kernel


def for_cuda(geometry, direction):
    """The program that XLA would get for an NVIDIA GPU."""
    shapes = operands(geometry, direction)
    arguments = [jax.ShapeDtypeStruct(shape, geometry.dtype) for shape in shapes]
    traced = jax.jit(function(geometry, direction)).trace(*arguments)
    return traced.lower(lowering_platforms=("cuda",)).as_text()


def test_every_convolution_agrees_with_the_reference(check, conv_geometry):
    check(CuDNNConvolution(), conv_geometry)


def test_every_pooling_agrees_with_the_reference(check, pool_geometry):
    check(CuDNNPooling(), pool_geometry)


@pytest.mark.parametrize("direction", DIRECTIONS["conv"])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("flip", [False, True], ids=["correlation", "convolution"])
def test_each_direction_is_one_convolution_of_xla(n, direction, flip):
    text = for_cuda(conv(n, flip=flip), direction)
    (line,) = re.findall(r"stablehlo\.convolution\(.*", text)
    # Grouped gradients by the filters are convolutions of the batch in groups.
    groups = re.findall(r"(batch|feature)_group_count = (\d+)", line)
    assert dict(groups)["batch" if direction == "grad_filters" else "feature"] == "2"
    assert {"gather", "scatter", "dot_general", "custom_call", "while"}.isdisjoint(
        re.findall(r"stablehlo\.(\w+)", text)
    )


# The forms in which XLA's rewriter for GPUs knows a direction.
@pytest.mark.parametrize("flip", [False, True], ids=["correlation", "convolution"])
def test_xla_can_tell_the_directions_apart(flip):
    geometry = conv(groups=1, filters_shape=(8, 6, 3, 2), flip=flip)
    forward, by_input, by_filters = (for_cuda(geometry, d) for d in DIRECTIONS["conv"])
    taps = r"stablehlo\.convolution\(%\w+, (%\w+)\)"
    # Reversed filters, not undone by the filters' own reversal, which a barrier holds fast.
    reversal = rf"({re.search(taps, by_input)[1]}) = stablehlo\.reverse (%\w+), dims = \[2, 3\]"
    assert re.search(reversal, by_input)
    for text in (forward, by_input):
        assert text.count("optimization_barrier") == flip
    assert not re.search(rf"{re.search(taps, forward)[1]} = stablehlo\.reverse", forward)
    # The stride has become a dilation: of the gradient as input, and of the gradient as filters.
    assert re.search(r"stride = \[2, 1\]", forward)
    assert re.search(r"lhs_dilate = \[2, 1\]", by_input)
    assert re.search(r"rhs_dilate = \[2, 1\]", by_filters)
    assert "stride = [2" not in by_filters


@pytest.mark.parametrize("direction", DIRECTIONS["conv"])
@pytest.mark.parametrize(
    ("compute", "dtype", "element", "precision"),
    [
        ("float32", "float32", "f32", "HIGHEST"),
        ("tf32", "float32", "f32", "HIGH"),
        ("bfloat16", "float32", "bf16", "DEFAULT"),
        ("float32", "float16", "f16", "HIGHEST"),
        ("bfloat16", "float16", "f16", "HIGHEST"),
    ],
)
def test_the_chosen_precision_is_that_of_the_program(direction, compute, dtype, element, precision):
    geometry = conv(dtype=dtype, options=(("compute", compute),))
    (line,) = re.findall(r"stablehlo\.convolution\(.*", for_cuda(geometry, direction))
    assert re.findall(r"precision (\w+)>", line) == [precision] * 2
    assert set(re.findall(r"x(bf16|f16|f32)>", line)) == {element}
    result = jax.eval_shape(
        function(geometry, direction),
        *(jax.ShapeDtypeStruct(s, dtype) for s in operands(geometry, direction)),
    )
    assert result.dtype == dtype


def test_bfloat16_is_less_exact_and_single_precision_is_not():
    rng = np.random.default_rng(0)
    geometry = conv()
    x, w = (rng.standard_normal(s).astype("float32") for s in operands(geometry, "forward"))
    exact, rounded = (
        np.asarray(function(replace(geometry, options=(("compute", c),)), "forward")(x, w))
        for c in ("float32", "bfloat16")
    )
    error = np.abs(rounded - exact).max() / np.abs(exact).max()
    assert 2**-12 < error < 2**-6


def test_the_choice_is_a_part_of_the_key_and_read_when_a_kernel_is_built(monkeypatch):
    geometry, implementation = conv(), CuDNNConvolution()
    keys = {implementation.cache_key("forward", geometry)}
    monkeypatch.setenv("NNCORE_CUDNN_COMPUTE", "tf32")
    keys.add(implementation.cache_key("forward", geometry))
    assert "<precision HIGH>" in for_cuda(geometry, "forward")
    own = replace(geometry, options=(("compute", "float32"),))
    assert "<precision HIGHEST>" in for_cuda(own, "forward")
    assert len(keys) == 2
    with pytest.raises(ValueError, match=r"compute must be one of .*'exact'"):
        implementation.kernel("jax", "forward", conv(options=(("compute", "exact"),)))


@pytest.mark.parametrize("mode", ["max", "average_inc_pad", "average_exc_pad", "sum"])
@pytest.mark.parametrize("ignore_border", [True, False])
def test_no_direction_of_pooling_reduces_windows_or_scatters(mode, ignore_border):
    geometry = PoolGeometry(
        (2, 3, 11, 12), (3, 2), (2, 2), ((1, 0), (0, 1)), mode, ignore_border, "float32"
    )
    for direction in DIRECTIONS["pool"][: 3 if mode == "max" else 2]:
        found = set(re.findall(r"stablehlo\.(\w+)", for_cuda(geometry, direction)))
        assert "pad" in found
        assert found.isdisjoint({"select_and_scatter", "scatter", "reduce_window", "gather"})


@pytest.mark.gpu
@pytest.mark.parametrize("direction", DIRECTIONS["conv"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_on_a_gpu_each_direction_runs_in_cudnn(n, direction):
    if not (answer := devices.cuda()):
        pytest.skip(answer.reason)
    geometry = conv(n)
    arguments = [jax.ShapeDtypeStruct(s, "float32") for s in operands(geometry, direction)]
    text = jax.jit(function(geometry, direction)).lower(*arguments).compile().as_text()
    assert "__cudnn$conv" in text
