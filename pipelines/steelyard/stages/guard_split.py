"""Stage `guard_split`: are the splits as asked for, and apart?"""

from __future__ import annotations

from typing import Any

from steelyard.splitting import SPLIT
from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._source import dataset, split_rows


def run(ctx: Context, attempt: str) -> Result:
    """Judge all rows with their split, recomputed from the table and the plan's thresholds."""
    data, wanted = dataset(ctx), ctx.config.split
    temporal, gap = wanted.method == "temporal", wanted.gap is not None
    parameters: dict[str, Any] = {
        "label": data.label,
        # A gap takes rows away from the splits before it, so that shares of all rows can't hold.
        "shares": None if gap else {"validation": wanted.validation, "test": wanted.test},
        "left_out_max": None if gap else 0.0,
        "stratified_tolerance": None if temporal else _declared_deviation(ctx),
        "key": None if temporal or not data.key else list(data.key),
        "time": data.time if temporal else None,
    }
    rows = split_rows(ctx)
    kept = dict.fromkeys([data.label, *data.key, *([data.time] if data.time else [])])
    return guard(ctx, attempt, "split", rows.select(*kept, rows[SPLIT].alias("split")), parameters)


def _declared_deviation(ctx: Context) -> int:
    """Return how far a class may miss its count because a key with several rows lies on a boundary."""
    deviations = ctx.read("split", "plan.json")["deviations"]
    return max((abs(n) for of in deviations.values() for n in of.values()), default=0)
