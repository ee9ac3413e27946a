"""Objectives out of formulas."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt

from nncore.decorators._functions import arguments_of
from nncore.objectives import align_targets
from nncore.utils import as_tensor

__all__ = ["objective"]


def objective(function: Callable[..., Any], /) -> Callable[..., Any]:
    """Make an objective out of a formula.

    Parameters
    ----------
    function : callable
        It takes ``predictions`` and ``targets`` and may have further arguments. It returns the
        elementwise loss.

    Returns
    -------
    callable
        A function with the same arguments, which takes arrays and numbers too, turns a vector of
        targets into a column if the predictions are one (see
        :func:`nncore.objectives.align_targets`), and keeps the loss in the dtype of the
        predictions.

    Raises
    ------
    TypeError
        If the function's arguments are not as described.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.decorators import objective
    >>> @objective
    ... def absolute_error(predictions, targets, scale=1.0):
    ...     return scale * abs(predictions - targets)
    >>> absolute_error(pt.col("predictions"), pt.vector("targets")).type.shape
    (None, 1)
    """
    arguments = arguments_of("objective", function, ("predictions",))
    if len(arguments) < 2 or arguments[1].name != "targets":
        raise TypeError(
            f"@objective: the second argument of {function.__qualname__} must be 'targets'."
        )

    @functools.wraps(function)
    def compute(predictions: Any, targets: Any, *args: Any, **kwargs: Any) -> Any:
        prediction: Any = as_tensor(predictions)
        loss: Any = as_tensor(
            function(*align_targets(prediction, as_tensor(targets)), *args, **kwargs)
        )
        is_wider = loss.type.dtype == "float64" and prediction.type.dtype == "float32"
        return pt.cast(loss, "float32") if is_wider else loss

    return compute
