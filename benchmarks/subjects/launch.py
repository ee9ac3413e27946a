"""Calls whose result may not be there yet when they return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Launch:
    """A call in two halves: to launch the work, and to wait for what was launched last.

    Calling it does both, so its duration is that of the work. On a GPU, what is launched runs in
    order, so waiting for the last is waiting for all.
    """

    def __init__(self, launch: Callable[[], Any], wait: Callable[[Any], Any]) -> None:
        self.launch = launch
        self.wait = wait

    def __call__(self) -> Any:
        return self.wait(self.launch())
