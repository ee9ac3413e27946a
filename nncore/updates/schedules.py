"""Learning rates that change with the number of steps made.

A schedule is an expression of a step counter. The counter belongs to the state of the optimizer,
so a training that is resumed from a checkpoint goes on with the rate that it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from nncore.updates._common import Updates

__all__ = [
    "Schedule",
    "apply_schedule",
    "constant_schedule",
    "cosine_schedule",
    "exponential_schedule",
    "linear_schedule",
    "step_schedule",
    "warm_up",
]


class Schedule:
    """A learning rate as a function of the number of steps made.

    Parameters
    ----------
    function : callable
        Takes the number of steps made before this one, an expression of type ``floatX`` that is 0
        in the first step, and returns the rate.

    Examples
    --------
    >>> from nncore.updates import Schedule
    >>> halving = Schedule(lambda t: 0.5**t)
    >>> [float(halving(t).eval()) for t in range(3)]
    [1.0, 0.5, 0.25]
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, t: Any) -> Any:
        """Give the rate of a step.

        Parameters
        ----------
        t : int or expression
            The number of steps made before.

        Returns
        -------
        expression
            A scalar of type ``floatX``.
        """
        floatX = pytensor.config.floatX
        return pt.cast(self.function(pt.cast(t, floatX)), floatX)


def _steps(name: str, steps: Any) -> float:
    if isinstance(steps, bool) or not steps > 0 or not math.isfinite(steps):
        raise ValueError(f"{name} must be a number of steps greater than 0, not {steps!r}")
    return float(steps)


def _done(t: Any, steps: float) -> Any:
    """Which part of so many steps is done, from 0 to 1."""
    return pt.minimum(t / steps, 1.0)


def constant_schedule(rate: float) -> Schedule:
    r"""The same rate in every step.

    Parameters
    ----------
    rate : float
        The rate.

    Returns
    -------
    Schedule
        The schedule, to be given to :func:`warm_up`, for example.

    Examples
    --------
    >>> from nncore.updates import constant_schedule
    >>> float(constant_schedule(0.5)(100).eval())
    0.5
    """
    return Schedule(lambda t: 0 * t + float(rate))


def linear_schedule(first: float, last: float, steps: int) -> Schedule:
    r"""A rate that changes along a line: :math:`\eta_t = a + (b - a) \min(t / n, 1)`.

    Parameters
    ----------
    first, last : float
        The rate :math:`a` of the first step and the rate :math:`b` after `steps` steps.
    steps : int
        The number of steps :math:`n`, greater than 0.

    Returns
    -------
    Schedule
        The schedule.

    Raises
    ------
    ValueError
        If `steps` is not greater than 0.

    Examples
    --------
    >>> from nncore.updates import linear_schedule
    >>> [float(linear_schedule(1.0, 0.0, steps=4)(t).eval()) for t in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """
    n = _steps("steps", steps)
    return Schedule(lambda t: float(first) + (float(last) - float(first)) * _done(t, n))


def cosine_schedule(first: float, last: float, steps: int) -> Schedule:
    r"""A rate that falls along half a wave of a cosine, slowly at both ends.

    :math:`\eta_t = b + (a - b) (1 + \cos(\pi \min(t / n, 1))) / 2`

    Parameters
    ----------
    first, last : float
        The rate :math:`a` of the first step and the rate :math:`b` after `steps` steps.
    steps : int
        The number of steps :math:`n`, greater than 0.

    Returns
    -------
    Schedule
        The schedule.

    Raises
    ------
    ValueError
        If `steps` is not greater than 0.

    References
    ----------
    .. [1] Ilya Loshchilov and Frank Hutter (2016): SGDR: stochastic gradient descent with warm
           restarts. arXiv:1608.03983.

    Examples
    --------
    >>> from nncore.updates import cosine_schedule
    >>> [round(float(cosine_schedule(1.0, 0.0, 4)(t).eval()), 3) for t in (0, 1, 2, 4)]
    [1.0, 0.854, 0.5, 0.0]
    """
    n = _steps("steps", steps)
    a, b = float(first), float(last)
    return Schedule(lambda t: b + (a - b) * 0.5 * (1.0 + pt.cos(math.pi * _done(t, n))))


def exponential_schedule(first: float, factor: float, steps: int = 1) -> Schedule:
    r"""A rate that is multiplied by a factor in so many steps: :math:`\eta_t = a f^{t / n}`.

    Parameters
    ----------
    first : float
        The rate :math:`a` of the first step.
    factor : float
        The factor :math:`f`, greater than 0.
    steps : int, default 1
        The number of steps :math:`n`, greater than 0.

    Returns
    -------
    Schedule
        The schedule.

    Raises
    ------
    ValueError
        If `factor` or `steps` is not greater than 0.

    Examples
    --------
    >>> from nncore.updates import exponential_schedule
    >>> [float(exponential_schedule(1.0, 0.25, steps=2)(t).eval()) for t in range(3)]
    [1.0, 0.5, 0.25]
    """
    n = _steps("steps", steps)
    if not factor > 0:
        raise ValueError(f"factor must be greater than 0, not {factor!r}")
    exponent = math.log(factor) / n
    return Schedule(lambda t: float(first) * pt.exp(exponent * t))


def step_schedule(first: float, factor: float, steps: int) -> Schedule:
    r"""A rate that is multiplied by a factor after every so many steps.

    :math:`\eta_t = a f^{\lfloor t / n \rfloor}`

    Parameters
    ----------
    first : float
        The rate :math:`a` of the first steps.
    factor : float
        The factor :math:`f`.
    steps : int
        The number of steps :math:`n`, greater than 0.

    Returns
    -------
    Schedule
        The schedule.

    Raises
    ------
    ValueError
        If `steps` is not greater than 0.

    Examples
    --------
    >>> from nncore.updates import step_schedule
    >>> [float(step_schedule(1.0, 0.5, steps=2)(t).eval()) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    n = _steps("steps", steps)
    return Schedule(lambda t: float(first) * float(factor) ** pt.floor(t / n))


def warm_up(schedule: Schedule | float, steps: int) -> Schedule:
    r"""Let the first rates of a schedule grow: :math:`\eta'_t = \eta_t \min((t + 1) / n, 1)`.

    Parameters
    ----------
    schedule : Schedule or float
        The schedule :math:`\eta`, whose own steps are counted from the first step too.
    steps : int
        The number of steps :math:`n`, greater than 0; the last of them has the full rate.

    Returns
    -------
    Schedule
        The schedule.

    Raises
    ------
    ValueError
        If `steps` is not greater than 0.

    References
    ----------
    .. [1] Priya Goyal et al. (2017): Accurate, large minibatch SGD: training ImageNet in 1 hour.
           arXiv:1706.02677.

    Examples
    --------
    >>> from nncore.updates import warm_up
    >>> [float(warm_up(1.0, steps=4)(t).eval()) for t in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    n = _steps("steps", steps)
    inner = schedule if isinstance(schedule, Schedule) else constant_schedule(schedule)
    return Schedule(lambda t: inner(t) * _done(t + 1, n))


def apply_schedule(rule: Callable[..., Updates], schedule: Schedule) -> Callable[..., Updates]:
    """Make an update rule take its learning rate from a schedule.

    Parameters
    ----------
    rule : callable
        An update rule with an argument ``learning_rate``.
    schedule : Schedule
        The learning rate.

    Returns
    -------
    callable
        An update rule without that argument. Its updates contain a step counter, the shared
        variable ``learning_rate.t`` of type int32.

    Examples
    --------
    >>> import numpy as np, pytensor
    >>> from nncore.updates import apply_schedule, linear_schedule, sgd
    >>> w = pytensor.shared(np.float32(3), name="w")
    >>> list(apply_schedule(sgd, linear_schedule(0.1, 0.0, 100))(w**2, [w]))
    [w, learning_rate.t]
    """

    def scheduled(loss_or_grads: Any, params: Any, **options: Any) -> Updates:
        counter = pytensor.shared(np.zeros((), dtype="int32"), name="learning_rate.t")
        updates = rule(loss_or_grads, params, learning_rate=schedule(counter), **options)
        updates[counter] = counter + np.int32(1)
        return updates

    return scheduled
