"""Networks on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nncore.errors import ModelFileError
from nncore.layers import get_all_layers
from nncore.objectives import Loss
from nncore.serialization import load_model, save_model

__all__ = ["read_network", "save_network"]


def save_network(network: Any, path: str | Path) -> None:
    """Save a network.

    Parameters
    ----------
    network : Network
        The network.
    path : str or pathlib.Path
        As for :meth:`nncore.models.Network.save`.

    Raises
    ------
    nncore.errors.ModelFileError
        If something cannot be saved.
    """
    output, *loose = network._heads()
    if loose:
        raise ModelFileError(
            "a network is saved from its output, but the layers "
            f"{', '.join(one.name for one in loose)} are not below it."
        )
    if any(isinstance(one, Loss) for one in network._loss_specs):
        raise ModelFileError(
            "a loss that was given as an object cannot be saved; give its arguments as a dict, "
            "such as dict(form='mse', weight=0.5)."
        )
    about = {
        "class": type(network).__name__,
        "layers": list(network.layers),
        "loss": network._loss_specs,
        "weighted": network.weighted,
        "masked": network.masked,
    }
    save_model(output, path, {"network": about})


def read_network(
    path: str | Path, kinds: Mapping[str, Any]
) -> tuple[Any, dict[str, Any], Mapping[str, Any]]:
    """Read the parts of a network.

    Parameters
    ----------
    path : str or pathlib.Path
        As for :meth:`nncore.models.Network.load`.
    kinds : dict
        The classes of networks by name.

    Returns
    -------
    kind : type
        The class.
    layers : dict of str to Layer
        The layers by name.
    about : dict
        ``"loss"``, ``"weighted"`` and ``"masked"``, as for the constructor.

    Raises
    ------
    nncore.errors.ModelFileError
        If the files are damaged, or hold something else.
    """
    model = load_model(path)
    about = model.metadata.get("network")
    if not isinstance(about, Mapping) or about.get("class") not in kinds:
        raise ModelFileError(
            f"{path} was not saved from a network of nncore.models; read it with "
            "nncore.serialization.load_model."
        )
    found = {one.name: one for one in get_all_layers(model.layer)}
    return kinds[about["class"]], {name: found[name] for name in about["layers"]}, about
