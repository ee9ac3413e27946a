"""In a file of its own, so that it runs beside the others."""

from __future__ import annotations

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["conv", "pool"])
def test_numba_passes_the_conformance_suite(conformance, kind):
    run = conformance("--implementation", "numba", "--kind", kind, "--examples", "1")
    assert run.code == 0, run.output
    assert "on the numba backend" in run.output
    assert "FAILED" not in run.output
