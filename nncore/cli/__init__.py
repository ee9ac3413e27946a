"""The command line: ``nncore train``, ``evaluate``, ``predict`` and more; see ``nncore --help``.

Exit codes: 0 when all went well; 2 when something could not be done as asked, which one line on
the standard error explains; 1 when a training diverged, a reproduction missed its target or
something unforeseen happened; 130 after Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_NEEDED = ("typer", "rich")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments. Default: those that the program was started with.

    Returns
    -------
    int
        The exit code.
    """
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        print(
            f"nncore: error: the command line needs the package {error.name}, which is not "
            "installed: pip install 'nncore-pytensor[cli]'",
            file=sys.stderr,
        )
        return 2
    from nncore.cli.app import run

    return run(argv)
