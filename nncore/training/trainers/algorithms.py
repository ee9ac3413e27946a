"""The update rules that trainers know by name, with the keywords and defaults of downhill."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nncore import registry, updates

__all__ = ["ALGORITHMS", "Algorithm", "find_algorithm"]


@dataclass(frozen=True)
class Algorithm:
    """An update rule with defaults.

    Attributes
    ----------
    rule : callable
        The update rule.
    learning_rate : float or None
        Its default; None leaves the rule's own.
    keywords : dict
        From keyword to the rule's argument and the default. A keyword that ends in ``_halflife``
        is a number of steps, and becomes a decay.
    momentum : float
        The default momentum.
    nesterov : bool
        Whether the momentum is Nesterov's by default.
    """

    rule: Callable[..., Any]
    learning_rate: float | None = None
    keywords: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    momentum: float = 0.0
    nesterov: bool = False

    @property
    def options(self) -> set[str]:
        """The names of all arguments: downhill's keywords, and the rule's own."""
        own = set(inspect.signature(self.rule).parameters) - {
            "loss",
            "loss_or_grads",
            "params",
            "grads",
        }
        return {*own, *self.keywords, "learning_rate", "momentum", "nesterov"}

    def resolve(self, given: Mapping[str, Any]) -> tuple[Callable[..., Any], Any, dict[str, Any]]:
        """Make of given arguments what :func:`nncore.training.train` takes.

        Parameters
        ----------
        given : dict
            Some of :attr:`options`.

        Returns
        -------
        rule : callable
            The rule, with momentum if there is some.
        learning_rate : float, expression, Schedule or None
            The rate.
        options : dict
            The rule's other arguments.

        Raises
        ------
        ValueError
            If a half-life is not greater than 0, or the momentum not from 0 to less than 1.
        """
        arguments = dict(given)
        rate = arguments.pop("learning_rate", self.learning_rate)
        options: dict[str, Any] = {}
        for keyword, (argument, default) in self.keywords.items():
            value = arguments.pop(keyword, default)
            if keyword.endswith("_halflife"):
                if not value > 0:
                    raise ValueError(f"{keyword} must be greater than 0, not {value!r}")
                value = math.exp(-math.log(2) / value)
            options[argument] = value
        own = set(inspect.signature(self.rule).parameters)
        momentum, nesterov = self.momentum, arguments.pop("nesterov", self.nesterov)
        if "momentum" not in own:
            momentum = arguments.pop("momentum", momentum)
        if isinstance(momentum, int | float) and not 0 <= momentum < 1:
            raise ValueError(f"momentum must be from 0 to less than 1, not {momentum!r}")
        options |= arguments
        rule = self.rule
        if not isinstance(momentum, int | float) or momentum > 0:
            rule = _with_momentum(rule, momentum, bool(nesterov))
        return rule, rate, options


def _with_momentum(rule: Callable[..., Any], momentum: Any, nesterov: bool) -> Callable[..., Any]:
    apply = updates.apply_nesterov_momentum if nesterov else updates.apply_momentum

    def moved(first: Any, params: Any, **options: Any) -> Any:
        params = list(params)
        return apply(rule(first, params, **options), params, momentum)

    # It is called as the rule is, with gradients besides the loss if the rule takes them.
    moved.__signature__ = inspect.signature(rule)  # type: ignore[attr-defined]
    moved.__name__ = getattr(rule, "__name__", "rule")
    return moved


_RMS = {"rms_halflife": ("rho", 14.0), "rms_regularizer": ("epsilon", 1e-8)}
_BETAS = {
    "beta1_halflife": ("beta1", 7.0),
    "beta2_halflife": ("beta2", 69.0),
    "rms_regularizer": ("epsilon", 1e-8),
}
_SIGNS = {
    "rprop_increase": ("increase", 1.01),
    "rprop_decrease": ("decrease", 0.99),
    "rprop_min_step": ("min_step", 0.0),
    "rprop_max_step": ("max_step", 100.0),
}
_NESTEROV = Algorithm(updates.sgd, 1e-4, momentum=0.9, nesterov=True)

#: The algorithms by name. Any other registered update rule can be named too.
ALGORITHMS: dict[str, Algorithm] = {
    "sgd": Algorithm(updates.sgd, 1e-4),
    "nag": _NESTEROV,
    "nesterov": _NESTEROV,
    "rprop": Algorithm(updates.rprop, 1e-4, _SIGNS),
    "rmsprop": Algorithm(updates.rmsprop, 1e-4, _RMS),
    "adagrad": Algorithm(updates.adagrad, 1e-4, {"rms_regularizer": ("epsilon", 1e-8)}),
    "adadelta": Algorithm(updates.adadelta, 1.0, _RMS),
    "esgd": Algorithm(updates.esgd, 1e-4, _RMS),
    "adam": Algorithm(updates.adam, 1e-4, _BETAS),
    "adamax": Algorithm(updates.adamax, 1e-4, _BETAS),
    "amsgrad": Algorithm(updates.amsgrad, 1e-4, _BETAS),
}


def find_algorithm(algo: str | Callable[..., Any]) -> Algorithm | None:
    """Find an algorithm.

    Parameters
    ----------
    algo : str or callable
        A name of :data:`ALGORITHMS`, in any case, of a registered update rule, or a rule.

    Returns
    -------
    Algorithm or None
        None if there is none of this name.
    """
    if not isinstance(algo, str):
        return Algorithm(algo)
    if algo.lower() in ALGORITHMS:
        return ALGORITHMS[algo.lower()]
    if algo in registry.names("update"):
        return Algorithm(registry.get("update", algo))
    return None
