"""Builds the layers of a network from their specifications."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt

from nncore import layers
from nncore.errors import UnknownNameError, did_you_mean
from nncore.models.networks.activations import Activation, activation, applied
from nncore.models.networks.specs import Spec, parse, parse_input

__all__ = ["build_layers"]


def build_layers(
    specs: Sequence[Any], output_activation: Any = None, masked: bool = False
) -> dict[str, Any]:
    """Build the layers of a network.

    Parameters
    ----------
    specs : sequence
        The input, and one item for each layer, as for :class:`nncore.models.Network`.
    output_activation : str, callable or None
        The activation of the last layer, unless it has one of its own. Default: None.
    masked : bool
        Whether there is a mask, a second input, for all recurrent layers. Default: False.

    Returns
    -------
    dict
        The layers by name: ``in``, ``mask`` if there is one, ``hid1``, ``hid2``, ..., ``out``.
        An activation that has parameters is a layer on top of another; this dict has the one on
        top.

    Raises
    ------
    TypeError, ValueError
        If a specification is not possible.
    nncore.errors.UnknownNameError
        If a form, an activation or an input of a layer is not known; with the nearest one.

    Examples
    --------
    >>> from nncore.models.networks.building import build_layers
    >>> {name: layer.output_shape for name, layer in build_layers([4, 10, (3, "softmax")]).items()}
    {'in': (None, 4), 'hid1': (None, 10), 'out': (None, 3)}
    """
    if isinstance(specs, str) or not isinstance(specs, Sequence) or len(specs) < 2:
        raise TypeError(
            f"layers={specs!r} must be a sequence of at least two: the input, and each layer from "
            "the first to the output."
        )
    source = parse_input(specs[0])
    parsed = [parse(spec, f"layer {place}") for place, spec in enumerate(specs[1:], 1)]
    recurrent = [one for one in parsed if isinstance(one, Spec) and _is_recurrent(one)]
    builder = _Builder(source, bool(recurrent), masked)
    for place, spec in enumerate(parsed, 1):
        last = place == len(parsed)
        builder.add(spec, "out" if last else f"hid{place}", output_activation if last else ...)
    return builder.layers


def _is_recurrent(spec: Spec) -> bool:
    return spec.form.family == "recurrent"


class _Builder:
    """Puts one layer on top of the others after the other."""

    def __init__(self, source: Any, recurrent: bool, masked: bool) -> None:
        if not isinstance(source, layers.InputLayer):
            shape = (None, *source["shape"])
            if recurrent and source["features"]:
                shape = (None, None, *source["shape"])
            dtype = source["dtype"]
            variable = (
                None if dtype is None else pt.tensor(source["name"], dtype=dtype, shape=shape)
            )
            source = layers.InputLayer(shape, variable, name=source["name"])
        elif source.name is None:
            source.name = "in"
        self.layers: dict[str, Any] = {source.name: source}
        self.top: Any = source
        self.mask: Any = None
        shape = source.output_shape
        self.sequences = recurrent or (len(shape) == 3 and shape[1] is None)
        if masked:
            if not self.sequences:
                raise ValueError(
                    "masked=True needs sequences: a recurrent layer, or an input of the shape "
                    f"(None, features), but the input is {source.output_shape}."
                )
            self.mask = layers.InputLayer(source.output_shape[:2], name="mask")
            self.layers["mask"] = self.mask

    def add(self, spec: Any, name: str, default: Any) -> None:
        if isinstance(spec, layers.Layer):
            layer = self._given(spec, name)
        else:
            layer = self._made(spec, spec.name or name, default)
        if layer.name in self.layers:
            raise ValueError(
                f"two layers are called {layer.name!r}; give one of them another name."
            )
        self.layers[layer.name] = layer
        self.top = layer

    def _given(self, layer: Any, name: str) -> Any:
        if self.top not in layers.get_all_layers(layer):
            raise ValueError(
                f"the layer {layer!r} is not built on {self.top!r}, which comes before it; build "
                "it on that, or give its class."
            )
        layer.name = layer.name or name
        return layer

    def _incoming(self, spec: Spec, name: str) -> list[Any]:
        if not spec.inputs:
            return [self.top]
        found = []
        for one in spec.inputs:
            if one not in self.layers:
                hint = did_you_mean(one, self.layers)
                raise UnknownNameError(
                    f"layer {name!r}: there is no layer {one!r} before it.{hint} There are "
                    f"{', '.join(self.layers)}."
                )
            found.append(self.layers[one])
        return found

    def _made(self, spec: Spec, name: str, default: Any) -> Any:
        where = f"layer {name!r}"
        form, cls = spec.form, spec.form.layer
        incoming = self._incoming(spec, name)
        if form.family != "merge" and len(incoming) > 1:
            raise ValueError(
                f"{where}: a layer of the form {spec.form_name!r} has one input, not "
                f"{', '.join(spec.inputs)}; join them with a layer of the form 'concat' or 'prod'."
            )
        arguments: dict[str, Any] = {**form.defaults, **spec.options}
        arguments.pop("activation", None)
        how = self._activation(spec, default, where)
        on_top: tuple[Any, ...] = () if how is None else how.after
        self._give_size(spec, arguments, 1 if how is None else how.pieces, where)
        if how is not None and not self._give_function(cls, arguments, how, where):
            on_top = (applied(how.function), *on_top)
        arguments["name"] = f"{name}.linear" if on_top else name
        if form.family == "merge":
            if form.layer is layers.ElemwiseMergeLayer:
                arguments.setdefault("merge_function", pt.mul)
            layer = cls(incoming, **arguments)
        else:
            self._give_place(spec, arguments, incoming[0])
            layer = cls(incoming[0], **arguments)
        axis = 1 if form.family == "conv" else len(layer.output_shape) - 1
        for number, after in enumerate(on_top, 1):
            layer = after(layer, axis)
            layer.name = name if number == len(on_top) else f"{name}.{number}"
            for param in layer.params:
                param.name = f"{layer.name}.{param.name}"
        return layer

    def _activation(self, spec: Spec, default: Any, where: str) -> Activation | None:
        """The activation; None to leave the class its own."""
        of_units = spec.form.family in ("dense", "conv")
        chosen = spec.activation
        if chosen is ...:
            chosen = spec.form.defaults.get("activation", default)
            if chosen is ...:
                return activation("relu", where) if of_units else None
            if spec.form.family == "recurrent" or (chosen is None and not of_units):
                return None
        return activation(chosen, where)

    def _give_size(self, spec: Spec, arguments: dict[str, Any], pieces: int, where: str) -> None:
        if spec.form.layer is layers.TiedLayer:
            partner = arguments.get("partner") or self._partner(where)
            if isinstance(partner, str):
                if partner not in self.layers:
                    raise UnknownNameError(
                        f"{where}: there is no layer {partner!r} to be tied to. There are "
                        f"{', '.join(self.layers)}."
                    )
                partner = _with_weights(self.layers[partner])
            arguments["partner"] = partner
            if pieces != 1:
                raise ValueError(f"{where}: a tied layer cannot have maxout units.")
            inputs = getattr(partner, "num_inputs", None)
            if spec.size is not None and inputs is not None and spec.size != inputs:
                raise ValueError(
                    f"{where}: size={spec.size} must be {inputs}, the number of inputs of the "
                    f"layer {partner.name!r} that it is tied to, or be left out."
                )
            return
        if spec.form.size is None:
            if spec.size is not None:
                raise ValueError(
                    f"{where}: a layer of the form {spec.form_name!r} has no size of its own, so "
                    f"{spec.size} stands for nothing."
                )
            return
        if spec.size is None:
            raise ValueError(
                f"{where}: a layer of the form {spec.form_name!r} needs a size, its number of "
                "units."
            )
        size = spec.size * pieces
        if spec.form.layer is layers.BidirectionalLayer:
            if size % 2:
                raise ValueError(
                    f"{where}: size={size} must be even: half of the units go forwards and half "
                    "backwards."
                )
            size //= 2
            worker = arguments.get("worker", "rnn")
            if isinstance(worker, str):
                arguments["worker"] = parse(worker, where).form.layer
        arguments[spec.form.size] = size

    def _give_place(self, spec: Spec, arguments: dict[str, Any], incoming: Any) -> None:
        if spec.form.layer is layers.DenseLayer and self.sequences:
            shape = incoming.output_shape
            arguments.setdefault("num_leading_axes", 2 if len(shape) == 3 else 1)
        if self.mask is not None and spec.form.family == "recurrent":
            arguments.setdefault("mask_input", self.mask)
        if spec.form.layer is layers.ReshapeLayer and "shape" in arguments:
            # The sizes of a sample; the mini-batch stays as it is.
            arguments["shape"] = ([0], *arguments["shape"])

    def _give_function(
        self, cls: Any, arguments: dict[str, Any], how: Activation, where: str
    ) -> bool:
        """Put the nonlinearity among the arguments of a class; say whether it takes one."""
        target = arguments.get("worker") if cls is layers.BidirectionalLayer else cls
        target = layers.RecurrentLayer if target is None else target
        if target is layers.GRULayer:
            gate = layers.Gate(W_cell=None, nonlinearity=how.function)
            if "hidden_update" in arguments:
                raise ValueError(
                    f"{where}: give either an activation or hidden_update=, which has one."
                )
            arguments["hidden_update"] = gate
            return True
        if "nonlinearity" in inspect.signature(target.__init__).parameters:
            arguments["nonlinearity"] = how.function
            return True
        return False

    def _partner(self, where: str) -> Any:
        """Find the layer that a decoder's is the mirror image of.

        From the top down, each tied layer is closed by one that is not; the first that is left
        over is the partner.
        """
        open_layers = 1
        for layer in reversed(list(self.layers.values())):
            dense = _with_weights(layer)
            if isinstance(dense, layers.InputLayer):
                continue
            open_layers += 1 if isinstance(dense, layers.TiedLayer) else -1
            if open_layers == 0:
                return dense
        raise ValueError(
            f"{where}: there is no layer left that it could be tied to; a network has at most as "
            "many tied layers as others before them. Or say partner='hid1'."
        )


def _with_weights(layer: Any) -> Any:
    """The layer below those that an activation put on top."""
    while (
        isinstance(
            layer,
            layers.NonlinearityLayer
            | layers.ParametricRectifierLayer
            | layers.ScaleLayer
            | layers.FeaturePoolLayer,
        )
        and getattr(layer, "input_layer", None) is not None
    ):
        layer = layer.input_layer
    return layer
