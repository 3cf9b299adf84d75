"""Samplers that remove rows."""

from steelyard.under_sampling._cluster_centroids import ClusterCentroids
from steelyard.under_sampling._condensed_nearest_neighbour import CondensedNearestNeighbour, OneSidedSelection
from steelyard.under_sampling._edited_nearest_neighbours import (
    AllKNN,
    EditedNearestNeighbours,
    RepeatedEditedNearestNeighbours,
)
from steelyard.under_sampling._instance_hardness_threshold import InstanceHardnessThreshold
from steelyard.under_sampling._near_miss import NearMiss
from steelyard.under_sampling._neighbourhood_cleaning_rule import NeighbourhoodCleaningRule
from steelyard.under_sampling._random_under_sampler import RandomUnderSampler
from steelyard.under_sampling._tomek_links import TomekLinks

__all__ = [
    "AllKNN",
    "ClusterCentroids",
    "CondensedNearestNeighbour",
    "EditedNearestNeighbours",
    "InstanceHardnessThreshold",
    "NearMiss",
    "NeighbourhoodCleaningRule",
    "OneSidedSelection",
    "RandomUnderSampler",
    "RepeatedEditedNearestNeighbours",
    "TomekLinks",
]
