"""Samplers that add rows."""

from steelyard.over_sampling._random_over_sampler import RandomOverSampler
from steelyard.over_sampling._smote import SMOTE
from steelyard.over_sampling._smotenc import SMOTENC

__all__ = ["SMOTE", "SMOTENC", "RandomOverSampler"]
