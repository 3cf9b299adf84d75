"""Statistics of a labelled table."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.stats._classes import ClassCounts, class_counts
    from steelyard.stats._profile import Summary, profile, summarize_table

__all__ = ["ClassCounts", "Summary", "class_counts", "profile", "summarize_table"]

# The workers import their tasks from here, and need neither Spark nor pandas for them.
_LAZY = {
    "ClassCounts": "_classes",
    "class_counts": "_classes",
    "Summary": "_profile",
    "profile": "_profile",
    "summarize_table": "_profile",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
