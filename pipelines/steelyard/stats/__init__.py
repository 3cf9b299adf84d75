"""Statistics of a labelled table."""

from steelyard.stats._classes import ClassCounts, class_counts
from steelyard.stats._profile import profile

__all__ = ["ClassCounts", "class_counts", "profile"]
