"""Metrics of the test rows for each value of the columns that `data.slices` names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import col
from steelyard.deciding import DecisionPolicy
from steelyard.metrics import SplitMetrics
from steelyard.stages._context import Context
from steelyard.stages._judging import judged
from steelyard.stages._source import SLICES

MOST_VALUES = 50  # of a column
NULL = "(null)"
_KEYS = ("n", "support", "confusion", "expected_cost", "per_class")


def slice_values(names: Sequence[str]) -> list[Column]:
    """Return the column of a table of scores that holds a row's values; none without `data.slices`."""
    values = [F.coalesce(col(name).cast("string"), F.lit(NULL)) for name in names]
    return [F.array(*values).alias(SLICES)] if values else []


def slice_metrics(ctx: Context, scores: DataFrame, policy: DecisionPolicy) -> dict[str, dict[str, Any]]:
    """Return column → value → metrics of the test rows with this value, for the 50 most frequent values of a column.

    One small job for each column, and the three of all metrics, over one row for each test row and column. Rows of
    weight 0 are left out.
    """
    names = ctx.config.data.slices
    rows = scores.where(F.col("split") == "test")
    if "weight" in rows.columns:
        rows = rows.where(F.col("weight") > 0)
    values = [_frequent(rows, i) for i in range(len(names))]
    parts = {f"{i}:{value}": (names[i], value) for i, of in enumerate(values) for value in of}
    if not parts:
        return {}
    each = rows.select("*", F.posexplode(SLICES).alias("place", "value"))
    each = each.withColumn("split", F.concat_ws(":", F.col("place").cast("string"), "value"))
    found = judged(ctx, each, tuple(parts), policy, probabilities=policy.probabilities, threshold=policy.threshold)
    document: dict[str, dict[str, Any]] = {name: {} for name in names}
    for part, (name, value) in parts.items():
        document[name][value] = _numbers(found[part])
    return document


def _frequent(rows: DataFrame, place: int) -> list[str]:
    """Return the most frequent values, the most frequent first."""
    value = F.col(SLICES)[place].alias("value")
    counts = rows.groupBy(value).count().orderBy(F.desc("count"), "value").limit(MOST_VALUES)
    return [str(row["value"]) for row in counts.collect()]


def _numbers(of: SplitMetrics) -> dict[str, Any]:
    return {name: of.numbers[name] for name in _KEYS if name in of.numbers}
