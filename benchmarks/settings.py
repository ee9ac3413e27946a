"""How thoroughly to measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What the command line asked for."""

    quick: bool
    only: str
    threads: int
    #: Where JAX and PyTorch compute: ``"cpu"`` or ``"gpu"``.
    platform: str = "cpu"
    #: Whether those that can may compute products of float32 in TF32.
    tf32: bool = False
    #: Whether calls are launched one after another, without waiting for each.
    queued: bool = False

    @property
    def rounds(self) -> int:
        """How many times the competitors take turns."""
        return 2 if self.quick else 7

    @property
    def seconds(self) -> float:
        """How long a turn lasts."""
        return 0.05 if self.quick else 0.5

    @property
    def calls(self) -> int:
        """How many calls a turn has at least."""
        return 1 if self.quick else 3

    def wants(self, name: str) -> bool:
        """Whether a case is to be measured."""
        return any(text in name for text in self.only.split(","))

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return {
            "quick": self.quick,
            "only": self.only,
            "threads": self.threads,
            "platform": self.platform,
            "tf32": self.tf32,
            "queued": self.queued,
            "rounds": self.rounds,
            "seconds_per_turn": self.seconds,
            "calls_per_turn": self.calls,
        }
