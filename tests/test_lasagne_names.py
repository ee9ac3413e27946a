from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from pathlib import Path

import pytensor.tensor as pt
import pytest

import nncore

_spec = importlib.util.spec_from_file_location(
    "lasagne_names", Path(__file__).with_name("lasagne_names.py")
)
lasagne = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lasagne)

#: Defaults of Lasagne that choose a convolution of Theano; nncore's None chooses its own operation.
CONVOLUTIONS = {"conv.conv1d_mc0", "T.nnet.conv2d"}
#: What Lasagne has in **kwargs, for a function of Theano that requires it.
REQUIRED = {"layers.pool.pool_2d": {"ws"}, "layers.pool.pool_3d": {"ws"}}


def find(module, name):
    found = importlib.import_module(f"nncore.{module}")
    for part in name.split("."):
        found = getattr(found, part)
    return found


def ids(rows):
    return [f"{module}.{name}" for module, name, _ in rows]


def rows(*kinds):
    """Rows of the table: calls, properties, inherited constructors or values."""
    found = []
    for row in lasagne.NAMES:
        first = row[2].split(" ")[0]
        kind = first if first in ("property", "inherited", "=") else "call"
        if kind in kinds:
            found.append(row)
    return found


def value_of(expression, module):
    """The value of an expression of Lasagne's source, with nncore in the place of Lasagne."""
    scope = {**vars(nncore), "T": pt, **vars(importlib.import_module(f"nncore.{module}"))}
    return eval(expression, scope)


def same(ours, theirs):
    if type(theirs).__name__ == "Gate":
        return type(ours) is type(theirs) and all(
            same(getattr(ours, name, None), value) for name, value in vars(theirs).items()
        )
    if isinstance(theirs, dict):
        return isinstance(ours, Mapping) and dict(ours) == theirs
    return type(ours) is type(theirs) and ours == theirs


def parameters_of(ours, name):
    """Our parameters, without ``self``."""
    if not inspect.isclass(ours):
        found = list(inspect.signature(ours).parameters.values())
        return found[1:] if "." in name else found
    return list(inspect.signature(ours.__init__).parameters.values())[1:]


@pytest.mark.parametrize(("module", "name", "signature"), rows("call"), ids=ids(rows("call")))
def test_a_call_written_for_lasagne_means_the_same(module, name, signature):
    ours = parameters_of(find(module, name), name)
    arguments = ast.parse(f"def f{signature}: pass").body[0].args
    assert not arguments.vararg or any(one.kind is one.VAR_POSITIONAL for one in ours)
    assert not arguments.kwonlyargs
    theirs = arguments.args
    defaults = [None] * (len(theirs) - len(arguments.defaults)) + arguments.defaults
    positional = [one for one in ours if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert [one.name for one in positional[: len(theirs)]] == [one.arg for one in theirs]
    for one, default in zip(positional, defaults, strict=False):
        if default is None:
            assert one.default is one.empty, f"{one} has a default"
            continue
        expression = ast.unparse(default)
        expected = None if expression in CONVOLUTIONS else value_of(expression, module)
        assert same(one.default, expected), f"{one} instead of {expression}"
    extra = ours[len(theirs) :]
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    required = {one.name for one in extra if one.default is one.empty and one.kind not in variable}
    assert required == REQUIRED.get(f"{module}.{name}", set())
    assert extra or not arguments.kwarg, "takes no **kwargs"


@pytest.mark.parametrize(("module", "name", "_"), rows("property"), ids=ids(rows("property")))
def test_a_property_is_one(module, name, _):
    assert isinstance(find(module, name), property)


@pytest.mark.parametrize(("module", "name", "_"), rows("inherited"), ids=ids(rows("inherited")))
def test_a_class_without_a_constructor_of_its_own_has_none(module, name, _):
    cls = find(module, name)
    assert inspect.isclass(cls)
    assert "__init__" not in vars(cls)


@pytest.mark.parametrize(("module", "name", "value"), rows("="), ids=ids(rows("=")))
def test_a_value_is_the_same(module, name, value):
    assert same(find(module, name), value_of(value.removeprefix("= "), module))


@pytest.mark.parametrize(("name", "base"), lasagne.BASES.items(), ids=list(lasagne.BASES))
def test_a_class_has_its_base(name, base):
    module, _, cls = name.rpartition(".")
    ours = find(module, cls)
    names = [one.__name__ for one in ours.__mro__[1:]]
    assert base in names


def test_all_layers_are_found_in_the_package():
    for module, name, _ in lasagne.NAMES:
        if module.startswith("layers.") and "." not in name:
            assert getattr(nncore.layers, name) is find(module, name), name


def test_the_table_is_complete_and_names_everything_once():
    names = [row[:2] for row in lasagne.NAMES]
    assert len(set(names)) == len(names) > 250
