"""What a user gives for a layer, in one form."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nncore import layers, registry
from nncore.errors import UnknownNameError, did_you_mean
from nncore.models.networks.activations import ACTIVATIONS, is_activation

__all__ = ["FORMS", "Form", "Spec", "parse", "parse_input"]


@dataclass(frozen=True)
class Form:
    """A kind of layer that a network can be made of.

    Parameters
    ----------
    layer : type or None
        The class; None for what is made in a way of its own.
    size : str or None
        The constructor's argument for the number of units; None if it has none.
    family : str
        ``"dense"``, ``"conv"``, ``"recurrent"``, ``"merge"`` or ``"other"``.
    defaults : dict
        Arguments that are given unless the user gives others.
    """

    layer: Any
    size: str | None
    family: str
    defaults: Mapping[str, Any] = field(default_factory=dict)


def _recurrent(layer: Any) -> Form:
    return Form(layer, "num_units", "recurrent")


def _conv(layer: Any) -> Form:
    return Form(layer, "num_filters", "conv")


def _other(layer: Any, **defaults: Any) -> Form:
    return Form(layer, None, "other", defaults)


_DENSE = Form(layers.DenseLayer, "num_units", "dense")
_SOFTMAX = Form(layers.DenseLayer, "num_units", "dense", {"activation": "softmax"})
_FLAT = _other(layers.FlattenLayer)

#: The forms by name; the name of every registered layer is one, too.
FORMS: dict[str, Form] = {
    "feedforward": _DENSE,
    "ff": _DENSE,
    "classifier": _SOFTMAX,
    "softmax": _SOFTMAX,
    "tied": Form(layers.TiedLayer, "num_units", "dense"),
    "conv1": _conv(layers.Conv1DLayer),
    "conv2": _conv(layers.Conv2DLayer),
    "conv3": _conv(layers.Conv3DLayer),
    "pool1": _other(layers.Pool1DLayer),
    "pool2": _other(layers.Pool2DLayer),
    "pool3": _other(layers.Pool3DLayer),
    "rnn": _recurrent(layers.RecurrentLayer),
    "rrnn": _recurrent(layers.RRNNLayer),
    "mrnn": _recurrent(layers.MRNNLayer),
    "lstm": _recurrent(layers.LSTMLayer),
    "gru": _recurrent(layers.GRULayer),
    "clockwork": _recurrent(layers.ClockworkLayer),
    "mut1": _recurrent(layers.MUT1Layer),
    "scrn": _recurrent(layers.SCRNLayer),
    "bidirectional": _recurrent(layers.BidirectionalLayer),
    "flat": _FLAT,
    "flatten": _FLAT,
    "reshape": _other(layers.ReshapeLayer),
    "concat": Form(layers.ConcatLayer, None, "merge", {"axis": -1}),
    "prod": Form(layers.ElemwiseMergeLayer, None, "merge"),
}

_KEYS = ("form", "size", "activation", "name", "inputs")


@dataclass(frozen=True)
class Spec:
    """A layer to be made.

    Parameters
    ----------
    form : Form
        Its kind.
    form_name : str
        What the user called it, for messages.
    size : int or None
        The number of units of its output.
    activation : object
        A name, a function, None for none, or Ellipsis for the default.
    name : str or None
        Its name; None for ``hid1``, ``hid2``, ... and ``out``.
    inputs : tuple of str
        The names of the layers feeding into it; none for the one before.
    options : dict
        More arguments of the class.
    """

    form: Form
    form_name: str
    size: int | None = None
    activation: Any = ...
    name: str | None = None
    inputs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_layer_class(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, layers.Layer)


def _of_class(cls: Any) -> Form:
    """Make a form of a layer class that is none of the above."""
    for form in FORMS.values():
        if form.layer is cls and not form.defaults:
            return form
    parameters = inspect.signature(cls.__init__).parameters
    size = next((one for one in ("num_units", "num_filters") if one in parameters), None)
    if issubclass(cls, layers.MergeLayer) and "incomings" in parameters:
        return Form(cls, size, "merge")
    family = {"num_units": "dense", "num_filters": "conv"}.get(size or "", "other")
    recurrent = "backwards" in parameters or issubclass(cls, layers.CustomRecurrentLayer)
    return Form(cls, size, "recurrent" if recurrent else family)


def _find_form(name: str) -> Form | None:
    if name.lower() in FORMS:
        return FORMS[name.lower()]
    try:
        return _of_class(registry.get("layer", name))
    except UnknownNameError:
        return None


def _form(value: Any, where: str) -> tuple[Form, str]:
    if _is_layer_class(value):
        return _of_class(value), value.__name__
    found = _find_form(value) if isinstance(value, str) else None
    if found is None:
        hint = did_you_mean(str(value), [*FORMS, *registry.names("layer")])
        raise UnknownNameError(
            f"{where}: {value!r} is no form of a layer.{hint} There are {', '.join(FORMS)}, the "
            "names of all registered layers, and classes of layers."
        )
    return found, str(value)


def _from_dict(spec: Mapping[str, Any], where: str) -> Spec:
    given = dict(spec)
    if not all(isinstance(key, str) for key in given):
        raise TypeError(f"{where}: the keys of {spec!r} must be texts.")
    form, form_name = _form(given.pop("form", "feedforward"), where)
    size = given.pop("size", None)
    if form.size is not None and form.size in given:
        size = given.pop(form.size)
    inputs = given.pop("inputs", ())
    activation = given.pop("activation", ...)
    if "nonlinearity" in given:
        activation = given.pop("nonlinearity")
    if "border_mode" in given:
        given["pad"] = given.pop("border_mode")
    name = given.pop("name", None)
    if size is not None and not _is_int(size):
        raise TypeError(f"{where}: size={size!r} must be an integer, the number of units.")
    _check_options(form, form_name, given, where)
    return Spec(
        form,
        form_name,
        None if size is None else int(size),
        activation,
        name,
        (inputs,) if isinstance(inputs, str) else tuple(inputs),
        given,
    )


def _check_options(form: Form, form_name: str, given: Mapping[str, Any], where: str) -> None:
    """Raise for an argument that no constructor of the layer's classes takes."""
    known: set[str] = set()
    for cls in form.layer.__mro__:
        if "__init__" in vars(cls) and cls is not object:
            parameters = inspect.signature(cls.__init__).parameters.values()
            known |= {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
            if all(p.kind is not p.VAR_KEYWORD for p in parameters):
                break
    if form.layer is layers.BidirectionalLayer:
        # What else it takes is for its worker to say.
        return
    known -= {"self", "incoming", "incomings", "nonlinearity", "states", form.size}
    for key in given:
        if key not in known:
            choices = sorted({*known, *_KEYS})
            hint = did_you_mean(key, choices)
            raise TypeError(
                f"{where}: a layer of the form {form_name!r} takes no {key}.{hint} It takes "
                f"{', '.join(choices)}."
            )


def _from_tuple(spec: tuple[Any, ...] | list[Any], where: str) -> Spec:
    given: dict[str, Any] = {}

    def put(key: str, value: Any) -> None:
        if key in given:
            raise ValueError(f"{where}: {spec!r} has more than one {key}.")
        given[key] = value

    for item in spec:
        if _is_int(item):
            put("size", item)
        elif _is_layer_class(item):
            put("form", item)
        elif isinstance(item, str):
            is_form = _find_form(item) is not None
            # Softmax is both, and the same as both.
            if is_form and not ("form" in given and is_activation(item)):
                put("form", item)
            elif is_activation(item):
                put("activation", item)
            else:
                known = [*FORMS, *ACTIVATIONS]
                hint = did_you_mean(item, known)
                raise UnknownNameError(
                    f"{where}: {item!r} is neither a form of a layer nor an activation.{hint} "
                    f"The forms are {', '.join(FORMS)}; the activations {', '.join(ACTIVATIONS)}."
                )
        elif callable(item):
            put("activation", item)
        else:
            raise TypeError(
                f"{where}: {item!r} in {spec!r} must be a size (an integer), a form, or an "
                "activation."
            )
    return _from_dict(given, where)


def parse(spec: Any, where: str) -> Any:
    """Turn what was given for a layer into a specification.

    Parameters
    ----------
    spec : int, str, tuple, dict, Layer or class
        A size; a form; a tuple of a size, a form and an activation, in any order and each at
        most once; a dict of arguments; a layer; or a class of layers.
    where : str
        Which one it is, for messages.

    Returns
    -------
    Spec or Layer
        A layer is itself.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.
    nncore.errors.UnknownNameError
        If a form or activation is not known; with the nearest one.

    Examples
    --------
    >>> from nncore.models.networks.specs import parse
    >>> spec = parse((100, "lstm"), "layer 1")
    >>> spec.form.layer.__name__, spec.size
    ('LSTMLayer', 100)
    """
    if isinstance(spec, layers.Layer):
        return spec
    if _is_int(spec):
        return _from_dict({"size": spec}, where)
    if isinstance(spec, str) or _is_layer_class(spec):
        return _from_dict({"form": spec}, where)
    if isinstance(spec, Mapping):
        return _from_dict(spec, where)
    if isinstance(spec, tuple | list):
        return _from_tuple(spec, where)
    raise TypeError(
        f"{where}: {spec!r} must be a size (an integer), a form (a name or a class of layers), a "
        "tuple of a size, a form and an activation, a dict, or a layer."
    )


def parse_input(spec: Any) -> Any:
    """Turn what was given for the input into its arguments.

    Parameters
    ----------
    spec : int, tuple, dict or InputLayer
        The number of features; the shape of a sample, None for a size that may vary; a dict with
        ``size`` or ``shape``, and ``name`` and ``dtype``; or a layer.

    Returns
    -------
    dict or InputLayer
        ``shape``, with one size for a number of features, ``"features"``, whether it was one,
        ``"name"`` and ``"dtype"``.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.
    """
    if isinstance(spec, layers.InputLayer):
        return spec
    given: dict[str, Any] = dict(spec) if isinstance(spec, Mapping) else {"shape": spec}
    given.pop("form", None) if given.get("form") == "input" else None
    shape = given.pop("shape", None)
    size = given.pop("size", None)
    name, dtype = given.pop("name", "in"), given.pop("dtype", None)
    shape = size if shape is None else shape
    features = _is_int(shape)
    sizes = (shape,) if features else shape
    valid = isinstance(sizes, tuple | list) and all(
        one is None or (_is_int(one) and one > 0) for one in sizes
    )
    if given or not valid or not sizes:
        raise TypeError(
            f"the input, the first of the layers, must be the number of features, the shape of a "
            "sample, a dict with 'size' or 'shape' and perhaps 'name' and 'dtype', or an "
            f"InputLayer, not {spec!r}."
        )
    return {"shape": tuple(sizes), "features": features, "name": name, "dtype": dtype}
