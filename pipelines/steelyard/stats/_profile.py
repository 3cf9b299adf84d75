"""What a table looks like, class by class. For showing: nothing is decided by these figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, is_vector
from steelyard.dataset import Dataset

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_TOP = 10
_LEVEL = 80  # characters of a category's name that are shown


def profile(df: DataFrame, dataset: Dataset) -> dict[str, Any]:
    """Describe each feature within each class.

    Costs one scan and one shuffle of class-sized partial results for all numeric features, and one more of
    (feature, class, level) counts where there are categorical ones.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset

    Returns
    -------
    dict
        Feature → `type`, `kind`, `constant`, `by_class`: class → `missing`, and for numbers `infinite`, `mean`, `std`,
        `min`, `max`, approximate `quantiles`, for categories `distinct` and the `top` levels with their counts.
    """
    scalar = [f for f in dataset.numeric if isinstance(dtype(df, f, "feature"), T.NumericType | T.BooleanType)]
    result = {f: _header(df, dataset, f) for f in dataset.features}
    label = class_text(df, dataset.label).alias("class")
    _numbers(df, scalar, label, result)
    _levels(df, dataset.categorical, label, result)
    for name, of in result.items():
        of["constant"] = (
            _is_constant(of["by_class"].values(), of["kind"]) if name in {*scalar, *dataset.categorical} else False
        )
    return result


def _header(df: DataFrame, dataset: Dataset, name: str) -> dict[str, Any]:
    kind = "categorical" if name in dataset.categorical else "vector" if is_vector(df, name) else "numeric"
    return {"type": dtype(df, name).simpleString(), "kind": kind, "constant": False, "by_class": {}}


def _numbers(df: DataFrame, names: Sequence[str], label: Column, result: dict[str, Any]) -> None:
    if not names:
        return
    figures = [part for i, name in enumerate(names) for part in _figures(i, _present(df, name))]
    for row in df.groupBy(label).agg(*figures).collect():
        if row["class"] is not None:
            for i, name in enumerate(names):
                result[name]["by_class"][row["class"]] = _described(row, i)


def _present(df: DataFrame, name: str) -> Column:
    value = col(name)
    if isinstance(dtype(df, name), T.BooleanType):
        value = value.cast("int")
    number = value.cast("double")
    return F.when(~F.isnan(number), number)


def _figures(i: int, value: Column) -> list[Column]:
    return [
        (F.count(F.lit(1)) - F.count(value)).alias(f"{i}_missing"),
        F.count_if(value.isin(math.inf, -math.inf)).alias(f"{i}_infinite"),
        F.avg(value).alias(f"{i}_mean"),
        F.stddev(value).alias(f"{i}_std"),
        F.min(value).alias(f"{i}_min"),
        F.max(value).alias(f"{i}_max"),
        F.percentile_approx(value, list(QUANTILES), 1000).alias(f"{i}_quantiles"),
    ]


def _described(row: Row, i: int) -> dict[str, Any]:
    quantiles = row[f"{i}_quantiles"] or [None] * len(QUANTILES)
    return {
        "missing": row[f"{i}_missing"],
        "infinite": row[f"{i}_infinite"],
        **{what: _finite(row[f"{i}_{what}"]) for what in ("mean", "std", "min", "max")},
        "quantiles": {str(q): _finite(v) for q, v in zip(QUANTILES, quantiles, strict=True)},
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _levels(df: DataFrame, names: Sequence[str], label: Column, result: dict[str, Any]) -> None:
    if not names:
        return
    pairs = F.explode(F.array(*[F.struct(F.lit(n).alias("f"), col(n).cast("string").alias("v")) for n in names]))
    counts = df.select(label, pairs.alias("p")).groupBy("class", "p.f", "p.v").agg(F.count(F.lit(1)).alias("n"))
    ranked = (
        counts.where("class is not null")
        .groupBy("class", "f")
        .agg(
            F.sum(F.when(F.col("v").isNull(), F.col("n")).otherwise(0)).alias("missing"),
            F.count("v").alias("distinct"),
            F.slice(F.sort_array(F.collect_list(_sortable()), asc=True), 1, _TOP).alias("top"),
        )
    )
    for row in ranked.collect():
        top = [[t["v"][:_LEVEL], t["n"]] for t in row["top"]]
        shown = {"missing": row["missing"], "distinct": row["distinct"], "top": top}
        result[row["f"]]["by_class"][row["class"]] = shown


def _sortable() -> Column:
    known = F.struct((-F.col("n")).alias("order"), F.col("v").alias("v"), F.col("n").alias("n"))
    return F.when(F.col("v").isNotNull(), known)


def _is_constant(by_class: Any, kind: str) -> bool:
    """Whether a feature has at most one value in the whole table."""
    if kind == "categorical":
        levels = {level for c in by_class for level, _ in c["top"]}
        return len(levels) <= 1 and all(c["distinct"] <= 1 for c in by_class)
    return len({v for c in by_class for v in (c["min"], c["max"]) if v is not None}) <= 1
