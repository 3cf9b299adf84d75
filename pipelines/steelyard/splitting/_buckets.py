"""The buckets of the bootstrap: intervals resample them, so rows that depend on each other share one."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import dtype
from steelyard.dataset import Dataset
from steelyard.hashing import row_hash, unit_hash
from steelyard.splitting._plan import time_position

BUCKETS = 200
_DAY = 86_400_000_000  # microseconds


def bucket(df: DataFrame, data: Dataset, *, temporal: bool, others: Sequence[str] = ()) -> Column:
    """Return the bucket of a row, of 200.

    Rows of one group share a bucket; without groups, rows of one day do where the split is by time; else each row
    is a unit of its own, even where rows without a key are equal.

    Parameters
    ----------
    df : DataFrame
    data : Dataset
    temporal : bool
        Whether rows are divided by time.
    others : sequence of str
        Columns besides content and label in which equal rows may differ.
    """
    if data.group is not None:
        place = row_hash(df, [data.group], 0, "bucket")
    elif temporal and data.time is not None and not isinstance(dtype(df, data.time), T.NumericType):
        day = F.floor(time_position(df, data.time, 0) / _DAY)
        place = F.shiftrightunsigned(F.xxhash64(day, F.lit("bucket")), 1)
    elif data.key:
        place = row_hash(df, data.key, 0, "bucket")
    else:
        place = unit_hash(df, data.content, [data.label, *others], "bucket")
    return (place % BUCKETS).cast("int")
