from __future__ import annotations

import importlib.util

import pytest

from nncore.cli.errors import CommandError
from nncore.cli.options import check_backend, chosen_implementations, image_shape
from nncore.errors import NNCoreError, UnknownNameError


def test_an_implementation_is_chosen_for_every_kind_that_has_it():
    assert chosen_implementations("numba") == {"conv": "numba", "pool": "numba"}
    assert chosen_implementations("auto") == {"conv": "auto", "pool": "auto"}
    assert chosen_implementations(None) == {}


def test_the_option_for_one_kind_goes_before_the_one_for_all():
    assert chosen_implementations("numba", conv="reference") == {
        "conv": "reference",
        "pool": "numba",
    }
    assert chosen_implementations(None, pool="fastest") == {"pool": "fastest"}


def test_an_unknown_implementation_gets_the_nearest_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'numba'"):
        chosen_implementations("numbaa")
    with pytest.raises(UnknownNameError, match="pooling implementation"):
        chosen_implementations(None, pool="nothing")


@pytest.mark.parametrize("text", ["0", "a", "1,2,3", "-4", "", "4,"])
def test_an_image_size_that_is_none_is_refused(text):
    with pytest.raises(CommandError, match="--image-size"):
        image_shape(text)


def test_an_unknown_backend_is_refused_with_the_known_ones():
    with pytest.raises(CommandError, match=r"Did you mean 'numba'\? Allowed: numba, jax, python"):
        check_backend("nubma")


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="JAX is installed")
def test_a_backend_that_is_not_installed_says_what_to_install():
    with pytest.raises(NNCoreError, match=r"pip install 'nncore-pytensor\[jax\]'"):
        check_backend("jax")
