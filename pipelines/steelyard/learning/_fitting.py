"""Fitting the preprocessing on original training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from steelyard.columns import class_text
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.kernels.distance import LARGEST
from steelyard.learning._features import (
    Category,
    CategoryCode,
    Feature,
    Kind,
    Numeric,
    as_array,
    kind_of,
    raws,
)
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._sample import hash_sample

MAX_LEVELS = 50
MAX_CODES = 1000
_CONSTANT = 1e300  # makes the rounding errors of a constant vanish, which Spark would scale up again
_FARTHEST = 1e10  # standard deviations from the mean: a sample of 100,000 rows sees all of a smaller table


def fit_preprocessing(
    df: DataFrame,
    dataset: Dataset,
    *,
    impute: bool = False,
    standardise: bool = False,
    limit: float = LARGEST,
    seed: int = 0,
    max_levels: int = MAX_LEVELS,
    codes: bool = False,
    check: bool = True,
) -> Preprocessing:
    """Fit the conversion of raw rows to numbers.

    Costs one aggregation of counts for numbers, one shuffle of (feature, level) counts for categories, and to impute
    or standardise a bounded sample. Without `check`, numbers that are neither imputed nor standardised cost nothing.

    Parameters
    ----------
    df : DataFrame
        Original training rows, before any resampling.
    dataset : Dataset
    impute : bool, default False
        Replace missing numbers by the median, and add an indicator; otherwise they are NaN.
    standardise : bool, default False
        Bring numbers to mean 0 and standard deviation 1.
    limit : float, default 1e75
        Largest size of a number.
    seed : int, default 0
    max_levels : int, default 50
        The most frequent levels of a category that get a number of their own.
    codes : bool, default False
        Make a category one number, the place of its level among the 1,000 most frequent ones; NaN for all others.
    check : bool, default True
        Refuse infinite or huge values here. They are refused when `Preprocessing.columns` are evaluated too.

    Raises
    ------
    InputError
        For a column that is missing or can't be a feature, for infinite or huge values, for arrays of unequal length.
    """
    if not dataset.features:
        raise InputError("the table has no feature: every column has another role or is excluded")
    kinds = {f: kind_of(df, f, categorical=f in set(dataset.categorical)) for f in dataset.features}
    numeric = _numeric(df, [f for f, kind in kinds.items() if kind != "category"], kinds)
    if check or impute or standardise:
        rows, missing, largest = _seen(df, numeric, limit)
    if impute or standardise:
        sample = _sample(df, dataset, numeric, rows, seed)
        if impute:
            numeric = [_imputed(f, sample[:, i], indicator=0 < missing[i] < rows) for i, f in enumerate(numeric)]
        if standardise:
            numeric = [_standardised(f, sample[:, i]) for i, f in enumerate(numeric)]
            _refuse_outliers(numeric, largest)
    by_column: dict[str, list[Feature]] = {}
    for feature in numeric:
        by_column.setdefault(feature.column, []).append(feature)
    names = [f for f, kind in kinds.items() if kind == "category"]
    for category in _categories(df, names, MAX_CODES if codes else max_levels):
        by_column[category.column] = [CategoryCode(category.column, category.levels) if codes else category]
    return Preprocessing(tuple(f for name in dataset.features for f in by_column.get(name, [])), limit)


def _numeric(df: DataFrame, names: Sequence[str], kinds: dict[str, Kind]) -> list[Numeric]:
    """Return unfitted numbers; arrays and vectors are expanded, which takes one job to see their lengths."""
    wide = [n for n in names if kinds[n] in ("array", "vector")]
    sizes = _sizes(df, wide, kinds)
    result: list[Numeric] = []
    for name in names:
        size = sizes.get(name)
        elements: Sequence[int | None] = [None] if size is None else range(size)
        result += [Numeric(name, kinds[name], element=i, size=size) for i in elements]
    return result


def _sizes(df: DataFrame, names: Sequence[str], kinds: dict[str, Kind]) -> dict[str, int]:
    if not names:
        return {}
    arrays = [as_array(n, kinds[n]) for n in names]
    lengths = [f(F.when(a.isNotNull(), F.size(a))) for a in arrays for f in (F.min, F.max)]
    found = list(df.agg(*lengths).collect()[0])
    for name, low, high in zip(names, found[::2], found[1::2], strict=True):
        if low != high:
            raise InputError(f"feature {name!r} holds from {low} to {high} elements; each row must have as many")
    return {n: high or 0 for n, high in zip(names, found[1::2], strict=True)}


def _seen(df: DataFrame, numeric: Sequence[Numeric], limit: float) -> tuple[int, list[int], list[float]]:
    """Return the number of rows; for each feature, the number of missing values and the largest size of a value."""
    if not numeric:
        return 0, [], []
    size = F.abs(F.nanvl("value", F.lit(None).cast("double")))
    # By rows instead of columns: three aggregates, where those of each column are thousands for Spark to compile.
    values = df.select(F.posexplode(raws(df, numeric)).alias("place", "value")).groupBy("place")
    counts = F.count(F.lit(1)), F.count(size), F.count_if(size > limit), F.max(size)
    found = sorted(values.agg(*counts).collect())
    huge = {f.name: (row[3], row[4]) for f, row in zip(numeric, found, strict=False) if row[3]}
    if huge:
        shown = ", ".join(f"{name!r} ({n:,} rows, up to {size:.3g} in size)" for name, (n, size) in huge.items())
        raise InputError(
            f"features hold values that are infinite or beyond ±{limit:.0e}: {shown}; replace them, or make them null"
        )
    if not found:
        return 0, [0] * len(numeric), [0.0] * len(numeric)
    return found[0][1], [rows - known for _, rows, known, *_ in found], [row[4] or 0.0 for row in found]


def _sample(df: DataFrame, dataset: Dataset, numeric: Sequence[Numeric], rows: int, seed: int) -> NDArray[np.float64]:
    """Return some rows' values of all numbers, the same from any partitioning."""
    if not numeric:
        return np.empty((0, 0))
    identity = dataset.identity or dataset.features
    return hash_sample(df, identity, raws(df, numeric), len(numeric), rows=rows, seed=seed, purpose="preprocessing")


def _refuse_outliers(numeric: Sequence[Numeric], largest: Sequence[float]) -> None:
    """Refuse values so far out that no solver converges: the sample that the deviation is from missed them."""
    for feature, size in zip(numeric, largest, strict=True):
        if size - abs(feature.mean) > _FARTHEST * feature.std:
            raise InputError(
                f"feature {feature.name!r} holds values up to {size:.3g} in size, and its standard deviation is "
                f"{feature.std:.3g} without them: replace them, or make them null"
            )


def _imputed(feature: Numeric, values: NDArray[np.float64], *, indicator: bool) -> Numeric:
    known = values[~np.isnan(values)]
    return replace(feature, fill=float(np.median(known)) if known.size else 0.0, indicator=indicator)


def _standardised(feature: Numeric, values: NDArray[np.float64]) -> Numeric:
    """Return a number with the mean and deviation of its values: imputed where it is, else of those that are known."""
    missing = np.isnan(values)
    filled = values[~missing] if feature.fill is None else np.where(missing, feature.fill, values)
    mean, std = (float(filled.mean()), float(filled.std())) if filled.size else (0.0, 0.0)
    # A constant's deviation can be a rounding error instead of zero; dividing by it would magnify that error.
    if not std > 1e-12 * abs(mean):
        mean, std = mean if feature.fill is None else feature.fill, _CONSTANT
    return replace(feature, mean=mean, std=std)


def _categories(df: DataFrame, names: Sequence[str], max_levels: int) -> list[Category]:
    if not names:
        return []
    pairs = [F.struct(F.lit(n).alias("feature"), class_text(df, n).alias("level")) for n in names]
    counts = df.select(F.explode(F.array(*pairs)).alias("p")).groupBy("p.feature", "p.level").count()
    # Missing values come last, because they are not a level.
    order = Window.partitionBy("feature").orderBy(F.col("level").isNull(), F.col("count").desc(), "level")
    ranked = counts.withColumn("rank", F.row_number().over(order))
    kept = ranked.where((F.col("rank") <= max_levels + 1) | F.col("level").isNull()).collect()
    shown = sorted(kept, key=lambda row: row["rank"])  # a sort in Spark would be two more jobs
    return [_category(n, [r["level"] for r in shown if r["feature"] == n], max_levels) for n in names]


def _category(name: str, levels: Sequence[str | None], max_levels: int) -> Category:
    known = [level for level in levels if level is not None]
    return Category(name, tuple(known[:max_levels]), other=len(known) > max_levels, missing=None in levels)
