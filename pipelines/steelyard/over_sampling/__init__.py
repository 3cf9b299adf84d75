"""Samplers that add rows."""

from steelyard.over_sampling._random_over_sampler import RandomOverSampler
from steelyard.over_sampling._smote import SMOTE

__all__ = ["SMOTE", "RandomOverSampler"]
