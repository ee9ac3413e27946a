"""What the published networks are put together with."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from nncore import layers

__all__ = ["COMMON", "Assembly", "documented"]

F = TypeVar("F", bound=Callable[..., Any])

#: The arguments that all published networks take.
COMMON = """
input_var : expression, optional
    The input, with a leading axis for the mini-batch. Default: a new variable.
implementation : str, optional
    Implementation of the convolutions; see :func:`nncore.using`. Default: the best one available.
W : initializer, optional
    Initializes all filters and weight matrices, whatever their shapes are; ``init.Constant(0)`` is
    the quickest, for a network that gets its values from a file. Default: that of the layers,
    Glorot's uniform initialization.
"""

_RETURNS = """
OrderedDict
    The layers by their names, in the order in which they were built.
"""


def documented(parameters: str = COMMON) -> Callable[[F], F]:
    """Put shared descriptions in place of ``<common>`` and ``<layers>`` in a docstring.

    Parameters
    ----------
    parameters : str
        What replaces ``<common>``, in numpydoc's form. Default: :data:`COMMON`.

    Returns
    -------
    callable
        A decorator of functions.
    """

    def decorate(function: F) -> F:
        # Under -OO there are no docstrings.
        if function.__doc__:
            text = inspect.cleandoc(function.__doc__)
            text = text.replace("<common>", parameters.strip())
            function.__doc__ = text.replace("<layers>", _RETURNS.strip())
        return function

    return decorate


class Assembly:
    """Layers under their names, in building order, and what they have in common.

    Parameters
    ----------
    implementation : str or None
        For all convolutions.
    W : initializer or None
        For all filters and weight matrices; None for the layers' default.
    **conv
        Further arguments of all convolutions.

    Attributes
    ----------
    layers : OrderedDict
        The layers by name.
    """

    def __init__(self, implementation: str | None, W: Any, **conv: Any) -> None:
        self.layers: OrderedDict[str, Any] = OrderedDict()
        self._weights = {} if W is None else {"W": W}
        self._conv = {"implementation": implementation, **conv}

    def input(
        self, shape: Any, input_var: Any, name: str = "input", batch: int | None = None
    ) -> Any:
        """Add the input layer.

        Parameters
        ----------
        shape : sequence
            Shape of one item.
        input_var : expression or None
            The input; None for a new variable.
        name : str
            The layer's name.
        batch : int or None
            Size of the mini-batch; None if it may vary.

        Returns
        -------
        InputLayer
            The layer.
        """
        return self.keep(name, layers.InputLayer((batch, *shape), input_var, name))

    def keep(self, name: str, layer: Any) -> Any:
        """Add a layer that was built elsewhere.

        Parameters
        ----------
        name : str
            Where to find it.
        layer : Layer
            The layer.

        Returns
        -------
        Layer
            The layer.
        """
        self.layers[name] = layer
        return layer

    def add(self, kind: Any, name: str, *args: Any, on: Any = None, **kwargs: Any) -> Any:
        """Build a layer and add it.

        Parameters
        ----------
        kind : type
            The class of the layer.
        name : str
            Its name.
        *args, **kwargs
            Further arguments of the class.
        on : Layer, list of Layer or None
            What feeds into it; None for the layer added last.

        Returns
        -------
        Layer
            The layer.
        """
        incoming = next(reversed(self.layers.values())) if on is None else on
        return self.keep(name, kind(incoming, *args, name=name, **kwargs))

    def conv(self, name: str, *args: Any, kind: Any = layers.Conv2DLayer, **kwargs: Any) -> Any:
        """Build a convolutional layer and add it.

        Parameters
        ----------
        name, *args, **kwargs
            As for :meth:`add`.
        kind : type
            The class of the layer. Default: :class:`nncore.layers.Conv2DLayer`.

        Returns
        -------
        Layer
            The layer.
        """
        return self.add(kind, name, *args, **{**self._weights, **self._conv, **kwargs})

    def dense(self, name: str, num_units: int, **kwargs: Any) -> Any:
        """Build a dense layer and add it.

        Parameters
        ----------
        name, **kwargs
            As for :meth:`add`.
        num_units : int
            Number of units.

        Returns
        -------
        DenseLayer
            The layer.
        """
        return self.add(layers.DenseLayer, name, num_units, **{**self._weights, **kwargs})

    def normalized(
        self,
        name: str,
        *args: Any,
        epsilon: float = 1e-4,
        kind: Any = layers.Conv2DLayer,
        **kwargs: Any,
    ) -> Any:
        """Build a batch-normalized convolution, and add the last of its layers.

        Parameters
        ----------
        name, *args, kind, **kwargs
            As for :meth:`conv`.
        epsilon : float
            As for :class:`nncore.layers.BatchNormLayer`.

        Returns
        -------
        NonlinearityLayer
            The last layer.
        """
        layer = self.conv(name, *args, kind=kind, **kwargs)
        return self.keep(name, layers.batch_norm(layer, epsilon=epsilon))
