"""Samplers that remove rows."""

from steelyard.under_sampling._all_knn import AllKNN
from steelyard.under_sampling._condensed_nearest_neighbour import CondensedNearestNeighbour
from steelyard.under_sampling._edited_nearest_neighbours import EditedNearestNeighbours
from steelyard.under_sampling._neighbourhood_cleaning_rule import NeighbourhoodCleaningRule
from steelyard.under_sampling._random_under_sampler import RandomUnderSampler
from steelyard.under_sampling._repeated_edited_nearest_neighbours import RepeatedEditedNearestNeighbours
from steelyard.under_sampling._tomek_links import TomekLinks

__all__ = [
    "AllKNN",
    "CondensedNearestNeighbour",
    "EditedNearestNeighbours",
    "NeighbourhoodCleaningRule",
    "RandomUnderSampler",
    "RepeatedEditedNearestNeighbours",
    "TomekLinks",
]
