"""Limits on gradients, and their norms as monitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytensor.tensor as pt

from nncore.graph import parameter_names
from nncore.updates import clip_by_norm, clip_by_value, get_or_compute_grads, total_norm_constraint

__all__ = ["GradientLimits", "gradient_norms"]


@dataclass(frozen=True)
class GradientLimits:
    """Limits on gradients, in the order in which they act.

    Attributes
    ----------
    elem : float, optional
        The limit on the size of every element. Default: none.
    norm : float, optional
        The limit on the norm of the gradient by each parameter. Default: none.
    total_norm : float, optional
        The limit on the norm of all gradients together. Default: none.

    Raises
    ------
    ValueError
        When it acts, if a limit is not greater than 0.

    Examples
    --------
    >>> import pytensor.tensor as pt
    >>> from nncore.training.gradients import GradientLimits
    >>> (grad,) = GradientLimits(elem=2.0, norm=1.0)([3 * pt.ones(4)])
    >>> grad.eval()
    array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """

    elem: float | None = None
    norm: float | None = None
    total_norm: float | None = None

    def __bool__(self) -> bool:
        return bool(self.elem or self.norm or self.total_norm)

    def __call__(self, grads: Sequence[Any]) -> list[Any]:
        """Limit gradients.

        Parameters
        ----------
        grads : sequence of expression
            The gradients.

        Returns
        -------
        list of expression
            As many.
        """
        limited = list(grads)
        if self.elem:
            limited = clip_by_value(limited, self.elem)
        if self.norm:
            limited = clip_by_norm(limited, self.norm)
        if self.total_norm:
            limited = total_norm_constraint(limited, self.total_norm)
        return limited


def gradient_norms(network: Any, loss: Any, params: Sequence[Any]) -> dict[str, Any]:
    """The norms of the gradients of a loss, before any limit, by name of the parameter.

    Parameters
    ----------
    network : Layer or sequence of Layer
        The output layer or layers.
    loss : expression
        A scalar.
    params : sequence of SharedVariable
        By what to differentiate.

    Returns
    -------
    dict of str to expression
        Scalars, as ``grad(hid1.W)``.
    """
    names = parameter_names(network)
    return {
        f"grad({names[param]})": pt.sqrt(pt.sqr(grad).sum())
        for param, grad in zip(params, get_or_compute_grads(loss, params), strict=True)
    }
