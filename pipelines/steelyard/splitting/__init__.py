"""Exact splits and folds: a plan of a few numbers, applied as a column expression."""

from steelyard.splitting._buckets import BUCKETS, bucket, ungrouped_note
from steelyard.splitting._folds import (
    FoldPlan,
    apply_folds,
    fold_rows,
    fold_sides,
    grouped_folds,
    holdout,
    stratified_folds,
)
from steelyard.splitting._forward_chaining import forward_chaining_folds
from steelyard.splitting._grouped import grouped_split
from steelyard.splitting._plan import (
    ALL_ROWS,
    NAMES,
    SPLIT,
    Division,
    SplitPlan,
    apply_split,
    count_torn_keys,
    in_divided_group,
    time_position,
    wanted_counts,
)
from steelyard.splitting._stratified import stratified_split
from steelyard.splitting._temporal import temporal_split

__all__ = [
    "ALL_ROWS",
    "BUCKETS",
    "NAMES",
    "SPLIT",
    "Division",
    "FoldPlan",
    "SplitPlan",
    "apply_folds",
    "apply_split",
    "bucket",
    "count_torn_keys",
    "fold_rows",
    "fold_sides",
    "forward_chaining_folds",
    "grouped_folds",
    "grouped_split",
    "holdout",
    "in_divided_group",
    "stratified_folds",
    "stratified_split",
    "temporal_split",
    "time_position",
    "ungrouped_note",
    "wanted_counts",
]
