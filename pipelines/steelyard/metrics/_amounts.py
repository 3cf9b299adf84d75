"""Weights and costs of a table, checked before anything is computed from them."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, of_key
from steelyard.dataset import MOST_AMOUNT as MOST
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.metrics._columns import numbers
from steelyard.metrics._rows import bad_amount


def check_amounts(df: DataFrame, data: Dataset) -> None:
    """Raise `InputError` for weights or costs that cannot be used; one narrow scan, none where there are none.

    That is: columns that hold no numbers, values that are null, negative, not finite, or beyond 1e50 (not 0 and below
    1e-50), and classes whose weights are all 0.
    """
    columns = amount_columns(df, data)
    if not columns:
        return
    measures = [part for i, value in enumerate(columns.values()) for part in _measures(i, value)]
    label = class_text(df, data.label)
    found = df.where(label.isNotNull()).groupBy(label.alias("class")).agg(F.count(F.lit(1)).alias("n"), *measures)
    rows = found.collect()
    by_column = {
        name: {row["class"]: (row[f"missing_{i}"], row[f"bad_{i}"], row[f"largest_{i}"]) for row in rows}
        for i, name in enumerate(columns)
    }
    refuse_amounts(data, by_column, sum(row["n"] for row in rows))


def amount_columns(df: DataFrame, data: Dataset) -> dict[str, Column]:
    """Return the columns of weights and costs, as doubles.

    Raises
    ------
    InputError
        If one holds no numbers.
    """
    return {name: numbers(df, name, role) for name, role in _roles(data).items()}


def _roles(data: Dataset) -> dict[str, str]:
    named = {} if data.weight is None else {data.weight: "weight"}
    return {**dict.fromkeys(data.cost.columns, "cost"), **named}


def row_weight(df: DataFrame, data: Dataset) -> Column | None:
    """Return what a row counts in metrics and thresholds: its weight over the rate of its class; None where all are 1.

    The rate is the share of the class's rows that the table holds, see `Dataset`.
    """
    weight = None if data.weight is None else col(data.weight).cast("double")
    if not data.sampling_rate:
        return weight
    times = {name: 1.0 / rate for name, rate in data.sampling_rate.items()}
    counts = F.coalesce(of_key(times, class_text(df, data.label), "double"), F.lit(1.0))
    return counts if weight is None else weight * counts


def refuse_amounts(data: Dataset, found: Mapping[str, Mapping[str, tuple[int, int, float]]], total: int) -> None:
    """Raise `InputError` for weights or costs that cannot be used.

    Parameters
    ----------
    data : Dataset
    found : mapping
        Column → class → rows without a value, rows with one that cannot be used, the largest value, at least 0.
    total : int
        Labelled rows.
    """
    for cost in (data.cost.false_negative, data.cost.false_positive):
        if isinstance(cost, int | float) and cost and not 1 / MOST <= cost <= MOST:
            raise InputError(f"data.cost: {cost:g} is not 0 or from {1 / MOST:g} to {MOST:g}")
    for name, role in _roles(data).items():
        missing, bad = (sum(of[i] for of in found[name].values()) for i in (0, 1))
        if missing or bad:
            wrong = f"negative, infinite or outside {1 / MOST:g} to {MOST:g} in {bad:,}"
            what = f"null in {missing:,}" if missing else wrong
            raise InputError(
                f"{role} column {name!r} is {what} of {total:,} labelled rows; correct it, or leave those rows out "
                "(data.where)"
            )
        empty = sorted(label for label, of in found[name].items() if not of[2] > 0)
        if role == "weight" and empty:
            raise InputError(
                f"all weights of class {empty[0]!r} are 0 (column {name!r}); give its rows a weight, or leave it out"
            )


def _measures(i: int, value: Column) -> list[Column]:
    missing = value.isNull() | F.isnan(value)
    return [
        F.count_if(missing).alias(f"missing_{i}"),
        F.count_if(~missing & bad_amount(value)).alias(f"bad_{i}"),
        F.coalesce(F.max(value), F.lit(0.0)).alias(f"largest_{i}"),
    ]
