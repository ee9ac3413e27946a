from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = "test_a_hard_geometry_is_right_in_every_direction"
DRAWN = "test_geometries_that_are_drawn_are_right_in_every_direction"
GRAPHS = "test_expressions_and_their_first_and_second_derivatives_are_right"

#: Implementations that do one thing wrong, and what they are otherwise right by.
BROKEN = """
from dataclasses import replace

import numpy as np

from nncore.hookspecs import AVAILABLE, Availability, hookimpl, unavailable
from nncore.ops.kernels.reference import ReferenceConvolution, ReferencePooling

nncore_contract = 1


class Right(ReferenceConvolution):
    name = "right"
    rank = -5


class Reluctant(Right):
    name = "reluctant"

    def supports(self, geometry):
        if any(step > 1 for step in geometry.dilation):
            return unavailable("dilation is too much for it")
        return AVAILABLE

    def kernel(self, backend, direction, geometry):
        return None if direction == "grad_filters" else super().kernel(backend, direction, geometry)


class Wrong(Right):
    # What is to be made of a result, in the directions in which it is to be made.
    directions = ("forward", "grad_input", "grad_filters")

    def kernel(self, backend, direction, geometry):
        right = super().kernel(backend, direction, geometry)
        if direction not in self.directions:
            return right
        return lambda *a: self.spoil(right(*a), *a)


class WrongNumbers(Wrong):
    name = "wrong_numbers"

    def spoil(self, result, *arguments):
        return (result * 1.001).astype(result.dtype)


class WrongGradient(Wrong):
    name = "wrong_gradient"
    directions = ("grad_filters",)

    def spoil(self, result, *arguments):
        return -result


class WrongType(Wrong):
    name = "wrong_type"

    def spoil(self, result, *arguments):
        return result.astype("float64")


class WrongShape(Wrong):
    name = "wrong_shape"
    directions = ("grad_input",)

    def spoil(self, result, *arguments):
        return result[..., :-1]


class Rude(Wrong):
    name = "rude"

    def spoil(self, result, first, *others):
        first += 1
        return result


class Sharing(Wrong):
    name = "sharing"

    def spoil(self, result, first, *others):
        if result.shape == first.shape:
            first_, first[...] = first.copy(), result
            return first
        return result


class Forgetful(Wrong):
    name = "forgetful"
    directions = ("forward",)
    seen = 0

    def spoil(self, result, *arguments):
        self.seen += 1
        return result + self.seen % 2


class Overconfident(Right):
    name = "overconfident"

    def kernel(self, backend, direction, geometry):
        ones = (1,) * geometry.ndim
        return super().kernel(backend, direction, replace(geometry, dilation=ones))


class Batchless(Right):
    name = "batchless"

    def kernel(self, backend, direction, geometry):
        right = super().kernel(backend, direction, geometry)

        def kernel(first, *others):
            largest = first.max() if direction != "grad_input" else others[0].max()
            return right(first, *others)

        return kernel


class Static(Right):
    name = "static"

    def kernel(self, backend, direction, geometry):
        lengths = [n + 1 for n in geometry.input_shape]
        return super().kernel(backend, direction, geometry)


class Entangled(Right):
    name = "entangled"

    def kernel(self, backend, direction, geometry):
        import time

        right = super().kernel(backend, direction, geometry)

        def kernel(first, *others):
            self.first = first
            time.sleep(1e-4)
            return right(self.first, *others)

        return kernel


class Rigid(Right):
    name = "rigid"

    def kernel(self, backend, direction, geometry):
        right = super().kernel(backend, direction, geometry)

        def kernel(first, *others):
            assert first.flags.c_contiguous, "it is not contiguous"
            return right(first, *others)

        return kernel


class Unwilling(Right):
    name = "unwilling"

    def supports(self, geometry):
        return unavailable("it is its day off")


class Speechless(Right):
    name = "speechless"

    def supports(self, geometry):
        return unavailable("") if geometry.groups > 1 else AVAILABLE


class Timeless(Right):
    name = "timeless"

    def cache_key(self, direction, geometry):
        return "always the same"


class LastOfTies(ReferencePooling):
    name = "last_of_ties"
    rank = -5

    def kernel(self, backend, direction, geometry):
        right = super().kernel(backend, direction, geometry)
        if direction != "grad_input" or geometry.mode != "max":
            return right
        spatial = tuple(range(2, 2 + geometry.ndim))
        pad = tuple((after, before) for before, after in geometry.pad)
        turned = super().kernel(backend, direction, replace(geometry, pad=pad))

        def kernel(x, gy):
            if geometry.ignore_border and all(
                (n + sum(p) - k) % s == 0
                for n, p, k, s in zip(x.shape[2:], pad, geometry.window, geometry.stride)
            ):
                return np.flip(turned(np.flip(x, spatial), np.flip(gy, spatial)), spatial).copy()
            return right(x, gy)

        return kernel


@hookimpl
def nncore_implementations():
    return [
        Right(), Reluctant(), WrongNumbers(), WrongGradient(), WrongType(), WrongShape(), Rude(),
        Sharing(), Forgetful(), Overconfident(), Batchless(), Static(), Entangled(), Rigid(),
        Unwilling(), Speechless(), Timeless(), LastOfTies(),
    ]
"""

#: Which tests have to find each of them out.
CAUGHT = {
    "wrong_numbers": {KERNELS, DRAWN, GRAPHS},
    "wrong_gradient": {KERNELS, DRAWN, GRAPHS},
    "wrong_type": {KERNELS, DRAWN, GRAPHS},
    "wrong_shape": {KERNELS, DRAWN, GRAPHS},
    "rude": {KERNELS, DRAWN},
    "sharing": {KERNELS},
    "forgetful": {KERNELS, DRAWN},
    "overconfident": {KERNELS, DRAWN},
    "batchless": {KERNELS, DRAWN, GRAPHS},
    "static": {KERNELS, GRAPHS},
    "entangled": {"test_kernels_may_be_called_from_several_threads"},
    "rigid": {"test_operands_need_not_be_contiguous"},
    "unwilling": {"test_something_is_supported_and_computed"},
    "speechless": {"test_every_geometry_is_claimed_or_refused_with_a_reason"},
    "timeless": {"test_the_key_for_caches_is_a_text_that_changes_with_the_version"},
    "last_of_ties": {KERNELS},
}


@pytest.fixture(scope="module")
def run(conformance):
    """One run for all of them."""
    names = ",".join(["right", "reluctant", *CAUGHT])
    arguments = ["--implementation", names, "--examples", "20"]
    arguments += ["-k", "not float64 and not float16"]
    return conformance(*arguments, plugins={"nncore-broken": BROKEN})


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUGHT)
def test_what_an_implementation_does_wrong_is_found(run, name):
    assert run.code == 1
    assert run.failed(name) >= CAUGHT[name], run.output


def table(run, name):
    """The rows of an implementation's table, by feature."""
    _, _, text = run.output.partition(
        f"implementation '{name}' of nncore-broken 1.0, on the python backend\n"
    )
    rows = text.partition("\n\n")[0].splitlines()[1:]
    return {row[2:].split("  ")[0]: " ".join(row[2:].split("  ")[1:]).split() for row in rows}


@pytest.mark.slow
def test_one_that_is_right_passes_among_others_that_are_not(run):
    assert run.failed("right") == set()
    assert run.failed("reluctant") == set()
    cells = table(run, "right")
    assert len(cells) > 20
    assert {word for row in cells.values() for word in row} == {"ok"}


@pytest.mark.slow
def test_the_table_says_what_is_refused_what_is_lacking_and_what_failed(run):
    reluctant = table(run, "reluctant")
    assert reluctant["dilation"] == ["refused", "[1]"]
    assert "[1] dilation is too much for it" in run.output
    assert reluctant["2D"][:3] == ["ok:", "forward,", "grad_input"]
    assert "grad_filters is left to the default implementation" in run.output
    assert table(run, "wrong_gradient")["2D"][:2] == ["FAILED:", "grad_filters"]
    assert table(run, "overconfident")["stride"] == ["ok"]
    assert table(run, "overconfident")["dilation"][0] == "FAILED:"


def test_the_reference_passes(conformance):
    run = conformance("--implementation", "reference", "--examples", "20")
    assert run.code == 0, run.output
    for kind in ("convolution", "pooling"):
        assert f"the {kind} implementation 'reference' of nncore-pytensor" in run.output


@pytest.mark.jax
@pytest.mark.slow
def test_jax_passes(conformance):
    pytest.importorskip("jax")
    run = conformance("--implementation", "jax", "--examples", "3")
    assert run.code == 0, run.output
    assert "float16" in run.output


ABSENT = """
from nncore.hookspecs import Implementation, hookimpl, unavailable
from nncore.ops.kernels.reference import ReferenceConvolution

nncore_contract = 1


class Absent(ReferenceConvolution):
    name = "absent"

    def availability(self):
        return unavailable("this machine has no abacus")


@hookimpl
def nncore_implementations():
    return [Absent()]
"""


def test_an_implementation_that_is_unavailable_is_not_taken_for_a_good_one(conformance):
    arguments = ("--implementation", "absent")
    run = conformance(*arguments, plugins={"nncore-absent": ABSENT})
    assert run.code == 1
    assert run.failed("absent") == {"test_it_can_be_used_on_this_machine"}
    assert "NOT CHECKED, it cannot be used here: this machine has no abacus" in run.output
    allowed = conformance(*arguments, "--allow-unavailable", plugins={"nncore-absent": ABSENT})
    assert allowed.code == 0, allowed.output
    assert "SKIPPED" in allowed.output
    assert "NOT CHECKED" in allowed.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), r"say what to check with --implementation NAME; known: .*numba"),
        (("--implementation", "nunba"), r"'nunba' is not a known .* Did you mean 'numba'\?"),
        (("--implementation", "corrmm"), r"'corrmm' .*nncore-corrmm"),
        (
            ("--implementation", "numba", "--backend", "jax"),
            "'numba' has no kernels for the backend jax; it has some for numba",
        ),
        (("--implementation", "numba", "--kind", "dense"), "invalid choice: 'dense'"),
    ],
)
def test_options_that_make_no_sense_are_refused(conformance, options, message):
    run = conformance(*options, NNCORE_DISABLE_PLUGINS="*")
    assert run.code == 4
    assert re.search(message, run.output), run.output


def test_a_name_that_two_distributions_claim_is_chosen_by_the_distribution(conformance):
    plugins = {"nncore-one": ABSENT, "nncore-two": ABSENT}
    run = conformance("--implementation", "absent", plugins=plugins)
    assert run.code == 4
    assert "claimed by nncore-one 1.0 and by nncore-two 1.0" in run.output
    run = conformance("--implementation", "nncore-two:absent", plugins=plugins)
    assert run.code == 1
    assert "'absent' of nncore-two 1.0" in run.output


def test_a_run_of_the_repository_s_tests_leaves_the_suite_out(request):
    root = Path(request.config.rootpath)
    arguments = ["-q", "--collect-only", "-p", "no:cacheprovider", "-o", "testpaths=nncore"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nncore.testing.values.disagreement" in done.stdout
    assert "nncore/testing/test_" not in done.stdout
