from __future__ import annotations

import builtins
import io
import re

import pytest

from nncore.training.progress import LineProgress, RichProgress, make_progress
from nncore.training.records import EpochRecord


class Terminal(io.StringIO):
    def isatty(self):
        return True


def record(epoch=1, **changes):
    content = {
        "epoch": epoch,
        "train": {"loss": 0.5, "accuracy": 0.875},
        "validation": {"loss": 0.25, "accuracy": 0.9375},
        "seconds": 1.5,
        "samples_per_second": 4321.0,
        "is_best": True,
    }
    return EpochRecord(**{**content, **changes})


def shown(text):
    """What is left on a terminal, without the control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def rich_progress(unit="images"):
    from rich.console import Console

    file = Terminal()
    console = Console(file=file, force_terminal=True, width=100, highlight=False, _environ={})
    return RichProgress(console, unit), file


def follow(progress, epochs=2, batches=3):
    with progress:
        for epoch in range(1, epochs + 1):
            progress.begin(epoch, epochs, batches, 10 * batches)
            for done in range(1, batches + 1):
                progress.batch(done, 10 * done, {"loss": 1.0 / done})
            progress.end(record(epoch, is_best=epoch == 1))


def test_lines_say_that_compiling_takes_time_and_then_one_line_per_epoch():
    file = io.StringIO()
    follow(LineProgress(file, unit="images"))
    first, *epochs = file.getvalue().splitlines()
    assert first.startswith("compiling")
    values = "loss 0.5000, accuracy 0.8750; validation loss 0.2500, accuracy 0.9375"
    assert epochs == [
        f"epoch 1/2: {values}; 4,321 images/s, 1.5 s; best",
        f"epoch 2/2: {values}; 4,321 images/s, 1.5 s",
    ]


def test_a_line_without_validation_has_no_word_of_it():
    file = io.StringIO()
    LineProgress(file).end(record(validation={}, is_best=False))
    assert file.getvalue() == "epoch 1: loss 0.5000, accuracy 0.8750; 4,321 samples/s, 1.5 s\n"


def test_a_long_epoch_gets_lines_of_its_own_and_a_short_one_none():
    for interval, expected in ((0.0, 3), (1000.0, 0)):
        file = io.StringIO()
        progress = LineProgress(file, interval=interval)
        progress.begin(1, 5, 3, 30)
        for done in range(1, 4):
            progress.batch(done, 10 * done, {"loss": 0.5})
        lines = file.getvalue().splitlines()
        assert len(lines) == expected
        assert all(re.match(r"epoch 1/5, batch \d of 3: loss 0.5000; ", line) for line in lines)


def test_an_interrupted_epoch_is_marked_in_both_kinds():
    file = io.StringIO()
    LineProgress(file).end(record(interrupted=True))
    assert file.getvalue().endswith("; interrupted\n")
    progress, terminal = rich_progress()
    with progress:
        progress.end(record(interrupted=True))
    assert "interrupted" in shown(terminal.getvalue())


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.94, "9.9 s"), (42.0, "42 s"), (125.0, "2:05 min"), (7500.0, "2:05 h")]
)
def test_durations_are_in_the_unit_that_suits_them(seconds, text):
    file = io.StringIO()
    LineProgress(file).end(record(seconds=seconds, is_best=False))
    assert file.getvalue().endswith(f", {text}\n")


def test_a_tiny_loss_is_not_shown_as_zero():
    file = io.StringIO()
    LineProgress(file).end(record(train={"loss": 2.5e-7}, validation={}))
    assert "loss 2.500e-07" in file.getvalue()


def test_a_terminal_shows_compiling_then_a_bar_and_keeps_a_row_for_each_epoch():
    progress, file = rich_progress()
    follow(progress, epochs=2)
    text = shown(file.getvalue())
    assert text.index("compiling") < text.index("epoch 1/2")
    assert "loss 0.3333" in text
    rows = [line for line in re.split(r"[\r\n]+", text) if re.match(r"\s*[12]/2\s", line)]
    assert len(rows) == 2
    assert rows[0].split() == [
        "1/2", "0.5000", "0.8750", "│", "0.2500", "0.9375", "4,321", "1.5", "s", "best",
    ]  # fmt: skip
    assert "best" not in rows[1]


def test_the_columns_of_a_row_stand_below_their_names():
    progress, file = rich_progress()
    with progress:
        progress.end(record(train={"loss": 1.0, "squared_error": 0.5}, validation={}))
    header, row = [line for line in shown(file.getvalue()).splitlines() if line.strip()][-2:]
    for name, value in (("loss", "1.0000"), ("squared_error", "0.5000"), ("images/s", "4,321")):
        assert header.index(name) + len(name) == row.index(value) + len(value)


def test_the_header_is_printed_once():
    progress, file = rich_progress()
    follow(progress, epochs=3)
    assert shown(file.getvalue()).count("images/s      time") == 1


def test_closing_twice_is_harmless():
    progress, _ = rich_progress()
    follow(progress, epochs=1)
    progress.close()


def test_an_epoch_of_unknown_length_is_shown_too():
    progress, file = rich_progress("samples")
    with progress:
        progress.begin(1, None, None, None)
        progress.batch(1, 10, {"loss": 0.5})
    assert "epoch 1" in shown(file.getvalue())


def test_a_pipe_gets_lines_and_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(make_progress(io.StringIO()), LineProgress)
    assert isinstance(make_progress(Terminal()), RichProgress)


def test_a_terminal_without_cursor_movement_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_progress(Terminal()), LineProgress)


def test_without_rich_a_terminal_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "rich":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert isinstance(make_progress(Terminal()), LineProgress)
