"""The report of a training: one web page that needs nothing but itself."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from nncore.reporting import plots
from nncore.reporting.results import class_results

if TYPE_CHECKING:
    from nncore.training import EpochRecord

__all__ = ["Picture", "Report", "render"]


@dataclass(frozen=True)
class Picture:
    """A picture of a report, with what is said about it.

    Parameters
    ----------
    title : str
        Heading above it.
    draw : callable
        Takes ``"light"`` or ``"dark"`` and gives a PNG file, as the functions of
        :mod:`nncore.reporting` do.
    caption : str
        Text below it.
    """

    title: str
    draw: Callable[[str], bytes]
    caption: str


@dataclass(frozen=True)
class Report:
    """What a report is made of.

    Parameters
    ----------
    title : str
        Heading, for example ``"lenet on digits"``.
    summary : str
        One sentence below it.
    highlights : mapping of str to str
        Labels and values to show large.
    history : sequence of nncore.training.EpochRecord
        One record for each epoch.
    class_names : sequence of str
        Name of each class.
    confusion : numpy.ndarray
        Counts ``(classes, classes)`` on the test split, or an empty array if there are none.
    weights : numpy.ndarray, optional
        Weights of the first layer, as :func:`nncore.reporting.filters` takes them.
    input_shape : tuple of int
        The shape ``(channels, rows, cols)`` of an image.
    facts : mapping of str to mapping of str to str
        Tables to show: heading to names and values.
    usage : sequence of (str, str)
        What the model can be used for next, each with the command or program for it.
    pictures : sequence of Picture
        More pictures, shown before the table of epochs.
    unit : str
        What the samples are. Default: ``"images"``.
    selection : str
        What the epoch that gives the model has. Default: ``"the lowest validation loss"``.
    """

    title: str
    summary: str
    highlights: Mapping[str, str]
    history: Sequence[EpochRecord]
    class_names: Sequence[str]
    confusion: np.ndarray
    weights: np.ndarray | None
    input_shape: tuple[int, ...]
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    usage: Sequence[tuple[str, str]] = ()
    pictures: Sequence[Picture] = ()
    unit: str = "images"
    selection: str = "the lowest validation loss"


#: Stands where there is no number.
_NOTHING = "\u2013"

_STYLE = """
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --ink: #1c2128; --muted: #5f6875; --line: #e4e7eb;
  --accent: #2468b8; --bar: #d5e3f4; --best: #edf4fc; --code: #f4f5f7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151a; --card: #1b1f26; --ink: #e4e7ec; --muted: #9aa4b2; --line: #323945;
    --accent: #6aaeff; --bar: #2b425f; --best: #202d3d; --code: #12151a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans",
    sans-serif;
}
main { max-width: 64rem; margin: 0 auto; }
header p { margin: .25rem 0 0; color: var(--muted); }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 0 0 .9rem; font-size: 1.1rem; }
section {
  margin-top: 1.25rem; padding: 1.4rem 1.5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px;
}
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem;
  margin: 1.5rem 0 0; }
.tiles div { padding: 1rem 1.2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
.tiles dt { color: var(--muted); font-size: .82rem; }
.tiles dd { margin: .1rem 0 0; font-size: 1.55rem; font-weight: 650; line-height: 1.25;
  white-space: nowrap; }
.tiles div:first-child dd { color: var(--accent); }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { margin-top: .8rem; color: var(--muted); font-size: .88rem; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { padding: .38rem .6rem; text-align: right; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; }
th { color: var(--muted); font-weight: 550; }
th:first-child, td:first-child, .words td, .words th { text-align: left; }
tbody th { color: var(--ink); font-weight: 500; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; background: var(--card); vertical-align: bottom; }
.words th { width: 32%; color: var(--muted); font-weight: 450; vertical-align: top; }
.words td { overflow-wrap: anywhere; }
.scroll { overflow: auto; max-height: 30rem; }
.best { background: var(--best); }
.bar { width: 38%; }
.bar span { display: block; height: .7rem; border-radius: 3px; background: var(--line); }
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--accent); }
td.left, th.left { text-align: left; }
.pair { columns: 2 22rem; column-gap: 1.25rem; }
.pair section { display: inline-block; width: 100%; }
pre { margin: .3rem 0 1rem; padding: .75rem 1rem; background: var(--code); border-radius: 6px;
  border: 1px solid var(--line); overflow-x: auto; font-size: .88rem; line-height: 1.5; }
pre:last-child { margin-bottom: 0; }
.usage p { margin: 0; color: var(--muted); font-size: .92rem; }
footer { margin-top: 1.5rem; color: var(--muted); font-size: .85rem; text-align: center; }
@media (max-width: 40rem) {
  body { padding: 1.25rem .75rem 2.5rem; }
  section { padding: 1.1rem 1rem; }
  .tiles dd { font-size: 1.25rem; }
  .bar { display: none; }
  .pair { columns: 1; }
}
@media print {
  body { background: none; padding: 0; }
  section, .tiles div { break-inside: avoid; }
  .scroll { max-height: none; }
}
"""


def _number(value: float | None, digits: int = 4) -> str:
    if value is None or math.isnan(value):
        return _NOTHING
    return f"{value:.{digits}f}" if value == 0 or abs(value) >= 10.0**-digits else f"{value:.2e}"


def _percent(value: float) -> str:
    return _NOTHING if math.isnan(value) else f"{100 * value:.1f} %"


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _picture(draw: Callable[[str], bytes], alt: str, caption: str) -> str:
    light, dark = draw("light"), draw("dark")
    # The IHDR chunk of a PNG has the size at a fixed place; 160 of its pixels are 100 of a page's.
    width, height = (int.from_bytes(light[start : start + 4]) * 5 // 8 for start in (16, 20))
    return (
        "<figure><picture>"
        f'<source srcset="{_uri(dark)}" media="(prefers-color-scheme: dark)">'
        f'<img src="{_uri(light)}" width="{width}" height="{height}" alt="{escape(alt)}">'
        f"</picture><figcaption>{escape(caption)}</figcaption></figure>"
    )


def _words(heading: str, rows: Mapping[str, str]) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows.items()
    )
    return (
        f'<section><h2>{escape(heading)}</h2><table class="words"><tbody>{body}</tbody>'
        "</table></section>"
    )


def _epochs(history: Sequence[EpochRecord], unit: str) -> str:
    train, validation = list(history[0].train), list(history[0].validation)
    best = max((r.epoch for r in history if r.is_best), default=None)
    head = "".join(
        f'<th scope="col">{escape(name)}</th>'
        for name in (
            "Epoch",
            *(f"Training {key}" for key in train),
            *(f"Validation {key}" for key in validation),
            f"{unit.capitalize()}/s",
            "Seconds",
        )
    )
    rows = []
    for record in history:
        cells = [_number(record.train.get(key)) for key in train]
        cells += [_number(record.validation.get(key)) for key in validation]
        cells += [f"{record.samples_per_second:,.0f}", f"{record.seconds:.1f}"]
        is_best = record.epoch == best
        note = " (best)" if is_best else " (interrupted)" if record.interrupted else ""
        rows.append(
            ('<tr class="best">' if is_best else "<tr>")
            + f'<th scope="row">{record.epoch}{note}</th>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    return (
        '<section><h2>Epochs</h2><div class="scroll"><table><thead><tr>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _classes(confusion: np.ndarray, class_names: Sequence[str]) -> str:
    rows = []
    for result in class_results(confusion, class_names):
        share = 0.0 if math.isnan(result.accuracy) else result.accuracy
        mistaken = (
            f"{escape(result.mistaken_for)} ({result.mistaken_count})"
            if result.mistaken_for
            else _NOTHING
        )
        rows.append(
            f'<tr><th scope="row">{escape(result.name)}</th><td>{result.count}</td>'
            f"<td>{result.correct}</td><td>{_percent(result.accuracy)}</td>"
            f'<td class="bar"><span><i style="width:{100 * share:.1f}%"></i></span></td>'
            f'<td>{_percent(result.precision)}</td><td class="left">{mistaken}</td></tr>'
        )
    return (
        '<section><h2>Test accuracy by class</h2><div class="scroll"><table><thead><tr>'
        '<th scope="col">Class</th><th scope="col">Images</th><th scope="col">Correct</th>'
        '<th scope="col">Accuracy</th><td></td><th scope="col">Precision</th>'
        '<th scope="col" class="left">Most often taken for</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _filters_caption(weights: np.ndarray, input_shape: tuple[int, ...]) -> str:
    what = (
        "Each picture is one filter"
        if weights.ndim > 2
        else "Each picture has the weights of one unit, laid out as the image that it sees"
    )
    if input_shape[0] == 3:
        return f"{what}, stretched to the full range of colours."
    return (
        f"{what}. Orange weights are positive, blue ones negative; all have the scale at the right."
    )


def render(report: Report) -> str:
    """Make the page.

    Parameters
    ----------
    report : Report
        The content.

    Returns
    -------
    str
        An HTML document with its pictures inside; it follows the reader's choice of light or
        dark.
    """
    parts = []
    tiles = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in report.highlights.items()
    )
    if tiles:
        parts.append(f'<dl class="tiles">{tiles}</dl>')
    if report.history:
        parts.append(
            "<section><h2>Learning curve</h2>"
            + _picture(
                lambda theme: plots.learning_curve(report.history, theme),
                alt="Line charts of the loss and the monitors over the epochs.",
                caption="Training values are means over the epoch, while the weights change and "
                "with dropout at work; validation values are taken at its end. The epoch with "
                f"{report.selection} gives the model.",
            )
            + "</section>"
        )
    if report.confusion.size:
        parts.append(_classes(report.confusion, report.class_names))
        parts.append(
            "<section><h2>What was taken for what</h2>"
            + _picture(
                lambda theme: plots.confusion_matrix(report.confusion, report.class_names, theme),
                alt="Confusion matrix of the test split.",
                caption="Number of test images. Blue: recognised. Orange: mistaken, the deeper "
                "the commoner.",
            )
            + "</section>"
        )
    if (weights := report.weights) is not None:
        parts.append(
            "<section><h2>What the first layer looks for</h2>"
            + _picture(
                lambda theme: plots.filters(weights, report.input_shape, theme),
                alt="The weights of the first layer as images.",
                caption=_filters_caption(weights, report.input_shape),
            )
            + "</section>"
        )
    for picture in report.pictures:
        parts.append(
            f"<section><h2>{escape(picture.title)}</h2>"
            + _picture(picture.draw, alt=picture.title, caption=picture.caption)
            + "</section>"
        )
    if report.history:
        parts.append(_epochs(report.history, report.unit))
    tables = "".join(_words(heading, rows) for heading, rows in report.facts.items())
    if tables:
        parts.append(f'<div class="pair">{tables}</div>')
    if report.usage:
        parts.append(
            '<section class="usage"><h2>Using the model</h2>'
            + "".join(
                f"<p>{escape(what)}</p><pre><code>{escape(code)}</code></pre>"
                for what, code in report.usage
            )
            + "</section>"
        )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<header><h1>{escape(report.title)}</h1><p>{escape(report.summary)}</p></header>\n"
        + "\n".join(parts)
        + "\n<footer>Made by nncore.</footer>\n</main>\n</body>\n</html>\n"
    )
