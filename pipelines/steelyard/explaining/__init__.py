"""Why a classifier decides as it does, and where it errs: contributions, importances, mistakes, weak slices."""

from steelyard.explaining._bins import check_sliced
from steelyard.explaining._importances import importances
from steelyard.explaining._mistakes import check_contributions, contributions_table, mistakes
from steelyard.explaining._slices import Slice, weak_slices
from steelyard.explaining._stability import stability

__all__ = [
    "Slice",
    "check_contributions",
    "check_sliced",
    "contributions_table",
    "importances",
    "mistakes",
    "stability",
    "weak_slices",
]
