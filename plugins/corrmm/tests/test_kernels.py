from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import nncore_corrmm
from nncore.hookspecs import DIRECTIONS
from nncore.ops.geometry import ConvGeometry
from nncore_corrmm.implementation import CorrMMConvolution

jax = pytest.importorskip("jax")
pytestmark = pytest.mark.jax

MIB = 2**20


def bounded(geometry, size):
    return replace(geometry, options=(("max_workspace", size),))


def test_every_direction_agrees_with_the_reference(check, conv_geometry):
    check(CorrMMConvolution(), conv_geometry)


# From pieces of the batch, which leave a smaller one, over pieces of rows to single positions.
@pytest.mark.parametrize("size", [20_000, 3_000, 700, 1])
@pytest.mark.parametrize(
    "geometry",
    [
        ConvGeometry((5, 4, 11), (6, 2, 3), (2,), "same", (2,), 2, False, "float32"),
        ConvGeometry((5, 4, 9, 8), (6, 4, 3, 2), (2, 1), "full", (1, 2), 1, True, "float32"),
        ConvGeometry(
            (2, 3, 5, 4, 6),
            (2, 3, 2, 1, 3),
            (1, 2, 1),
            ((1, 0),) * 3,
            (2, 1, 1),
            1,
            True,
            "float32",
        ),
    ],
    ids=str,
)
def test_pieces_of_any_size_give_the_same(check, geometry, size):
    check(CorrMMConvolution(), bounded(geometry, size))


def test_half_precision_is_summed_up_in_single_precision(check):
    geometry = ConvGeometry(
        (2, 64, 8, 8), (4, 64, 3, 3), (1, 1), "same", (1, 1), 1, True, "float16"
    )
    # Half an element in the last place of a result, and of the terms that the bound cuts apart.
    check(CorrMMConvolution(), geometry, tolerance=1e-3)


def compiled(geometry, direction):
    x, w, y = geometry.input_shape, geometry.filters_shape, geometry.output_shape()
    kernel = CorrMMConvolution().kernel("jax", direction, geometry)
    functions = {
        "forward": (kernel, (x, w)),
        "grad_input": (lambda w, gy: kernel(w, gy, x), (w, y)),
        "grad_filters": (lambda x, gy: kernel(x, gy, w), (x, y)),
    }
    function, shapes = functions[direction]
    return jax.jit(function).lower(*(jax.ShapeDtypeStruct(s, "float32") for s in shapes)).compile()


@pytest.mark.parametrize("direction", DIRECTIONS["conv"])
@pytest.mark.parametrize(
    ("x", "size"),
    [((32, 32, 64, 64), 16 * MIB), ((2, 16, 256, 512), 8 * MIB)],
    ids=["pieces of the batch", "pieces of an image"],
)
def test_memory_stays_within_the_bound(direction, x, size):
    geometry = bounded(
        ConvGeometry(x, (8, x[1], 5, 5), (1, 1), "same", (1, 1), 1, True, "float32"), size
    )
    whole = x[0] * math.prod(x[1:]) * 25 * 4
    assert whole > 20 * size
    # Besides the patches there are the items of a piece, with padding around them, at most twice.
    items = max(1, size // (whole // x[0]))
    padded = items * x[1] * (x[2] + 4) * (x[3] + 4) * 4
    used = compiled(geometry, direction).memory_analysis().temp_size_in_bytes
    assert used <= size + 2 * padded + MIB


@pytest.mark.parametrize("direction", DIRECTIONS["conv"])
def test_a_larger_bound_is_made_use_of(direction):
    geometry = ConvGeometry(
        (8, 16, 64, 64), (8, 16, 5, 5), (1, 1), "same", (1, 1), 1, True, "float32"
    )
    whole = 8 * 16 * 64 * 64 * 25 * 4
    used = compiled(bounded(geometry, 2 * whole), direction).memory_analysis().temp_size_in_bytes
    assert used >= whole


@pytest.mark.parametrize("direction", DIRECTIONS["conv"])
def test_no_direction_is_a_convolution_of_xla(direction):
    geometry = ConvGeometry(
        (8, 4, 16, 16), (8, 4, 5, 5), (2, 2), "same", (1, 1), 1, True, "float32"
    )
    text = compiled(bounded(geometry, 100_000), direction).as_text()
    assert "dot(" in text
    assert "convolution(" not in text


def test_the_process_s_bound_is_read_when_a_kernel_is_built(monkeypatch):
    geometry = ConvGeometry((4, 1, 8), (1, 1, 3), (1,), ((0, 0),), (1,), 1, True, "float32")
    key = CorrMMConvolution().cache_key("forward", geometry)
    monkeypatch.setenv("NNCORE_CORRMM_MAX_WORKSPACE", "72")
    assert CorrMMConvolution().kernel("jax", "forward", geometry).args[1] == 72
    other = CorrMMConvolution().cache_key("forward", geometry)
    assert len({key, other, CorrMMConvolution().cache_key("forward", bounded(geometry, 5))}) == 3
    assert CorrMMConvolution().kernel("jax", "forward", bounded(geometry, 5)).args[1] == 5


def test_an_option_that_is_no_size_is_refused():
    geometry = ConvGeometry((4, 1, 8), (1, 1, 3), (1,), ((0, 0),), (1,), 1, True, "float32")
    with pytest.raises(ValueError, match="positive number of bytes, not 'much'"):
        CorrMMConvolution().kernel("jax", "forward", bounded(geometry, "much"))
    assert nncore_corrmm.max_workspace() > 0


def test_values_are_those_of_a_filter_that_shifts():
    geometry = ConvGeometry((1, 1, 4), (1, 1, 3), (1,), ((1, 1),), (1,), 1, False, "float32")
    x = np.array([[[1, 2, 3, 4]]], "float32")
    y = CorrMMConvolution().kernel("jax", "forward", geometry)(
        x, np.array([[[1, 0, 0]]], "float32")
    )
    assert np.asarray(y).tolist() == [[[0, 1, 2, 3]]]
