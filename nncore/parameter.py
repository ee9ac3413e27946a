"""The shared variables that layers make for their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.type import TensorType

__all__ = ["Parameter", "new_parameter"]


class Parameter(TensorSharedVariable):
    """A shared variable that keeps its shape for good.

    It is what :meth:`nncore.layers.Layer.add_param` makes out of numbers; it behaves as every
    shared variable does, but for the error on a value of another shape. Use
    :func:`new_parameter` to make one.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.parameter import new_parameter
    >>> W = new_parameter(np.zeros((2, 3), dtype="float32"), name="W")
    >>> W.set_value(np.ones((3, 2), dtype="float32"))
    Traceback (most recent call last):
    ...
    ValueError: the parameter W has the shape (2, 3), but the value given has the shape (3, 2)...
    """

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Set the value.

        Parameters
        ----------
        new_value : array_like
            Numbers of the shape of the parameter.
        borrow : bool
            If true, the array may be used without a copy. Default: False.

        Raises
        ------
        ValueError
            If the shape is another one; the message names the parameter and both shapes.
        """
        expected = self.type.shape
        given = np.shape(new_value)
        if len(given) != len(expected) or any(
            known not in (None, size) for known, size in zip(expected, given, strict=True)
        ):
            raise ValueError(
                f"the parameter {self.name or 'without a name'} has the shape {expected}, but the "
                f"value given has the shape {given}. A parameter keeps its shape: give a value of "
                "this shape, or build a layer with the other one."
            )
        super().set_value(new_value, borrow=borrow)


def new_parameter(value: np.ndarray, name: str | None = None) -> Parameter:
    """Make a shared variable that starts from a value and keeps its shape.

    Parameters
    ----------
    value : numpy.ndarray
        The first value, which is copied; the variable has its dtype and its shape.
    name : str, optional
        The name. Default: None.

    Returns
    -------
    Parameter
        The variable.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.parameter import new_parameter
    >>> new_parameter(np.zeros((2, 3), dtype="float32"), name="W").type
    TensorType(float32, shape=(2, 3))
    """
    variable_type = TensorType(dtype=value.dtype.name, shape=value.shape)
    return Parameter(type=variable_type, value=np.array(value), strict=False, name=name)
