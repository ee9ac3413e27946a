"""The oracle, geometries and values of the conformance suite, for the core's own kernels."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nncore.testing import geometries, oracle, values


@pytest.fixture(scope="session", name="oracle")
def _oracle():
    modules = (oracle, geometries, values)
    return SimpleNamespace(**{name: getattr(m, name) for m in modules for name in m.__all__})
