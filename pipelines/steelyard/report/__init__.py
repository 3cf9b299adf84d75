"""The HTML report of a run: one file, nothing loaded from anywhere."""

from steelyard.report._numbers import interval, metric
from steelyard.report._page import build, judged, verdict

__all__ = ["build", "interval", "judged", "metric", "verdict"]
