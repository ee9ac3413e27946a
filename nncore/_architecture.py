"""A network as plain JSON values and arrays, and back; nothing here touches a file.

Layers are written as their names in :mod:`nncore.registry`, and parameters as the keys of their
values, so that reading runs no code but the constructors of registered layers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable

from nncore import init, layers, registry
from nncore._encoding import Unencodable, decode, encode
from nncore.errors import ModelFileError, NNCoreError
from nncore.parameter import new_parameter

__all__ = ["decode_network", "encode_network"]

_GATE_FIELDS = ("W_in", "W_hid", "W_cell", "b", "nonlinearity")


def _label(layer: Any, index: int | None = None) -> str:
    name = getattr(layer, "name", None)
    place = "" if index is None else f" (number {index})"
    return f"{type(layer).__name__}{f' {name!r}' if name else ''}{place}"


def _incoming(layer: Any) -> tuple[str | None, list[Any]]:
    """Find the constructor's argument for the incoming layers, and the layers or shapes."""
    names = inspect.signature(type(layer).__init__).parameters
    if hasattr(layer, "input_layers"):
        pairs = zip(layer.input_layers, layer.input_shapes, strict=True)
        found = [shape if one is None else one for one, shape in pairs]
    elif hasattr(layer, "input_layer"):
        found = [layer.input_shape if layer.input_layer is None else layer.input_layer]
    else:
        return None, []
    if "incomings" in names:
        return "incomings", found
    # A merging layer whose constructor takes one layer has put others behind it by itself.
    return "incoming", found[:1]


def _layers_in(value: Any) -> Iterator[Any]:
    if isinstance(value, layers.Layer):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _layers_in(item)


def _sorted_layers(output: Any) -> list[Any]:
    """Every layer after those that its constructor needs, the output last."""
    order: list[Any] = []
    entered: dict[Any, bool] = {}
    stack = [(output, False)]
    while stack:
        layer, complete = stack.pop()
        if complete:
            entered[layer] = True
            order.append(layer)
        elif layer not in entered:
            entered[layer] = False
            stack.append((layer, True))
            needed = [*_incoming(layer)[1], *layer.get_config().values()]
            stack += [(found, False) for found in reversed(list(_layers_in(needed)))]
        elif not entered[layer]:
            raise ModelFileError(
                f"{_label(layer)} needs itself, through its incoming layers or its arguments. Such "
                "a network cannot be saved."
            )
    return order


def _layer_name(layer: Any) -> str:
    cls = type(layer)
    name: str | None = cls.__name__.removesuffix("Layer")
    try:
        known = registry.get("layer", cls.__name__) is cls
    except NNCoreError:
        known = False
    if not known:
        name = registry.name_of("layer", cls)
    if name is None:
        raise ModelFileError(
            f"{_label(layer)} cannot be saved: its class is registered nowhere, so that it could "
            "not be found again. Register it in a plugin (hook nncore_layers), or save the values "
            "alone with nncore.serialization.save_arrays."
        )
    return name


def _params(layer: Any) -> list[tuple[str | None, Any, set[str]]]:
    """Attribute, variable and tags of each parameter, in the order of creation."""
    attributes = {id(v): k for k, v in vars(layer).items() if isinstance(v, Variable)}
    found = []
    for param, tags in layer.params.items():
        attribute = attributes.get(id(param))
        if not isinstance(param, SharedVariable):
            raise ModelFileError(
                f"{_label(layer)}: the parameter {attribute or param} is an expression, which a "
                "model file does not hold. Give the layer a shared variable, or save the values "
                "alone with nncore.serialization.save_arrays."
            )
        found.append((attribute, param, tags))
    return found


def _encode_gate(gate: Any, argument: str, attributes: set[str | None]) -> dict[str, Any]:
    """Describe a gate; its parameters are attributes of the layer, such as ``W_in_to_ingate``."""
    fields: dict[str, Any] = {"nonlinearity": encode(gate.nonlinearity)}
    for field in _GATE_FIELDS[:-1]:
        attribute = f"{field}_{argument}" if field == "b" else f"{field}_to_{argument}"
        if getattr(gate, field, None) is None:
            fields[field] = None
        elif attribute in attributes:
            fields[field] = {"$param": attribute}
        else:
            fields[field] = {"$initial": True}
    return {"$gate": fields}


def _encode_config(layer: Any, places: Mapping[Any, int], attributes: set[str | None]) -> Any:
    def special(value: Any) -> Any:
        if isinstance(value, layers.Layer):
            return {"$layer": places[value]}
        if isinstance(value, init.Initializer):
            return {"$initial": True}
        if isinstance(value, vars(layers).get("Gate", ())):
            return _encode_gate(value, argument, attributes)
        return None

    parameters = inspect.signature(type(layer).__init__).parameters
    if (
        any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
        and type(layer).get_config is layers.Layer.get_config
    ):
        raise ModelFileError(
            f"{_label(layer)} cannot be saved: its constructor takes *args, which have no names. "
            "Give the class a get_config() that returns its arguments by name."
        )
    config = {}
    for argument, value in layer.get_config().items():
        if value is inspect.Parameter.empty:
            continue
        if isinstance(value, str) and value == "param" and argument in attributes:
            config[argument] = {"$param": argument}
            continue
        try:
            config[argument] = encode(value, special)
        except Unencodable as error:
            parameter = parameters.get(argument)
            if parameter is not None and value is parameter.default:
                continue
            raise ModelFileError(
                f"{_label(layer)} cannot be saved: its argument {argument!r} is {error}."
            ) from None
    return config


def encode_network(output: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Describe a network and collect the values of its parameters.

    Parameters
    ----------
    output : Layer
        The output layer.

    Returns
    -------
    architecture : dict
        ``"layers"``, in topological order, the output last, and ``"tensors"``, the shape and
        dtype for each key. Plain JSON.
    values : dict
        The values by key. A parameter that several layers share is there once.

    Raises
    ------
    nncore.errors.ModelFileError
        If something cannot be described; the message names the layer and the argument.
    """
    if not isinstance(output, layers.Layer):
        raise ModelFileError(
            f"a model is saved from its output layer, not from {type(output).__name__}. Networks "
            "with several outputs need a layer that joins them."
        )
    order = _sorted_layers(output)
    places = {layer: index for index, layer in enumerate(order)}
    keys: dict[Any, str] = {}
    values: dict[str, np.ndarray] = {}
    entries = []
    for index, layer in enumerate(order):
        kind = _layer_name(layer)
        name = getattr(layer, "name", None)
        params = []
        for position, (attribute, param, tags) in enumerate(_params(layer)):
            if param not in keys:
                key = f"{index:03d}.{name or kind}.{attribute or position}"
                keys[param] = key
                values[key] = np.asarray(param.get_value(borrow=True), order="C")
            params.append(
                {
                    "attribute": attribute,
                    "tensor": keys[param],
                    "name": param.name,
                    "tags": sorted(tags),
                }
            )
        argument, incoming = _incoming(layer)
        entry = {
            "layer": kind,
            "name": name,
            "config": _encode_config(layer, places, {p["attribute"] for p in params}),
            "incoming_argument": argument,
            "incoming": [
                places[one] if isinstance(one, layers.Layer) else encode(tuple(one))
                for one in incoming
            ],
            "params": params,
        }
        if isinstance(getattr(layer, "input_var", None), Variable):
            entry["input"] = {"dtype": layer.input_var.dtype, "name": layer.input_var.name}
        entries.append(entry)
    tensors = {
        key: {"shape": list(value.shape), "dtype": str(value.dtype)}
        for key, value in values.items()
    }
    return {"layers": entries, "tensors": tensors}, values


def _to_float_x(value: np.ndarray) -> np.ndarray:
    return value.astype(pytensor.config.floatX) if value.dtype.kind == "f" else value


class _Builder:
    """Builds the layers of an architecture one after the other."""

    def __init__(self, values: Mapping[str, np.ndarray]) -> None:
        self.values = values
        self.built: list[Any] = []
        self.shared: dict[str, Any] = {}

    def variable(self, entry: Mapping[str, Any]) -> Any:
        """Return the one shared variable of a tensor."""
        key = entry["tensor"]
        if key not in self.shared:
            value = _to_float_x(self.values[key])
            self.shared[key] = new_parameter(value, entry["name"])
        return self.shared[key]

    def add(self, entry: Mapping[str, Any]) -> None:
        """Build the next layer."""
        by_attribute = {p["attribute"]: p for p in entry["params"] if p["attribute"]}

        def special(value: dict[str, Any]) -> Any:
            if "$param" in value:
                return self.variable(by_attribute[value["$param"]])
            if "$layer" in value:
                return self.built[value["$layer"]]
            if "$initial" in value:
                return init.Constant(0.0)
            if "$gate" in value:
                fields = value["$gate"]
                return layers.Gate(**{f: decode(fields[f], special) for f in _GATE_FIELDS})
            return NotImplemented

        cls = registry.get("layer", entry["layer"])
        arguments = {name: decode(value, special) for name, value in entry["config"].items()}
        parameters = inspect.signature(cls.__init__).parameters
        if "name" not in parameters and all(
            p.kind is not p.VAR_KEYWORD for p in parameters.values()
        ):
            arguments.pop("name", None)
        incoming = [
            self.built[one] if isinstance(one, int) else decode(one) for one in entry["incoming"]
        ]
        if entry["incoming_argument"] == "incomings":
            arguments["incomings"] = incoming
        elif entry["incoming_argument"] is not None:
            (arguments["incoming"],) = incoming
        dtype = np.dtype(entry["input"]["dtype"]) if "input" in entry else None
        if dtype is not None and dtype.kind != "f":
            arguments["input_var"] = pt.tensor(
                name=entry["input"]["name"], dtype=dtype.name, shape=arguments["shape"]
            )
        layer = cls(**arguments)
        layer.name = entry["name"]
        self._settle(layer, entry["params"])
        self.built.append(layer)

    def _settle(self, layer: Any, stored: list[Mapping[str, Any]]) -> None:
        """Give every parameter its value and its tags."""
        if len(layer.params) != len(stored):
            raise ModelFileError(
                f"it has {len(layer.params)} parameters, but the file {len(stored)} for it"
            )
        for param, entry in zip(list(layer.params), stored, strict=True):
            key = entry["tensor"]
            if self.shared.get(key) is not param:
                if key in self.shared:
                    raise ModelFileError(
                        f"the parameter {entry['name']} is shared with another layer, but the "
                        "constructor does not take it as an argument"
                    )
                value, shape = self.values[key], param.get_value(borrow=True).shape
                if value.shape != shape:
                    raise ModelFileError(
                        f"the parameter {entry['name']} has the shape {shape}, but the tensor "
                        f"{key!r} {value.shape}"
                    )
                param.set_value(_to_float_x(value))
                param.name = entry["name"]
                self.shared[key] = param
            layer.params[param] = set(entry["tags"])


def decode_network(architecture: Mapping[str, Any], values: Mapping[str, np.ndarray]) -> Any:
    """Build a network.

    Parameters
    ----------
    architecture : dict
        What :func:`encode_network` gave.
    values : dict
        The values by key. Those of floats become ``floatX``.

    Returns
    -------
    Layer
        The output layer.

    Raises
    ------
    nncore.errors.ModelFileError
        If a layer is unknown or cannot be built, or the values do not fit.
    """
    builder = _Builder(values)
    for index, entry in enumerate(architecture["layers"]):
        kind = entry.get("layer")
        label = f"layer {index} ({kind}{' ' + repr(entry['name']) if entry.get('name') else ''})"
        try:
            builder.add(entry)
        except registry.UnknownNameError as error:
            raise ModelFileError(
                f"{label}: {error} If a plugin provides it, install the plugin."
            ) from error
        except Exception as error:  # a constructor may raise anything
            raise ModelFileError(f"{label} cannot be built: {error}") from error
    return builder.built[-1]
