"""Stage `guard_resampled`: check that resampling gave the requested counts and changed only training rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype, free_name, internal
from steelyard.dataset import Dataset
from steelyard.hashing import divided_groups
from steelyard.sampling import IS_SYNTHETIC, Sampler, apply_plan, sampler_for
from steelyard.splitting import SPLIT
from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._resampling import wanted_sampler
from steelyard.stages._source import dataset, resampled_tables, sampling_plan, split_rows, training_rows

_LABEL = internal("label")


def run(ctx: Context, attempt: str) -> Result:
    """Judge the resampled training rows together with the unchanged rows of the other splits."""
    data = dataset(ctx)
    wanted = wanted_sampler(ctx)
    sampler = sampler_for(data, wanted.method, wanted.params)
    # Cleaning may remove the parent of a new row, so that the remaining rows have a narrower range.
    within_class = sampler.makes_rows and not sampler.cleans
    names = [data.label, *data.features]
    free = [f for f in data.features if f not in data.domain or data.domain[f].derived is None]
    split_column = free_name("split", names)
    rows = _all_rows(ctx, names, split_column)
    parameters: dict[str, Any] = {
        "label": data.label,
        "split_column": split_column,
        "counts": _requested(ctx, sampler),
        "features": ([f for f in free if f in _numbers(rows, data)] if within_class else []) or None,
        "categories": ([f for f in free if f in data.categorical] if within_class else []) or None,
        "domain": _checked_domain(data),
        "compared": list(data.features) if sampler.makes_rows else None,
        "areas": _areas(ctx),
    }
    return guard(ctx, attempt, "resampled", rows, parameters)


def _checked_domain(data: Dataset) -> dict[str, dict[str, Any]] | None:
    """Return the domains of features that can be checked row by row; copies of a seed row cannot."""
    domain = {f: of for f, of in data.domain.items() if not of.immutable}
    return {f: of.to_json() for f, of in domain.items() if of.bounded or of.derived is not None} or None


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


def _all_rows(ctx: Context, names: list[str], split_column: str) -> DataFrame:
    """Return all rows in a split, training rows as `resample` left them, with their split and `is_synthetic`.

    The plan concerns classes. Rows of other splits have no label while it is applied, so that it leaves them as they
    are and the table is read once.
    """
    plan, tables, rows = sampling_plan(ctx), resampled_tables(ctx), split_rows(ctx).where(F.col(SPLIT).isNotNull())
    cuts = {name: [c.cut] for name, c in plan.classes.items() if c.cut is not None}
    numbered = plan.replacement is not None or bool(divided_groups(cuts))  # equal rows, among the training rows
    if numbered or {"dropped", "kept"} & set(tables):
        return _side_by_side(ctx, names, split_column)
    train, label = F.col(SPLIT) == "train", col(plan.label)
    rows = rows.withColumn(_LABEL, label).withColumn(plan.label, F.when(train, label))
    synthetic = tables.get("synthetic")
    if synthetic is not None:
        given = synthetic.withColumns({SPLIT: F.lit("train"), _LABEL: label})
        synthetic = given.select(*map(col, dict.fromkeys([*rows.columns, IS_SYNTHETIC])))
    resampled = apply_plan(rows, replace(plan, provenance=False), synthetic)
    return _named(resampled.withColumn(plan.label, F.col(_LABEL)), names, F.col(SPLIT), split_column)


def _side_by_side(ctx: Context, names: list[str], split_column: str) -> DataFrame:
    others = split_rows(ctx).where(F.col(SPLIT) != "train")
    if IS_SYNTHETIC not in others.columns:
        others = others.withColumn(IS_SYNTHETIC, F.lit(False))
    train = _named(training_rows(ctx), names, F.lit("train"), split_column)
    return train.unionByName(_named(others, names, F.col(SPLIT), split_column))


def _named(df: DataFrame, names: list[str], split: Column, split_column: str) -> DataFrame:
    flag = F.coalesce(col(IS_SYNTHETIC), F.lit(False)).alias(IS_SYNTHETIC)
    return df.select(*map(col, dict.fromkeys(names)), flag, split.alias(split_column))
