"""Names and what they stand for: layers, implementations, initializers and the rest.

Everything in it comes from plugins, the core included, through the hooks of
:mod:`nncore.hookspecs`.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nncore import config, plugins
from nncore.errors import PluginError, UnknownNameError, did_you_mean
from nncore.hookspecs import Availability, Implementation, unavailable
from nncore.plugins import Plugin

__all__ = [
    "KINDS",
    "UnknownNameError",
    "availability",
    "check_implementation_name",
    "describe",
    "forget",
    "get",
    "implementation_choices",
    "implementations",
    "load",
    "name_of",
    "names",
]

_HOOKS = {
    "layer": "nncore_layers",
    "initializer": "nncore_initializers",
    "nonlinearity": "nncore_nonlinearities",
    "objective": "nncore_objectives",
    "update": "nncore_updates",
}

#: What can be registered; ``conv`` and ``pool`` are kinds of implementation.
KINDS = (*_HOOKS, "conv", "pool")

_NOUNS = {
    "update": "update rule",
    "conv": "convolution implementation",
    "pool": "pooling implementation",
}

_BACKENDS = ("python", "numba", "jax")

#: Names that choose an implementation without being one.
POLICIES = ("auto", "fastest")


@dataclass(frozen=True)
class _Entry:
    plugin: Plugin
    value: Any


class _Probe:
    """The question whether an implementation is available, asked in a thread that may hang."""

    def __init__(self, implementation: Implementation) -> None:
        # Held so that no other implementation gets its id.
        self.implementation = implementation
        self._answer: Availability | None = None
        self._lock = threading.Lock()
        self._answered = threading.Event()
        context = contextvars.copy_context()
        # A daemon, so that a probe that hangs does not keep the process alive.
        threading.Thread(
            target=context.run,
            args=(self._ask,),
            name=f"availability of {implementation.name}",
            daemon=True,
        ).start()

    def _ask(self) -> None:
        try:
            answer: Any = self.implementation.availability()
            if not isinstance(answer, Availability):
                answer = unavailable(f"its availability() gave {answer!r}")
        except BaseException as error:
            answer = unavailable(f"asking for it raised {plugins._describe(error)}")
        self._settle(answer)

    def _settle(self, answer: Availability) -> Availability:
        """Keep the first answer; one that comes after the limit changes nothing any more."""
        with self._lock:
            if self._answer is None:
                self._answer = answer
            self._answered.set()
            return self._answer

    def answer(self, limit: float) -> Availability:
        if self._answered.wait(limit):
            assert self._answer is not None
            return self._answer
        return self._settle(unavailable(f"its availability() did not answer within {limit:g} s"))


_lock = threading.RLock()
_entries: dict[str, dict[str, list[_Entry]]] | None = None
_collecting = False
_probes: dict[int, _Probe] = {}


def _canonical(kind: str, name: str) -> str:
    if kind == "layer" and name != "Layer":
        return name.removesuffix("Layer")
    return name


def _check_implementation(value: Any) -> Implementation:
    if not isinstance(value, Implementation):
        raise TypeError(f"nncore_implementations gave {value!r}, which is no Implementation")
    for attribute in ("name", "kind", "backends"):
        if not hasattr(value, attribute):
            raise TypeError(f"the implementation {value!r} has no attribute {attribute!r}")
    _check_name("nncore_implementations", value.name)
    if value.kind not in ("conv", "pool"):
        raise ValueError(f"{value.name} is of kind {value.kind!r}, not 'conv' or 'pool'")
    if value.name in POLICIES:
        raise ValueError(f"{value.name!r} is not allowed as the name of an implementation")
    if not isinstance(value.backends, tuple) or not set(value.backends) <= set(_BACKENDS):
        raise ValueError(
            f"{value.name} has backends={value.backends!r}, not a tuple of some of {_BACKENDS}"
        )
    if not isinstance(value.rank, int):
        raise TypeError(f"{value.name} has rank={value.rank!r}, not an integer")
    return value


def _check_name(hook: str, name: Any) -> None:
    if not isinstance(name, str) or not name or ":" in name:
        raise ValueError(f"{hook} gave the name {name!r}, not a string without a colon")


def _collect(plugin: Plugin) -> list[tuple[str, str, Any]]:
    """Call one plugin's hooks; whatever it raises is the plugin's failure."""
    pm = plugins.manager()
    found: list[tuple[str, str, Any]] = []
    for caller in pm.get_hookcallers(plugin.module) or []:
        for impl in caller.get_hookimpls():
            if impl.plugin is not plugin.module:
                continue
            result: Any = impl.function()
            if caller.name == "nncore_implementations":
                for value in result:
                    found.append((_check_implementation(value).kind, value.name, value))
                continue
            kind = next(k for k, hook in _HOOKS.items() if hook == caller.name)
            if not isinstance(result, Mapping):
                raise TypeError(f"{caller.name} must return a mapping of names, not {result!r}")
            for name, value in result.items():
                _check_name(caller.name, name)
                if not callable(value):
                    raise TypeError(f"{caller.name} gave {value!r} as {name!r}, not a callable")
            found += [(kind, _canonical(kind, name), value) for name, value in result.items()]
    return found


def load() -> None:
    """Ask every plugin what it provides, once; done by itself when something is asked for."""
    global _entries, _collecting
    with _lock:
        if _entries is not None:
            return
        if _collecting:
            raise PluginError("a hook asks for registered names, which are only being collected")
        plugins.manager()
        _collecting = True
        try:
            _entries = _collect_all()
        finally:
            _collecting = False


def _collect_all() -> dict[str, dict[str, list[_Entry]]]:
    entries: dict[str, dict[str, list[_Entry]]] = {kind: {} for kind in KINDS}
    for plugin in plugins._plugins:
        if plugin.state != "loaded":
            continue
        try:
            found = _collect(plugin)
        except (Exception, SystemExit) as error:
            # What is wrong with the core itself is no plugin's failure, and is not to be hidden.
            if plugin.distribution == plugins.CORE:
                raise
            plugin.state, plugin.module = "failed", None
            plugin.reason = f"a hook raised {plugins._describe(error)}"
            continue
        for kind, name, value in found:
            known = entries[kind].setdefault(name, [])
            # One plugin may give a thing two names, and one name to one thing only.
            if not any(entry.plugin is plugin for entry in known):
                known.append(_Entry(plugin, value))
        plugin.provides = {
            kind: tuple(dict.fromkeys(n for k, n, _ in found if k == kind))
            for kind in dict.fromkeys(k for k, _, _ in found)
        }
    return entries


def forget() -> None:
    """Forget everything, so that it is collected anew."""
    global _entries
    with _lock:
        _entries = None
        _probes.clear()


def _table(kind: str) -> dict[str, list[_Entry]]:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind of entry; the kinds are {', '.join(KINDS)}.")
    load()
    assert _entries is not None
    return _entries[kind]


def _choices(kind: str, name: str) -> list[_Entry]:
    """The entries for a name, which may be qualified as ``distribution:name``."""
    table = _table(kind)
    owner, _, bare = name.rpartition(":")
    found = table.get(_canonical(kind, bare), [])
    if owner:
        spelling = plugins._normal(owner)
        found = [
            e
            for e in found
            if owner == e.plugin.name or spelling == plugins._normal(e.plugin.distribution)
        ]
    return found


def get(kind: str, name: str) -> Any:
    """What a name stands for.

    Parameters
    ----------
    kind : str
        ``"layer"``, ``"initializer"``, ``"nonlinearity"``, ``"objective"``, ``"update"``,
        ``"conv"`` or ``"pool"``.
    name : str
        The name. A layer's may end in ``Layer`` or not. ``"distribution:name"`` chooses between
        plugins that claim the same name.

    Returns
    -------
    object
        The registered class, function or implementation.

    Raises
    ------
    nncore.errors.UnknownNameError
        If nothing registered the name; the message has the nearest known one.
    nncore.errors.PluginError
        If two plugins claim the name, or the plugin that has it failed to load.

    Examples
    --------
    >>> from nncore import registry
    >>> registry.get("layer", "DenseLayer") is registry.get("layer", "Dense")
    True
    """
    found = _choices(kind, name)
    noun = _NOUNS.get(kind, kind)
    if len(found) > 1:
        owners = [f"{e.plugin.distribution} {e.plugin.version}" for e in found]
        bare = name.rpartition(":")[2]
        raise PluginError(
            f"the {noun} {name!r} is claimed by {' and by '.join(owners)}. Write "
            + " or ".join(f"'{e.plugin.distribution}:{bare}'" for e in found)
            + ", or put one of the two into NNCORE_DISABLE_PLUGINS."
        )
    if found:
        return found[0].value
    if absent := plugins.missing(name):
        raise PluginError(f"the {noun} {name!r} is not to be had. {absent}")
    known = sorted(_table(kind)) + (list(POLICIES) if kind in ("conv", "pool") else [])
    message = f"{name!r} is not a known {noun}."
    if hint := plugins.suggest(name):
        message += f" {hint}"
    else:
        message += did_you_mean(name, known)
    message += f" Known: {', '.join(known)}."
    if others := [p for p in plugins._plugins if p.state != "loaded"]:
        message += f" Not loaded: {'; '.join(f'{p.name} ({p.reason})' for p in others)}."
    raise UnknownNameError(message)


def names(kind: str) -> tuple[str, ...]:
    """All names of a kind, sorted.

    Parameters
    ----------
    kind : str
        As for :func:`get`.

    Returns
    -------
    tuple of str
        The names.
    """
    return tuple(sorted(_table(kind)))


def name_of(kind: str, value: Any) -> str | None:
    """The name under which something is registered, or None.

    Parameters
    ----------
    kind : str
        As for :func:`get`.
    value : object
        What might be registered.

    Returns
    -------
    str or None
        The first name found; qualified with its distribution if others claim the name too.
    """
    for name, entries in _table(kind).items():
        for entry in entries:
            if entry.value is value:
                return name if len(entries) == 1 else f"{entry.plugin.distribution}:{name}"
    return None


def implementations(kind: str) -> tuple[tuple[Plugin, Implementation], ...]:
    """Every implementation of a kind, the highest rank first.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.

    Returns
    -------
    tuple of (Plugin, Implementation)
        Available or not.
    """
    found = [(e.plugin, e.value) for entries in _table(kind).values() for e in entries]
    return tuple(sorted(found, key=lambda pair: (-pair[1].rank, pair[1].name)))


def implementation_choices(kind: str) -> tuple[str, ...]:
    """The names that ``implementation=`` accepts for a kind.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.

    Returns
    -------
    tuple of str
        The policies ``"auto"`` and ``"fastest"``, then the implementations.
    """
    return POLICIES + names(kind)


def check_implementation_name(kind: str, name: str) -> None:
    """Raise for a name that is neither a policy nor a registered implementation.

    Parameters
    ----------
    kind : str
        ``"conv"`` or ``"pool"``.
    name : str
        The name.

    Raises
    ------
    nncore.errors.UnknownNameError, nncore.errors.PluginError
        As :func:`get` does.
    """
    if name not in POLICIES:
        get(kind, name)


def describe(implementation: Implementation) -> str:
    """Name an implementation and where it comes from, for a message.

    Parameters
    ----------
    implementation : nncore.hookspecs.Implementation
        The implementation.

    Returns
    -------
    str
        Its kind, its name and its distribution.

    Examples
    --------
    >>> from nncore import registry
    >>> registry.describe(registry.get("conv", "numba"))
    "the convolution implementation 'numba' of nncore-pytensor ..."
    """
    text = f"the {_NOUNS[implementation.kind]} {implementation.name!r}"
    for entry in _table(implementation.kind).get(implementation.name, ()):
        if entry.value is implementation:
            return f"{text} of {entry.plugin.distribution} {entry.plugin.version}"
    return text


def availability(implementation: Implementation) -> Availability:
    """Whether an implementation can run here; asked once per process.

    Parameters
    ----------
    implementation : nncore.hookspecs.Implementation
        The implementation.

    Returns
    -------
    nncore.hookspecs.Availability
        An exception while asking is a reason too, and so is no answer within
        :func:`nncore.config.probe_timeout`.

    Raises
    ------
    nncore.errors.NNCoreError
        If ``NNCORE_PROBE_TIMEOUT`` is no positive number.
    """
    limit = config.probe_timeout()
    with _lock:
        probe = _probes.get(id(implementation))
        if probe is None:
            probe = _probes[id(implementation)] = _Probe(implementation)
    return probe.answer(limit)
