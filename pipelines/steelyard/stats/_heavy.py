"""Frequent rows: a sample by hashes contains all copies of a row or none, so that frequent rows are counted instead."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.dataset import Dataset
from steelyard.hashing import find_heavy_groups, row_hash

Heavy = tuple[int, list[list[float]], list[int]]
"""The rows of a class, the values of those that occur often, and how often."""

_FEW = 10  # equal rows of a sample that distort nothing


def clumped(blocks: Sequence[Any], counts: Mapping[str, int]) -> dict[str, int]:
    """Return the classes, with their rows, whose sample may misrepresent frequent rows: it has some, or an odd size."""
    drawn = {k: of["drawn"] for _, block in blocks[:1] for k, of in block[0].items() if k in counts}
    found = {}
    for name, (rows, most, limit) in drawn.items():
        wanted = counts[name] * (limit + 1) / 2.0**64
        if rows < counts[name] and (most > _FEW or abs(rows - wanted) > 6 * math.sqrt(wanted) + 1):
            found[name] = counts[name]
    return found


def heavy_rows(df: DataFrame, data: Dataset, scalar: Sequence[str], sizes: Mapping[str, int]) -> dict[str, Heavy]:
    """Return the frequent rows of some classes. Costs two scans and a shuffle of hashes, if there are such classes."""
    if not sizes:
        return {}
    label, place = class_text(df, data.label).alias("s"), row_hash(df, [*scalar, *data.key], 0, "profile").alias("p")
    rows = df.select(label, place, F.array(*(number_value(df, name) for name in scalar)).alias("v"))
    heavy = find_heavy_groups(rows.where(F.col("s").isin(list(sizes))).select("s", "p"), sizes)
    listed = [(s, p) for s, of in heavy.items() for p in of]
    if not listed:
        return {}
    named = F.broadcast(df.sparkSession.createDataFrame(listed, "s string, p bigint"))
    found: dict[str, Heavy] = {name: (sizes[name], [], []) for name in heavy}
    for row in sorted(rows.join(named, ["s", "p"]).groupBy("s", "p").agg(F.max("v").alias("v")).collect()):
        _, values, copies = found[row["s"]]
        values.append([math.nan if v is None else v for v in row["v"]])
        copies.append(heavy[row["s"]][row["p"]])
    return found


def number_value(df: DataFrame, name: str) -> Column:
    """Return a number or boolean as a double."""
    value = col(name)
    return (value.cast("int") if isinstance(dtype(df, name), T.BooleanType) else value).cast("double")
