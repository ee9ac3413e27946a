"""The folder that a training leaves behind."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncore._atomic import write_bytes_atomic
from nncore.cli.errors import CommandError

if TYPE_CHECKING:
    from nncore.training import EpochRecord

__all__ = ["RUN_FORMAT", "RunFolder", "find_model", "plain", "versions"]

RUN_FORMAT = 1

_PACKAGES = ("numpy", "pytensor", "numba", "jax", "jaxlib")


def versions() -> dict[str, str]:
    """Collect what a training depends on, without importing any of it.

    Returns
    -------
    dict of str to str
        ``"nncore"``, ``"python"`` and the packages that are installed, with their versions.
    """
    from nncore._version import __version__

    found = {"nncore": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def plain(value: Any) -> Any:
    """Bring a value into what JSON can hold.

    Parameters
    ----------
    value : object
        Made of mappings, sequences, text and numbers.

    Returns
    -------
    object
        Of dictionaries and lists, with None for infinity and not-a-number.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class RunFolder:
    """The files of one training. Each is written whole or not at all.

    Parameters
    ----------
    path : path
        The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.run = self.path / "run.json"
        self.checkpoint = self.path / "checkpoint.safetensors"
        self.log = self.path / "log.jsonl"
        self.model = self.path / "model.safetensors"
        self.architecture = self.path / "model.json"
        self.report = self.path / "report.html"
        self.learning_curve = self.path / "learning-curve.png"
        self.confusion_matrix = self.path / "confusion-matrix.png"
        self.filters = self.path / "filters.png"
        self._created: list[Path] = []

    def files(self) -> tuple[Path, ...]:
        """List what a complete run consists of.

        Returns
        -------
        tuple of Path
            Whether they exist or not.
        """
        return (
            self.run,
            self.checkpoint,
            self.log,
            self.model,
            self.architecture,
            self.report,
            self.learning_curve,
            self.confusion_matrix,
            self.filters,
        )

    def check_new(self) -> None:
        """Raise unless a new run can be written here.

        Raises
        ------
        CommandError
            If the path is a file, or holds a run or files of the same names.
        """
        if self.path.exists() and not self.path.is_dir():
            raise CommandError(f"--output {self.path} is a file; give a folder.")
        if self.run.exists():
            raise CommandError(
                f"{self.path} holds a run already. Go on with it by adding --resume, or choose "
                "another folder with --output."
            )
        present = [file.name for file in self.files() if file.exists()]
        if present:
            raise CommandError(
                f"{self.path} holds files that the run would replace ({', '.join(present)}). "
                "Choose another folder with --output."
            )

    def create(self, content: Mapping[str, Any]) -> None:
        """Make the folder and describe the run in it.

        Parameters
        ----------
        content : mapping
            Content of ``run.json``.
        """
        missing = [p for p in (self.path, *self.path.parents) if not p.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        self._created = missing
        try:
            self.describe(content)
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        """Take back a folder in which nothing has been achieved."""
        self.run.unlink(missing_ok=True)
        for folder in self._created:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def describe(self, content: Mapping[str, Any]) -> None:
        """Write ``run.json``.

        Parameters
        ----------
        content : mapping
            Its content.
        """
        text = json.dumps({"format": RUN_FORMAT, **plain(content)}, indent=2, ensure_ascii=False)
        write_bytes_atomic(self.run, (text + "\n").encode())

    def read(self) -> dict[str, Any]:
        """Read ``run.json``.

        Returns
        -------
        dict
            Its content.

        Raises
        ------
        CommandError
            If it is missing, damaged or of a newer format.
        """
        if not self.run.is_file():
            raise CommandError(
                f"{self.path} holds no run that could be resumed (there is no {self.run.name})."
            )
        try:
            content: dict[str, Any] = json.loads(self.run.read_bytes())
            if not isinstance(content["choices"], dict):
                raise TypeError("'choices' is not an object")
            number = int(content["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{self.run} is damaged ({type(error).__name__}: {error}). The run cannot be "
                "resumed; begin a new one in another folder."
            ) from error
        if number > RUN_FORMAT:
            raise CommandError(
                f"{self.run} has format {number}, and this nncore reads up to {RUN_FORMAT}; "
                "upgrade nncore-pytensor."
            )
        return content

    def write_log(self, history: Iterable[EpochRecord]) -> None:
        """Write ``log.jsonl``: one line of JSON for each epoch.

        Parameters
        ----------
        history : iterable of nncore.training.EpochRecord
            All epochs so far.
        """
        lines = [json.dumps(plain(record.as_dict())) + "\n" for record in history]
        write_bytes_atomic(self.log, "".join(lines).encode())


def find_model(path: Path) -> Path:
    """Find the model that a command's argument means.

    Parameters
    ----------
    path : Path
        A run folder, or what :func:`nncore.serialization.load_model` takes.

    Returns
    -------
    Path
        What :func:`nncore.serialization.load_model` takes.

    Raises
    ------
    CommandError
        If it is a folder without a model.
    """
    if path.is_dir():
        folder = RunFolder(path)
        if folder.model.is_file():
            return folder.model
        if folder.run.is_file():
            raise CommandError(
                f"{path} holds a run without a model: it was ended before it could be written. "
                f"Go on with: nncore train --resume --output {path}"
            )
        raise CommandError(f"{path} holds no model (there is no {folder.model.name}).")
    return path
