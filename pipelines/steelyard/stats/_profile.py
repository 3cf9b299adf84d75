"""Describe a table class by class, for display only: no decision uses these figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, is_vector
from steelyard.dataset import Dataset
from steelyard.frames.workers import in_worker
from steelyard.kernels.arrays import Floats
from steelyard.kernels.summaries import FIGURES, HIGH, INFINITE, KNOWN, LOW, MEAN, SQUARES
from steelyard.stats._classes import class_counts
from steelyard.stats._profile_task import SCHEMA

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_DRAWN = 8_000_000  # values that quantiles are taken from
_FEWEST_DRAWN = 1000  # rows of each class, whatever that comes to
_TASK = "steelyard.stats._profile_task"
_TOP = 10
_LEVEL = 80  # characters of a category's name that are shown


def profile(df: DataFrame, dataset: Dataset, counts: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Describe each feature within each class.

    Costs one scan, one crossing into Python and one shuffle of class-sized partial results for all numeric features,
    and one more scan and shuffle of (feature, class, level) counts where there are categorical ones. The time grows
    with rows × features, whether these are few or thousands.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    counts : mapping of str to int, optional
        Rows of each class; without it they are counted, which is one more narrow scan.

    Returns
    -------
    dict
        Feature → `type`, `kind`, `constant`, `by_class`: class → `missing`, and for numbers `infinite`, `mean`, `std`,
        `min`, `max`, `quantiles`, for categories `distinct` and the `top` levels with their counts. Quantiles are
        those of a sample that a hash of the numbers draws: eight million values in all, a thousand rows of each class
        at least, or all.
    """
    scalar = [f for f in dataset.numeric if isinstance(dtype(df, f, "feature"), T.NumericType | T.BooleanType)]
    result = {f: _header(df, dataset, f) for f in dataset.features}
    label = class_text(df, dataset.label).alias("class")
    _numbers(df, scalar, label, class_counts(df, dataset.label).counts if counts is None else counts, result)
    _levels(df, dataset.categorical, label, result)
    for name, of in result.items():
        of["constant"] = (
            _is_constant(of["by_class"].values(), of["kind"]) if name in {*scalar, *dataset.categorical} else False
        )
    return result


def _header(df: DataFrame, dataset: Dataset, name: str) -> dict[str, Any]:
    kind = "categorical" if name in dataset.categorical else "vector" if is_vector(df, name) else "numeric"
    return {"type": dtype(df, name).simpleString(), "kind": kind, "constant": False, "by_class": {}}


def _numbers(
    df: DataFrame, names: Sequence[str], label: Column, counts: Mapping[str, int], result: dict[str, Any]
) -> None:
    if not names or not counts:
        return
    wanted = max(_FEWEST_DRAWN, _DRAWN // (len(names) * len(counts)))
    rates = {c: min(1.0, wanted / n) for c, n in counts.items()}
    # One array: PySpark would look each column up by name, which takes minutes for thousands and fails for odd names.
    rows = df.select(label.alias("class"), F.array(*(_number(df, name) for name in names)).alias("values"))
    partial = rows.mapInArrow(in_worker(_TASK, "partial", rates=rates), SCHEMA)
    merged = partial.repartition("class").mapInArrow(
        in_worker(_TASK, "whole", features=len(names), at=QUANTILES), SCHEMA
    )
    for row in merged.collect():
        figures = np.frombuffer(row["figures"]).reshape(FIGURES, len(names))
        middle = np.frombuffer(row["sample"]).reshape(len(QUANTILES), len(names))
        for i, name in enumerate(names):
            result[name]["by_class"][row["class"]] = _described(figures[:, i], middle[:, i], counts[row["class"]])


def _number(df: DataFrame, name: str) -> Column:
    value = col(name)
    return (value.cast("int") if isinstance(dtype(df, name), T.BooleanType) else value).cast("double")


def _described(figures: Floats, middle: Floats, rows: int) -> dict[str, Any]:
    """Return the description of one feature in one class."""
    known = int(figures[KNOWN])
    shown = {"mean": figures[MEAN], "std": _deviation(figures), "min": figures[LOW], "max": figures[HIGH]}
    return {
        "missing": rows - known,
        "infinite": int(figures[INFINITE]),
        **{what: _finite(value) if known else None for what, value in shown.items()},
        "quantiles": {str(q): _finite(v) for q, v in zip(QUANTILES, middle, strict=True)},
    }


def _deviation(figures: Floats) -> float:
    degrees = figures[KNOWN] - 1
    return math.sqrt(figures[SQUARES] / degrees) if degrees > 0 else math.nan


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


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
