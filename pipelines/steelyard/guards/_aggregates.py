"""The aggregations behind the guards: each is one action, and brings a small summary to the driver."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.errors import InputError
from steelyard.guards._counts import Bounds, Cell, LabelCounts, ScoreCounts, SharedKeys, TimeRange
from steelyard.splitting._plan import time_position

MAX_CELLS = 20_000  # combinations of label and split that are brought to the driver


def count_labels(df: DataFrame, label: str, split: str | None, synthetic: str | None) -> LabelCounts:
    """Count rows by the string form of the label, the split and being synthetic. One action.

    Raises
    ------
    InputError
        If a column is missing, or if there are more combinations than any class label has.
    """
    nothing = F.lit(None).cast("string")
    cells = df.select(
        class_text(df, label).alias("label"),
        (_text(df, split) if split else nothing).alias("split"),
        (_flag(df, synthetic) if synthetic else F.lit(False)).alias("synthetic"),
    )
    counted = cells.groupBy("label", "split", "synthetic").agg(F.count(F.lit(1)).alias("rows"))
    rows = counted.orderBy(F.desc("rows"), "label", "split", "synthetic").limit(MAX_CELLS + 1).collect()
    if len(rows) > MAX_CELLS:
        raise InputError(f"column {label!r} holds more than {MAX_CELLS:,} different values: it is no class label")
    return LabelCounts(tuple(Cell(r["label"], r["split"], r["synthetic"], r["rows"]) for r in rows))


def shared_keys(df: DataFrame, key: Sequence[str], split: str, splits: Sequence[str]) -> list[SharedKeys]:
    """Count the keys that occur in several splits, by which ones. One action.

    Rows that are in no split don't count; null is a value like any other, as it is in a row's identity.
    """
    # The splits of a key as bits of one number: a sum of fixed width, which Spark aggregates by hash.
    names, place = (*splits, "another split"), _text(df, split)
    bit: Column = F.lit(1 << len(splits))
    for i, name in enumerate(splits):
        bit = F.when(place == name, 1 << i).otherwise(bit)
    parts = [col(name).alias(f"key_{i}") for i, name in enumerate(key)]
    rows = df.where(place.isNotNull()).select(*parts, bit.cast("bigint").alias("bit"))
    per_key = rows.groupBy(*(f"key_{i}" for i in range(len(key)))).agg(
        F.bit_or("bit").alias("bits"), F.count(F.lit(1)).alias("rows")
    )
    several = per_key.where(F.col("bits").bitwiseAND(F.col("bits") - 1) != 0)
    found = several.groupBy("bits").agg(F.count(F.lit(1)).alias("keys"), F.sum("rows").alias("rows")).collect()
    shared = (
        SharedKeys(tuple(n for i, n in enumerate(names) if r["bits"] >> i & 1), r["keys"], r["rows"]) for r in found
    )
    return sorted(shared, key=lambda s: s.splits)


def time_ranges(df: DataFrame, time: str, split: str) -> list[TimeRange]:
    """Return the first and the last time in each split. One action; rows in no split don't count."""
    value, text = _comparable(df, time), col(time).cast("string")
    rows = (
        df.select(_text(df, split).alias("split"), F.struct(value.alias("value"), text.alias("text")).alias("at"))
        .where(F.col("split").isNotNull() & F.col("at.value").isNotNull())
        .groupBy("split")
        .agg(F.min("at").alias("first"), F.max("at").alias("last"))
        .collect()
    )
    return [
        TimeRange(r["split"], r["first"]["value"], r["last"]["value"], r["first"]["text"], r["last"]["text"])
        for r in rows
    ]


def class_bounds(
    df: DataFrame, label: str, synthetic: str, features: Sequence[str], split: str | None, within: str | None
) -> list[Bounds]:
    """Return the range of each numeric feature by class and by being synthetic, within one split. One action.

    Raises
    ------
    InputError
        If a feature is missing or no number.
    """
    rows = df.where(_text(df, split) == F.lit(within)) if split else df
    ranges = [part for i, name in enumerate(features) for part in _range_of(df, name, i)]
    grouped = rows.groupBy(class_text(df, label).alias("label"), _flag(df, synthetic).alias("synthetic"))
    found = grouped.agg(F.count(F.lit(1)).alias("rows"), *ranges).collect()
    return [
        Bounds(r["label"], r["synthetic"], name, r[f"low_{i}"], r[f"high_{i}"], r[f"missing_{i}"])
        for r in found
        for i, name in enumerate(features)
    ]


def count_scores(df: DataFrame, score: str, classes: Sequence[str] | None, tolerance: float) -> ScoreCounts:
    """Count the scores that are no probabilities. One action.

    Parameters
    ----------
    df : DataFrame
    score : str
        A column of numbers, or a map of class to number.
    classes : sequence of str, optional
        The keys that each map must have.
    tolerance : float
        How far from one the sum of a map may be.
    """
    kind = dtype(df, score, "score")
    if isinstance(kind, T.MapType):
        aggregates = _map_faults(col(score), classes, tolerance)
    elif isinstance(kind, T.NumericType):
        aggregates = _number_faults(col(score).cast("double"))
    else:
        raise InputError(f"column {score!r} is of type {kind.simpleString()}; a score is a number or a map of them")
    row = df.agg(F.count(F.lit(1)).alias("rows"), *aggregates).collect()[0]
    return ScoreCounts(**row.asDict())


def _text(df: DataFrame, name: str) -> Column:
    dtype(df, name)
    return col(name).cast("string")


def _flag(df: DataFrame, name: str) -> Column:
    dtype(df, name)
    return F.coalesce(col(name).cast("boolean"), F.lit(False))


def _comparable(df: DataFrame, time: str) -> Column:
    kind = dtype(df, time, "time")
    if isinstance(kind, T.TimestampType | T.TimestampNTZType | T.DateType):
        return time_position(df, time, 0)  # microseconds
    if isinstance(kind, T.NumericType):
        return col(time).cast("double") if isinstance(kind, T.DecimalType) else col(time)
    return col(time).cast("string")


def _range_of(df: DataFrame, name: str, at: int) -> list[Column]:
    kind = dtype(df, name, "feature")
    if not isinstance(kind, T.NumericType):
        raise InputError(f"feature {name!r} is of type {kind.simpleString()}, which has no numeric range")
    value = col(name).cast("double")
    number = F.when(~F.isnan(value), value)
    return [
        F.min(number).alias(f"low_{at}"),
        F.max(number).alias(f"high_{at}"),
        F.count_if(number.isNull()).alias(f"missing_{at}"),
    ]


def _number_faults(value: Column) -> list[Column]:
    number = F.when(~F.isnan(value), value)
    return [
        F.count_if(value.isNull()).alias("null"),
        F.count_if(F.isnan(value)).alias("nan"),
        F.count_if(number < 0).alias("below"),
        F.count_if(number > 1).alias("above"),
        F.min(number).alias("low"),
        F.max(number).alias("high"),
    ]


def _map_faults(scores: Column, classes: Sequence[str] | None, tolerance: float) -> list[Column]:
    values = F.transform(F.map_values(scores), lambda v: v.cast("double"))
    numbers = F.filter(values, lambda v: v.isNotNull() & ~F.isnan(v))
    total = F.aggregate(values, F.lit(0.0), lambda a, b: a + b)
    faults = {
        "null": scores.isNull() | F.exists(values, lambda v: v.isNull()),
        "nan": F.exists(values, F.isnan),
        "below": F.exists(numbers, lambda v: v < 0),
        "above": F.exists(numbers, lambda v: v > 1),
        "wrong_sum": ~F.isnan(total) & (F.abs(total - 1) > tolerance),
    }
    if classes is not None:
        wanted = F.array(*(F.lit(c) for c in sorted(classes)))
        faults["wrong_classes"] = F.array_sort(F.map_keys(scores).cast("array<string>")) != wanted
    return [
        *(F.count_if(fault).alias(name) for name, fault in faults.items()),
        F.min(F.array_min(numbers)).alias("low"),
        F.max(F.array_max(numbers)).alias("high"),
    ]
