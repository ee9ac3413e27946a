from __future__ import annotations

import errno

import pytest

from nncore.cli.errors import CommandError, check_choice, describe
from nncore.errors import DataError, TrainingDiverged, UnknownNameError


@pytest.mark.parametrize("kind", [CommandError, DataError, UnknownNameError])
def test_a_foreseen_error_is_its_own_message_on_one_line_with_code_2(kind):
    assert describe(kind("the file\n is   short")) == ("the file is short", 2)


def test_a_training_that_diverged_has_code_1():
    assert describe(TrainingDiverged("loss is nan")) == ("loss is nan", 1)


def test_a_full_disk_says_so_and_names_the_file():
    message, code = describe(OSError(errno.ENOSPC, "No space left on device", "/data/model"))
    assert code == 2
    assert "disk is full: /data/model" in message
    assert "--output" in message


def test_another_error_of_the_system_names_the_file():
    error = PermissionError(errno.EACCES, "Permission denied", "/locked/x")
    assert describe(error) == ("Permission denied: /locked/x.", 2)


def test_an_unforeseen_error_points_to_debug():
    message, code = describe(ZeroDivisionError("division by zero"))
    assert code == 1
    assert "ZeroDivisionError: division by zero" in message
    assert "--debug" in message


def test_an_unknown_choice_names_the_nearest_and_all():
    with pytest.raises(
        CommandError, match=r"--x: 'lenett' .* Did you mean 'lenet'\? .* mlp, lenet"
    ):
        check_choice("--x", "lenett", ["mlp", "lenet"])


def test_a_choice_like_no_other_gets_no_suggestion():
    with pytest.raises(CommandError) as caught:
        check_choice("--x", "zzz", ["mlp", "lenet"])
    assert "Did you mean" not in str(caught.value)
