"""The HTML report of a run, and its model card: single files, nothing loaded from anywhere."""

from typing import TYPE_CHECKING

from steelyard.lazy import lazy
from steelyard.report._files import CARD

if TYPE_CHECKING:
    from steelyard.report._card import html_card, markdown_card, write_card
    from steelyard.report._numbers import interval, metric
    from steelyard.report._page import build, judged, verdict

__all__ = ["CARD", "build", "html_card", "interval", "judged", "markdown_card", "metric", "verdict", "write_card"]

# A run needs the names of its files before Spark starts; the rest imports pyspark.ml.
__getattr__ = lazy(__name__, "_card", "_numbers", "_page")
