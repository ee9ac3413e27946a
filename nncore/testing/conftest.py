"""Keeps the suite from being collected when it was not asked for by an implementation's name."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["pytest_ignore_collect"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests out unless their options are known."""
    asked = config.pluginmanager.has_plugin("nncore.testing.plugin")
    return None if asked or not collection_path.name.startswith("test_") else True
