"""Statistics of a labelled table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.lazy import lazy

if TYPE_CHECKING:
    from steelyard.stats._classes import ClassCounts, class_counts
    from steelyard.stats._features import LEVEL
    from steelyard.stats._heavy import number_value
    from steelyard.stats._profile import Summary, level_text, profile, summarize_table

__all__ = [
    "LEVEL",
    "ClassCounts",
    "Summary",
    "class_counts",
    "level_text",
    "number_value",
    "profile",
    "summarize_table",
]

# The workers import their tasks from here, and need neither Spark nor pandas for them.
__getattr__ = lazy(__name__, "_classes", "_features", "_heavy", "_profile")
