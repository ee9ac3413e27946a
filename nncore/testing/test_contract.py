"""What the plugin contract says about an implementation, apart from the numbers."""

from __future__ import annotations

import copy
import time
from dataclasses import replace

import pytest

from nncore import config
from nncore.errors import ImplementationUnavailable
from nncore.hookspecs import DIRECTIONS, Availability
from nncore.resolve import resolve
from nncore.testing.geometries import CASES
from nncore.testing.kernels import Subject, precision


def test_it_can_be_used_on_this_machine(subject: Subject, pytestconfig: pytest.Config) -> None:
    """Nothing is checked otherwise, and a run of skipped tests is not to pass for a good one."""
    if not subject.obstacle:
        return
    message = f"{subject.name} cannot be used on this machine: {subject.obstacle}"
    if pytestconfig.getoption("--allow-unavailable"):
        pytest.skip(message)
    pytest.fail(
        f"{message}. Nothing was checked (--allow-unavailable lets that pass; --backend leaves "
        "out a backend).",
        pytrace=False,
    )


def test_availability_is_answered_quickly_and_the_same_again(subject: Subject) -> None:
    """The first answer may have had to look for a device; those after it need not."""
    limit = config.probe_timeout()
    started = time.perf_counter()
    answers = {subject.implementation.availability() for _ in range(3)}
    assert time.perf_counter() - started < limit
    assert len(answers) == 1
    assert all(isinstance(answer, Availability) for answer in answers)
    assert all(answer or answer.reason for answer in answers), "it is unavailable without a reason"


def test_every_geometry_is_claimed_or_refused_with_a_reason(subject: Subject) -> None:
    """``supports()`` answers, with and without sizes, and the same again."""
    for case in CASES[subject.kind]:
        for dtype in ("float16", "float32", "float64"):
            for geometry in (case.of(dtype).geometry, *case.of(dtype).sized):
                first, again = (subject.implementation.supports(geometry) for _ in range(2))
                assert isinstance(first, Availability), f"supports() gave {first!r} for {geometry}"
                assert first == again, f"supports() changed its mind about {geometry}"
                assert first or first.reason, f"it refuses {geometry} without a reason"


def test_something_is_supported_and_computed(usable_subject: Subject) -> None:
    """An implementation that refuses everything, or lacks every direction, is of no use."""
    subject = usable_subject
    geometries = [case.geometry for case in CASES[subject.kind]]
    able = [g for g in geometries if subject.supports(g)]
    assert able, (
        f"it refuses every one of {len(geometries)} geometries, the first because: "
        f"{subject.supports(geometries[0]).reason}"
    )
    directions = subject.directions(able[0])
    with precision(subject.backend, "float32"):
        kernels = [subject.implementation.kernel(subject.backend, d, able[0]) for d in directions]
    assert any(kernel is not None for kernel in kernels), (
        f"it has no kernel for any direction of {able[0]}"
    )


def test_what_it_refuses_is_refused_with_its_reason_when_it_is_named(
    usable_subject: Subject,
) -> None:
    """Nobody who names an implementation gets another one."""
    subject = usable_subject
    for case in CASES[subject.kind]:
        for dtype in ("float16", "float32", "float64"):
            geometry = case.of(dtype).geometry
            answer = subject.supports(geometry)
            if answer:
                continue
            with pytest.raises(ImplementationUnavailable) as caught:
                resolve(subject.kind, subject.name, subject.backend, "forward", geometry)
            assert caught.value.reason == answer.reason


def test_the_key_for_caches_is_a_text_that_changes_with_the_version(
    usable_subject: Subject,
) -> None:
    """Otherwise graphs that were compiled for an old version would run on."""
    implementation = usable_subject.implementation
    newer = copy.copy(implementation)
    kind = type(implementation)
    newer.__class__ = type(kind.__name__, (kind,), {"version": kind.version + 1})
    for case in CASES[usable_subject.kind]:
        for direction in DIRECTIONS[usable_subject.kind]:
            key = implementation.cache_key(direction, case.geometry)
            assert isinstance(key, str)
            assert key == implementation.cache_key(direction, replace(case.geometry))
            assert key != newer.cache_key(direction, case.geometry), f"version is not in {key!r}"


def test_its_version_and_devices_are_of_the_right_types(subject: Subject) -> None:
    """What ``nncore plugins`` shows has to be of the right types."""
    implementation = subject.implementation
    assert isinstance(implementation.version, int)
    assert isinstance(implementation.devices, tuple)
    assert all(isinstance(device, str) and device for device in implementation.devices)
