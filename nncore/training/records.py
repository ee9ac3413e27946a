"""What a training loop says about an epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["EpochRecord"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of training.

    Attributes
    ----------
    epoch : int
        Its number, from 1.
    train : dict of str to float
        Means over the epoch's batches, while the parameters were changing: ``"loss"`` and the
        monitors.
    validation : dict of str to float
        The same of the validation data, after the epoch; empty if there are none.
    seconds : float
        Duration, with the validation.
    samples_per_second : float
        Training samples per second of training.
    is_best : bool
        Whether the epoch is the best so far.
    interrupted : bool
        Whether it was ended before its last batch.
    """

    epoch: int
    train: dict[str, float]
    validation: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    samples_per_second: float = 0.0
    is_best: bool = True
    interrupted: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The record as a dictionary that JSON can hold.

        Returns
        -------
        dict
            One item for each attribute.
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> EpochRecord:
        """Build a record from what :meth:`as_dict` gave.

        Parameters
        ----------
        content : dict
            One item for each attribute.

        Returns
        -------
        EpochRecord
            The record.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in content.items() if name in known})
