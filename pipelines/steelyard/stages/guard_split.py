"""Stage `guard_split`: check that the splits are disjoint and have the requested sizes."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import col, free_name
from steelyard.config import duration
from steelyard.dataset import Dataset
from steelyard.hashing import divided_groups
from steelyard.splitting import ALL_ROWS, SPLIT, SplitPlan, in_divided_group, time_position
from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._source import dataset, split_rows, stats


def run(ctx: Context, attempt: str) -> Result:
    """Judge all rows with their split, recomputed from the table and the plan's thresholds."""
    data, wanted, rows = dataset(ctx), ctx.config.split, split_rows(ctx)
    temporal, gap = wanted.method == "temporal", wanted.gap is not None
    plan = SplitPlan.from_json(ctx.read("split", "plan.json"))
    tolerance = 0 if temporal else _tolerance(ctx, rows, data)
    split_column, gap_column = (free_name(name, rows.columns) for name in ("split", "split_with_gap"))
    # The plan divides some groups of equal rows on purpose: such rows are not a leak.
    divided = plan.method == "stratified" and any(divided_groups(plan.cuts))
    undivided = free_name("split_of_undivided_rows", rows.columns) if divided else split_column
    group = [data.group] if wanted.method == "group" and data.group else None
    parameters: dict[str, Any] = {
        "label": data.label,
        "shares": {"validation": wanted.validation, "test": wanted.test},
        "split_column": split_column,
        "share_column": gap_column if gap else split_column,
        "left_out_max": None if gap else 0.0,
        "stratified_tolerance": None if temporal else tolerance,
        "share_tolerance": 0.01 + tolerance * len(data.classes) / stats(ctx)["rows"],
        "key": None if temporal or not data.key else list(data.key),
        "group": group,
        "time": data.time if temporal else None,
        "gap_seconds": duration(wanted.gap).total_seconds() if wanted.gap else 0.0,
        "features": list(data.features),
        "near_duplicate_split_column": undivided,
    }
    if gap:
        rows = rows.withColumn(gap_column, _without_gap(ctx, rows, data))
    if undivided != split_column:
        rows = rows.withColumn(undivided, F.when(~in_divided_group(rows, plan), F.col(SPLIT)))
    return guard(ctx, attempt, "split", rows.withColumnRenamed(SPLIT, split_column), parameters, data.key)


def _without_gap(ctx: Context, rows: DataFrame, data: Dataset) -> Column:
    """Return the split of a row without a gap: rows in a gap are in the split before it. The shares refer to these."""
    plan = SplitPlan.from_json(ctx.read("split", "plan.json"))
    begin = plan.cuts[ALL_ROWS][1].below  # of validation
    early = time_position(rows, data.time or "", plan.origin) < F.lit(begin)
    before = F.when(early, F.lit("train")).otherwise(F.lit("validation"))
    return F.coalesce(F.col(SPLIT), before)


def _tolerance(ctx: Context, rows: DataFrame, data: Dataset) -> int:
    """Return the tolerated deviation of a class's count: the rows of the largest key (half of them at either cut).

    Groups and times may have any number of rows. For them it is the deviation that the plan reports.
    """
    deviations = ctx.read("split", "plan.json")["deviations"]
    off: list[int] = [abs(n) for of in deviations.values() for n in of.values()]
    if not off or ctx.config.split.method in ("group", "temporal"):
        return max(off, default=0)
    sizes = rows.groupBy(*map(col, data.key)).agg(F.count(F.lit(1)).alias("n"))
    largest: int = sizes.agg(F.max("n")).collect()[0][0]
    return largest
