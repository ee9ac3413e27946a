"""One training from the command line: the loop, and what it leaves behind."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import platform
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nncore.cli.errors import CommandError
from nncore.cli.network import implementations_of
from nncore.cli.options import using
from nncore.cli.runs import RunFolder, versions
from nncore.errors import TrainingDiverged

if TYPE_CHECKING:
    from rich.console import Console

    from nncore.datasets import Dataset
    from nncore.training import EpochRecord

__all__ = ["INTERRUPTED", "Session", "describe_data"]

#: Exit code after Ctrl-C, by the custom of shells.
INTERRUPTED = 130

_KINDS = {"conv": "convolution", "pool": "pooling"}


def describe_data(dataset: Dataset, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the data, so that it can be told whether they are the same later.

    Parameters
    ----------
    dataset : nncore.datasets.Dataset
        The data.
    choices : mapping
        With ``"data"``, ``"data_dir"`` and ``"image_size"``.

    Returns
    -------
    dict
        JSON-able.
    """
    digest = hashlib.blake2b(digest_size=16)
    for split in (dataset.train, dataset.validation, dataset.test):
        digest.update(split.x.tobytes())
        digest.update(split.y.tobytes())
    return {
        "name": choices["data"],
        "data_dir": choices["data_dir"],
        "image_size": choices["image_size"],
        "source": dataset.source,
        "input_shape": list(dataset.input_shape),
        "class_names": list(dataset.class_names),
        "training": len(dataset.train),
        "validation": len(dataset.validation),
        "test": len(dataset.test),
        "fingerprint": digest.hexdigest(),
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


class Session:
    """A training that is ready to begin or to go on.

    Parameters
    ----------
    choices : dict
        The options.
    implementations : dict of str to str
        The chosen implementations, by kind.
    dataset : nncore.datasets.Dataset
        The data.
    network : Layer
        The output layer.
    folder : RunFolder
        Where the run goes.
    description : dict or None
        Content of ``run.json`` of a run that goes on.

    Raises
    ------
    nncore.errors.NNCoreError
        If an implementation cannot be used, or the data are not those that the run had.
    """

    def __init__(
        self,
        choices: dict[str, Any],
        implementations: dict[str, str],
        dataset: Dataset,
        network: Any,
        folder: RunFolder,
        description: dict[str, Any] | None,
    ) -> None:
        from nncore.layers import count_params, get_all_layers

        self.choices = choices
        self.implementations = implementations
        self.dataset = dataset
        self.network = network
        self.folder = folder
        self.resumed = description
        self.history: list[EpochRecord] = []
        self.started = (description or {}).get("started", _now())
        self.parameters = int(count_params(network, trainable=True))
        self.layers = len(get_all_layers(network))
        self.data = describe_data(dataset, choices)
        if (
            description
            and description.get("data", {}).get("fingerprint") != (self.data["fingerprint"])
        ):
            raise CommandError(
                f"the data {self.data['name']} are not those that {folder.path} was begun with, so "
                "it cannot go on. Restore them, or begin a new run in another folder."
            )
        with using(implementations):
            self.resolved = implementations_of(network, choices["backend"])

    @property
    def learning_rate(self) -> float | None:
        """The rate in effect, None if the rule has none."""
        from nncore import registry

        if self.choices["learning_rate"] is not None:
            return float(self.choices["learning_rate"])
        rule = registry.get("update", self.choices["update"])
        parameter = inspect.signature(rule).parameters.get("learning_rate")
        if parameter is None:
            return None
        return 0.01 if parameter.default is inspect.Parameter.empty else float(parameter.default)

    def facts(self) -> dict[str, str]:
        """Tell what is trained how, for a person to read.

        Returns
        -------
        dict of str to str
            Labels and values.
        """
        data, choices = self.data, self.choices
        shape = " x ".join(str(n) for n in data["input_shape"])
        rows = {
            "data": f"{data['name']}: {data['training']:,} training, {data['validation']:,} "
            f"validation, {data['test']:,} test images of {shape}, "
            f"{len(data['class_names'])} classes",
            "model": f"{choices['model']}, {self.parameters:,} parameters",
            "backend": f"{choices['backend']}, float32",
        }
        for kind, count in self.resolved.items():
            rows[_KINDS[kind]] = self._implementation(kind, count)
        rate = self.learning_rate
        rows["update rule"] = choices["update"] + (f", learning rate {rate:g}" if rate else "")
        rows["batches of"] = f"{choices['batch_size']} images"
        rows["epochs"] = str(choices["epochs"]) + (
            f", fewer after {choices['patience']} without improvement"
            if choices["patience"]
            else ""
        )
        rows["seed"] = str(choices["seed"])
        return rows

    def _implementation(self, kind: str, count: Counter[str]) -> str:
        names = ", ".join(
            name if len(count) == 1 else f"{name} ({n} layers)" for name, n in count.items()
        )
        chosen = self.implementations.get(kind)
        return names if chosen in (None, *count) else f"{names} (for {chosen!r})"

    def _show_header(self, console: Console) -> None:
        for name, value in {**self.facts(), "folder": str(self.folder.path)}.items():
            console.print(f"[bold]{name:12}[/] {value}", markup=True, soft_wrap=True)
        if self.resumed:
            then, now = self.resumed.get("versions", {}), versions()
            changed = [
                f"{name} {then.get(name, 'absent')} -> {now.get(name, 'absent')}"
                for name in sorted({*then, *now})
                if then.get(name) != now.get(name)
            ]
            if changed:
                console.print(
                    f"[yellow]note[/]         other versions than before: {', '.join(changed)}; "
                    "results may differ in the last digits",
                    soft_wrap=True,
                )
        console.print()

    def _describe(self, status: str, result: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {
            "status": status,
            "choices": self.choices,
            "data": self.data,
            "network": {"parameters": self.parameters, "layers": self.layers},
            "implementations": {kind: dict(count) for kind, count in self.resolved.items()},
            "versions": versions(),
            "system": platform.platform(),
            "started": self.started,
            "updated": _now(),
            "epochs_done": len(self.history),
            "result": result,
        }

    def run(self, console: Console, quiet: bool) -> int:
        """Train, test, and write everything.

        Parameters
        ----------
        console : rich.console.Console
            Where to say what goes on.
        quiet : bool
            Whether to show no progress.

        Returns
        -------
        int
            The exit code.
        """
        from nncore.training.progress import make_progress

        if not quiet:
            self._show_header(console)
        progress = None if quiet else make_progress(unit="images")
        diverged: TrainingDiverged | None = None
        interrupted = False
        try:
            with using(self.implementations), progress or contextlib.nullcontext():
                interrupted = self._train(progress)
        except TrainingDiverged as error:
            diverged = error
        except KeyboardInterrupt:
            interrupted = True
        except BaseException:
            self._discard_if_empty()
            raise
        if interrupted:
            self._catch_up()
        if not self.history:
            self._discard_if_empty()
            if diverged:
                raise diverged
            console.print("Interrupted before an epoch was over; nothing is kept.")
            return INTERRUPTED
        status = "diverged" if diverged else "interrupted" if interrupted else "finished"
        self._finish(status, console, quiet)
        if diverged:
            raise diverged
        return INTERRUPTED if interrupted else 0

    def _catch_up(self) -> None:
        """Take over an epoch that was saved just before Ctrl-C, but not reported any more."""
        from nncore.training import read_history

        if self.folder.checkpoint.exists():
            self.history = read_history(self.folder.checkpoint)
            self.folder.write_log(self.history)

    def _discard_if_empty(self) -> None:
        if not self.history and not self.resumed:
            self.folder.discard()

    def _train(self, progress: Any) -> bool:
        """Train; whether it was interrupted."""
        from nncore.training import read_history, train

        choices, folder = self.choices, self.folder
        if self.resumed and folder.checkpoint.exists():
            self.history = read_history(folder.checkpoint)
        records: Any = train(
            self.network,
            self.dataset.train,
            self.dataset.validation,
            epochs=choices["epochs"],
            batch_size=choices["batch_size"],
            updates=choices["update"],
            learning_rate=choices["learning_rate"],
            patience=choices["patience"],
            seed=choices["seed"],
            backend=choices["backend"],
            checkpoint=folder.checkpoint,
            resume=bool(self.resumed),
            progress=progress,
        )
        # Only now: what cannot be compiled leaves nothing behind.
        if self.resumed:
            folder.describe(self._describe("running"))
        else:
            folder.create(self._describe("running"))
        if self.history:
            folder.write_log(self.history)
        # Closing puts the best parameters into the network, also after an exception here.
        with contextlib.closing(records):
            for record in records:
                if record.interrupted:
                    return True
                self.history.append(record)
                folder.write_log(self.history)
        return False

    def _finish(self, status: str, console: Console, quiet: bool) -> None:
        """Test the best parameters, and write the model, the pictures and the report."""
        from nncore.cli.outcome import Outcome

        outcome = Outcome.of(self, status)
        outcome.write()
        self.folder.describe(self._describe(status, outcome.result()))
        outcome.show(console, quiet)
