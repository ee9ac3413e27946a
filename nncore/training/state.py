"""Everything that a training step reads and changes, as arrays that can be kept and put back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable

from nncore.errors import ModelFileError
from nncore.serialization import load_arrays, save_arrays
from nncore.training.records import EpochRecord

__all__ = ["CHECKPOINT_FORMAT", "TrainingState", "read_history", "to_host"]

CHECKPOINT_FORMAT = 1


def _function(step: Any) -> Any:
    """The compiled PyTensor function inside of a step, or None for a step of another kind."""
    inner = getattr(step, "function", step)
    return inner if hasattr(inner, "get_shared") else None


def _storages(function: Any) -> list[list[Any]]:
    """The cells that hold a compiled function's random states on a device."""
    cells = [c.storage for c in function.input_storage]
    return [cell for cell in cells if isinstance(cell[0], dict) and "bit_generator" in cell[0]]


def to_host(variables: Iterable[SharedVariable]) -> None:
    """Turn values that live on a device into NumPy arrays, so that any backend can use them.

    Parameters
    ----------
    variables : iterable of SharedVariable
        Those that hold NumPy arrays are left alone.
    """
    for variable in variables:
        cell = variable.container.storage
        if not isinstance(cell[0], np.ndarray | np.generic | np.random.Generator) and hasattr(
            cell[0], "__array__"
        ):
            cell[0] = np.array(cell[0], dtype=variable.type.dtype)


def _encode(state: Any) -> Any:
    """A bit generator's state as something that JSON can hold."""
    if isinstance(state, Mapping):
        return {key: _encode(value) for key, value in state.items()}
    if isinstance(state, np.ndarray):
        return {"__array__": state.tolist(), "dtype": str(state.dtype)}
    if isinstance(state, np.integer):
        return int(state)
    return state


def _decode(state: Any) -> Any:
    if isinstance(state, Mapping):
        if "__array__" in state:
            return np.array(state["__array__"], dtype=state["dtype"])
        return {key: _decode(value) for key, value in state.items()}
    return state


class TrainingState:
    """The parameters, the optimizer's state and the random streams of a step.

    Parameters
    ----------
    step : callable
        If it is a compiled PyTensor function, or holds one as ``function``, all shared variables
        that it uses belong to the state.
    params : list of SharedVariable
        The network's parameters, which belong to it in any case.
    """

    def __init__(self, step: Any, params: list[SharedVariable]) -> None:
        function = _function(step)
        used = [] if function is None else function.get_shared()
        unique = dict.fromkeys([*params, *used])
        self.params = list(params)
        self.variables = [v for v in unique if hasattr(v.type, "dtype")]
        self._generators = [v for v in unique if not hasattr(v.type, "dtype")]
        self._cells = [] if function is None else _storages(function)

    def parameters(self) -> list[Any]:
        """Copies of the parameters' values, in memory of the host.

        Returns
        -------
        list of array
            One for each parameter.
        """
        return [np.array(v.get_value(borrow=True)) for v in self.params]

    def set_parameters(self, values: list[Any]) -> None:
        """Put parameter values back.

        Parameters
        ----------
        values : list of array
            As :meth:`parameters` gave them.
        """
        for variable, value in zip(self.params, values, strict=True):
            variable.set_value(value)

    def _key(self, prefix: str, number: int, variable: SharedVariable) -> str:
        return f"{prefix}.{number:04d}.{variable.name or 'unnamed'}"

    def save(
        self, path: Path, best: list[Any] | None, choices: Mapping[str, Any], progress: Any
    ) -> None:
        """Write everything to one file, whole or not at all.

        Parameters
        ----------
        path : Path
            A .safetensors file.
        best : list of array, optional
            The best parameters, if they are not the present ones.
        choices : dict
            What has to be the same when training goes on.
        progress : object
            JSON-able content of the loop: epochs done, history, patience.
        """
        arrays = {
            self._key("state", i, v): np.asarray(v.get_value(borrow=True))
            for i, v in enumerate(self.variables)
        }
        if best is not None:
            for i, (variable, value) in enumerate(zip(self.params, best, strict=True)):
                arrays[self._key("best", i, variable)] = value
        for i, cell in enumerate(self._cells):
            arrays[f"device_random.{i:04d}"] = np.asarray(cell[0]["jax_state"])
        generators = [
            _encode(v.get_value(borrow=True).bit_generator.state) for v in self._generators
        ]
        content = {
            "format": "nncore-checkpoint",
            "format_version": CHECKPOINT_FORMAT,
            "choices": dict(choices),
            "progress": progress,
            "random": generators,
        }
        save_arrays(path, arrays, {"nncore": json.dumps(content)})

    def load(self, path: Path, choices: Mapping[str, Any]) -> tuple[Any, list[Any] | None]:
        """Put everything back from a file, after checking all of it.

        Parameters
        ----------
        path : Path
            A file that :meth:`save` wrote.
        choices : dict
            Must be those of the file.

        Returns
        -------
        progress : object
            As given to :meth:`save`.
        best : list of array or None
            As given to :meth:`save`.

        Raises
        ------
        nncore.errors.ModelFileError
            If the file is not a whole checkpoint of the same network, rule and choices.
        """
        arrays, content = _read(path)
        for name, value in choices.items():
            if content["choices"].get(name) != value:
                raise ModelFileError(
                    f"{path} is a checkpoint of a training with {name}="
                    f"{content['choices'].get(name)!r}, and cannot go on with {name}={value!r}; "
                    "use the same, or start a new training."
                )
        keys = {self._key("state", i, v): v for i, v in enumerate(self.variables)}
        stored = {key for key in arrays if key.startswith("state.")}
        if stored != set(keys) or len(content["random"]) != len(self._generators):
            odd = sorted(stored ^ set(keys))
            raise ModelFileError(
                f"{path} is a checkpoint of another network or update rule: "
                f"{len(stored)} arrays against {len(keys)}, for example {odd[:3]}."
            )
        for key, variable in keys.items():
            have, want = arrays[key].shape, variable.get_value(borrow=True).shape
            if have != want:
                raise ModelFileError(
                    f"{path} is a checkpoint of another network: {key} has shape {have}, the "
                    f"network's has {want}."
                )
        for key, variable in keys.items():
            variable.set_value(arrays[key])
        for variable, state in zip(self._generators, content["random"], strict=True):
            variable.get_value(borrow=True).bit_generator.state = _decode(state)
        for i, cell in enumerate(self._cells):
            if (key := f"device_random.{i:04d}") in arrays:
                cell[0] = {**cell[0], "jax_state": arrays[key]}
        best_keys = [self._key("best", i, v) for i, v in enumerate(self.params)]
        best = [arrays[k] for k in best_keys] if all(k in arrays for k in best_keys) else None
        return content["progress"], best


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays, metadata = load_arrays(path)
    try:
        content = json.loads(metadata["nncore"])
        known = content["format"] == "nncore-checkpoint"
    except (KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise ModelFileError(f"{path} is not a checkpoint that nncore wrote.")
    if content["format_version"] > CHECKPOINT_FORMAT:
        raise ModelFileError(
            f"{path} has checkpoint format {content['format_version']}, and this nncore reads up "
            f"to {CHECKPOINT_FORMAT}; upgrade nncore-pytensor."
        )
    return arrays, content


def read_history(path: str | Path) -> list[EpochRecord]:
    """The records of the epochs that a checkpoint has behind it.

    Parameters
    ----------
    path : str or Path
        A checkpoint.

    Returns
    -------
    list of EpochRecord
        In order.

    Raises
    ------
    nncore.errors.ModelFileError
        If it is no checkpoint, or damaged.
    """
    _, content = _read(Path(path))
    return [EpochRecord.from_dict(record) for record in content["progress"]["history"]]
