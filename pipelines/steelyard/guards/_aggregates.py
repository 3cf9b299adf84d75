"""The two aggregations behind the guards: each is one action, and brings a small summary to the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.errors import InputError
from steelyard.guards._seen import Cells, Group
from steelyard.splitting import time_position

MAX_CELLS = 200_000  # combinations of what is grouped by that are brought to the driver
_DECIMALS = 1e9  # scores are added as whole numbers of billionths: such a sum is the same in any order


def count_cells(df: DataFrame, by: Sequence[Sequence[str]], measures: Sequence[Any]) -> Cells:
    """Count rows by some columns, and measure others in each cell. One scan, one action.

    Parameters
    ----------
    df : DataFrame
    by : sequence of (role, column)
        Roles are `label`, `split`, `synthetic` and `slice`.
    measures : sequence
        See `steelyard.guards._needs.cells`.

    Raises
    ------
    InputError
        If a column is missing or of a wrong type, or if there are too many cells for the driver.
    """
    dimensions = [_dimension(df, role, name).alias(f"d{i}") for i, (role, name) in enumerate(by)]
    made = [_measure(df, measure) for measure in measures]
    aggregates = [c.alias(f"m{i}_{name}") for i, of in enumerate(made) for name, c in of.items()]
    cells = df.groupBy(*dimensions).agg(F.count(F.lit(1)).alias("rows"), *aggregates)
    named = cells.select("*", *(c for i, m in enumerate(measures) for c in _texts(df, m, i)))
    rows = named.limit(MAX_CELLS + 1).collect()
    if len(rows) > MAX_CELLS:
        raise _too_many([name for _, name in by])
    groups = [
        Group(tuple(r[f"d{i}"] for i in range(len(by))), r["rows"], tuple(_values(r, i) for i in range(len(measures))))
        for r in rows
    ]
    return Cells(tuple((role, name) for role, name in by), tuple(measures), tuple(groups))


def _too_many(names: Sequence[str]) -> InputError:
    if len(names) == 1:
        return InputError(
            f"column {names[0]!r} holds more than {MAX_CELLS:,} different values: it is not a class label"
        )
    columns = ", ".join(map(repr, names))
    return InputError(
        f"columns {columns} hold more than {MAX_CELLS:,} different combinations of values: one of them is not a "
        "class, split or slice"
    )


def _dimension(df: DataFrame, role: str, name: str) -> Column:
    dtype(df, name, role)
    if role == "label":
        return class_text(df, name)
    return flag(df, name) if role == "synthetic" else text(df, name)


def text(df: DataFrame, name: str) -> Column:
    """Return a column's string form."""
    dtype(df, name)
    return col(name).cast("string")


def flag(df: DataFrame, name: str) -> Column:
    """Return a column as a boolean, null as false."""
    dtype(df, name)
    return F.coalesce(col(name).cast("boolean"), F.lit(False))


def _measure(df: DataFrame, measure: Sequence[Any]) -> dict[str, Column]:
    kind, name, *more = measure
    if kind == "time":
        value = _comparable(df, name)
        return {"first": F.min(value), "last": F.max(value)}
    if kind == "range":
        return _range_of(df, name)
    return _faults(df, name, *more)


def _comparable(df: DataFrame, time: str) -> Column:
    kind = dtype(df, time, "time")
    if isinstance(kind, T.TimestampType | T.TimestampNTZType | T.DateType):
        return time_position(df, time, 0)  # microseconds
    return col(time) if isinstance(kind, T.NumericType) else col(time).cast("string")


def _texts(df: DataFrame, measure: Sequence[Any], place: int) -> list[Column]:
    """Return how the ends of a range of time read, from their values: Spark compares texts only by sorting."""
    if measure[0] != "time":
        return []
    kind = dtype(df, measure[1])
    return [_as_text(F.col(f"m{place}_{end}"), kind).alias(f"m{place}_{end}_text") for end in ("first", "last")]


def _as_text(value: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.DateType):
        return F.timestamp_micros(value).cast("date").cast("string")
    if isinstance(kind, T.TimestampNTZType):
        return F.to_utc_timestamp(F.timestamp_micros(value), F.current_timezone()).cast("string")
    moment = F.timestamp_micros(value) if isinstance(kind, T.TimestampType) else value
    return moment.cast("string")


def _values(row: Any, place: int) -> dict[str, Any]:
    prefix = f"m{place}_"
    found = {n.removeprefix(prefix): v for n, v in row.asDict().items() if n.startswith(prefix)}
    if "total" in found:
        found["total"] = (found["total"] or 0) / _DECIMALS
    for end in ("first", "last"):
        if f"{end}_text" in found:
            text = found.pop(f"{end}_text")
            found[end] = None if found[end] is None else (found[end], text)
    return found


def _range_of(df: DataFrame, name: str) -> dict[str, Column]:
    kind = dtype(df, name, "feature")
    if not isinstance(kind, T.NumericType):
        raise InputError(f"feature {name!r} is of type {kind.simpleString()}, which has no numeric range")
    value = col(name).cast("double")
    number = F.when(~F.isnan(value), value)
    whole = F.lit(False) if isinstance(kind, T.IntegralType) else number != F.rint(number)
    return {
        "low": F.min(number),
        "high": F.max(number),
        "missing": F.count_if(number.isNull()),
        "fractional": F.count_if(whole),
    }


def _faults(df: DataFrame, score: str, classes: Sequence[str] | None, tolerance: float) -> dict[str, Column]:
    faults = {"rows": F.lit(True), **score_faults(df, score, classes, tolerance)}
    counted = {name: F.count_if(fault) for name, fault in faults.items()}
    if isinstance(dtype(df, score), T.MapType):
        numbers = _numbers(_map_values(col(score)))
        return {**counted, "low": F.min(F.array_min(numbers)), "high": F.max(F.array_max(numbers))}
    value = col(score).cast("double")
    number = F.when(~F.isnan(value), value)
    whole = F.rint(F.when(number.between(0, 1), number) * _DECIMALS).cast("bigint")
    return {**counted, "low": F.min(number), "high": F.max(number), "total": F.sum(whole)}


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
    value = col(score).cast("double")
    number = F.when(~F.isnan(value), value)
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
