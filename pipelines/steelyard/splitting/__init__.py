"""Exact splits and folds: a plan of a few numbers, applied as a column expression."""

from steelyard.splitting._folds import FoldPlan, apply_folds, fold_rows, grouped_folds, stratified_folds
from steelyard.splitting._forward_chaining import forward_chaining_folds
from steelyard.splitting._grouped import grouped_split
from steelyard.splitting._plan import NAMES, SPLIT, SplitPlan, apply_split, time_position, wanted_counts
from steelyard.splitting._stratified import stratified_split
from steelyard.splitting._temporal import temporal_split

__all__ = [
    "NAMES",
    "SPLIT",
    "FoldPlan",
    "SplitPlan",
    "apply_folds",
    "apply_split",
    "fold_rows",
    "forward_chaining_folds",
    "grouped_folds",
    "grouped_split",
    "stratified_folds",
    "stratified_split",
    "temporal_split",
    "time_position",
    "wanted_counts",
]
