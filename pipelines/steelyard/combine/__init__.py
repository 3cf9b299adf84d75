"""Samplers that add rows, and then drop rows whose neighbours are of other classes."""

from steelyard.combine._smote_enn import SMOTEENN
from steelyard.combine._smote_tomek import SMOTETomek

__all__ = ["SMOTEENN", "SMOTETomek"]
