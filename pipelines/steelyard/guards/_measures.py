"""Values of a row that guards measure: times, ranges of features, faults of scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype
from steelyard.domain import ColumnDomain
from steelyard.errors import InputError
from steelyard.sampling.domain import breaks_domain
from steelyard.splitting import time_position

DECIMALS = 1e9  # scores are added as whole numbers of billionths: such a sum is the same in any order


def text(df: DataFrame, name: str) -> Column:
    """Return a column's string form."""
    dtype(df, name)
    return col(name).cast("string")


def flag(df: DataFrame, name: str) -> Column:
    """Return a column as a boolean, null as false."""
    dtype(df, name)
    return F.coalesce(col(name).cast("boolean"), F.lit(False))


def values_of(df: DataFrame, measure: Sequence[Any]) -> dict[str, Column]:
    """Return the values that a measure aggregates, by name."""
    kind, name, *more = measure
    if kind == "time":
        return {"time": _comparable(df, name)}
    if kind == "domain":
        return {"broken": breaks_domain(df, name, ColumnDomain(**more[0]))}
    return _range_of(df, name) if kind == "range" else _faults(df, name, *more)


def _comparable(df: DataFrame, time: str) -> Column:
    kind = dtype(df, time, "time")
    if isinstance(kind, T.TimestampType | T.TimestampNTZType | T.DateType):
        return time_position(df, time, 0)  # microseconds
    return col(time) if isinstance(kind, T.NumericType) else col(time).cast("string")


def _range_of(df: DataFrame, name: str) -> dict[str, Column]:
    kind = dtype(df, name, "feature")
    if not isinstance(kind, T.NumericType):
        raise InputError(f"feature {name!r} is of type {kind.simpleString()}, which has no numeric range")
    number = _number(col(name))
    fractional = F.lit(False) if isinstance(kind, T.IntegralType) else number != F.rint(number)
    return {"number": number, "missing": number.isNull(), "fractional": fractional}


def _faults(df: DataFrame, score: str, classes: Sequence[str] | None, tolerance: float) -> dict[str, Column]:
    faults = {"rows": F.lit(True), **score_faults(df, score, classes, tolerance)}
    if isinstance(dtype(df, score), T.MapType):
        numbers = _numbers(_map_values(col(score)))
        return {**faults, "low": F.array_min(numbers), "high": F.array_max(numbers)}
    number = _number(col(score))
    total = F.rint(F.when(number.between(0, 1), number) * DECIMALS).cast("bigint")
    return {**faults, "number": number, "total": total}


def _number(value: Column) -> Column:
    """Return a value as a double, NaN as null."""
    return F.nullif(value.cast("double"), F.lit(float("nan")))


def score_faults(
    df: DataFrame, score: str, classes: Sequence[str] | None = None, tolerance: float = 1e-6
) -> dict[str, Column]:
    """Return, for each fault that a score may have, whether a row's has it.

    Raises
    ------
    InputError
        If the column holds neither numbers nor maps of them.
    """
    kind = dtype(df, score, "score")
    if isinstance(kind, T.MapType):
        return _map_faults(col(score), classes, tolerance)
    if not isinstance(kind, T.NumericType):
        raise InputError(f"column {score!r} is of type {kind.simpleString()}; a score is a number or a map of them")
    value, number = col(score).cast("double"), _number(col(score))
    return {"null": value.isNull(), "nan": F.isnan(value), "below": number < 0, "above": number > 1}


def _map_values(scores: Column) -> Column:
    return F.transform(F.map_values(scores), lambda v: v.cast("double"))


def _numbers(values: Column) -> Column:
    return F.filter(values, lambda v: v.isNotNull() & ~F.isnan(v))


def _map_faults(scores: Column, classes: Sequence[str] | None, tolerance: float) -> dict[str, Column]:
    values = _map_values(scores)
    numbers = _numbers(values)
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
    return faults
