"""Cost columns that were named after `profile` had checked those of its time."""

from __future__ import annotations

from steelyard.columns import require_columns
from steelyard.metrics import check_amounts
from steelyard.stages._context import Context
from steelyard.stages._scores import check_key
from steelyard.stages._source import dataset, source, stats


def check_new_costs(ctx: Context) -> None:
    """Raise `InputError` for cost columns that are missing or unusable; one narrow scan where there are new ones."""
    data = dataset(ctx)
    check_key(data, ctx.config.decide)  # costs that are numbers get columns too
    if set(data.cost.columns) <= set(stats(ctx).get("cost_columns", data.cost.columns)):
        return
    rows = source(ctx)
    require_columns(rows, data.cost.columns, "data.cost")
    check_amounts(rows, data)
