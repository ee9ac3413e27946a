"""Pictures and a web page that tell how a training went.

Nothing in it needs a display, and matplotlib is imported when the first picture is drawn.
"""

from __future__ import annotations

from nncore.reporting.html import Picture, Report, render
from nncore.reporting.plots import confusion_matrix, draw, filters, learning_curve
from nncore.reporting.results import ClassResult, class_results, count_confusions

__all__ = [
    "ClassResult",
    "Picture",
    "Report",
    "class_results",
    "confusion_matrix",
    "count_confusions",
    "draw",
    "filters",
    "learning_curve",
    "render",
]
