"""Kernels against explicit loops."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from nncore.ops.geometry import Geometry
from nncore.testing.geometries import CASES, Case, conv_geometries, pool_geometries
from nncore.testing.kernels import Outcome, Subject, arguments_of, precision
from nncore.testing.oracle import expected
from nncore.testing.plugin import Recorder
from nncore.testing.values import close, operands


def test_a_hard_geometry_is_right_in_every_direction(
    usable_subject: Subject, dtype: str, case: Case, outcome: Recorder
) -> None:
    """Or refused, or left to the default implementation."""
    outcome(dtype, case.name, usable_subject.run(case))


def test_geometries_that_are_drawn_are_right_in_every_direction(
    usable_subject: Subject, dtype: str, examples: int, outcome: Recorder
) -> None:
    """The same ones in every run."""
    subject = usable_subject
    strategy = conv_geometries if subject.kind == "conv" else pool_geometries
    last: dict[str, list[Outcome]] = {}

    def compute(geometry: Geometry) -> None:
        outcomes = subject.run(Case("", geometry, (geometry,)))
        for one in outcomes:
            last.setdefault(one.state, []).append(one)
        if wrong := [one for one in outcomes if one.state == "failed"]:
            last["failed"] = outcomes
            raise AssertionError(wrong[0].detail)

    phases = [Phase.explicit, Phase.generate]
    # What has to be compiled each time is not made smaller, which takes hundreds of tries.
    if subject.backend == "python":
        phases.append(Phase.shrink)
    drawn = settings(
        max_examples=max(1, examples),
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )(given(strategy(dtype=dtype))(compute))
    try:
        drawn()
    except AssertionError:
        outcome(dtype, f"{examples} drawn at random", last["failed"])
    done = last.get("ok", []) + last.get("lacking", []) or last.get("refused", [])
    of_each = {one.direction: one for one in done}
    outcome(dtype, f"{examples} drawn at random", list(of_each.values()))


def test_operands_need_not_be_contiguous(usable_subject: Subject) -> None:
    """Graphs pass on transposed and strided arrays as they are."""
    subject = usable_subject
    case = next((c for c in CASES[subject.kind] if subject.supports(c.geometry)), None)
    if case is None or subject.backend == "jax":
        pytest.skip("there is nothing to compute" if case is None else "JAX has no strides")
    (geometry,) = case.sized[:1]
    values = operands(geometry)
    wanted = expected(geometry, values)

    def spread(array: Any) -> Any:
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]

    first, *others = values
    moved = (np.asfortranarray(first), *map(spread, others))
    for direction in subject.directions(geometry):
        function = subject.function(direction, case.geometry)
        if function is not None:
            subject.compare(direction, geometry, function, moved, wanted[direction])


def test_kernels_may_be_called_from_several_threads(usable_subject: Subject) -> None:
    """Each thread gets the result for its own operands."""
    subject = usable_subject
    case = next((c for c in CASES[subject.kind] if subject.supports(c.geometry)), None)
    if case is None:
        pytest.skip("there is nothing to compute")
    (geometry,) = case.sized[:1]
    given_ = [operands(geometry, seed) for seed in range(8)]
    wanted = [expected(geometry, values) for values in given_]
    with precision(subject.backend, "float32"), ThreadPoolExecutor(4) as pool:
        for direction in subject.directions(geometry):
            function = subject.function(direction, case.geometry)
            if function is None:
                continue
            arguments = [arguments_of(direction, geometry, values) for values in given_]
            function(*arguments[0])
            for _ in range(4):
                results = pool.map(lambda a, f=function: f(*a), arguments)
                for result, right in zip(results, wanted, strict=True):
                    close(result, right[direction])
