"""What all reproductions are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nncore.errors import DataError, UnknownNameError
from nncore.reproductions import REPRODUCTIONS, Context, ReproductionError, Result, get
from nncore.reproductions.base import Schedule, follow, images
from nncore.training import EpochRecord


def test_every_reproduction_has_its_name_and_says_where_it_comes_from():
    for name, reproduction in REPRODUCTIONS.items():
        assert reproduction.name == name
        assert get(name) is reproduction
        assert len(reproduction.original) > 20


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'char-rnn'.*Known: sda, "):
        get("char_rnn")


def test_a_rate_falls_in_a_straight_line():
    schedule = Schedule(0.4, 4)
    rates = [float(schedule.rate.get_value())]
    for epoch in range(1, 5):
        schedule(EpochRecord(epoch, {}))
        rates.append(float(schedule.rate.get_value()))
    np.testing.assert_allclose(rates, [0.4, 0.3, 0.2, 0.1, 0.0], atol=1e-7)


def test_following_ends_with_an_interruption_and_closes_the_training():
    closed = []

    def records():
        try:
            yield EpochRecord(1, {})
            yield EpochRecord(2, {}, interrupted=True)
        finally:
            closed.append(True)

    seen = []
    with pytest.raises(KeyboardInterrupt):
        follow(records(), seen.append)
    assert [record.epoch for record in seen] == [1]
    assert closed == [True]


def test_a_target_is_reached_when_the_number_is_not_above_it():
    assert Result("error", 1.0, 1.0, {}).is_reached
    assert not Result("error", 1.0, 1.01, {}).is_reached


def test_images_are_the_digits_without_a_directory(tmp_path):
    pytest.importorskip("sklearn")
    assert images(Context()).name == "digits"
    with pytest.raises(DataError, match="missing"):
        images(Context(data_dir=tmp_path))


def test_the_full_stack_wants_mnist():
    with pytest.raises(ReproductionError, match=r"--data-dir.*--quick"):
        get("sda").run(Context())
    with pytest.raises(DataError, match="no such directory"):
        get("sda").run(Context(data_dir=Path("/nowhere/at/all")))
