"""The HTML report of a run, and its model card: single files, nothing loaded from anywhere."""

from steelyard.report._card import CARD, html_card, markdown_card, write_card
from steelyard.report._numbers import interval, metric
from steelyard.report._page import build, judged, verdict

__all__ = ["CARD", "build", "html_card", "interval", "judged", "markdown_card", "metric", "verdict", "write_card"]
