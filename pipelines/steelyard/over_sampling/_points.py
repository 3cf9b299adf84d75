"""New rows at points around one row, instead of between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.frames.point_task import USED
from steelyard.frames.workers import in_worker, nullable
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._seeds import CLASS, USES
from steelyard.over_sampling.base import SynthesisContext

_TASK = "steelyard.frames.point_task"


def alone(context: SynthesisContext) -> DataFrame:
    """Return each seed as often as it is used, paired with itself: as `pairs` does, with ``x`` and ``class``."""
    used = context.used().where(F.col(USES) > 0)
    categories = [context.categories(context.rows).alias("mode")] if context.space.features.categories else []
    row = context.row(context.rows)
    return used.select(
        F.col(ROW_ID).alias("seed_id"),
        F.col(ROW_ID).alias("neighbor_id"),
        F.explode(F.sequence(F.lit(1), F.col(USES))).alias("replicate"),
        F.lit(0.0).alias("gap"),
        row.alias("seed"),
        row.alias("neighbor"),
        *categories,
        context.space.numbers(context.rows).alias("x"),
        F.col(CLASS).alias("class"),
        F.col(USES).alias("uses"),
    )


def with_points(
    context: SynthesisContext, rows: DataFrame, task: str, more: Sequence[tuple[str, str]] = (), **settings: Any
) -> DataFrame:
    """Add ``point`` and the other columns of a task of `steelyard.frames.point_task`. One scan, one crossing."""
    kept = [f for f in rows.schema.fields if f.name not in USED and f.name not in dict(more)]
    schema = T.StructType(kept).add("point", T.ArrayType(T.DoubleType()))
    for name, kind in more:
        schema = schema.add(name, kind)
    settings |= {"bounds": _class_bounds(context), "seed": context.plan.seed, "purpose": context.plan.purpose}
    return rows.mapInArrow(in_worker(_TASK, task, **settings), nullable(schema))


def _class_bounds(context: SynthesisContext) -> dict[str, tuple[list[float], list[float]]]:
    """Return the least and the greatest numbers of each over-sampled class. One scan."""
    x = context.space.numbers(context.rows)
    places = range(context.space.n_numbers)
    rows = context.rows.select(F.col(CLASS).alias("class"), x.alias("x"))
    sides = [f(F.col("x")[i]).alias(f"{n}{i}") for i in places for n, f in (("low", F.min), ("high", F.max))]
    found = rows.groupBy("class").agg(*sides).collect()
    return {r["class"]: ([r[f"low{i}"] for i in places], [r[f"high{i}"] for i in places]) for r in found}
