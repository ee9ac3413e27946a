from __future__ import annotations

import contextvars
import threading

import pytest

import nncore
from nncore import config
from nncore.errors import UnknownNameError


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for kind in config.KINDS:
        monkeypatch.delenv(f"NNCORE_{kind.upper()}", raising=False)
    yield
    config.set_default(conv=None, pool=None)


def test_the_choice_is_auto_unless_something_is_chosen():
    assert config.choice("conv") == config.choice("pool") == "auto"
    assert config.block_choice("conv") is None


def test_the_innermost_block_beats_the_process_and_that_the_environment(monkeypatch):
    monkeypatch.setenv("NNCORE_CONV", "jax")
    assert config.choice("conv") == "jax"
    config.set_default(conv="numba")
    assert config.choice("conv") == "numba"
    with nncore.using(conv="reference", pool="numba"):
        assert config.choice("conv") == "reference"
        with nncore.using(conv="fastest"):
            assert (config.choice("conv"), config.choice("pool")) == ("fastest", "numba")
        assert config.choice("conv") == "reference"
        assert config.get_default("conv") == "numba"
    assert config.choice("conv") == "numba"
    config.set_default(conv=None)
    assert config.choice("conv") == "jax"
    monkeypatch.setenv("NNCORE_CONV", "")
    assert config.choice("conv") == "auto"
    assert config.choice("pool") == "auto"


def test_a_block_is_left_when_it_raises():
    def fail():
        with nncore.using(conv="numba"):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert config.block_choice("conv") is None


@pytest.mark.parametrize("choose", [nncore.using, config.set_default])
def test_unknown_names_and_kinds_are_refused_and_nothing_changes(choose):
    def chosen(**choices):
        manager = choose(**choices)
        if manager is not None:
            with manager:
                pass

    with pytest.raises(UnknownNameError, match=r"'nunba' is not .* Did you mean 'numba'\?"):
        chosen(pool="numba", conv="nunba")
    assert config.choice("pool") == "auto"
    with pytest.raises(TypeError, match=r"'cnv' is not a kind of operation.*conv, pool"):
        chosen(cnv="numba")
    with pytest.raises(TypeError, match=r"must be a name .a string., not 3; known names: auto"):
        chosen(conv=3)
    assert config.choice("conv") == "auto"


def test_a_block_is_seen_by_its_own_thread_and_context_alone():
    seen = []
    with nncore.using(conv="numba"):
        thread = threading.Thread(target=lambda: seen.append(config.choice("conv")))
        thread.start()
        thread.join()
        copied = contextvars.copy_context()
    assert seen == ["auto"]
    assert copied.run(config.choice, "conv") == "numba"
    assert config.choice("conv") == "auto"


def test_the_process_choice_is_seen_by_every_thread():
    seen = []
    config.set_default(conv="numba")
    thread = threading.Thread(target=lambda: seen.append(config.choice("conv")))
    thread.start()
    thread.join()
    assert seen == ["numba"]
