"""Means of what a function says about the batches of an epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from nncore.backends.threads import one_pool
from nncore.errors import TrainingDiverged
from nncore.training.batches import ArrayBatches, IterableBatches

__all__ = ["IN_FLIGHT", "Means", "as_values", "run_evaluation"]

#: How many batches may be under way on a device before their losses are looked at.
IN_FLIGHT = 16


class Means:
    """Means over the samples of an epoch, from values that a device may still be computing."""

    def __init__(self, epoch: int, total: int | None, in_flight: int) -> None:
        self.epoch = epoch
        self.total = total
        self.in_flight = in_flight
        self.samples = 0
        self.batches = 0
        self._counted = 0
        self._sums: dict[str, float] = {}
        self._pending: list[tuple[int, int, dict[str, Any]]] = []

    def add(self, count: int, values: Mapping[str, Any]) -> None:
        self.samples += count
        self.batches += 1
        self._pending.append((self.batches, count, dict(values)))
        if len(self._pending) > self.in_flight:
            self.flush(keep=self.in_flight // 2)

    def flush(self, keep: int = 0) -> None:
        while len(self._pending) > keep:
            number, count, values = self._pending.pop(0)
            for name, value in values.items():
                number_value = float(value)
                if name == "loss" and not math.isfinite(number_value):
                    of = f" of {self.total}" if self.total else ""
                    raise TrainingDiverged(
                        f"the loss became {number_value} in epoch {self.epoch}, at batch "
                        f"{number}{of}."
                    )
                self._sums[name] = self._sums.get(name, 0.0) + number_value * count
            self._counted += count

    def values(self) -> dict[str, float]:
        return {name: total / max(1, self._counted) for name, total in self._sums.items()}


def as_values(result: Any) -> dict[str, Any]:
    """What a step returned, by name; a step of one's own may return just the loss."""
    if isinstance(result, Mapping):
        return dict(result)
    if result is None:
        return {}
    if isinstance(result, list | tuple):
        return {"loss": result[0]} if result else {}
    return {"loss": result}


def run_evaluation(
    function: Callable[..., Any], batches: ArrayBatches | IterableBatches
) -> dict[str, float]:
    """Means of a function's values over all samples."""
    means = Means(0, None, IN_FLIGHT)
    with one_pool(function):
        for batch in batches.epoch():
            values = as_values(function(*batch))
            # Under another name than "loss", so that a bad value is reported and not raised.
            means.add(len(batch[0]), {f"={name}": value for name, value in values.items()})
        means.flush()
    return {name.removeprefix("="): value for name, value in means.values().items()}
