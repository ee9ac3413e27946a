"""The pictures of a training, as PNG files in memory, for light and for dark pages."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nncore.training import EpochRecord

__all__ = ["THEMES", "confusion_matrix", "draw", "filters", "learning_curve"]

_DPI = 160

#: More filters than this are not drawn.
MAX_FILTERS = 64

#: With more classes than this, the cells of a confusion matrix have no numbers.
MAX_NUMBERED_CLASSES = 20

#: With more classes than this, the classes have no names at the axes.
MAX_NAMED_CLASSES = 40


@dataclass(frozen=True)
class _Theme:
    background: str
    ink: str
    muted: str
    grid: str
    first: str
    second: str
    good: str
    bad: str


#: Colours by the name of the theme. ``first`` and ``second`` keep their contrast for the
#: colour-blind, and so do ``good`` and ``bad``.
THEMES = {
    "light": _Theme(
        background="#ffffff",
        ink="#1c2128",
        muted="#5f6875",
        grid="#e4e7eb",
        first="#2468b8",
        second="#d9620f",
        good="#2468b8",
        bad="#d9620f",
    ),
    "dark": _Theme(
        background="#1b1f26",
        ink="#e4e7ec",
        muted="#9aa4b2",
        grid="#323945",
        first="#6aaeff",
        second="#ffa057",
        good="#5a9fe8",
        bad="#f0883e",
    ),
}


def _figure(width: float, height: float, theme: _Theme) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.12)
    return Figure(figsize=(width, height), facecolor=theme.background, layout=layout)


def _png(figure: Any) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    # Neither the time nor the version: equal content gives equal files.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _plain(axes: Any, theme: _Theme) -> None:
    axes.set_facecolor(theme.background)
    axes.tick_params(colors=theme.muted, labelsize=9, length=0, pad=5)
    for side in axes.spines.values():
        side.set_visible(False)


def draw(
    paint: Callable[[Any, Any], None], width: float, height: float, theme: str = "light"
) -> bytes:
    """Draw a picture of one's own in the colours of the others.

    Parameters
    ----------
    paint : callable
        Called with matplotlib's axes and the theme's colours, an element of :data:`THEMES`.
    width, height : float
        Size of the picture in inches.
    theme : str
        ``"light"`` or ``"dark"``. Default: ``"light"``.

    Returns
    -------
    bytes
        A PNG file.
    """
    look = THEMES[theme]
    figure = _figure(width, height, look)
    axes = figure.add_subplot()
    _plain(axes, look)
    paint(axes, look)
    return _png(figure)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def learning_curve(history: Sequence[EpochRecord], theme: str = "light") -> bytes:
    """Draw the loss and the monitors over the epochs.

    Parameters
    ----------
    history : sequence of nncore.training.EpochRecord
        One record for each epoch.
    theme : str
        ``"light"`` or ``"dark"``. Default: ``"light"``.

    Returns
    -------
    bytes
        A PNG file.
    """
    from matplotlib.ticker import MaxNLocator

    look = THEMES[theme]
    keys = list(history[0].train) if history else ["loss"]
    figure = _figure(4.6 * len(keys) + 0.4, 3.5, look)
    epochs = [record.epoch for record in history]
    best = next((r for r in reversed(history) if r.is_best and r.validation), None)
    for place, key in enumerate(keys):
        axes = figure.add_subplot(1, len(keys), place + 1)
        _plain(axes, look)
        axes.set_title(_title(key), color=look.ink, fontsize=11, loc="left", fontweight="bold")
        axes.set_xlabel("Epoch", color=look.muted, fontsize=9)
        axes.grid(axis="y", color=look.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        marker = "o" if len(epochs) <= 30 else None
        for name, color in (("train", look.first), ("validation", look.second)):
            points = [(r.epoch, getattr(r, name)[key]) for r in history if key in getattr(r, name)]
            if points:
                axes.plot(
                    *zip(*points, strict=True),
                    color=color,
                    linewidth=1.8,
                    marker=marker,
                    markersize=3.2,
                    label="Training" if name == "train" else "Validation",
                )
        values = [
            v[key] for r in history for v in (r.train, r.validation) if v.get(key, math.nan) > 0
        ]
        if key != "accuracy" and values and max(values) > 50 * min(values):
            axes.set_yscale("log")
            axes.tick_params(which="minor", length=0)
        if key == "accuracy":
            bottom = axes.get_ylim()[0]
            axes.set_ylim(max(0.0, min(bottom, 0.98)), 1.004)
        if best is not None and key in best.validation:
            axes.axvline(best.epoch, color=look.muted, linewidth=0.8, linestyle=(0, (2, 3)))
            axes.plot(
                [best.epoch],
                [best.validation[key]],
                "o",
                markersize=8,
                markerfacecolor="none",
                markeredgecolor=look.second,
                markeredgewidth=1.6,
                label=f"Best, epoch {best.epoch}",
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if epochs:
            margin = max(0.3, 0.03 * (epochs[-1] - epochs[0]))
            axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
        if axes.lines:
            axes.legend(
                facecolor=look.background,
                edgecolor="none",
                framealpha=0.85,
                fontsize=9,
                labelcolor=look.ink,
                loc="lower right" if key == "accuracy" else "upper right",
            )
    return _png(figure)


def confusion_matrix(
    confusion: np.ndarray, class_names: Sequence[str], theme: str = "light"
) -> bytes:
    """Draw how often each class was taken for each.

    What is right is shaded in one colour by its share of the class. What is wrong is shaded in
    another, by its share of the commonest confusion, so that rare mistakes can be seen.

    Parameters
    ----------
    confusion : numpy.ndarray
        Counts ``(classes, classes)``: the row is the true class, the column the predicted one.
    class_names : sequence of str
        One name for each class.
    theme : str
        ``"light"`` or ``"dark"``. Default: ``"light"``.

    Returns
    -------
    bytes
        A PNG file.
    """
    from matplotlib.colors import to_rgb

    look = THEMES[theme]
    size = len(class_names)
    names = [name if len(name) <= 16 else name[:15] + "…" for name in map(str, class_names)]
    longest = max(map(len, names))
    side = min(11.0, max(3.4, 0.46 * size if size <= MAX_NUMBERED_CLASSES else 0.24 * size))
    figure = _figure(side + 0.5 + 0.075 * longest, side + 1.1, look)
    axes = figure.add_subplot()
    _plain(axes, look)

    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    wrong = ~np.eye(size, dtype=bool)
    worst = share[wrong].max() if size > 1 else 0.0
    strength = np.where(wrong, share / worst if worst else 0.0, share)
    # Where there is anything, it is visible.
    strength = np.where(confusion > 0, 0.15 + 0.85 * strength, 0.0)[..., None]
    back, good, bad = (np.array(to_rgb(c)) for c in (look.background, look.good, look.bad))
    pixels = back + (np.where(wrong[..., None], bad, good) - back) * strength
    axes.imshow(pixels, interpolation="nearest")

    ticks = np.arange(size)
    if size <= MAX_NAMED_CLASSES:
        slanted = longest > 3
        axes.set_xticks(
            ticks,
            names,
            rotation=45 if slanted else 0,
            ha="right" if slanted else "center",
            rotation_mode="anchor" if slanted else None,
        )
        axes.set_yticks(ticks, names)
        axes.tick_params(labelcolor=look.ink, labelsize=9 if size <= MAX_NUMBERED_CLASSES else 7)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.set_xticks(np.arange(-0.5, size), minor=True)
    axes.set_yticks(np.arange(-0.5, size), minor=True)
    if size <= MAX_NAMED_CLASSES:
        axes.grid(which="minor", color=look.grid, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("Predicted", color=look.muted, fontsize=9)
    axes.set_ylabel("True class", color=look.muted, fontsize=9)
    axes.set_title("Confusions", color=look.ink, fontsize=11, loc="left", fontweight="bold")
    if size <= MAX_NUMBERED_CLASSES:
        digits = len(str(int(confusion.max(initial=0))))
        for row, column in zip(*np.nonzero(confusion), strict=True):
            luminance = pixels[row, column] @ (0.299, 0.587, 0.114)
            axes.text(
                column,
                row,
                str(int(confusion[row, column])),
                ha="center",
                va="center",
                fontsize=9 if digits <= 3 else 7.5,
                color="#14181e" if luminance > 0.55 else "#ffffff",
            )
    return _png(figure)


def _as_images(weights: np.ndarray, input_shape: tuple[int, ...]) -> np.ndarray:
    """Bring first-layer weights into the form ``(n, channels, rows, cols)``."""
    if weights.ndim == 2:
        return weights.T.reshape(-1, *input_shape)
    return weights


def filters(weights: np.ndarray, input_shape: tuple[int, ...], theme: str = "light") -> bytes:
    """Draw the weights of a network's first layer as images.

    Three channels are shown in colour, each filter stretched to the full range; of one channel
    the sign is shown, on a scale that all filters share; any other number of channels gives one
    picture for each.

    Parameters
    ----------
    weights : numpy.ndarray
        Convolution filters ``(num_filters, channels, rows, cols)``, or a dense layer's weights
        ``(num_inputs, num_units)``.
    input_shape : tuple of int
        The shape ``(channels, rows, cols)`` of an image.
    theme : str
        ``"light"`` or ``"dark"``. Default: ``"light"``.

    Returns
    -------
    bytes
        A PNG file. At most 64 filters are drawn.
    """
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.ticker import MaxNLocator

    look = THEMES[theme]
    images = _as_images(np.asarray(weights, dtype=float), input_shape)
    colored = images.shape[1] == 3
    if not colored:
        images = images.reshape(-1, 1, *images.shape[2:])
    total = len(images)
    images = images[:MAX_FILTERS].transpose(0, 2, 3, 1)
    count, rows, cols, channels = images.shape
    across = min(count, 8 if count <= 32 else 16)
    down = math.ceil(count / across)
    gap = max(1, round(min(rows, cols) / 6)) if min(rows, cols) < 12 else 2
    canvas = np.full((down * (rows + gap) - gap, across * (cols + gap) - gap, channels), np.nan)
    for index, image in enumerate(images):
        if colored:
            low, high = image.min(), image.max()
            image = (image - low) / ((high - low) or 1.0)
        top, left = index // across * (rows + gap), index % across * (cols + gap)
        canvas[top : top + rows, left : left + cols] = image

    width = 8.2 if across > 8 else 1.0 + 0.85 * across
    height = width * canvas.shape[0] / canvas.shape[1]
    figure = _figure(width + (0.0 if colored else 0.9), height + 0.6, look)
    axes = figure.add_subplot()
    _plain(axes, look)
    axes.set_xticks([])
    axes.set_yticks([])
    title = "First layer" + (f": {count} of {total}" if total > count else "")
    axes.set_title(title, color=look.ink, fontsize=11, loc="left", fontweight="bold")
    if colored:
        alpha = ~np.isnan(canvas[..., :1])
        axes.imshow(np.concatenate([np.nan_to_num(canvas), alpha], axis=2), interpolation="nearest")
    else:
        limit = float(np.abs(images).max()) or 1.0
        middle = "#f4f5f7" if theme == "light" else "#0e1116"
        signed = LinearSegmentedColormap.from_list("signed", [look.first, middle, look.second])
        drawn = axes.imshow(
            np.ma.masked_invalid(canvas[..., 0]),
            cmap=signed,
            norm=Normalize(-limit, limit),
            interpolation="nearest",
        )
        bar = figure.colorbar(drawn, ax=axes, fraction=0.035, pad=0.015, aspect=14, shrink=0.95)
        bar.outline.set_visible(False)
        bar.locator = MaxNLocator(nbins=5 if down > 1 else 2, symmetric=True)
        bar.update_ticks()
        bar.ax.tick_params(colors=look.muted, labelsize=8, length=0)
    return _png(figure)
