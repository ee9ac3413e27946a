"""What the decorators share: a look at a function's arguments, and classes in its place."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["ABSENT", "PLAIN", "accepted", "arguments_of", "class_of", "constructor"]

PLAIN = inspect.Parameter.POSITIONAL_OR_KEYWORD
ABSENT = inspect.Parameter.empty


def arguments_of(kind: str, function: Any, first: tuple[str, ...]) -> list[inspect.Parameter]:
    """The arguments of a function that a decorator was given, the first of them checked."""
    if not inspect.isfunction(function):
        raise TypeError(f"@{kind} goes before a function, not {function!r}.")
    arguments = list(inspect.signature(function).parameters.values())
    if not arguments or arguments[0].name not in first:
        wanted = " or ".join(map(repr, first))
        raise TypeError(f"@{kind}: the first argument of {function.__qualname__} must be {wanted}.")
    for argument in arguments:
        if argument.kind in (argument.VAR_POSITIONAL, argument.POSITIONAL_ONLY):
            raise TypeError(
                f"@{kind}: {function.__qualname__} must have arguments that can be given by name, "
                f"which {argument} cannot."
            )
    return arguments


def accepted(function: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that a function has arguments for."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return dict(values)
    return {name: value for name, value in values.items() if name in parameters}


def constructor(arguments: Iterable[inspect.Parameter]) -> Any:
    """An ``__init__`` with these arguments, which are passed to ``_build`` as a dict."""
    plain = [argument.replace(kind=PLAIN) for argument in arguments]
    required = [argument for argument in plain if argument.default is ABSENT]
    optional = [argument for argument in plain if argument.default is not ABSENT]
    signature = inspect.Signature([inspect.Parameter("self", PLAIN), *required, *optional])

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        del bound.arguments["self"]
        self._build(dict(bound.arguments))

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def class_of(function: Any, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """A class that stands where the function stood, so that pickle finds it there."""
    return type(
        function.__name__,
        bases,
        {
            "__module__": function.__module__,
            "__qualname__": function.__qualname__,
            "__doc__": function.__doc__,
            "function": staticmethod(function),
            **namespace,
        },
    )
