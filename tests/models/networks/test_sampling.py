"""Sequences drawn from recurrent classifiers."""

from __future__ import annotations

import numpy as np
import pytest

from nncore.models import Classifier

FORMS = [
    "rnn", "rrnn", "mrnn", "lstm", "gru", "mut1", "scrn",
    {"form": "clockwork", "size": 6, "periods": (1, 3)},
]  # fmt: skip


def network(*specs, **options):
    net = Classifier([5, *specs, 5], backend="python", **options)
    generator = np.random.default_rng(2)
    for param in net.params:
        value = param.get_value()
        if value.ndim == 2 and len(value) > 1:
            param.set_value(generator.normal(size=value.shape).astype("float32"))
    return net


def one_hot(labels):
    return np.eye(5, dtype="float32")[np.asarray(labels)]


@pytest.mark.parametrize(
    "form", FORMS, ids=lambda one: one if isinstance(one, str) else "clockwork"
)
def test_a_step_with_carried_states_is_one_of_the_whole_sequence(form):
    net = network((6, form) if isinstance(form, str) else form)
    seed, steps = [0, 3, 1], 5
    drawn = list(net.predict_sequence(seed, steps, rng=np.random.default_rng(4)))
    # The same from the probabilities of the whole prefix, gone through anew for each step.
    generator, expected = np.random.default_rng(4), list(seed)
    for _ in range(steps):
        p = net.predict_proba(one_hot([expected]))[0, -1].astype("float64")
        sums = np.cumsum(p)
        expected.append(
            int(np.searchsorted(sums, generator.random((1, 1))[0, 0] * sums[-1], "right"))
        )
    assert drawn == expected[len(seed) :]


def test_the_classes_are_drawn_with_their_probabilities():
    net = network((6, "gru"))
    counts = np.bincount(next(net.predict_sequence([2, 4], 1, streams=20000, rng=0)), minlength=5)
    np.testing.assert_allclose(
        counts / 20000, net.predict_proba(one_hot([[2, 4]]))[0, -1], atol=0.015
    )


def test_streams_go_side_by_side_and_a_seed_fixes_them():
    net = network((6, "rnn"), (4, "lstm"))
    one, two = (list(net.predict_sequence([1], 6, streams=3, rng=7)) for _ in range(2))
    assert one == two
    assert [len(labels) for labels in one] == [3] * 6
    assert len({tuple(stream) for stream in zip(*one, strict=True)}) > 1
    assert all(type(label) is int for label in net.predict_sequence([1], 3))


def test_a_network_of_class_indices_can_be_sampled():
    net = Classifier(
        [{"shape": (None,), "dtype": "int32"},
         {"form": "Embedding", "input_size": 5, "output_size": 3}, (6, "gru"), 5],
        backend="python",
    )  # fmt: skip
    assert len(list(net.predict_sequence([0, 1], 4, rng=0))) == 4


@pytest.mark.parametrize(
    ("specs", "options", "message"),
    [
        ([(6, "bidirectional")], {}, "BidirectionalLayer.*may need other steps"),
        (
            [{"form": "rnn", "size": 6, "backwards": True}],
            {},
            "RecurrentLayer.*may need other steps",
        ),
        ([(6, "rnn")], {"masked": True}, "one input, not with in, mask"),
    ],
    ids=["bidirectional", "backwards", "masked"],
)
def test_a_network_that_cannot_go_step_by_step_is_refused(specs, options, message):
    with pytest.raises(ValueError, match=message):
        network(*specs, **options).predict_sequence([0], 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 3), "at least one class"),
        (([5], 3), "from 0 to 4"),
        (([-1], 3), "from 0 to 4"),
        (([0.5], 3), "at least one class"),
        (([0], 0), "steps must be a positive integer"),
        (([0], 3, 0), "streams must be a positive integer"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        network((6, "rnn")).predict_sequence(*arguments)


def test_inputs_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match=r"takes \(None, None, 4\) and gives \(None, None, 5\)"):
        Classifier([4, (6, "rnn"), 5], backend="python").predict_sequence([0], 3)


def test_a_sequence_is_drawn_from_the_parameters_of_now():
    net = network((6, "rnn", "tanh"))
    before = list(net.predict_sequence([0], 12, rng=1))
    net.find("out", "b").set_value(np.array([-50, -50, 50, -50, -50], "float32"))
    assert set(before) != {2}
    assert set(net.predict_sequence([0], 12, rng=1)) == {2}
    start = np.full((1, 6), 0.5, "float32")
    net.find("out", "b").set_value(np.zeros(5, "float32"))
    net.find("hid1", "hid_init").set_value(start)
    counts = np.bincount(next(net.predict_sequence([3], 1, streams=20000, rng=0)), minlength=5)
    np.testing.assert_allclose(counts / 20000, net.predict_proba(one_hot([[3]]))[0, -1], atol=0.015)
