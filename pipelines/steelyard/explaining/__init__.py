"""Why a classifier decides as it does, and where it errs: contributions, importances, mistakes, weak slices."""

from steelyard.explaining._importances import importances
from steelyard.explaining._mistakes import contributions_table, mistakes
from steelyard.explaining._slices import Slice, weak_slices

__all__ = ["Slice", "contributions_table", "importances", "mistakes", "weak_slices"]
