from __future__ import annotations

import pytest

import nncore_corrmm
from nncore_corrmm.workspace import DEFAULT


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch):
    monkeypatch.delenv("NNCORE_CORRMM_MAX_WORKSPACE", raising=False)
    yield
    nncore_corrmm.set_max_workspace(None)


def test_the_process_s_choice_is_stronger_than_the_environment_s(monkeypatch):
    assert nncore_corrmm.max_workspace() == DEFAULT == 268435456
    monkeypatch.setenv("NNCORE_CORRMM_MAX_WORKSPACE", "1000")
    assert nncore_corrmm.max_workspace() == 1000
    nncore_corrmm.set_max_workspace(2000)
    assert nncore_corrmm.max_workspace() == 2000
    nncore_corrmm.set_max_workspace(None)
    assert nncore_corrmm.max_workspace() == 1000


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "64"])
def test_a_bound_that_is_no_number_of_bytes_is_refused(size):
    with pytest.raises(ValueError, match=rf"positive number of bytes, not {size!r}"):
        nncore_corrmm.set_max_workspace(size)


@pytest.mark.parametrize("text", ["0", "256MiB", "-5"])
def test_an_environment_that_is_no_number_of_bytes_is_named(monkeypatch, text):
    monkeypatch.setenv("NNCORE_CORRMM_MAX_WORKSPACE", text)
    with pytest.raises(ValueError, match=f"NNCORE_CORRMM_MAX_WORKSPACE.*{text}"):
        nncore_corrmm.max_workspace()
