"""What a reproduction is, and what it gives back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytensor

from nncore import updates
from nncore.errors import NNCoreError

if TYPE_CHECKING:
    from nncore.datasets import Dataset
    from nncore.reporting import Picture
    from nncore.training import EpochRecord, Progress

__all__ = [
    "Context",
    "Reproduction",
    "ReproductionError",
    "Result",
    "Schedule",
    "clipped_adam",
    "follow",
    "images",
]

Record = TypeVar("Record", bound="EpochRecord")


class ReproductionError(NNCoreError, ValueError):
    """A reproduction that cannot be made as asked."""


@dataclass(frozen=True)
class Context:
    """How a reproduction is to be made.

    Parameters
    ----------
    seed : int
        Of all randomness. Default: 0.
    quick : bool
        Whether to make a small version, of a minute or less. Default: False.
    data_dir : path, optional
        The directory of MNIST's files.
    progress : callable, optional
        Called with a heading and the unit of what is trained on, before each part; it gives the
        progress of this part. Default: none.
    """

    seed: int = 0
    quick: bool = False
    data_dir: Path | None = None
    progress: Callable[[str, str], Progress | None] = lambda heading, unit: None


@dataclass(frozen=True, eq=False)
class Result:
    """What a reproduction reached.

    Parameters
    ----------
    measure : str
        What was measured, with its unit, such as ``"test error (%)"``. Less is better.
    target : float
        What was to be reached at most; stated before anything was run.
    reached : float
        The number.
    settings : mapping of str to str
        Every choice that was made.
    numbers : mapping of str to float
        What else was measured.
    notes : mapping of str to str
        What else there is to show.
    history : sequence of EpochRecord
        Of the part that gave the number.
    pictures : mapping of str to Picture
        By the stem of the file.
    network : Layer, optional
        The trained network.
    unit : str
        What the samples are. Default: ``"images"``.
    selection : str
        What the epoch that gave the network has. Default: ``"the lowest validation loss"``.
    """

    measure: str
    target: float
    reached: float
    settings: Mapping[str, str]
    numbers: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[EpochRecord] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    network: Any = None
    unit: str = "images"
    selection: str = "the lowest validation loss"

    @property
    def is_reached(self) -> bool:
        """Whether the number is at most the target."""
        return self.reached <= self.target


@dataclass(frozen=True)
class Reproduction:
    """Something that is known to work, and what it has to come to here.

    Parameters
    ----------
    name : str
        What it is called by.
    title : str
        A heading.
    original : str
        Where it comes from, and what was reported there.
    run : callable
        Makes it: takes a :class:`Context`, gives a :class:`Result`.
    takes_data : bool
        Whether it looks at the directory of MNIST. Default: False.
    """

    name: str
    title: str
    original: str
    run: Callable[[Context], Result]
    takes_data: bool = False


class Schedule:
    """A learning rate that falls in a straight line to nothing.

    Parameters
    ----------
    first : float
        The rate of the first epoch.
    epochs : int
        The number of epochs; epoch ``n`` has ``first * (1 - (n - 1) / epochs)``.

    Attributes
    ----------
    rate : shared variable
        For the update rule.
    """

    def __init__(self, first: float, epochs: int) -> None:
        self.first = first
        self.epochs = epochs
        self.rate = pytensor.shared(np.asarray(first, pytensor.config.floatX), name="rate")

    def __call__(self, record: EpochRecord) -> None:
        """Set the rate for the epoch after a record's.

        Parameters
        ----------
        record : EpochRecord
            Of the epoch that ended.
        """
        rate = self.first * max(0.0, 1 - record.epoch / self.epochs)
        self.rate.set_value(np.asarray(rate, pytensor.config.floatX))


def clipped_adam(loss: Any, params: Any, learning_rate: Any) -> Any:
    """Adam, on gradients whose norm is at most 1: what recurrent networks are trained with here.

    Parameters
    ----------
    loss : TensorVariable
        A scalar.
    params : list of SharedVariable
        The parameters.
    learning_rate : float or expression
        The learning rate.

    Returns
    -------
    OrderedDict
        From shared variable to new value.
    """
    grads = updates.get_or_compute_grads(loss, params)
    return updates.adam(updates.total_norm_constraint(grads, 1.0), params, learning_rate)


def follow(
    records: Iterator[Record], after: Callable[[Record], None] | None = None
) -> list[Record]:
    """Train to the end.

    Parameters
    ----------
    records : iterator of EpochRecord
        As from :func:`nncore.training.train`.
    after : callable, optional
        Called with each record.

    Returns
    -------
    list of EpochRecord
        All of them.

    Raises
    ------
    KeyboardInterrupt
        If the training was interrupted: half a reproduction says nothing.
    """
    kept = []
    closing: Any = records
    with contextlib.closing(closing):
        for record in records:
            if record.interrupted:
                raise KeyboardInterrupt
            kept.append(record)
            if after is not None:
                after(record)
    return kept


def images(context: Context) -> Dataset:
    """Load MNIST if its directory is given, and else scikit-learn's digits.

    Parameters
    ----------
    context : Context
        With the directory.

    Returns
    -------
    nncore.datasets.Dataset
        The data.
    """
    from nncore import datasets

    if context.data_dir is None:
        return datasets.load("digits")
    return datasets.load("mnist", context.data_dir)
