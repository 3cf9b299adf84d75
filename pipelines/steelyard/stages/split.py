"""Stage `split`: plan the training, validation and test rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.comparing import Folds
from steelyard.config import SplitConfig, duration
from steelyard.dataset import Dataset
from steelyard.frames.tables import write_parquet
from steelyard.splitting import (
    SPLIT,
    Division,
    FoldPlan,
    SplitPlan,
    apply_folds,
    apply_split,
    count_torn_keys,
    grouped_split,
    stratified_split,
    temporal_split,
)
from steelyard.stages._check import check_split, check_split_free
from steelyard.stages._context import Context, Result
from steelyard.stages._source import dataset, source, stats


def run(ctx: Context, attempt: str) -> Result:
    """Write `plan.json`, and the rows themselves where `materialize` asks for them."""
    folder = f"split/{attempt}"
    df, data = source(ctx), dataset(ctx)
    counts = {c: of["count"] for c, of in stats(ctx)["classes"].items()}
    plan = make_plan(df, data, counts, ctx.config.split)
    check_split(ctx.config, data, plan.counts["train"])
    if ctx.config.split.materialize:
        write_splits(df, plan, ctx.run.uri(f"{folder}/data"))
    deviations = {s: d for s, d in plan.deviations.items() if d}
    if plan.method == "group" and deviations:
        ctx.warn(_widest(plan))
    if stats(ctx)["repeated_keys"]:
        plan = replace(plan, torn_keys=count_torn_keys(df, plan, data.key))
    ctx.run.write_json(f"{folder}/plan.json", plan.to_json())
    if plan.torn_keys:
        ctx.warn(torn(plan, "a split.method of 'group' and data.group keep keys whole"))
    details = {"method": plan.method, "deviations": deviations, "recurring_keys": plan.torn_keys}
    return Result(
        [folder], {"in": counts, "out": plan.counts}, {**details, "messages": [*periods(plan), *left_out(plan)]}
    )


def periods(plan: Division) -> list[str]:
    """Return the first and the last time of each part of a temporal split, as text."""
    return [f"{split}: {' to '.join(ends)}" for split, ends in plan.times.items() if ends]


def left_out(plan: Division) -> list[str]:
    """Return how many rows the gap of a split by time leaves out, class by class."""
    lost = plan.counts.get("left_out", {})
    if plan.method != "temporal" or not lost:
        return []
    classes = ", ".join(f"{n:,} of class {c}" for c, n in lost.items())
    return [f"the gap leaves out {sum(lost.values()):,} rows: {classes}"]


def torn(plan: Division, advice: str) -> str:
    """Return the warning that keys are on more than one side, with what to do."""
    part = "fold" if plan.purpose == "folds" else "split"
    why = "a split by time divides keys" if plan.method == "temporal" else "they have rows of several classes"
    return f"{plan.torn_keys:,} keys occur in more than one {part}: {why}; {advice}"


def make_plan(df: DataFrame, data: Dataset, counts: Mapping[str, int], wanted: SplitConfig) -> SplitPlan:
    """Plan the split that the configuration asks for."""
    if wanted.method == "temporal":
        return temporal_split(df, data, counts, validation=wanted.validation, test=wanted.test, gap=gap_of(wanted))
    by_hash = grouped_split if wanted.method == "group" else stratified_split
    return by_hash(df, data, counts, validation=wanted.validation, test=wanted.test, seed=wanted.seed)


def make_folds(df: DataFrame, data: Dataset, counts: Mapping[str, int], wanted: SplitConfig, folds: int) -> FoldPlan:
    """Plan folds by the method of the configuration."""
    return Folds(wanted.method, folds, gap_of(wanted), seed=wanted.seed).plan(df, data, counts)


def gap_of(wanted: SplitConfig) -> timedelta:
    """Return the gap of a split by time, 0 for others."""
    return duration(wanted.gap) if wanted.gap else timedelta(0)


def _widest(plan: SplitPlan) -> str:
    """Return where whole groups miss a requested count by most."""
    off = [(abs(n), split, c, n) for split, of in plan.deviations.items() for c, n in of.items()]
    _, split, name, n = max(off)
    return (
        f"groups of column {plan.identity[0]!r} stay whole: {split} has {n:+,} rows of class {name!r} against its "
        f"share ({plan.counts[split][name]:,} in all), the widest miss"
    )


def write_splits(df: DataFrame, plan: SplitPlan, uri: str) -> None:
    """Write the rows as Parquet, a folder `split=…` for each split.

    Raises
    ------
    InputError
        If the table has a column `split` already.
    """
    check_split_free(df)
    rows = apply_split(df, plan)
    named = rows.where(F.col(SPLIT).isNotNull()).withColumnRenamed(SPLIT, "split")
    write_parquet(named, uri, partition_by=("split",))


def write_folds(df: DataFrame, plan: FoldPlan, uri: str) -> None:
    """Write the rows as Parquet, with their `fold`; the table must not have such a column."""
    write_parquet(apply_folds(df, plan), uri)
