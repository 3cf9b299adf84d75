"""Weights and costs of a table, checked before anything is computed from them."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.metrics._columns import numbers
from steelyard.metrics._rows import MOST, bad_amount


def check_amounts(df: DataFrame, data: Dataset) -> None:
    """Raise `InputError` for weights or costs that cannot be used; one narrow scan, none where there are none.

    That is: columns that hold no numbers, values that are null, negative, not finite, or beyond 1e50 (not 0 and below
    1e-50), and classes whose weights are all 0.
    """
    named = {} if data.weight is None else {data.weight: "weight"}
    named = {**dict.fromkeys(data.cost.columns, "cost"), **named}
    if not named:
        return
    columns = {name: numbers(df, name, role) for name, role in named.items()}
    measures = [part for i, value in enumerate(columns.values()) for part in _measures(i, value)]
    label = class_text(df, data.label)
    found = df.where(label.isNotNull()).groupBy(label.alias("class")).agg(F.count(F.lit(1)).alias("n"), *measures)
    rows = found.collect()
    total = sum(row["n"] for row in rows)
    for i, (name, role) in enumerate(named.items()):
        missing, bad = (sum(row[f"{what}_{i}"] for row in rows) for what in ("missing", "bad"))
        if missing or bad:
            wrong = f"negative, infinite or outside {1 / MOST:g} to {MOST:g} in {bad:,}"
            what = f"null in {missing:,}" if missing else wrong
            raise InputError(
                f"{role} column {name!r} is {what} of {total:,} labelled rows; correct it, or leave those rows out "
                "(data.where)"
            )
        empty = sorted(row["class"] for row in rows if not row[f"largest_{i}"] > 0)
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
