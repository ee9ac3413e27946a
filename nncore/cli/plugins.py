"""``nncore plugins``: what is installed, what it provides, and what works here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nncore.cli.options import Debug, Json, make_console

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["plugins"]

#: Of a kind with more names than this, only the number is shown.
_MOST_NAMES = 6

_PLURALS = {
    "layer": "layers",
    "initializer": "initializers",
    "nonlinearity": "nonlinearities",
    "objective": "objectives",
    "update": "update rules",
    "conv": "convolution",
    "pool": "pooling",
}


def plugins(as_json: Json = False, debug: Debug = False) -> None:
    """Show the plugins and the implementations of convolution and pooling.

    For each plugin: whether it was loaded, or why not, and what it provides. For each
    implementation: where it runs, its rank for 'auto' (the highest available one that supports a
    geometry is taken), and whether it can be used on this machine, or why not.

    [bold]Examples:[/]

      nncore plugins

      nncore plugins --json

    NNCORE_DISABLE_PLUGINS=name,... (or *) keeps plugins from being loaded.
    """
    from nncore import plugins as loaded
    from nncore import registry

    content = {
        "plugins": [_plugin(plugin) for plugin in loaded.all_plugins()],
        "implementations": [
            _implementation(kind, plugin, implementation)
            for kind in ("conv", "pool")
            for plugin, implementation in registry.implementations(kind)
        ],
    }
    if as_json:
        print(json.dumps(content, indent=2))
        return
    console = make_console()
    _show_plugins(console, content["plugins"])
    console.print()
    _show_implementations(console, content["implementations"])


def _plugin(plugin: Any) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.reason,
        "provides": {kind: list(names) for kind, names in plugin.provides.items()},
    }


def _implementation(kind: str, plugin: Any, implementation: Any) -> dict[str, Any]:
    from nncore import config, registry

    here = registry.availability(implementation)
    return {
        "kind": kind,
        "name": implementation.name,
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "backends": list(implementation.backends),
        "devices": list(implementation.devices),
        "rank": implementation.rank,
        "available": bool(here),
        "reason": here.reason,
        "chosen": config.get_default(kind) == implementation.name,
    }


def _provides(provides: dict[str, list[str]]) -> str:
    parts = []
    for kind, names in provides.items():
        if not names:
            continue
        many = len(names) > _MOST_NAMES
        parts.append(
            f"{len(names)} {_PLURALS[kind]}" if many else f"{_PLURALS[kind]}: {', '.join(names)}"
        )
    return "; ".join(parts)


def _table(title: str, *columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _show_plugins(console: Console, rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    colors = {"loaded": "green", "failed": "red", "disabled": "yellow"}
    table = _table("Plugins", "Plugin", "Distribution", "State", "Provides, or the reason")
    for row in rows:
        color = colors[row["state"]]
        table.add_row(
            escape(row["name"]),
            escape(f"{row['distribution']} {row['version']}"),
            f"[{color}]{row['state']}[/]",
            escape(_provides(row["provides"]) if row["state"] == "loaded" else row["reason"]),
        )
    console.print(table)


def _show_implementations(console: Console, rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    names = ("Kind", "Name", "Backends", "Devices", "Rank", "Here")
    table = _table("Implementations, the first of 'auto' first", *names)
    table.columns[4].justify = "right"
    previous = None
    for row in rows:
        if previous not in (None, row["kind"]):
            table.add_section()
        table.add_row(
            "" if row["kind"] == previous else _PLURALS[row["kind"]],
            escape(row["name"]) + (" (chosen)" if row["chosen"] else ""),
            ", ".join(row["backends"]),
            ", ".join(row["devices"]),
            str(row["rank"]),
            "[green]available[/]"
            if row["available"]
            else f"[yellow]no:[/] {escape(row['reason'])}",
        )
        previous = row["kind"]
    console.print(table)
