"""Update rules out of formulas."""

from __future__ import annotations

import functools
import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, overload

import numpy as np
import pytensor
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable

from nncore.decorators._functions import PLAIN, arguments_of
from nncore.updates._common import Updates, labels, like
from nncore.updates.gradients import get_or_compute_grads

__all__ = ["update_rule"]


@overload
def update_rule(function: Callable[..., Any], /) -> Callable[..., Updates]: ...
@overload
def update_rule(
    *, state: Mapping[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Updates]]: ...
def update_rule(
    function: Callable[..., Any] | None = None, /, *, state: Mapping[str, Any] | None = None
) -> Any:
    """Make an update rule out of a formula.

    Parameters
    ----------
    function : callable
        It takes, in this order,

        * ``param`` and ``grad``, one parameter and its gradient, then the variables of `state`,
          and returns the new value of the parameter, or a tuple of it and the new values of the
          state; or
        * ``params`` and ``grads``, two lists, and returns a dict from shared variable to new
          value.

        Its other arguments are hyperparameters.
    state : dict, optional
        For each variable that a parameter has of its own in the first form, its initial value: a
        number, or a function of the parameter's value. Default: none.

    Returns
    -------
    callable
        A function of ``loss_or_grads``, ``params`` and the hyperparameters, as those of
        :mod:`nncore.updates`. New values have the dtypes of what they replace, and hyperparameters
        the dtype of the parameter. The variables of the state are named after the parameter and
        the rule, such as ``W.my_momentum.velocity``.

    Raises
    ------
    TypeError
        If the function's arguments are not as described.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.decorators import update_rule
    >>> @update_rule(state={"velocity": 0.0})
    ... def heavy_ball(param, grad, velocity, learning_rate=0.1, momentum=0.9):
    ...     velocity = momentum * velocity - learning_rate * grad
    ...     return param + velocity, velocity
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(heavy_ball(w**2, [w], learning_rate=0.5))
    [w, w.heavy_ball.velocity]
    """
    if function is None:
        return functools.partial(_update_rule, state=dict(state or {}))
    return _update_rule(function, {})


def _update_rule(function: Any, state: Mapping[str, Any]) -> Callable[..., Updates]:
    arguments = arguments_of("update_rule", function, ("param", "params"))
    each = arguments[0].name == "param"
    names = [argument.name for argument in arguments]
    expected = ["param", "grad", *state] if each else ["params", "grads"]
    if names[: len(expected)] != expected or (state and not each):
        raise TypeError(
            f"@update_rule: {function.__qualname__} must begin with the arguments param, grad and "
            f"those of state ({', '.join(state) or 'none'}), or with params and grads, and no "
            f"state; it has {', '.join(names)}."
        )

    @functools.wraps(function)
    def rule(loss_or_grads: Any, params: Any, *args: Any, **kwargs: Any) -> Updates:
        params = list(params)
        grads = get_or_compute_grads(loss_or_grads, params)
        if not each:
            return _same_types(function, function(params, list(grads), *args, **kwargs))
        updates: Updates = OrderedDict()
        for param, label, grad in zip(params, labels(params), grads, strict=True):
            own = [
                _new_state(param, f"{label}.{function.__name__}.{name}", initial)
                for name, initial in state.items()
            ]
            options = {name: _hyper(value, param) for name, value in kwargs.items()}
            more = [_hyper(value, param) for value in args]
            result = function(param, like(grad, param), *own, *more, **options)
            values = result if isinstance(result, tuple) else (result,)
            if len(values) != 1 + len(own):
                raise ValueError(
                    f"{function.__qualname__} returned {len(values)} values; it must return the "
                    f"new value of the parameter{', '.join(['', *state])}, in this order."
                )
            updates.update(zip((param, *own), values, strict=True))
        return _same_types(function, updates)

    first, second = (inspect.Parameter(name, PLAIN) for name in ("loss_or_grads", "params"))
    signature = inspect.Signature([first, second, *arguments[len(expected) :]])
    rule.__signature__ = signature  # type: ignore[attr-defined]
    del rule.__wrapped__
    return rule


def _hyper(value: Any, param: SharedVariable) -> Any:
    return like(value, param) if isinstance(value, Variable) else value


def _new_state(param: SharedVariable, name: str, initial: Any) -> SharedVariable:
    value = param.get_value(borrow=True)
    start = initial(np.asarray(value)) if callable(initial) else np.full(value.shape, initial)
    start = np.array(start, dtype=param.type.dtype)
    return pytensor.shared(start, name=name, shape=start.shape)


def _same_types(function: Any, updates: Any) -> Updates:
    if not isinstance(updates, Mapping):
        raise TypeError(
            f"{function.__qualname__} returned {updates!r}; it must return a dict from shared "
            "variable to new value."
        )
    return OrderedDict((variable, like(value, variable)) for variable, value in updates.items())
