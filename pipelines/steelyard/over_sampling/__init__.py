"""Samplers that add rows."""

from steelyard.over_sampling._adasyn import ADASYN
from steelyard.over_sampling._borderline_smote import BorderlineSMOTE
from steelyard.over_sampling._geometric_smote import GeometricSMOTE
from steelyard.over_sampling._kmeans_smote import KMeansSMOTE
from steelyard.over_sampling._polynom_fit_smote import PolynomFitSMOTE
from steelyard.over_sampling._random_over_sampler import RandomOverSampler
from steelyard.over_sampling._smote import SMOTE, SMOTENC
from steelyard.over_sampling._smoten import SMOTEN
from steelyard.over_sampling._svmsmote import SVMSMOTE

__all__ = [
    "ADASYN",
    "SMOTE",
    "SMOTEN",
    "SMOTENC",
    "SVMSMOTE",
    "BorderlineSMOTE",
    "GeometricSMOTE",
    "KMeansSMOTE",
    "PolynomFitSMOTE",
    "RandomOverSampler",
]
