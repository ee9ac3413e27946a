"""Every page runs as it is written, and names only commands and options that exist."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import get_default_mode

from nncore import config, datasets

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Its code is that of a package of its own, which has tests of its own.
ELSEWHERE = {"writing-a-plugin.md"}
PAGES = [page for page in PAGES if page.name not in ELSEWHERE]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def blocks(page, language):
    """The fenced blocks of a language: number of the first line, and text."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, found.start(1)), found.group(1)


def ids(page):
    return str(page.relative_to(ROOT))


@pytest.fixture
def quickly(monkeypatch, tmp_path):
    """Interpret instead of compiling, with fewer digits; leave files in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    load = datasets.load

    def load_few(*args, **options):
        dataset = load(*args, **options)
        few = {
            name: replace(split, x=split.x[:300], y=split.y[:300])
            for name in ("train", "validation", "test")
            for split in [getattr(dataset, name)]
        }
        return replace(dataset, **few)

    monkeypatch.setattr(datasets, "load", load_few)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        monkeypatch.setattr("nncore.backends.NUMBA", get_default_mode())
        yield
    config.set_default(conv=None, pool=None)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, quickly):
    for library in ("sklearn", "PIL", "matplotlib"):
        pytest.importorskip(library)
    namespace = {"__name__": "page"}
    for line, source in blocks(page, "python"):
        code = compile("\n" * line + source, str(page), "exec")
        exec(code, namespace)
    np.random.seed(0)  # noqa: NPY002


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_the_commands_of_a_page_have_the_options_that_it_gives_them(page):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from nncore.cli.app import app

    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
    for _, text in blocks(page, "console"):
        for line in re.sub(r"\\\n", " ", text).splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if not line.startswith("$ ") or not words or words[0] != "nncore":
                continue
            depth = 2 if words[1] == "bench" else 1
            command = [word for word in words[1 : 1 + depth] if not word.startswith("-")]
            shown = runner.invoke(app, [*command, "--help"])
            assert shown.exit_code == 0, line
            known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", shown.output))
            used = {word.split("=")[0] for word in words[1:] if word.startswith("-")}
            assert used <= known, line


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_the_files_that_a_page_links_to_exist(page):
    missing = [
        link
        for link in LINK.findall(page.read_text(encoding="utf-8"))
        if link not in ELSEWHERE and not (page.parent / link).exists()
    ]
    assert not missing


def test_the_map_leads_to_every_page():
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= set(LINK.findall((ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
