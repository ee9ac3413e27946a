"""Finds, loads, isolates and reports plugins.

The walk over the entry points is nncore's own: pluggy's loader would let the first plugin that
fails to import stop all the others.
"""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass, field
from importlib import metadata
from types import ModuleType
from typing import Any

import pluggy

from nncore import hookspecs
from nncore._version import __version__
from nncore.errors import PluginError
from nncore.hookspecs import CONTRACT_VERSION, ENTRY_POINT_GROUP

__all__ = ["CORE", "OFFICIAL", "Plugin", "all_plugins", "manager", "missing", "reload", "suggest"]

#: The distribution that the core's own registrations belong to.
CORE = "nncore-pytensor"

#: What nncore's own plugins provide, so that an error can say what to install.
OFFICIAL: dict[str, tuple[str, ...]] = {
    "nncore-cudnn": (
        "cudnn",
        "BatchNormDNN",
        "Conv2DDNN",
        "Conv3DDNN",
        "MaxPool2DDNN",
        "MaxPool3DDNN",
        "Pool2DDNN",
        "Pool3DDNN",
        "SpatialPyramidPoolingDNN",
        "batch_norm_dnn",
    ),
    "nncore-corrmm": ("corrmm", "Conv2DMM"),
    "nncore-cuda-convnet": (
        "cuda_convnet",
        "Conv2DCC",
        "MaxPool2DCC",
        "NINLayer_c01b",
        "ShuffleBC01ToC01B",
        "ShuffleC01BToBC01",
        "bc01_to_c01b",
        "c01b_to_bc01",
    ),
}


@dataclass
class Plugin:
    """A plugin that was found, and what became of it.

    Attributes
    ----------
    name : str
        The entry point's name.
    distribution : str
        The distribution that it came with.
    version : str
        The distribution's version.
    state : str
        ``"loaded"``, ``"failed"`` or ``"disabled"``.
    reason : str
        Why it failed or was not loaded.
    module : module or object
        What was registered, None unless it is loaded.
    provides : dict
        What it registered: kind to names.
    """

    name: str
    distribution: str
    version: str
    state: str = "loaded"
    reason: str = ""
    module: Any = None
    provides: dict[str, tuple[str, ...]] = field(default_factory=dict)


_lock = threading.RLock()
_manager: pluggy.PluginManager | None = None
_loading = False
_plugins: list[Plugin] = []


def _normal(distribution: str) -> str:
    """One spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _disabled() -> set[str]:
    words = os.environ.get("NNCORE_DISABLE_PLUGINS", "").replace(",", " ").split()
    return {*words, *map(_normal, words)}


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _register(plugin: Plugin, module: Any, pm: pluggy.PluginManager) -> None:
    contract = getattr(module, "nncore_contract", None)
    # The distribution tells entry points of one name apart.
    key = f"{plugin.distribution}:{plugin.name}"
    if contract != CONTRACT_VERSION:
        plugin.state = "failed"
        plugin.reason = (
            f"it does not say for which version of the plugin contract it was made (set "
            f"nncore_contract = {CONTRACT_VERSION} in {getattr(module, '__name__', module)!s})"
            if contract is None
            else f"it was made for version {contract!r} of the plugin contract, and nncore "
            f"{__version__} has version {CONTRACT_VERSION}; install a version of "
            f"{plugin.distribution} that fits, or another nncore"
        )
        return
    try:
        pm.register(module, key)
        pm.check_pending()
    except Exception as error:
        if pm.get_plugin(key) is module:
            pm.unregister(module)
        plugin.state, plugin.reason = "failed", _describe(error)
        return
    plugin.module = module


def _load() -> pluggy.PluginManager:
    from nncore import _core_plugin

    pm = pluggy.PluginManager(ENTRY_POINT_GROUP)
    pm.add_hookspecs(hookspecs)
    _plugins.clear()
    core = Plugin("core", CORE, __version__)
    _plugins.append(core)
    _register(core, _core_plugin, pm)
    if core.state != "loaded":
        raise PluginError(f"nncore's own registrations are broken: {core.reason}.")

    disabled = _disabled()
    found: set[tuple[str, str, str]] = set()
    for entry in metadata.entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry.dist.name if entry.dist else "unknown distribution"
        version = entry.dist.version if entry.dist else "?"
        # A distribution that lies on sys.path twice is found twice.
        if (identity := (distribution, entry.name, entry.value)) in found:
            continue
        found.add(identity)
        plugin = Plugin(entry.name, distribution, version)
        _plugins.append(plugin)
        if disabled & {"*", entry.name, _normal(distribution)}:
            plugin.state, plugin.reason = "disabled", "named in NNCORE_DISABLE_PLUGINS"
            continue
        try:
            module: ModuleType = entry.load()
            _register(plugin, module, pm)
        except (Exception, SystemExit) as error:
            plugin.state, plugin.reason = "failed", _describe(error)
    return pm


def manager() -> pluggy.PluginManager:
    """The pluggy manager, with every plugin that could be loaded.

    Returns
    -------
    pluggy.PluginManager
        Plugins are loaded at the first call.

    Raises
    ------
    nncore.errors.PluginError
        If a plugin asks for it while it is being imported.
    """
    global _manager, _loading
    with _lock:
        if _manager is None:
            if _loading:
                raise PluginError(
                    "it asks for registered names while it is being imported; look them up in a "
                    "hook's results, or when they are used"
                )
            _loading = True
            try:
                _manager = _load()
            finally:
                _loading = False
        return _manager


def reload() -> None:
    """Forget all plugins; they are looked for again when something is next asked for."""
    global _manager
    from nncore import registry

    with _lock:
        _manager = None
        _plugins.clear()
    registry.forget()


def all_plugins() -> tuple[Plugin, ...]:
    """Every plugin that was found, loaded or not, the core first.

    Returns
    -------
    tuple of Plugin
        With what each provides.
    """
    from nncore import registry

    registry.load()
    return tuple(_plugins)


def suggest(name: str) -> str:
    """Say which plugin a name belongs to, or why the plugin did not provide it.

    Parameters
    ----------
    name : str
        A name that is not registered; it may be qualified as ``distribution:name``.

    Returns
    -------
    str
        A sentence, or an empty string if nothing is known.
    """
    if absent := missing(name):
        return absent
    bare = name.rpartition(":")[2]
    if owner := _official(bare):
        return f"It comes with a plugin: pip install {owner}."
    return ""


def missing(name: str) -> str:
    """Say why the plugin that a name belongs to was found and not loaded.

    Parameters
    ----------
    name : str
        A name that is not registered; it may be qualified as ``distribution:name``.

    Returns
    -------
    str
        A sentence with the stored reason, or an empty string if there is no such plugin.
    """
    owner, _, bare = name.rpartition(":")
    wanted = {_normal(word) for word in (owner, _official(bare)) if word}
    for plugin in _plugins:
        if plugin.state == "loaded":
            continue
        if plugin.name in (owner, bare) or _normal(plugin.distribution) in wanted:
            return f"The plugin {plugin.name} ({plugin.distribution} {plugin.version}) is " + (
                f"disabled: {plugin.reason}."
                if plugin.state == "disabled"
                else f"installed but failed to load: {plugin.reason.rstrip('.')}."
            )
    return ""


def _official(name: str) -> str | None:
    """The official plugin that has a name."""
    both = {name, name.removesuffix("Layer")}
    return next((dist for dist, names in OFFICIAL.items() if both & set(names)), None)
