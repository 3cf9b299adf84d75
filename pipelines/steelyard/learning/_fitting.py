"""Fitting the preprocessing on original training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import has_bit
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.kernels.distance import LARGEST
from steelyard.learning._feature_counts import Seen, categories, seen_numbers
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
    settings = _Settings(impute, standardise, limit, seed, MAX_CODES if codes else max_levels, codes, check)
    [found] = _fitted(df, dataset, settings, [df], None)
    return found


def fit_preprocessings(
    df: DataFrame,
    dataset: Dataset,
    parts: Column,
    count: int,
    *,
    impute: bool = False,
    standardise: bool = False,
    limit: float = LARGEST,
    seed: int = 0,
    codes: bool = False,
) -> list[Preprocessing]:
    """Fit the conversion for each of several parts of the rows, as `fit_preprocessing` does without `check`.

    The parts share the aggregations; samples are taken of one part after the other.

    Parameters
    ----------
    df, dataset, impute, standardise, limit, seed, codes
        As for `fit_preprocessing`.
    parts : Column of bigint
        Bit i says whether part i has a row; parts may overlap.
    count : int
        Parts.
    """
    settings = _Settings(impute, standardise, limit, seed, MAX_CODES if codes else MAX_LEVELS, codes, False)
    return _fitted(df, dataset, settings, [df.where(has_bit(parts, i)) for i in range(count)], parts)


class _Settings(NamedTuple):
    """Those of `fit_preprocessing`; `levels` are the most of a category."""

    impute: bool
    standardise: bool
    limit: float
    seed: int
    levels: int
    codes: bool
    check: bool


def _fitted(
    df: DataFrame, dataset: Dataset, how: _Settings, each: Sequence[DataFrame], parts: Column | None
) -> list[Preprocessing]:
    """Return the conversion of each part; `parts` is None where all rows are the only one."""
    if not dataset.features:
        raise InputError("the table has no feature: every column has another role or is excluded")
    kinds = {f: kind_of(df, f, categorical=f in set(dataset.categorical)) for f in dataset.features}
    numeric = _numeric(df, [f for f, kind in kinds.items() if kind != "category"], kinds)
    seen = [Seen(0, [], [])] * len(each)
    if how.check or how.impute or how.standardise:
        seen = seen_numbers(df, numeric, how.limit, parts, len(each))
    numbers = [_adapted(numeric, rows, dataset, of, how) for rows, of in zip(each, seen, strict=True)]
    names = [f for f, kind in kinds.items() if kind == "category"]
    levels = categories(df, names, how.levels, parts, len(each))
    return [_combined(dataset, *of, how) for of in zip(numbers, levels, strict=True)]


def _adapted(
    numeric: Sequence[Numeric], df: DataFrame, dataset: Dataset, seen: Seen, how: _Settings
) -> Sequence[Numeric]:
    """Return numbers with what a sample of the rows tells of them."""
    if not (how.impute or how.standardise):
        return numeric
    sample = _sample(df, dataset, numeric, seen.rows, how.seed)
    if how.impute:
        gaps = [0 < n < seen.rows for n in seen.missing]
        numeric = [_imputed(f, sample[:, i], indicator=gaps[i]) for i, f in enumerate(numeric)]
    if how.standardise:
        numeric = [_standardised(f, sample[:, i]) for i, f in enumerate(numeric)]
        _refuse_outliers(numeric, seen.largest)
    return numeric


def _combined(
    dataset: Dataset, numeric: Sequence[Numeric], categories: Sequence[Category], how: _Settings
) -> Preprocessing:
    by_column: dict[str, list[Feature]] = {}
    for feature in numeric:
        by_column.setdefault(feature.column, []).append(feature)
    for category in categories:
        by_column[category.column] = [CategoryCode(category.column, category.levels) if how.codes else category]
    return Preprocessing(tuple(f for name in dataset.features for f in by_column.get(name, [])), how.limit)


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
