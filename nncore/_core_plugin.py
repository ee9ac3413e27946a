"""The core's own registrations, through the same hooks as any plugin's."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from nncore.hookspecs import Implementation, hookimpl

nncore_contract = 1


def _public(module: ModuleType) -> dict[str, Any]:
    return {name: getattr(module, name) for name in module.__all__}


@hookimpl
def nncore_layers() -> dict[str, Any]:
    """Every layer class of :mod:`nncore.layers`."""
    from nncore import layers

    return {
        name: value
        for name, value in _public(layers).items()
        if inspect.isclass(value) and issubclass(value, layers.Layer)
    }


@hookimpl
def nncore_implementations() -> Iterable[Implementation]:
    """The reference, Numba and JAX implementations."""
    from nncore.ops.kernels import implementations

    return implementations()


@hookimpl
def nncore_initializers() -> dict[str, Any]:
    """Every initializer of :mod:`nncore.init`."""
    from nncore import init

    return _public(init)


@hookimpl
def nncore_nonlinearities() -> dict[str, Any]:
    """Every nonlinearity of :mod:`nncore.nonlinearities`."""
    from nncore import nonlinearities

    return _public(nonlinearities)


@hookimpl
def nncore_objectives() -> dict[str, Any]:
    """Every function of predictions and targets of :mod:`nncore.objectives`, with short names."""
    from nncore import objectives

    helpers = {"as_losses", "gaussian_log_likelihood"}
    functions = {
        name: value
        for name, value in _public(objectives).items()
        if inspect.isfunction(value) and name not in helpers
    }
    return functions | {
        "kl": objectives.kullback_leibler,
        "kld": objectives.kullback_leibler,
        "mae": objectives.absolute_error,
        "mmd": objectives.maximum_mean_discrepancy,
        "mse": objectives.squared_error,
        "xe": objectives.categorical_crossentropy,
    }


@hookimpl
def nncore_updates() -> dict[str, Any]:
    """Every update rule of :mod:`nncore.updates`, without what only serves them."""
    from nncore import updates

    rules = (
        "adadelta",
        "adagrad",
        "adam",
        "adamax",
        "amsgrad",
        "esgd",
        "momentum",
        "nesterov_momentum",
        "rmsprop",
        "rprop",
        "sgd",
    )
    return {name: getattr(updates, name) for name in rules}
