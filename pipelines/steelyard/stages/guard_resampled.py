"""Stage `guard_resampled`: check that resampling has the requested counts and changed only training rows."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype, free_name
from steelyard.dataset import Dataset
from steelyard.sampling import IS_SYNTHETIC, Sampler, sampler_for
from steelyard.splitting import SPLIT
from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._resampling import wanted_sampler
from steelyard.stages._source import dataset, split_rows, training_rows


def run(ctx: Context, attempt: str) -> Result:
    """Judge the resampled training rows together with the unchanged rows of the other splits."""
    data = dataset(ctx)
    wanted = wanted_sampler(ctx)
    sampler = sampler_for(data, wanted.method, wanted.params)
    train = training_rows(ctx)
    # Cleaning may remove the parent of a new row, so that the remaining rows have a narrower range.
    within_class = sampler.makes_rows and not sampler.cleans
    names = [data.label, *data.features]
    split_column = free_name("split", names)
    parameters: dict[str, Any] = {
        "label": data.label,
        "split_column": split_column,
        "counts": _requested(ctx, sampler),
        "features": (_numbers(train, data) if within_class else []) or None,
        "categories": (list(data.categorical) if within_class else []) or None,
        "compared": list(data.features) if sampler.makes_rows else None,
        "areas": _areas(ctx),
    }
    return guard(ctx, attempt, "resampled", _side_by_side(ctx, train, names, split_column), parameters)


def _requested(ctx: Context, sampler: Sampler) -> dict[str, int]:
    """Return the counts that training rows must have.

    They come from the request and the split's counts, not from the resampling's own plan. A cleaning method has no
    requested counts: its plan is compared with its rows.
    """
    if sampler.cleans:
        return {c: of["after"] for c, of in ctx.read("resample", "plan.json")["classes"].items()}
    return sampler.targets(ctx.read("split", "plan.json")["counts"]["train"])


def _areas(ctx: Context) -> dict[str, float]:
    """Return the ROC area of each feature that `diagnose` suspects of giving the label away."""
    found = ctx.read("diagnose", "difficulty.json")["suspects"]
    by_gap = {"missing": " (whether it is missing)", "value": ""}
    return {f"{s['feature']}{by_gap[s['why']]}": s["area"] for s in found}


def _numbers(df: DataFrame, data: Dataset) -> list[str]:
    return [f for f in data.numeric if isinstance(dtype(df, f), T.NumericType)]


def _side_by_side(ctx: Context, train: DataFrame, names: list[str], split_column: str) -> DataFrame:
    """Return all rows that a model may see, with their split and `is_synthetic`."""
    others = split_rows(ctx).where(F.col(SPLIT) != "train")
    flag = F.coalesce(col(IS_SYNTHETIC), F.lit(False)) if IS_SYNTHETIC in others.columns else F.lit(False)
    columns = [col(n) for n in dict.fromkeys(names)]
    rest = others.select(*columns, flag.alias(IS_SYNTHETIC), F.col(SPLIT).alias(split_column))
    return train.select(*columns, col(IS_SYNTHETIC), F.lit("train").alias(split_column)).unionByName(rest)
