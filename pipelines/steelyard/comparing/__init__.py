"""Recipes on the same folds, paired differences, and the choice of `auto`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.comparing._candidates import (
    PLAIN,
    Candidate,
    check_metric,
    more_candidates,
    standard_candidates,
)
from steelyard.comparing._recipes import OWN, candidates_of, check_names
from steelyard.lazy import lazy

if TYPE_CHECKING:
    from steelyard.comparing._compare import compare
    from steelyard.comparing._comparison import Comparison, counted
    from steelyard.comparing._rows import Folds

__all__ = [
    "OWN",
    "PLAIN",
    "Candidate",
    "Comparison",
    "Folds",
    "candidates_of",
    "check_metric",
    "check_names",
    "compare",
    "counted",
    "more_candidates",
    "standard_candidates",
]

__getattr__ = lazy(__name__, "_compare", "_comparison", "_rows")
