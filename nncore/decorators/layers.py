"""Layer classes out of functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import pytensor
import pytensor.tensor as pt

from nncore.decorators._functions import (
    ABSENT,
    PLAIN,
    accepted,
    arguments_of,
    class_of,
    constructor,
)
from nncore.layers._random import RandomStream
from nncore.layers.base import Layer, MergeLayer
from nncore.utils import as_tensor

__all__ = ["layer"]


@dataclass(frozen=True)
class _Plan:
    """What the methods of a layer class need to know of its function."""

    params: Mapping[str, Any]
    #: Arguments of the constructor that are no parameters.
    plain: tuple[str, ...]
    #: Options of get_output(), with their defaults.
    options: Mapping[str, Any]
    output_shape: Any
    random: bool
    #: Whether it has several inputs.
    merges: bool


class _LayerOfFunction(Layer):
    """The methods of the classes that :func:`layer` makes."""

    _plan: ClassVar[_Plan]
    function: ClassVar[Callable[..., Any]]

    def _build(self, given: dict[str, Any]) -> None:
        incoming = given.pop("incomings" if self._plan.merges else "incoming")
        super().__init__(incoming, given.pop("name"))
        self.get_output_kwargs = list(self._plan.options)
        if self._plan.random:
            self._rng = RandomStream()
        for name in self._plan.plain:
            setattr(self, name, given[name])
        shapes = "input_shapes" if self._plan.merges else "input_shape"
        for name, (_, shape, *tags) in self._plan.params.items():
            spec = given[name]
            if spec is not None:
                size = tuple(self._shape(shape, getattr(self, shapes)))
                spec = self.add_param(spec, size, name=name, **(tags[0] if tags else {}))
            setattr(self, name, spec)

    def _shape(self, shape: Any, input_shape: Any) -> Any:
        if not callable(shape):
            return shape
        return shape(
            input_shape,
            **accepted(shape, {name: getattr(self, name) for name in self._plan.plain}),
        )

    def _apply(self, input: Any, rng: Any, options: Mapping[str, Any]) -> Any:
        names = (*self._plan.plain, *self._plan.params)
        values = {name: getattr(self, name) for name in names}
        if self._plan.random:
            values["rng"] = rng
        options = accepted(self.function, {**self._plan.options, **options})
        return type(self).function(input, **{**options, **values})

    def get_output_shape_for(self, input_shape: Any) -> Any:
        """Compute the output shape; see :meth:`nncore.layers.Layer.get_output_shape_for`."""
        merges, wanted = self._plan.merges, self._plan.output_shape
        if wanted is None and not merges:
            return input_shape
        if wanted not in (None, "auto"):
            return self._shape(wanted, input_shape)
        inputs = [
            pt.tensor(dtype=pytensor.config.floatX, shape=tuple(shape))
            for shape in (input_shape if merges else [input_shape])
        ]
        output: Any = as_tensor(self._apply(inputs if merges else inputs[0], RandomStream(0), {}))
        return tuple(output.type.shape)

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        """Build the expression of the output; see :meth:`nncore.layers.Layer.get_output_for`."""
        return self._apply(input, getattr(self, "_rng", None), kwargs)


@overload
def layer(function: Callable[..., Any], /) -> type[Layer]: ...
@overload
def layer(
    *, params: Mapping[str, Any] | None = None, output_shape: Any = None
) -> Callable[[Callable[..., Any]], type[Layer]]: ...
def layer(
    function: Callable[..., Any] | None = None,
    /,
    *,
    params: Mapping[str, Any] | None = None,
    output_shape: Any = None,
) -> Any:
    """Make a layer class out of the function that computes its output.

    Parameters
    ----------
    function : callable
        It takes the expression of the input as its first argument, ``input``, or the list of
        several as ``inputs``, which makes a :class:`nncore.layers.MergeLayer`. Of its other
        arguments

        * those in `params` are given the layer's parameters,
        * ``rng`` is given the layer's random numbers, with ``rng.uniform(size, low, high)`` and
          ``rng.normal(size, avg, std)``,
        * ``deterministic``, and all that can only be given by keyword, are options of
          :func:`nncore.layers.get_output`, and must have defaults, and
        * the rest are arguments of the layer's constructor.
    params : dict, optional
        For each parameter its initial value, or initializer, and its shape, and if need be a dict
        of tags: ``{"b": (init.Constant(0), lambda shape: (shape[1],), {"regularizable": False})}``.
        The shape is a tuple, or a function of the input shape (or shapes) that may also take
        arguments of the constructor by their names. Default: none.
    output_shape : None, 'auto', tuple or callable
        The output shape; a function is called as those for the shapes of parameters are;
        ``'auto'`` finds it out of the static type of the expression. None stands for the input
        shape, and for ``'auto'`` with several inputs. Default: None.

    Returns
    -------
    type
        A subclass of :class:`nncore.layers.Layer`, of the function's name. Its constructor takes
        ``incoming`` (or ``incomings``), the arguments of the function, an initial value for each
        parameter, and ``name``; each is kept as an attribute. The function is its ``function``.

    Raises
    ------
    TypeError
        If the function's arguments are not as described.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore import init
    >>> from nncore.decorators import layer
    >>> from nncore.layers import InputLayer
    >>> @layer(
    ...     params={"W": (init.HeNormal(), lambda shape, units: (shape[1], units))},
    ...     output_shape=lambda shape, units: (shape[0], units),
    ... )
    ... def Projection(input, W, units=10):
    ...     return pt.dot(input, W)
    >>> projection = Projection(InputLayer((None, 3)), units=5, name="out")
    >>> projection.output_shape, projection.get_params()
    ((None, 5), [out.W])
    """
    if function is None:
        return functools.partial(_layer, params=params or {}, output_shape=output_shape)
    return _layer(function, {}, None)


def _layer(function: Any, params: Mapping[str, Any], output_shape: Any) -> type[Layer]:
    first, *others = arguments_of("layer", function, ("input", "inputs"))
    label = function.__qualname__
    _check_params(label, params, {argument.name for argument in others})
    plain, options = [], {}
    for argument in others:
        if argument.name in params or argument.name == "rng":
            continue
        if argument.kind is argument.KEYWORD_ONLY or argument.name == "deterministic":
            default = argument.default
            if default is ABSENT:
                raise TypeError(
                    f"@layer: {label} takes {argument.name}, an option of get_output(), which "
                    "needs a default."
                )
            options[argument.name] = default
        elif argument.kind is not argument.VAR_KEYWORD:
            plain.append(argument)
    merges = first.name == "inputs"
    bases = (_LayerOfFunction, MergeLayer) if merges else (_LayerOfFunction,)
    ours = {
        "name",
        "incoming",
        "incomings",
        "input_layer",
        "input_layers",
        "input_shapes",
        "params",
    }
    for name in (*(argument.name for argument in plain), *params):
        if name in ours or hasattr(_LayerOfFunction, name) or name.startswith("_"):
            raise TypeError(
                f"@layer: an attribute {name!r} means something else to a layer, or is private; "
                f"rename the argument of {label}."
            )
    arguments = [
        inspect.Parameter("incomings" if merges else "incoming", PLAIN),
        *plain,
        *(
            inspect.Parameter(name, PLAIN, default=declaration[0])
            for name, declaration in params.items()
        ),
        inspect.Parameter("name", PLAIN, default=None),
    ]
    plan = _Plan(
        dict(params),
        tuple(argument.name for argument in plain),
        options,
        output_shape,
        any(argument.name == "rng" for argument in others),
        merges,
    )
    return class_of(function, bases, {"__init__": constructor(arguments), "_plan": plan})


def _check_params(label: str, params: Mapping[str, Any], arguments: set[str]) -> None:
    for name, declaration in params.items():
        if name not in arguments:
            raise TypeError(
                f"@layer: params has {name!r}, but {label} has no argument of this name; it has "
                f"{', '.join(sorted(arguments)) or 'none but the input'}."
            )
        if not isinstance(declaration, tuple) or not 2 <= len(declaration) <= 3:
            raise TypeError(
                f"@layer: params[{name!r}] of {label} is {declaration!r}; it must be a pair of an "
                "initial value and a shape, or a triple with a dict of tags."
            )
