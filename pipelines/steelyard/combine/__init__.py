"""Samplers that add rows, and then drop what contradicts its neighbours."""

from steelyard.combine._smote_enn import SMOTEENN
from steelyard.combine._smote_tomek import SMOTETomek

__all__ = ["SMOTEENN", "SMOTETomek"]
