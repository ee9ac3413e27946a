"""Regularizers from keyword arguments."""

from __future__ import annotations

import numpy as np
import pytest

from nncore import layers
from nncore import regularization as reg
from nncore.errors import UnknownNameError


def network():
    net = layers.InputLayer((None, 4, 3))
    net = layers.RecurrentLayer(net, 5, name="rnn")
    net = layers.DenseLayer(net, 4, num_leading_axes=2, name="code")
    return layers.DenseLayer(net, 2, num_leading_axes=2)


ALIASES = {
    reg.WeightL2: ("weight_l2", "weight_decay", "weightl2"),
    reg.WeightL1: ("weight_l1", "weight_sparsity", "weightl1"),
    reg.HiddenL1: ("hidden_l1", "hidden_sparsity", "hiddenl1"),
    reg.RecurrentNorm: ("recurrent_norm", "recurrentnorm"),
    reg.RecurrentState: ("recurrent_state", "recurrentstate"),
    reg.Contractive: ("contractive",),
    reg.GaussianNoise: ("gaussiannoise",),
    reg.BernoulliDropout: ("bernoullidropout",),
}


@pytest.mark.parametrize(
    ("cls", "name"), [(cls, name) for cls, names in ALIASES.items() for name in names]
)
def test_every_name_makes_its_class_from_a_number_and_from_a_dictionary(cls, name):
    (first,) = reg.from_kwargs(network(), **{name: 0.25})
    assert type(first) is cls
    assert first.weight == 0.25
    pattern = "code.W" if "weight" in name else "rnn"
    (second,) = reg.from_kwargs(network(), **{name: {"weight": 0.5, "pattern": pattern}})
    assert (type(second), second.weight, second.pattern) == (cls, 0.5, pattern)


@pytest.mark.parametrize("noise", ["noise", "dropout"])
@pytest.mark.parametrize(
    ("place", "pattern"), [("input", ["in"]), ("hidden", ["rnn", "code"]), ("output", ["out"])]
)
def test_noise_has_its_place_in_its_name(noise, place, pattern):
    (found,) = reg.from_kwargs(network(), **{f"{place}_{noise}": 0.1})
    assert type(found) is (reg.GaussianNoise if noise == "noise" else reg.BernoulliDropout)
    assert (found.pattern, found.weight) == (pattern, 0.1)


def test_a_dictionary_of_noise_makes_one_for_each_pattern():
    first, second, third = reg.from_kwargs(
        network(), noise={"in": 0.1, "co*": 0.2}, dropout={"rnn:out": 0.3}
    )
    assert [(r.pattern, r.weight) for r in (first, second, third)] == [
        ("in", 0.1), ("co*", 0.2), ("rnn:out", 0.3),
    ]  # fmt: skip


def test_regularizers_may_be_a_list_or_a_dictionary_of_more_keywords():
    own = reg.WeightL1("code.W", 0.1)
    assert reg.from_kwargs(network(), regularizers=[own], weight_l2=0.2)[0] is own
    first, second = reg.from_kwargs(network(), hidden_l1=0.1, regularizers={"contractive": 0.3})
    assert (type(first), type(second)) == (reg.HiddenL1, reg.Contractive)


def test_a_weight_of_nothing_makes_nothing():
    assert reg.from_kwargs(network(), weight_l2=0, input_noise=0.0, dropout={"in": 0}) == []


def test_what_is_random_gets_seeds_of_its_own_from_one():
    def seeds(**rng):
        found = reg.from_kwargs(network(), input_noise=0.1, hidden_dropout=0.1, **rng)
        return [one.rng for one in found]

    assert seeds() == seeds(rng=13)
    assert seeds() != seeds(rng=14)
    assert len({*seeds(), *seeds(rng=np.random.RandomState(3))}) == 4
    assert seeds(rng=np.random.default_rng(13)) == seeds()


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"weight_l3": 1}, TypeError, "'weight_l3' is not a known.*Did you mean 'weight_l"),
        ({"hiden_noise": 1}, TypeError, "Did you mean 'hidden_noise'"),
        ({"noise": 0.1}, TypeError, "does not say where"),
        ({"dropout": {"hid9": 0.1}}, UnknownNameError, "in, rnn, code, out"),
        ({"hidden_l1": {"pattern": "hid9", "weight": 1}}, UnknownNameError, "hid9"),
        ({"regularizers": ["weight_l2"]}, TypeError, "'weight_l2' is among them"),
    ],
    ids=str,
)
def test_what_is_not_possible_is_refused_with_what_is(kwargs, error, message):
    with pytest.raises(error, match=message):
        reg.from_kwargs(network(), **kwargs)


def test_a_network_without_hidden_layer_cannot_have_hidden_noise():
    net = layers.DenseLayer(layers.InputLayer((None, 3)), 2)
    with pytest.raises(UnknownNameError, match="no hidden layer"):
        reg.from_kwargs(net, hidden_noise=0.1)
