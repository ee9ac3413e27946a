from __future__ import annotations

import importlib
import json
from dataclasses import replace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from nncore import measure, ops, registry
from nncore.hookspecs import DIRECTIONS
from nncore.measure import by_speed, cache_file, time_kernels
from nncore.ops.geometry import ConvGeometry, PoolGeometry

CONV = ConvGeometry((None, 4, None), (6, None, 3), (1,), "same", (1,), 2, True, "float32")
POOL = PoolGeometry((None, None, 8), (2,), (2,), ((0, 0),), "max", True, "float32")
X, W = np.ones((1, 1, 5), "float32"), np.ones((1, 1, 2), "float32")


@pytest.fixture
def quick(monkeypatch):
    """Measure without repeating for long, and count how often."""
    calls = []
    real = measure.time_kernels

    def counted(*args, **kwargs):
        calls.append(args)
        return real(*args, seconds=0.0, **kwargs)

    monkeypatch.setattr(measure, "time_kernels", counted)
    return calls


@pytest.mark.parametrize(
    ("kind", "geometry", "count"),
    [
        ("conv", CONV, 3),
        ("pool", POOL, 3),
        ("pool", POOL.__class__(**{**POOL.__dict__, "mode": "sum"}), 2),
    ],
)
def test_every_direction_is_measured_with_the_open_sizes_filled_in(kind, geometry, count):
    results = time_kernels(kind, "python", geometry, seconds=0.0)
    assert [r.direction for r in results] == list(DIRECTIONS[kind][:count])
    for r in results:
        assert (r.name, r.reason) == ("reference", "")
        assert 0 < r.median_seconds < 10
        assert (r.gflops is None) == (kind == "pool")


def test_operations_are_counted_from_the_sizes():
    known = ConvGeometry((2, 3, 10), (4, 3, 3), (1,), ((0, 0),), (1,), 1, True, "float32")
    (result,) = time_kernels("conv", "python", known, ["forward"], seconds=0.0)
    expected = 2 * (2 * 4 * 8) * (3 * 3) / result.median_seconds / 1e9
    assert result.gflops == pytest.approx(expected)


def test_what_fails_is_reported_last_with_its_reason(install_constant):
    install_constant("broken", number="1 / 0", rank=50)
    results = time_kernels("conv", "python", CONV, ["forward"], seconds=0.0)
    assert [r.name for r in results] == ["reference", "broken"]
    assert results[1].median_seconds == float("inf")
    assert results[1].reason.startswith("ZeroDivisionError")


def test_the_fastest_is_measured_once_and_remembered_on_disk(
    fast, install_constant, quick, tmp_path
):
    install_constant("quick", 7, rank=-7)
    x, w = pt.tensor3(dtype="float32"), pt.tensor3(dtype="float32")
    y = ops.conv(x, w, implementation="fastest")

    def run():
        return np.unique(pytensor.function([x, w], y, mode=fast)(X, W)).item()

    # A kernel that computes nothing is faster than one that does.
    assert run() == 7
    assert len(quick) == 1
    assert cache_file() == tmp_path / "cache" / "fastest.json"
    ((key, order),) = json.loads(cache_file().read_text()).items()
    assert order == ["quick", "reference"]
    assert run() == 7
    assert len(quick) == 1
    # The file is believed.
    cache_file().write_text(json.dumps({key: ["reference", "quick"]}))
    assert run() == 2
    assert len(quick) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b'{"KEY": 3}', b'{"KEY": [[1]]}']
)
def test_a_spoilt_file_is_measured_anew(install_constant, quick, content):
    install_constant("quick", 7)
    able = [registry.get("conv", name) for name in ("reference", "quick")]
    by_speed(able, "conv", "python", "forward", CONV)
    (key,) = json.loads(cache_file().read_text())
    cache_file().write_bytes(content.replace(b"KEY", key.encode()))
    order = [i.name for i in by_speed(able, "conv", "python", "forward", CONV)]
    assert order == ["quick", "reference"]
    assert len(quick) == 2
    assert json.loads(cache_file().read_text())[key] == order


def test_a_directory_that_cannot_be_written_costs_only_the_memory(
    install_constant, quick, tmp_path, monkeypatch
):
    install_constant("quick", 7)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNCORE_CACHE_DIR", str(tmp_path / "file" / "below"))
    able = [registry.get("conv", name) for name in ("reference", "quick")]
    for count in (1, 2):
        assert by_speed(able, "conv", "python", "forward", CONV)[0].name == "quick"
        assert len(quick) == count


def test_other_geometries_directions_and_versions_are_measured_apart(
    install_constant, quick, monkeypatch
):
    install_constant("quick", 7)
    able = [registry.get("conv", name) for name in ("reference", "quick")]
    by_speed(able, "conv", "python", "forward", CONV)
    by_speed(able, "conv", "python", "grad_filters", CONV)
    by_speed(able, "conv", "python", "forward", replace(CONV, groups=1))
    monkeypatch.setattr(type(able[1]), "version", 2)
    by_speed(able, "conv", "python", "forward", CONV)
    assert len(quick) == len(json.loads(cache_file().read_text())) == 4


def test_a_single_candidate_is_not_measured(fast, quick):
    x = pt.tensor3(dtype="float32")
    function = pytensor.function([x], ops.pool(x, 2, implementation="fastest"), mode=fast)
    assert function(X).tolist() == [[[1, 1]]]
    assert quick == []


def test_the_file_is_in_the_users_cache_unless_told(monkeypatch, tmp_path):
    monkeypatch.delenv("NNCORE_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_file() == tmp_path / "nncore" / "fastest.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_file() == tmp_path / ".cache" / "nncore" / "fastest.json"


NOTING = """
from nncore.hookspecs import hookimpl
from nncore.ops.kernels.reference import ReferenceConvolution

nncore_contract = 1
asked = []


class Noting(ReferenceConvolution):
    name = "noting"

    def kernel(self, backend, direction, geometry):
        asked.append(geometry.options)
        return super().kernel(backend, direction, geometry)


@hookimpl
def nncore_implementations():
    return [Noting()]
"""


def test_the_options_of_a_geometry_are_measured_with_it(install):
    module = importlib.import_module(install(NOTING, "noting"))
    time_kernels(
        "conv",
        "python",
        replace(CONV, options=(("tile", 8),)),
        ["forward"],
        [registry.get("conv", "noting")],
        seconds=0.0,
    )
    assert module.asked == [(("tile", 8),)]
