"""Samplers that add rows."""

from steelyard.over_sampling._kmeans_smote import KMeansSMOTE
from steelyard.over_sampling._random_over_sampler import RandomOverSampler
from steelyard.over_sampling._smote import SMOTE
from steelyard.over_sampling._smotenc import SMOTENC
from steelyard.over_sampling._svmsmote import SVMSMOTE

__all__ = ["SMOTE", "SMOTENC", "SVMSMOTE", "KMeansSMOTE", "RandomOverSampler"]
