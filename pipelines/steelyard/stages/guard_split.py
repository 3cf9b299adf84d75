"""Stage `guard_split`: are the splits as asked for, and apart?"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import col
from steelyard.config import duration
from steelyard.dataset import Dataset
from steelyard.splitting import SPLIT
from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._source import dataset, split_rows, stats


def run(ctx: Context, attempt: str) -> Result:
    """Judge all rows with their split, recomputed from the table and the plan's thresholds."""
    data, wanted, rows = dataset(ctx), ctx.config.split, split_rows(ctx)
    temporal, gap = wanted.method == "temporal", wanted.gap is not None
    tolerance = 0 if temporal else _tolerance(ctx, rows, data)
    group = [data.group] if wanted.method == "group" and data.group else None
    parameters: dict[str, Any] = {
        "label": data.label,
        # A gap takes rows away from the splits before it, so that shares of all rows can't hold.
        "shares": None if gap else {"validation": wanted.validation, "test": wanted.test},
        "left_out_max": None if gap else 0.0,
        "stratified_tolerance": None if temporal else tolerance,
        "share_tolerance": 0.01 + tolerance * len(data.classes) / stats(ctx)["rows"],
        "key": None if temporal or not data.key else list(data.key),
        "group": group,
        "time": data.time if temporal else None,
        "gap_seconds": duration(wanted.gap).total_seconds() if wanted.gap else 0.0,
    }
    kept = dict.fromkeys([data.label, *data.key, *(group or []), *([data.time] if data.time else [])])
    return guard(ctx, attempt, "split", rows.select(*kept, rows[SPLIT].alias("split")), parameters)


def _tolerance(ctx: Context, rows: DataFrame, data: Dataset) -> int:
    """Return how far a class may miss its count: the rows of the largest key (half of them at either cut).

    With groups, which may be of any size, it is what the plan has reported: rows must be where it says.
    """
    deviations = ctx.read("split", "plan.json")["deviations"]
    off: list[int] = [abs(n) for of in deviations.values() for n in of.values()]
    if not off or ctx.config.split.method == "group":
        return max(off, default=0)
    sizes = rows.groupBy(*map(col, data.key)).agg(F.count(F.lit(1)).alias("n"))
    largest: int = sizes.agg(F.max("n")).collect()[0][0]
    return largest
