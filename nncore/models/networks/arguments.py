"""Arguments that all kinds of networks share: their description, and losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nncore.objectives import Loss, as_losses

__all__ = ["PARAMETERS", "loss_from"]

PARAMETERS = """
layers : sequence
    The input, and one item for each layer from the first to the output. The input is the number of
    features, or the shape of a sample, with None for a size that may vary, or a dict with
    ``size`` or ``shape`` and perhaps ``name`` and ``dtype``, or an
    :class:`~nncore.layers.InputLayer`. With a recurrent layer among the others, a number of
    features stands for sequences of them, ``(batch, time, features)``. A layer is its number of
    units; or a form, such as ``"flat"``; or a tuple of a number of units, a form and an
    activation, such as ``(100, "lstm")`` or ``(100, "relu")``; or a dict of ``size``, ``form``,
    ``activation``, ``name``, ``inputs`` (names of layers before it) and more arguments of the
    form's class; or a class of layers; or a layer that is built on the one before. The names of
    layers are ``in``, ``hid1``, ``hid2``, ..., ``out``, unless they have others.
loss : str, dict, Loss, callable, or sequence of these
    What is minimized: the name of an objective, the arguments of a
    :class:`nncore.objectives.Loss` with the name as ``form``, a loss, or a function of predictions
    and targets. Of several, the weighted sum. Default: <loss>.
weighted : bool or int
    Whether there are weights, an array after the targets: one for each sample, or with 2 for each
    step of each sequence. Default: False.
masked : bool
    Whether there is a mask, an array after the input, ``(batch, time)``, nonzero where an element
    of a sequence counts. All recurrent layers use it, and if the output has steps, so do the losses
    that are not weighted. Default: False.
rng : int, numpy.random.RandomState, numpy.random.Generator or None
    What the initial parameters come from, or the seed of it; None for
    :func:`nncore.random.get_rng`. Default: 13.
backend : str
    ``"numba"``, ``"jax"`` or ``"python"``. Default: ``"numba"``.
"""


def loss_from(spec: Any, weighted: bool | int, **defaults: Any) -> list[Loss]:
    """Make losses of what a user gave for them.

    Parameters
    ----------
    spec : str, dict, Loss, callable, or sequence of these
        As for :class:`Network`.
    weighted : bool or int
        For those that do not say it themselves.
    **defaults
        More arguments of :class:`nncore.objectives.Loss` for those that are no loss yet.

    Returns
    -------
    list of Loss
        At least one.
    """
    found: list[Loss] = []
    for one in spec if isinstance(spec, list | tuple) else [spec]:
        if isinstance(one, Loss):
            found.append(one)
        elif one == "gll":
            found += as_losses(one, weighted)
        else:
            given = dict(one) if isinstance(one, Mapping) else {"form": one}
            form = given.pop("form", "mse")
            found.append(Loss(form, **{"weighted": weighted, **defaults, **given}))
    return found or as_losses([], weighted)
