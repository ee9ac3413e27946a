from __future__ import annotations

import re
from dataclasses import replace

import pytest

from nncore import registry
from nncore.ops.geometry import ConvGeometry, PoolGeometry
from nncore.resolve import candidates
from nncore_cuda_convnet.constraints import MAX_ELEMENTS, check_size, conv_refusal

GOOD = ConvGeometry(
    (None, 4, None, None), (16, 4, 3, 3), (1, 1), ((1, 1),) * 2, (1, 1), 1, False, "float32"
)
POOL = PoolGeometry((None, 4, 9, 9), (3, 2), (1, 2), ((0, 1),) * 2, "max", False, "float32")

REFUSED = {
    "three axes": (
        replace(
            GOOD,
            input_shape=(None, 4, 5, 5, 5),
            filters_shape=(16, 4, 3, 3, 3),
            stride=(1,) * 3,
            pad=((0, 0),) * 3,
            dilation=(1,) * 3,
        ),
        "3 spatial axes, and there must be 2",
    ),
    "dilation": (replace(GOOD, dilation=(1, 2)), r"dilation is \(1, 2\), and it must be 1"),
    "groups": (replace(GOOD, groups=2, filters_shape=(16, 2, 3, 3)), "2 groups"),
    "filters": (replace(GOOD, filters_shape=(40, 4, 3, 3)), "40 filters.*16; take 32 or 48"),
    "few filters": (replace(GOOD, filters_shape=(8, 4, 3, 3)), "8 filters.*16; take 16"),
    "channels": (
        replace(GOOD, input_shape=(None, 6, 9, 9), filters_shape=(16, 6, 3, 3)),
        "6 input channels.*1, 2, 3 or a multiple of 4; take 4 or 8",
    ),
    "filter size": (replace(GOOD, filters_shape=(16, 4, 3, 5)), r"\(3, 5\).*must be square"),
    "stride": (replace(GOOD, stride=(1, 2)), r"stride is \(1, 2\).*same on both axes"),
    "pad of an axis": (replace(GOOD, pad=((1, 1), (0, 0))), "padding is .*must be the same"),
    "pad of a side": (replace(GOOD, pad=((0, 1), (0, 1))), "padding is .*must be the same"),
    "pad by word": (
        replace(GOOD, pad="same", filters_shape=(16, 4, 2, 2)),
        "must be the same before and after both axes; take filters of odd size",
    ),
    "unknown filters": (replace(GOOD, filters_shape=(None, 4, 3, 3)), "must be known"),
    "type": (replace(GOOD, dtype="float16"), "float16, and it must be one of float32, float64"),
    "size": (replace(GOOD, input_shape=(2**20, 4, 32, 32)), "more than .* elements; divide the"),
    "mode": (replace(POOL, mode="sum"), "mode is 'sum', and it must be 'max'"),
    "pool axes": (
        replace(POOL, input_shape=(2, 3, 8), window=(2,), stride=(2,), pad=((0, 0),)),
        "1 spatial axes",
    ),
    "pool type": (replace(POOL, dtype="float16"), "float16"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_geometry_that_the_kernels_cannot_compute_is_refused_with_the_reason(case):
    geometry, reason = REFUSED[case]
    kind = "conv" if isinstance(geometry, ConvGeometry) else "pool"
    answer = registry.get(kind, "cuda_convnet").supports(geometry)
    assert not answer
    assert re.search(reason, answer.reason)


@pytest.mark.parametrize(
    "geometry",
    [
        GOOD,
        replace(GOOD, input_shape=(128, 3, 5, 9), filters_shape=(16, 3, 3, 3), stride=(3, 3)),
        replace(GOOD, pad="full"),
        replace(GOOD, pad="same", flip=True, dtype="float64"),
        replace(GOOD, options=(("partial_sum", 4), ("unknown", True))),
    ],
    ids=["open sizes", "rectangle", "full", "same", "options"],
)
def test_what_the_kernels_can_compute_is_supported(geometry):
    assert conv_refusal(geometry) == ""


def test_any_window_of_a_maximum_is_supported():
    assert registry.get("pool", "cuda_convnet").supports(POOL)


def test_a_tensor_whose_elements_cannot_be_counted_is_refused():
    check_size((MAX_ELEMENTS,))
    with pytest.raises(ValueError, match=r"cuda_convnet: a tensor of shape .* divide the batch"):
        check_size((1,), (MAX_ELEMENTS + 1,))


def test_auto_takes_another_implementation_before_this_one(on_cpu):
    found = [i.name for i in candidates("conv", "jax", GOOD)]
    assert found.index("jax") < found.index("cuda_convnet")
