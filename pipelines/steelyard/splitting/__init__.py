"""Exact splits: a plan of a few numbers, applied as a column expression."""

from steelyard.splitting._plan import NAMES, SPLIT, SplitPlan, apply_split, time_position, wanted_counts
from steelyard.splitting._stratified import stratified_split
from steelyard.splitting._temporal import temporal_split

__all__ = [
    "NAMES",
    "SPLIT",
    "SplitPlan",
    "apply_split",
    "stratified_split",
    "temporal_split",
    "time_position",
    "wanted_counts",
]
