"""Stage `split`: plan which rows train, validate and test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import col
from steelyard.config import SplitConfig, duration
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.splitting import SPLIT, SplitPlan, apply_split, stratified_split, temporal_split
from steelyard.stages._context import Context, Result
from steelyard.stages._source import dataset, source, stats


def run(ctx: Context, attempt: str) -> Result:
    """Write `plan.json`, and the rows themselves where `materialize` asks for them."""
    folder = f"split/{attempt}"
    df, data = source(ctx), dataset(ctx)
    counts = {c: of["count"] for c, of in stats(ctx)["classes"].items()}
    plan = make_plan(df, data, counts, ctx.config.split)
    ctx.run.write_json(f"{folder}/plan.json", plan.to_json())
    if ctx.config.split.materialize:
        write_splits(df, plan, ctx.run.uri(f"{folder}/data"))
    deviations = {s: d for s, d in plan.deviations.items() if d}
    recurring = _recurring(df, data, plan)
    if recurring:
        ctx.warn(f"{recurring:,} keys occur in more than one split: a split by time doesn't keep them apart")
    details = {"method": plan.method, "deviations": deviations, "recurring_keys": recurring}
    return Result([folder], {"in": counts, "out": plan.counts}, details)


def _recurring(df: DataFrame, data: Dataset, plan: SplitPlan) -> int:
    """Return how many keys a split by time has on both sides of a cut; other splits keep keys whole."""
    if plan.method != "temporal" or not data.key:
        return 0
    places = apply_split(df, plan).where(F.col(SPLIT).isNotNull()).groupBy(*map(col, data.key))
    return places.agg(F.count_distinct(SPLIT).alias("n")).where("n > 1").count()


def make_plan(df: DataFrame, data: Dataset, counts: Mapping[str, int], wanted: SplitConfig) -> SplitPlan:
    """Plan the split that the configuration asks for."""
    if wanted.method == "temporal":
        gap = duration(wanted.gap) if wanted.gap else timedelta(0)
        return temporal_split(df, data, counts, validation=wanted.validation, test=wanted.test, gap=gap)
    return stratified_split(df, data, counts, validation=wanted.validation, test=wanted.test, seed=wanted.seed)


def write_splits(df: DataFrame, plan: SplitPlan, uri: str) -> None:
    """Write the rows as Parquet, a folder `split=…` for each split.

    Raises
    ------
    InputError
        If the table has a column `split` already.
    """
    if "split" in df.columns:
        raise InputError("the table has a column 'split', which files of splits need for themselves; rename it")
    rows = apply_split(df, plan)
    named = rows.where(rows[SPLIT].isNotNull()).withColumnRenamed(SPLIT, "split")
    named.write.partitionBy("split").parquet(uri)
