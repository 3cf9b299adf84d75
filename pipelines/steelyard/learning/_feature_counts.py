"""What aggregations tell of features: gaps and sizes of numbers, levels of categories; of several parts of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from steelyard.columns import class_text, has_bit
from steelyard.errors import InputError
from steelyard.learning._features import Category, Numeric, raws


class Seen(NamedTuple):
    """The number of rows; for each feature, the number of missing values and the largest size of a value."""

    rows: int
    missing: list[int]
    largest: list[float]


def seen_numbers(
    df: DataFrame, numeric: Sequence[Numeric], limit: float, parts: Column | None, count: int
) -> list[Seen]:
    """Return what is known of the numbers of each part."""
    if not numeric:
        return [Seen(0, [], [])] * count
    size = F.abs(F.nanvl("value", F.lit(None).cast("double")))
    # By rows instead of columns: three aggregates, where those of each column are thousands for Spark to compile.
    values = df.select(F.posexplode(raws(df, numeric)).alias("place", "value"), _bits_of(parts))
    counts = F.count(F.lit(1)), F.count(size), F.count_if(size > limit), F.max(size)
    found = values.groupBy(*_keys(parts), "place").agg(*counts).collect()
    return [_seen_of(numeric, [row[-5:] for row in found if _is_in(row, i, parts)], limit) for i in range(count)]


def _seen_of(numeric: Sequence[Numeric], found: Sequence[Sequence[Any]], limit: float) -> Seen:
    """Add up place, rows, known rows, huge ones and largest size of groups of rows."""
    sums, largest = np.zeros((len(numeric), 3), dtype=np.int64), np.zeros(len(numeric))
    for place, *counts, size in found:
        sums[place] += counts
        largest[place] = max(largest[place], size or 0.0)
    rows, known, huge = sums.T.tolist()
    shown = ", ".join(
        f"{f.name!r} ({n:,} rows, up to {size:.3g} in size)"
        for f, n, size in zip(numeric, huge, largest.tolist(), strict=True)
        if n
    )
    if shown:
        raise InputError(
            f"features hold values that are infinite or beyond ±{limit:.0e}: {shown}; replace them, or make them null"
        )
    return Seen(rows[0], [n - of for n, of in zip(rows, known, strict=True)], largest.tolist())


def _bits_of(parts: Column | None) -> Column:
    return (F.lit(1) if parts is None else parts).cast("bigint").alias("parts")


def _keys(parts: Column | None) -> list[str]:
    """Return the column of parts as the first key of groups, unless all rows are one part."""
    return [] if parts is None else ["parts"]


def _is_in(row: Any, i: int, parts: Column | None) -> bool:
    """Whether a group, whose first key says its parts, belongs to part i."""
    return parts is None or bool(row["parts"] >> i & 1)


def categories(
    df: DataFrame, names: Sequence[str], max_levels: int, parts: Column | None, count: int
) -> list[list[Category]]:
    """Return the categories of each part."""
    if not names:
        return [[]] * count
    pairs = [F.struct(F.lit(n).alias("feature"), class_text(df, n).alias("level")) for n in names]
    levels = df.select(F.explode(F.array(*pairs)).alias("p"), _bits_of(parts)).groupBy("p.feature", "p.level")
    if parts is None:
        counts = levels.agg(F.count(F.lit(1)).alias("count")).withColumn("part", F.lit(0))
    else:
        each = F.array(*[F.count_if(has_bit(F.col("parts"), i)) for i in range(count)])
        counts = levels.agg(each.alias("of")).select("feature", "level", F.posexplode("of").alias("part", "count"))
    # Missing values come last, because they are not a level.
    order = Window.partitionBy("part", "feature").orderBy(F.col("level").isNull(), F.col("count").desc(), "level")
    ranked = counts.where(F.col("count") > 0).withColumn("rank", F.row_number().over(order))
    kept = ranked.where((F.col("rank") <= max_levels + 1) | F.col("level").isNull()).collect()
    shown = sorted(kept, key=lambda row: row["rank"])  # a sort in Spark would be two more jobs
    found: dict[tuple[int, str], list[str | None]] = {}
    for row in shown:
        found.setdefault((row["part"], row["feature"]), []).append(row["level"])
    return [[_category(n, found.get((i, n), []), max_levels) for n in names] for i in range(count)]


def _category(name: str, levels: Sequence[str | None], max_levels: int) -> Category:
    known = [level for level in levels if level is not None]
    return Category(name, tuple(known[:max_levels]), other=len(known) > max_levels, missing=None in levels)
