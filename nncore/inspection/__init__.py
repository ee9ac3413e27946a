"""Ways to look at a network: a table of its layers, and a picture of its graph."""

from nncore.inspection.draw import draw as draw
from nncore.inspection.summary import LayerSummary as LayerSummary
from nncore.inspection.summary import format_summary as format_summary
from nncore.inspection.summary import summarize as summarize
from nncore.inspection.summary import summary as summary

__all__ = ["LayerSummary", "draw", "format_summary", "summarize", "summary"]
