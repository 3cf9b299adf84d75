"""Roles of the columns, and training and validation rows, of the table that a Spark ML estimator gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import check_names, col, dtype, require_columns
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.sampling import IS_SYNTHETIC, check_flag
from steelyard.splitting import fold_rows, holdout
from steelyard.stats import ClassCounts


def with_features(df: DataFrame, dataset: Dataset, left_out: Sequence[str]) -> Dataset:
    """Return a dataset with features, categories and content: by default all columns without another role.

    `is_synthetic` is not a feature: an earlier resampling added it, and it reveals the label of new rows.
    """
    check_names(df.columns)
    for role in ("features", "categorical", "key"):
        require_columns(df, getattr(dataset, role), role)
    others = (dataset.label, dataset.group, dataset.weight)
    require_columns(df, [c for c in (*others, *dataset.cost.columns) if c], "column")
    named = [c for c in (*others, *dataset.key, *dataset.features, *dataset.cost.columns) if c]
    check_flag(df, {"column": named})
    out = {*others, *dataset.key, *left_out, IS_SYNTHETIC}
    features = dataset.features or tuple(c for c in df.columns if c not in out)
    if not features:
        raise InputError("no feature is left: every column has another role")
    texts = {f for f in features if isinstance(dtype(df, f), T.StringType | T.BooleanType)}
    return replace(
        dataset,
        features=features,
        categorical=tuple(f for f in features if f in texts or f in dataset.categorical),
        content=tuple(c for c in df.columns if c != dataset.label and c not in left_out),
    )


def classes_in_order(df: DataFrame, label: str, counts: ClassCounts, positive: str | None) -> tuple[str, ...]:
    """Return the classes in the order of Spark ML's outputs.

    Labels that are the numbers 0 to K - 1 keep this order, as Spark's evaluators expect. Others have steelyard's:
    (negative, positive), or by descending count.
    """
    numbers = [str(i) for i in range(len(counts.counts))]
    if isinstance(dtype(df, label), T.NumericType) and set(counts.counts) == set(numbers):
        return tuple(numbers)
    return counts.ordered(positive)


def divided(
    df: DataFrame, dataset: Dataset, counts: ClassCounts, indicator: str | None, share: float, seed: int
) -> tuple[DataFrame, DataFrame]:
    """Return training and validation rows: by a boolean column, else by an exact hash split, groups whole."""
    if indicator is None:
        return fold_rows(df, holdout(df, dataset, counts.counts, share, seed=seed), 0)
    if not isinstance(dtype(df, indicator, "validation indicator"), T.BooleanType):
        kind = dtype(df, indicator).simpleString()
        raise InputError(f"the validation indicator {indicator!r} must be a boolean column, and is {kind}")
    held = F.coalesce(col(indicator), F.lit(False))
    return df.where(~held), df.where(held)
