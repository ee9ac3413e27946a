"""Parameter descriptions that several classes share, written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

__all__ = ["CONV_PARAMETERS", "POOL_PARAMETERS", "describe"]

T = TypeVar("T", bound=type)

CONV_PARAMETERS = """
num_filters : int
    Number of filters, which is the number of channels of the output.
filter_size : int or sequence of int
    Size of the filters, for all spatial axes or for each.
stride : int or sequence of int
    Step of the filters, for all spatial axes or for each. Default: 1.
pad : int, sequence of int or of (before, after) pairs, or str
    Zeros around the input: on both sides of every axis, or of each, or before and after each.
    ``'valid'`` is no padding; ``'full'`` gives an output for every overlap of filter and input;
    ``'same'`` keeps the size under a stride of 1 (of an odd number of zeros, the extra one comes
    after). Default: 0.
untie_biases : bool
    If true, every position of the output has biases of its own. Default: False.
W : shared variable, expression, array, number or callable
    The filters, ``(num_filters, channels // num_groups, *filter_size)``. Default: Glorot's uniform
    initialization.
b : shared variable, expression, array, number, callable or None
    The biases, ``(num_filters,)`` or, untied, ``(num_filters, *output)``; None for none.
    Default: zeros.
nonlinearity : callable or None
    Applied to the result; None for none. Default: rectification.
flip_filters : bool
    True for the mathematical convolution, which turns the filters round; False for
    cross-correlation. Default: True.
num_groups : int
    Divide channels and filters into groups that see only each other; as many groups as channels
    make a depthwise convolution. Default: 1.
dilation : int or sequence of int
    Distance between the filters' taps. Default: 1.
implementation : str or None
    Name of the implementation, ``"auto"`` or ``"fastest"``; see :func:`nncore.using`. Default:
    the choice of the enclosing ``with nncore.using(conv=...)`` block, if there is one, or else
    the process's.
**kwargs
    Passed to :class:`Layer`.
"""

POOL_PARAMETERS = """
pool_size : int or sequence of int
    Size of the window, for all spatial axes or for each.
stride : int, sequence of int or None
    Step of the window, for all spatial axes or for each. Default: `pool_size`.
pad : int, sequence of int or of (before, after) pairs
    Padding around the input, less than the window. A maximum never picks it. Default: 0.
ignore_border : bool
    True leaves out windows that reach over the end; False cuts them off there. Default: True.
implementation : str or None
    Name of the implementation, ``"auto"`` or ``"fastest"``; see :func:`nncore.using`. Default:
    the choice of the enclosing ``with nncore.using(pool=...)`` block, if there is one, or else
    the process's.
**kwargs
    Passed to :class:`Layer`.
"""


def describe(parameters: str) -> Callable[[T], T]:
    """Put shared descriptions in place of ``<parameters>`` in a class's docstring.

    Parameters
    ----------
    parameters : str
        The descriptions, in numpydoc's form.

    Returns
    -------
    callable
        A class decorator.
    """

    def decorate(cls: T) -> T:
        # Under -OO there are no docstrings.
        if cls.__doc__:
            cls.__doc__ = inspect.cleandoc(cls.__doc__).replace("<parameters>", parameters.strip())
        return cls

    return decorate
