"""The base classes of all layers."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, TypeAlias

from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable

from nncore import utils

__all__ = ["Layer", "MergeLayer", "Shape"]

#: Sizes of an output; None where the size may vary.
Shape: TypeAlias = tuple[int | None, ...]

#: Arguments that say where a layer stands in the graph, and so are no part of its configuration.
_PLACEMENT = frozenset({"incoming", "incomings", "input_var"})


def _label(layer: Any) -> str:
    """Return what a message calls a layer: its class and, if it has one, its name."""
    name = getattr(layer, "name", None)
    return type(layer).__name__ + (f" {name!r}" if name else "")


class Layer:
    """A layer with one input; all layers derive from this.

    A subclass needs :meth:`get_output_for`, and :meth:`get_output_shape_for` if it changes the
    shape. Nothing else is asked of it.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or the shape of the input: a tuple of positive integers,
        with None for a size that may vary.
    name : str, optional
        A name for the layer; its parameters' names begin with it. Default: None.

    Attributes
    ----------
    input_layer : Layer or None
        The layer feeding into this one; None if there is only a shape.
    input_shape : tuple
        The shape of the input.
    name : str or None
        The name.
    params : dict
        Maps each parameter to its set of tags, in the order of creation.
    get_output_kwargs : list of str
        Names of keyword arguments that :meth:`get_output_for` accepts without showing them in its
        signature; :func:`nncore.layers.get_output` then does not warn of them.

    Raises
    ------
    ValueError
        If a size of the input shape is not positive.

    Examples
    --------
    >>> from nncore.layers import InputLayer, Layer
    >>> class Double(Layer):
    ...     def get_output_for(self, input, **kwargs):
    ...         return 2 * input
    >>> Double(InputLayer((None, 3))).output_shape
    (None, 3)
    """

    _init_call: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Layer:
        """Make the layer and remember how it was called."""
        layer = super().__new__(cls)
        layer._init_call = (args, kwargs)
        return layer

    def __init__(self, incoming: Any, name: str | None = None) -> None:
        if isinstance(incoming, tuple):
            self.input_shape: Any = incoming
            self.input_layer: Any = None
        else:
            self.input_shape = incoming.output_shape
            self.input_layer = incoming
        self.name = name
        self.params: dict[Any, set[str]] = {}
        self.get_output_kwargs: list[str] = []
        self._check_input_shape(self.input_shape)

    def _check_input_shape(self, shape: Any) -> None:
        if any(isinstance(size, Integral) and size <= 0 for size in shape):
            raise ValueError(
                f"Cannot create {_label(self)} on the input shape {shape!r}: every size must be a "
                "positive integer, or None if it may vary."
            )

    @property
    def output_shape(self) -> Shape:
        """The shape of the output.

        Raises
        ------
        ValueError
            If :meth:`get_output_shape_for` gave anything but integers and None.
        """
        return self._checked_shape(self.get_output_shape_for(self.input_shape))

    def _checked_shape(self, shape: Any) -> Shape:
        if any(isinstance(size, Variable) for size in shape):
            raise ValueError(
                f"{_label(self)} returned a symbolic output shape from its get_output_shape_for() "
                f"method: {shape!r}. Shapes must be tuples with integers for the sizes that are "
                "fixed and None for those that may vary."
            )
        for size in shape:
            if size is not None and not isinstance(size, Integral):
                raise ValueError(
                    f"{_label(self)} returned the shape {shape!r} from its "
                    f"get_output_shape_for() method, in which {size!r} is neither an integer nor "
                    "None. Shapes must be tuples of integers and None."
                )
        return tuple(None if size is None else int(size) for size in shape)

    def get_params(self, unwrap_shared: bool = True, **tags: bool) -> list[Any]:
        """List this layer's parameters.

        Parameters
        ----------
        unwrap_shared : bool
            If true, a parameter that is an expression is replaced by the shared variables in it.
            Default: True.
        **tags : bool
            ``tag=True`` keeps only parameters with the tag, ``tag=False`` only those without.

        Returns
        -------
        list of variables
            The parameters, in the order of creation.

        Examples
        --------
        >>> from nncore.layers import DenseLayer
        >>> DenseLayer((None, 3), 2, name="out").get_params(regularizable=True)
        [out.W]
        """
        wanted = {tag for tag, value in tags.items() if value}
        unwanted = set(tags) - wanted
        found = [
            param
            for param, its_tags in self.params.items()
            if wanted <= its_tags and not unwanted & its_tags
        ]
        return utils.collect_shared_vars(found) if unwrap_shared else found

    def get_output_shape_for(self, input_shape: Any) -> Any:
        """Compute the output shape for an input shape.

        Parameters
        ----------
        input_shape : tuple
            Sizes of the input, None where they may vary.

        Returns
        -------
        tuple
            Sizes of the output; here those of the input.
        """
        return input_shape

    def get_output_for(self, input: Any, **kwargs: Any) -> Any:
        """Build the expression of the output.

        Parameters
        ----------
        input : expression
            The input.
        **kwargs
            Options given to :func:`nncore.layers.get_output`. Every layer gets all of them.

        Returns
        -------
        expression
            The output.

        Raises
        ------
        NotImplementedError
            In this base class.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define get_output_for().")

    def add_param(
        self,
        spec: Any,
        shape: tuple[int, ...],
        name: str | None = None,
        *,
        fans: tuple[int, int] | None = None,
        **tags: bool,
    ) -> Any:
        """Create a parameter and register it with its tags.

        Parameters
        ----------
        spec : shared variable, expression, array, number or callable
            The parameter, its value, or an initializer that is called with the shape.
        shape : tuple of int
            The shape.
        name : str, optional
            Its name; the layer's own name is put before it.
        fans : pair of int, optional
            How many inputs each unit has through the parameter, and how many units each input,
            for initializers such as :class:`nncore.init.Glorot`. Default: what they make of the
            shape.
        **tags : bool
            Tags to set or, with False, not to set. ``trainable`` and ``regularizable`` are set
            unless they are False here.

        Returns
        -------
        variable
            The parameter.
        """
        if name is not None and self.name is not None:
            name = f"{self.name}.{name}"
        param = utils.create_param(spec, shape, name, fans)
        tags = {"trainable": True, "regularizable": True, **tags}
        self.params[param] = {tag for tag, value in tags.items() if value}
        return param

    def __sklearn_clone__(self) -> Layer:
        # scikit-learn would take get_params for its own method of that name.
        return copy.deepcopy(self)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments that describe this layer as it is now.

        Returns
        -------
        dict
            Maps each argument, without the incoming layers and input variables, to the value in
            effect: the attribute of the same name, or else what was passed. A parameter that was
            created from it is ``"param"``, one that is absent or was removed is None, and
            expressions and layers are themselves. Arguments of base classes that were passed on
            are included.

        Examples
        --------
        >>> from nncore.layers import DenseLayer
        >>> config = DenseLayer((None, 3), 2, b=None).get_config()
        >>> config["num_units"], config["W"], config["b"]
        (2, 'param', None)
        """
        config = {
            name: self._in_effect(name, value) for name, value in self._arguments(True).items()
        }
        config.setdefault("name", self.name)
        return config

    def _arguments(self, defaults: bool) -> dict[str, Any]:
        """Return what the constructor was called with, by name."""
        args, kwargs = self._init_call
        bound = inspect.signature(type(self).__init__).bind_partial(self, *args, **kwargs)
        if defaults:
            bound.apply_defaults()
        found: dict[str, Any] = {}
        parameters = list(bound.signature.parameters.values())
        for parameter in parameters[1:]:
            if parameter.name not in bound.arguments:
                continue
            value = bound.arguments[parameter.name]
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                found.update(value)
            elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
                found[parameter.name] = value
        return {name: value for name, value in found.items() if name not in _PLACEMENT}

    def _in_effect(self, name: str, passed: Any) -> Any:
        value = getattr(self, name, passed) if name in vars(self) else passed
        if isinstance(value, Variable) and value in self.params:
            return "param" if isinstance(value, SharedVariable) else value
        return value

    def __getstate__(self) -> dict[str, Any]:
        # A parameter's initial value or initializer is spent: keeping it would store large arrays
        # twice and make a layer unpicklable whose initializer was a lambda expression.
        state = dict(vars(self))
        state["_init_call"] = (
            (),
            {
                name: None if name in vars(self) else value
                for name, value in self._arguments(False).items()
            },
        )
        return state

    def __repr__(self) -> str:
        name = getattr(self, "name", None)
        return f"<{type(self).__name__}{f' {name!r}' if name else ''}>"


class MergeLayer(Layer):
    """A layer with several inputs; a base class.

    Parameters
    ----------
    incomings : list of Layer or tuple
        The layers feeding into this one, or shapes.
    name : str, optional
        A name for the layer. Default: None.

    Attributes
    ----------
    input_layers : list of Layer or None
        The layers feeding into this one; None for those that are only shapes.
    input_shapes : list of tuple
        The shapes of the inputs.

    Raises
    ------
    ValueError
        If a size of an input shape is not positive.

    Examples
    --------
    >>> from nncore.layers import InputLayer, MergeLayer
    >>> class Difference(MergeLayer):
    ...     def get_output_shape_for(self, input_shapes):
    ...         return input_shapes[0]
    ...
    ...     def get_output_for(self, inputs, **kwargs):
    ...         return inputs[0] - inputs[1]
    >>> Difference([InputLayer((None, 3)), InputLayer((None, 3))]).output_shape
    (None, 3)
    """

    def __init__(self, incomings: Sequence[Any], name: str | None = None) -> None:
        self.input_shapes = [
            incoming if isinstance(incoming, tuple) else incoming.output_shape
            for incoming in incomings
        ]
        self.input_layers = [
            None if isinstance(incoming, tuple) else incoming for incoming in incomings
        ]
        self.name = name
        self.params = {}
        self.get_output_kwargs = []
        for shape in self.input_shapes:
            # A test double need not have a shape.
            if isinstance(shape, Iterable):
                self._check_input_shape(shape)

    @property
    def output_shape(self) -> Shape:
        """The shape of the output.

        Raises
        ------
        ValueError
            If :meth:`get_output_shape_for` gave anything but integers and None.
        """
        return self._checked_shape(self.get_output_shape_for(self.input_shapes))

    def get_output_shape_for(self, input_shapes: Any) -> Any:
        """Compute the output shape for the input shapes.

        Parameters
        ----------
        input_shapes : list of tuple
            Sizes of the inputs, None where they may vary.

        Returns
        -------
        tuple
            Sizes of the output.

        Raises
        ------
        NotImplementedError
            In this base class.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define get_output_shape_for().")

    def get_output_for(self, inputs: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Build the expression of the output.

        Parameters
        ----------
        inputs : list of expressions
            The inputs, in the order of the incoming layers.
        **kwargs
            Options given to :func:`nncore.layers.get_output`.

        Returns
        -------
        expression
            The output.

        Raises
        ------
        NotImplementedError
            In this base class.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define get_output_for().")
