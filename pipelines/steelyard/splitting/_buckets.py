"""The buckets of the bootstrap: intervals resample them, so rows that depend on each other share one."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype
from steelyard.dataset import Dataset
from steelyard.hashing import group_hash, row_hash, unit_hash
from steelyard.splitting._plan import time_position

BUCKETS = 200
_DAY = 86_400_000_000  # microseconds


def bucket(df: DataFrame, data: Dataset, *, temporal: bool, others: Sequence[str] = ()) -> Column:
    """Return the bucket of a row, of 200.

    Rows of one group share a bucket, and a row without a group has its own, but for equal rows without a key. Without a
    column of groups, rows of one day share one where the split is by time; else each row is a unit of its own, even
    where rows without a key are equal.

    Parameters
    ----------
    df : DataFrame
    data : Dataset
    temporal : bool
        Whether rows are divided by time.
    others : sequence of str
        Columns besides content and label in which equal rows may differ.
    """
    dated = temporal and data.time is not None and not isinstance(dtype(df, data.time), T.NumericType)
    if data.group is None and dated:
        day = F.floor(time_position(df, str(data.time), 0) / _DAY)
        place = F.shiftrightunsigned(F.xxhash64(day, F.lit("bucket")), 1)
    elif data.key:
        place = row_hash(df, data.key, 0, "bucket")
    elif data.group is not None:
        place = row_hash(df, data.content, 0, "bucket")  # no shuffle for the few rows that have no group
    else:
        place = unit_hash(df, data.content, [data.label, *others], "bucket")
    if data.group is not None:
        place = group_hash(df, data.group, place, "bucket")
    return (place % BUCKETS).cast("int")


def ungrouped_note(df: DataFrame, group: str) -> list[str]:
    """Return a note if rows have no group. Costs one narrow scan."""
    nulls = df.where(col(group).isNull()).count()
    return [f"{nulls:,} rows have no group; intervals take each for a group of its own"] if nulls else []
