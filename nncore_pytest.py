"""Lets ``pytest --pyargs nncore.testing`` know the options of the conformance suite.

pytest finds the options of a package that is named by ``--pyargs`` too late, so an entry point
leads here. Nothing of nncore is imported unless its suite is asked for.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["pytest_load_initial_conftests"]


def pytest_load_initial_conftests(early_config: Any, args: list[str]) -> None:
    """Load the suite's options if the suite is what is to be run."""
    if "--pyargs" in args and any(re.match(r"nncore\.testing\b", str(arg)) for arg in args):
        early_config.pluginmanager.import_plugin("nncore.testing.plugin")
