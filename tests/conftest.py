"""Plugins that are as good as installed: real distributions in a directory of their own."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from nncore import config, plugins


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_works() -> Iterator[None]:
    """Undo what a shell does to the processes that it starts in the background: ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Write a plugin's module and its distribution's metadata, and make nncore look again."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    for name in ("DISABLE_PLUGINS", "CONV", "POOL"):
        monkeypatch.delenv(f"NNCORE_{name}", raising=False)
    monkeypatch.setenv("NNCORE_CACHE_DIR", str(tmp_path / "cache"))
    written = []

    def install(
        source: str, name: str = "good", distribution: str = "", version: str = "1.0"
    ) -> str:
        distribution = distribution or f"nncore-{name}"
        module = f"plugin_{distribution}_{name}".replace("-", "_")
        (site / f"{module}.py").write_text(dedent(source))
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[nncore]\n{name} = {module}\n")
        written.append(module)
        importlib.invalidate_caches()
        plugins.reload()
        return module

    yield install
    for module in written:
        sys.modules.pop(module, None)
    config.set_default(conv=None, pool=None)
    monkeypatch.undo()
    importlib.invalidate_caches()
    plugins.reload()


#: An implementation whose every result is filled with a number, so that a result tells who made it.
CONSTANT = """
from dataclasses import replace

import numpy as np

from nncore.hookspecs import AVAILABLE, Implementation, hookimpl, unavailable

nncore_contract = 1
asked = []


class Constant(Implementation):
    name = "{name}"
    kind = "conv"
    backends = {backends}
    rank = {rank}

    def availability(self):
        asked.append(self.name)
        return {availability}

    def supports(self, geometry):
        return {supports}

    def kernel(self, backend, direction, geometry):
        if direction != "forward":
            return None

        def forward(x, w):
            whole = replace(geometry, input_shape=x.shape, filters_shape=w.shape)
            return np.full(whole.output_shape(), {number}, x.dtype)

        return forward


@hookimpl
def nncore_implementations():
    return [Constant()]
"""


@pytest.fixture
def install_constant(install: Callable[..., str]) -> Callable[..., ModuleType]:
    """Install an implementation that fills its results with a number."""

    def install_constant(
        name: str = "seven",
        number: float = 7,
        rank: int = 20,
        backends: tuple[str, ...] = ("python",),
        availability: str = "AVAILABLE",
        supports: str = "AVAILABLE",
        **where: str,
    ) -> ModuleType:
        source = CONSTANT.format(
            name=name,
            number=number,
            rank=rank,
            backends=backends,
            availability=availability,
            supports=supports,
        )
        return importlib.import_module(install(source, **{"name": name, **where}))

    return install_constant
