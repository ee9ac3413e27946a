"""What came of a training: the test, the model, the pictures and the report."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore._atomic import write_bytes_atomic
from nncore.cli.network import class_predictions, first_weights, score
from nncore.cli.options import using
from nncore.cli.runs import plain, versions

if TYPE_CHECKING:
    from rich.console import Console

    from nncore.cli.session import Session

__all__ = ["NORMALISATION", "Outcome"]

#: What was done to the values of images before the network sees them.
NORMALISATION = "values from 0 to 1 (bytes divided by 255)"

_ENDINGS = {
    "finished": "",
    "interrupted": " The training was interrupted; the best epoch so far is shown.",
    "diverged": " The loss then became infinite or not a number; the best epoch before is shown.",
}


@dataclass(frozen=True, eq=False)
class Outcome:
    """A network after its training, and what it makes of the test images.

    Parameters
    ----------
    session : Session
        The training.
    status : str
        ``"finished"``, ``"interrupted"`` or ``"diverged"``.
    test : dict of str to float
        Loss and accuracy on the test split.
    confusion : numpy.ndarray
        Counts ``(classes, classes)`` on the test split.
    """

    session: Session
    status: str
    test: dict[str, float]
    confusion: np.ndarray

    @classmethod
    def of(cls, session: Session, status: str) -> Outcome:
        """Test the network of a session.

        Parameters
        ----------
        session : Session
            The training.
        status : str
            How it ended.

        Returns
        -------
        Outcome
            With the network's present parameters, which are its best.
        """
        from nncore.reporting import count_confusions

        split, choices = session.dataset.test, session.choices
        with using(session.implementations):
            probabilities = class_predictions(
                session.network, split.x, choices["batch_size"], choices["backend"]
            )
        predicted = probabilities.argmax(axis=1)
        confusion = count_confusions(split.y, predicted, session.dataset.num_classes)
        return cls(session, status, score(probabilities, split.y), confusion)

    @property
    def best_epoch(self) -> int:
        """The epoch that the parameters are from."""
        return max((r.epoch for r in self.session.history if r.is_best), default=0)

    def result(self) -> dict[str, Any]:
        """Give the numbers, for ``run.json`` and the model's metadata.

        Returns
        -------
        dict
            JSON-able.
        """
        return {
            "best_epoch": self.best_epoch,
            "test": plain(self.test),
            "test_images": int(self.confusion.sum()),
            "test_correct": int(np.trace(self.confusion)),
        }

    def write(self) -> None:
        """Write the model, the pictures and the report."""
        from nncore import reporting
        from nncore.serialization import save_model

        session, folder = self.session, self.session.folder
        save_model(
            session.network,
            folder.path / "model",
            {
                "class_names": session.data["class_names"],
                "input_shape": session.data["input_shape"],
                "normalisation": NORMALISATION,
                "data": {k: session.data[k] for k in ("name", "data_dir", "image_size")},
                "model": session.choices["model"],
                "result": self.result(),
                "versions": versions(),
            },
        )
        shape = session.dataset.input_shape
        weights = first_weights(session.network, shape)
        names = session.dataset.class_names
        write_bytes_atomic(folder.learning_curve, reporting.learning_curve(session.history))
        write_bytes_atomic(
            folder.confusion_matrix, reporting.confusion_matrix(self.confusion, names)
        )
        if weights is not None:
            write_bytes_atomic(folder.filters, reporting.filters(weights, shape))
        page = reporting.render(self._report(weights))
        write_bytes_atomic(folder.report, page.encode())

    def _report(self, weights: np.ndarray | None) -> Any:
        from nncore.reporting import Report

        session, data = self.session, self.session.data
        choices, history = session.choices, session.history
        seconds = sum(record.seconds for record in history)
        correct, total = int(np.trace(self.confusion)), int(self.confusion.sum())
        facts = session.facts()
        facts.pop("data")
        where = shlex.quote(str(session.folder.path))
        return Report(
            title=f"{choices['model']} on {data['name']}",
            summary=f"{correct:,} of {total:,} test images recognised, after {len(history)} "
            f"epoch{'s' if len(history) != 1 else ''} in {_duration(seconds)}."
            f"{_ENDINGS[self.status]}",
            highlights={
                "Test accuracy": f"{100 * self.test['accuracy']:.2f} %",
                "Test loss": f"{self.test['loss']:.4f}",
                "Best epoch": f"{self.best_epoch} of {len(history)}",
                "Parameters": f"{session.parameters:,}",
                "Training time": _duration(seconds),
            },
            history=history,
            class_names=data["class_names"],
            confusion=self.confusion,
            weights=weights,
            input_shape=tuple(data["input_shape"]),
            facts={
                "Data": {
                    "Name": data["name"],
                    "Source": data["source"],
                    **({"Place": data["data_dir"]} if data["data_dir"] else {}),
                    "Training images": f"{data['training']:,}",
                    "Validation images": f"{data['validation']:,}",
                    "Test images": f"{data['test']:,}",
                    "Image": "{} channel{}, {} x {}".format(
                        data["input_shape"][0],
                        "" if data["input_shape"][0] == 1 else "s",
                        *data["input_shape"][1:],
                    ),
                    "Normalisation": NORMALISATION,
                    "Fingerprint": data["fingerprint"],
                },
                "Choices": {name.capitalize(): value for name, value in facts.items()},
                "Versions": versions(),
                "Files": {
                    file.name: _FILES[file.name]
                    for file in session.folder.files()
                    if file.exists() or file == session.folder.report
                },
            },
            usage=[
                ("Test it again, by class:", f"nncore evaluate {where}"),
                ("Say what is in a picture:", f"nncore predict {where} picture.png"),
                (
                    "Train longer:",
                    f"nncore train --resume --output {where} --epochs {2 * choices['epochs']}",
                ),
                (
                    "From Python:",
                    _PROGRAM.format(str(session.folder.path / "model")),
                ),
            ],
        )

    def show(self, console: Console, quiet: bool) -> None:
        """Print the test result and where everything lies.

        Parameters
        ----------
        console : rich.console.Console
            Where to print.
        quiet : bool
            Whether to print nothing but the result.
        """
        result, folder = self.result(), self.session.folder
        line = (
            f"[bold]test[/]         loss {self.test['loss']:.4f}, "
            f"accuracy {self.test['accuracy']:.4f} ({result['test_correct']:,} of "
            f"{result['test_images']:,}), with the weights of epoch {self.best_epoch}"
        )
        if quiet:
            console.print(line, soft_wrap=True)
            return
        console.print()
        console.print(line, soft_wrap=True)
        for name, path in (
            ("report", folder.report),
            ("model", folder.model),
            ("folder", folder.path),
        ):
            console.print(f"[bold]{name:12}[/] {path}", soft_wrap=True)
        if self.status == "interrupted":
            console.print(
                "\nInterrupted; the best epoch so far is kept. To go on: nncore train --resume "
                f"--output {shlex.quote(str(folder.path))}",
                soft_wrap=True,
            )


_PROGRAM = """\
from nncore.serialization import load_model
from nncore.training import predict

model = load_model({!r})
probabilities = predict(model.layer, images)"""

_FILES = {
    "run.json": "all choices, versions and the result",
    "checkpoint.safetensors": "what --resume goes on from",
    "log.jsonl": "one line of JSON for each epoch",
    "model.safetensors": "the parameters of the best epoch",
    "model.json": "the architecture, the class names and the input",
    "report.html": "this page",
    "learning-curve.png": "picture",
    "confusion-matrix.png": "picture",
    "filters.png": "picture",
}


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
