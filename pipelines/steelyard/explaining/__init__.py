"""Why a classifier decides as it does, and where it errs: contributions, importances, mistakes, weak slices."""

from steelyard.explaining._importances import importances
from steelyard.explaining._mistakes import contributions_table, mistakes
from steelyard.explaining._slices import Slice, weak_slices
from steelyard.explaining._stability import stability

__all__ = ["Slice", "contributions_table", "importances", "mistakes", "stability", "weak_slices"]
