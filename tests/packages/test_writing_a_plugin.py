"""What ``docs/writing-a-plugin.md`` says, done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "writing-a-plugin.md").read_text()
FILES = dict(re.findall(r"```\w+\n# (\S+\.(?:py|toml))\n(.*?)```", TEXT, re.S))


@pytest.mark.slow
def test_the_package_of_the_document_passes_the_conformance_suite(environment):
    package = environment.folder / "patchwork"
    for name, content in FILES.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    environment.pip("install", package)
    try:
        assert "patches" in environment.run("nncore", "plugins")
        (example,) = re.findall(r"```python\n(import nncore\n.*?)```", TEXT, re.S)
        environment.run("python", "-c", example)
        arguments = ["--implementation", "patches", "--examples", "30"]
        output = environment.run(
            "python", "-m", "pytest", "--pyargs", "nncore.testing", "-q", *arguments
        )
    finally:
        environment.pip("uninstall", "patchwork")
    (table,) = re.findall(r"```text\n(.*?)```", TEXT, re.S)
    for line in table.splitlines():
        assert line in output.splitlines(), output
