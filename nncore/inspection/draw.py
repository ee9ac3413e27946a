# ruff: noqa: RUF001  (signs of multiplication are meant)
"""A picture of a network: a box for each layer, and lines for what feeds into what."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from nncore._atomic import write_bytes_atomic
from nncore.errors import NNCoreError
from nncore.inspection.layout import Layout, place
from nncore.inspection.summary import LayerSummary, incoming_layers, summarize
from nncore.layers import MergeLayer, get_all_layers

__all__ = ["draw"]

_MARGIN, _PADDING, _LINE = 24.0, 14.0, 17.0
_TITLE, _TEXT = 13.0, 11.0
_ROUND, _ARROW = 7.0, 7.0
_INK, _FAINT, _EDGE = "#1f2933", "#52606d", "#7b8794"

#: Families of layers, by a part of the name of the class or of one it derives from; the first that
#: fits counts. Fill and outline.
_FAMILIES = (
    ("Input", ("#e4e7eb", "#9aa5b1")),
    ("Conv", ("#dcebfb", "#4a90d9")),
    ("Dense", ("#dff3e3", "#4caf6d")),
    ("NIN", ("#dff3e3", "#4caf6d")),
    ("Embedding", ("#dff3e3", "#4caf6d")),
    ("Pool", ("#fdebd3", "#e08e2b")),
    ("Dropout", ("#eee4f8", "#9b6bc9")),
    ("Noise", ("#eee4f8", "#9b6bc9")),
    ("Norm", ("#d9f2f0", "#2fa59b")),
    ("Standardization", ("#d9f2f0", "#2fa59b")),
    ("Recurrent", ("#f5e6d8", "#a8703f")),
    ("LSTM", ("#f5e6d8", "#a8703f")),
    ("GRU", ("#f5e6d8", "#a8703f")),
)
_MERGE = ("#fbe0e4", "#d6586b")
_OTHER = ("#f5f7fa", "#9aa5b1")

#: Widths of characters in hundredths of their size; of the widest of the usual fonts.
_WIDTHS = (
    ("ijlI.,:;'|! ", 33),
    ('()[]{}-frt/\\"', 42),
    ("mwMW@%—", 99),
    ("ABCDEFGHJKLNOPQRSTUVXYZ×=+<>_&", 84),
)


@dataclass(frozen=True)
class _Box:
    lines: tuple[str, ...]
    fill: str
    outline: str
    width: float
    height: float

    def texts(self) -> Iterator[tuple[str, float, float, str, str]]:
        """Each line with its base line, size, colour and weight."""
        for index, line in enumerate(self.lines):
            y = _PADDING / 2 + _LINE * (index + 0.72)
            if index == 0:
                yield line, y, _TITLE, _INK, "bold"
            else:
                yield line, y, _TEXT, _FAINT, "normal"


def _text_width(text: str, size: float) -> float:
    def width(character: str) -> int:
        return next((w for characters, w in _WIDTHS if character in characters), 65)

    return sum(map(width, text)) * size / 100


def _detail(layer: Any) -> str:
    """What tells a layer from others of its class, in a few words."""
    found = []
    for attribute, form in (
        ("filter_size", "{}"),
        ("pool_size", "{}"),
        ("scale_factor", "{}"),
        ("stride", "stride {}"),
        ("num_groups", "{} groups"),
        ("p", "p = {}"),
        ("sigma", "σ = {}"),
    ):
        value = getattr(layer, attribute, None)
        if isinstance(value, list | tuple):
            same = attribute == "stride" and len(set(value)) == 1
            value = str(value[0]) if same else "×".join(map(str, value))
        is_shown = isinstance(value, int | float | str) and not isinstance(value, bool)
        # The usual case of these goes without saying.
        if is_shown and not (attribute in ("stride", "num_groups") and str(value) == "1"):
            found.append(form.format(value))
    if found[1:] and getattr(layer, "stride", None) == getattr(layer, "pool_size", 0):
        del found[1]
    nonlinearity = getattr(layer, "nonlinearity", None)
    word = getattr(nonlinearity, "__name__", type(nonlinearity).__name__)
    if nonlinearity is not None and word not in ("identity", "linear", "<lambda>"):
        found.append(word)
    return ", ".join(found)


def _box(layer: Any, row: LayerSummary) -> _Box:
    named = f" {layer.name}" if layer.name else ""
    shape = " × ".join("?" if size is None else str(size) for size in row.output_shape)
    lines = [row.kind + named, _detail(layer), shape or "scalar"]
    if row.parameters:
        lines.append(f"{row.parameters:,} parameters")
    lines = [line if len(line) <= 48 else line[:47] + "…" for line in lines if line]
    names = [cls.__name__ for cls in type(layer).__mro__]
    families = [colors for part, colors in _FAMILIES if any(part in name for name in names)]
    fill, outline = (families or [_MERGE if isinstance(layer, MergeLayer) else _OTHER])[0]
    widths = [_text_width(line, _TITLE if i == 0 else _TEXT) for i, line in enumerate(lines)]
    width = max(110.0, max(widths) * 1.02 + 2 * _PADDING)
    return _Box(tuple(lines), fill, outline, width, _LINE * len(lines) + _PADDING)


def draw(layer: Any, path: str | Path) -> None:
    """Draw a network as a graph of its layers.

    Each box has the class of a layer and its name, what tells it from others of its class, the
    output shape (``?`` is a size that may vary), and the number of its parameters. Its colour is
    that of its family: convolutions, dense layers, pooling, and so on.

    Parameters
    ----------
    layer : Layer or list of Layer
        The output layer or layers.
    path : str or Path
        The file to write. Its suffix says the form: ``.svg`` needs nothing else, ``.png`` and
        ``.pdf`` are drawn by matplotlib.

    Raises
    ------
    ValueError
        If the suffix is another one.
    nncore.errors.NNCoreError
        If matplotlib is needed and not installed.

    Examples
    --------
    >>> import tempfile, nncore
    >>> from nncore.layers import DenseLayer, InputLayer
    >>> network = DenseLayer(InputLayer((None, 784)), 10, name="out")
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     nncore.draw(network, f"{directory}/network.svg")
    """
    path = Path(path)
    form = path.suffix.lower()
    if form not in (".svg", ".png", ".pdf"):
        raise ValueError(
            f"draw() writes .svg, .png and .pdf, as the file's suffix says, but not {str(path)!r}."
        )
    scene = _Scene(layer)
    content = scene.svg().encode() if form == ".svg" else scene.by_matplotlib(form[1:])
    write_bytes_atomic(path, content)


class _Scene:
    """Boxes and lines at their places; it is drawn by two kinds of pens."""

    def __init__(self, layer: Any) -> None:
        layers = get_all_layers(layer)
        self.boxes = [_box(*pair) for pair in zip(layers, summarize(layer), strict=True)]
        numbers = {one: index for index, one in enumerate(layers)}
        edges = [
            (numbers[source], numbers[one]) for one in layers for source in incoming_layers(one)
        ]
        layout = place([(box.width, box.height) for box in self.boxes], edges)
        self.width = layout.width + 2 * _MARGIN
        self.height = layout.height + 2 * _MARGIN
        self.corners = [
            (x - box.width / 2 + _MARGIN, y - box.height / 2 + _MARGIN)
            for box, (x, y) in zip(self.boxes, layout.centers, strict=True)
        ]
        self.lines = [self._line(layout, *edge) for edge in layout.bends]

    def _line(self, layout: Layout, start: int, end: int) -> list[tuple[float, float]]:
        """Corners of a line: at odd places it is straight, at even ones it bends."""
        points = []
        x, y = layout.centers[start]
        points += [(x, y + self.boxes[start].height / 2), (x, layout.bands[start][1])]
        for bend, top, bottom in layout.bends[start, end]:
            points += [(bend, top), (bend, bottom)]
        x, y = layout.centers[end]
        tip = y - self.boxes[end].height / 2 - _ARROW
        points += [(x, min(layout.bands[end][0], tip)), (x, tip)]
        return [(x + _MARGIN, y + _MARGIN) for x, y in points]

    def svg(self) -> str:
        """The picture in SVG."""
        size = f"{self.width:.0f} {self.height:.0f}"
        width, height = size.split()
        parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                f'viewBox="0 0 {size}" font-family="Helvetica, Arial, DejaVu Sans, sans-serif">'
            ),
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]
        for points in self.lines:
            path = f"M{_pair(points[0])}"
            for index, (last, point) in enumerate(pairwise(points)):
                if index % 2 == 0:
                    path += f" L{_pair(point)}"
                else:
                    path += f" C{' '.join(map(_pair, (*_handles(last, point), point)))}"
            parts.append(f'<path d="{path}" fill="none" stroke="{_EDGE}" stroke-width="1.4"/>')
            head = " ".join(map(_pair, _arrow(points[-1])))
            parts.append(f'<polygon points="{head}" fill="{_EDGE}"/>')
        for box, (left, top) in zip(self.boxes, self.corners, strict=True):
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
                f'height="{box.height:.1f}" rx="{_ROUND:g}" fill="{box.fill}" '
                f'stroke="{box.outline}" stroke-width="1.2"/>'
            )
            for line, y, text, colour, weight in box.texts():
                parts.append(
                    f'<text x="{left + box.width / 2:.1f}" y="{top + y:.1f}" font-size="{text:g}" '
                    f'font-weight="{weight}" fill="{colour}" text-anchor="middle">'
                    f"{escape(line)}</text>"
                )
        return "\n".join([*parts, "</svg>", ""])

    def by_matplotlib(self, form: str) -> bytes:
        """The picture in a form that matplotlib writes."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
            from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
            from matplotlib.path import Path as Curve
        except ImportError:
            raise NNCoreError(
                f"a picture in the form .{form} needs matplotlib, which is not installed: "
                "pip install 'nncore-pytensor[cli]'. A picture in the form .svg needs nothing."
            ) from None
        # A point of the picture is a hundredth of an inch; very long pictures are made coarser,
        # as matplotlib refuses more than 65,536 dots.
        figure = Figure(figsize=(self.width / 100, self.height / 100))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.axis("off")
        for points in self.lines:
            corners, codes = [points[0]], [Curve.MOVETO]
            for index, (last, point) in enumerate(pairwise(points)):
                straight = index % 2 == 0
                corners += [point] if straight else [*_handles(last, point), point]
                codes += [Curve.LINETO] if straight else [Curve.CURVE4] * 3
            axes.add_patch(PathPatch(Curve(corners, codes), fill=False, ec=_EDGE, lw=1.0))
            axes.add_patch(Polygon(_arrow(points[-1]), fc=_EDGE, ec="none"))
        for box, (left, top) in zip(self.boxes, self.corners, strict=True):
            style = f"round,pad=0,rounding_size={_ROUND:g}"
            axes.add_patch(
                FancyBboxPatch(
                    (left, top), box.width, box.height, style, fc=box.fill, ec=box.outline, lw=0.9
                )
            )
            for line, y, text, colour, weight in box.texts():
                axes.text(
                    left + box.width / 2,
                    top + y,
                    line,
                    size=text * 0.72,
                    weight=weight,
                    color=colour,
                    ha="center",
                    va="baseline",
                    family="DejaVu Sans",
                    parse_math=False,
                )
        buffer = io.BytesIO()
        dots = min(200.0, 60000 / max(self.width, self.height) * 100)
        figure.savefig(buffer, format=form, dpi=dots)
        return buffer.getvalue()


def _pair(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _handles(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Control points of a curve that begins and ends vertically."""
    middle = (start[1] + end[1]) / 2
    return [(start[0], middle), (end[0], middle)]


def _arrow(point: tuple[float, float]) -> list[tuple[float, float]]:
    x, y = point
    return [(x - 4, y - 1), (x + 4, y - 1), (x, y + _ARROW)]
