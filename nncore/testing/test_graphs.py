"""Expressions that are compiled with an implementation, and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import ops
from nncore.backends import get_mode
from nncore.ops.geometry import ConvGeometry, PoolGeometry
from nncore.testing.kernels import Subject
from nncore.testing.values import disagreement

#: Settings of ``conv`` and ``pool``; the first that is supported is taken.
CONV: list[dict[str, Any]] = [
    {"stride": 2, "pad": ((1, 1), (1, 1)), "groups": 2, "dilation": (1, 2)},
    {"stride": 2, "pad": ((1, 1), (1, 1))},
    {"pad": ((1, 1), (1, 1))},
    {},
    {"flip_filters": False},
]
POOL: list[dict[str, Any]] = [
    {"pool_size": 3, "stride": 2, "pad": 1, "mode": "max"},
    {"pool_size": 2, "mode": "max"},
    {"pool_size": 3, "stride": 2, "pad": 1, "mode": "average_exc_pad"},
    {"pool_size": 2, "mode": "average_exc_pad"},
    {"pool_size": 2, "mode": "sum"},
]


def _settings(subject: Subject, known: bool) -> tuple[dict[str, Any], Any] | None:
    """Settings that are supported, and the sizes of what is computed with them."""
    for chosen in CONV if subject.kind == "conv" else POOL:
        groups = chosen.get("groups", 1)
        shapes = ((2, 4, 9, 8), (6, 4 // groups, 3, 3))
        seen = shapes if known else ((None,) * 4, (None,) * 4)
        x, w = (pt.tensor(dtype="float32", shape=shape) for shape in seen)
        y = ops.conv(x, w, **chosen) if subject.kind == "conv" else ops.pool(x, **chosen)
        geometry: ConvGeometry | PoolGeometry = y.owner.op.geometry(y.owner)
        if subject.supports(geometry):
            return chosen, shapes
    return None


def _graph(subject: Subject, settings: dict[str, Any], shapes: Any, name: str) -> Any:
    """Inputs, and outputs up to second derivatives."""
    chosen = {**settings, "implementation": name}
    if subject.kind == "conv":
        inputs: Any = [pt.tensor(dtype="float32", shape=shape) for shape in shapes]
        y = ops.conv(*inputs, **chosen)
    else:
        inputs = [pt.tensor(dtype="float32", shape=shapes[0])]
        y = ops.pool(*inputs, **chosen)
    first = pytensor.grad((y * y).sum(), inputs)
    second = pytensor.grad(pt.add(*[(g * g).sum() for g in first]), inputs)
    return inputs, [y, *first, *second]


@pytest.mark.parametrize("known", [True, False], ids=["known sizes", "unknown sizes"])
def test_expressions_and_their_first_and_second_derivatives_are_right(
    usable_subject: Subject, known: bool
) -> None:
    """As those that the reference computes, whose kernels agree with the loops."""
    subject = usable_subject
    found = _settings(subject, known)
    if found is None:
        pytest.skip("it refuses every one of the expressions")
    if known and subject.backend == "numba" and _settings(subject, False) is not None:
        pytest.skip("Numba compiles the same code for sizes that are not known")
    chosen, shapes = found
    static = shapes if known else [(None,) * 4] * 2
    # A kernel that is being written changes more often than its version.
    with pytensor.config.change_flags(numba__cache=False, floatX="float32"):
        compiled = pytensor.function(
            *_graph(subject, chosen, static, subject.name), mode=get_mode(subject.backend)
        )
        reference = pytensor.function(
            *_graph(subject, chosen, static, "reference"), mode=get_mode("python")
        )
        rng = np.random.default_rng(0)
        for batch in (2,) if known else (3, 1, 0):
            given = [
                rng.standard_normal(shape).astype("float32")
                for shape in ((batch, *shapes[0][1:]), shapes[1])
            ]
            given = given[: len(compiled.maker.fgraph.inputs)]
            for number, (one, other) in enumerate(
                zip(compiled(*given), reference(*given), strict=True)
            ):
                what = f"output {number} of {chosen} for a batch of {batch}"
                one = np.asarray(one)
                assert (one.dtype, one.shape) == (other.dtype, other.shape), what
                # Errors grow from each derivative to the next.
                assert disagreement(one, other.astype("float64"), "float32") < 20, what
