from __future__ import annotations

import pytest

from nncore import hookspecs
from nncore.hookspecs import AVAILABLE, DIRECTIONS, Availability, Implementation, unavailable
from nncore.ops.geometry import PoolGeometry

GEOMETRY = PoolGeometry((None, 1, 4), (2,), (2,), ((0, 0),), "max", True, "float32")


class Smallest(Implementation):
    name = "smallest"
    kind = "pool"
    backends = ("python",)

    def kernel(self, backend, direction, geometry):
        return None


def test_availability_is_true_or_carries_a_reason():
    assert AVAILABLE
    assert Availability(True) == AVAILABLE
    assert str(AVAILABLE) == "available"
    answer = unavailable("JAX sees no GPU")
    assert not answer
    assert answer.reason == "JAX sees no GPU"
    assert str(answer) == "unavailable: JAX sees no GPU"
    with pytest.raises(AttributeError):
        answer.reason = "another"


def test_an_implementation_needs_a_name_a_kind_backends_and_kernels_only():
    smallest = Smallest()
    assert smallest.availability() is AVAILABLE
    assert smallest.supports(GEOMETRY) is AVAILABLE
    assert smallest.devices == ("cpu",)
    # A plugin's implementation comes before the core's own unless it says otherwise.
    assert smallest.rank > 10
    with pytest.raises(TypeError, match="abstract"):
        type("Without", (Implementation,), {})()


def test_the_key_for_caches_changes_with_the_version():
    smallest = Smallest()
    before = smallest.cache_key("forward", GEOMETRY)
    assert before == "smallest/1"
    smallest.version = 2
    assert smallest.cache_key("forward", GEOMETRY) != before


def test_every_kind_has_a_forward_direction_and_every_hook_a_default():
    assert set(DIRECTIONS) == {"conv", "pool"}
    assert all(directions[0] == "forward" for directions in DIRECTIONS.values())
    assert list(hookspecs.nncore_implementations()) == []
    for kind in ("layers", "initializers", "nonlinearities", "objectives", "updates"):
        assert getattr(hookspecs, f"nncore_{kind}")() == {}
