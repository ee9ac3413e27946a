"""Runs the conformance suite as a user does: by its command, from another directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest


@dataclass
class Run:
    code: int
    output: str

    def failed(self, word):
        """Names of the tests that failed for an implementation, without their parameters."""
        lines = re.findall(r"^FAILED .*?::(\w+)\[(.*?)\]", self.output, re.M)
        return {name for name, parameters in lines if word in parameters.split("-")}


@pytest.fixture(scope="module")
def conformance(tmp_path_factory):
    """Run the suite with what is to be installed: modules of plugins, by distribution."""

    def conformance(*options, plugins=None, **environment):
        site = tmp_path_factory.mktemp("site")
        for distribution, source in (plugins or {}).items():
            module = "plugin_" + distribution.replace("-", "_")
            (site / f"{module}.py").write_text(dedent(source))
            info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
            )
            (info / "entry_points.txt").write_text(f"[nncore]\n{distribution} = {module}\n")
        arguments = ["--pyargs", "nncore.testing", "-q", "-rfs", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, *options],
            cwd=tmp_path_factory.mktemp("elsewhere"),
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(site), str(Path.cwd())]),
                "COLUMNS": "400",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout + done.stderr)

    return conformance
