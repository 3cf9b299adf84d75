"""Bags: which rows each member of an ensemble is trained on, drawn by hash."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from steelyard.columns import internal, of_key
from steelyard.ensemble._quotas import Quotas
from steelyard.frames.caching import cached
from steelyard.hashing import BAG, DRAW, HASH_BITS, Cut, Draws, cuts, find_heavy_groups, with_side
from steelyard.learning.tasks import PLACE, TASK

UNIT = internal("unit")
_STRATUM, _POSITION, _NUMBER, _DRAW = (internal(n) for n in ("bag_stratum", "bag_position", "bag_number", "bag_draw"))
_CONTENT = ("label", "weight", "features")


def class_counts(rows: DataFrame, classes: tuple[str, ...]) -> dict[str, int]:
    """Return the rows of each class; reads the label only."""
    found = {int(row["label"]): row["count"] for row in rows.groupBy("label").count().collect()}
    return {c: found[i] for i, c in enumerate(classes)}


NUMBERED_CELLS = 100_000_000
"""Rows × features of a table whose equal rows are all numbered, which shuffles it."""


@contextmanager
def unit_tables(rows: DataFrame, counts: Mapping[str, int], features: int) -> Iterator[tuple[DataFrame, DataFrame]]:
    """Yield rows with units, and their units and labels alone, which are persisted during the `with` block.

    A unit is a number that identifies a row by its content: the same from any partitioning. Equal rows are numbered, so
    that they are drawn independently. In tables of more than `NUMBERED_CELLS`, those of heavy groups alone are (see
    `steelyard.hashing`), and only their rows are shuffled; other equal rows, at most ten or a thousandth of their
    class, are drawn together.

    Parameters
    ----------
    rows : DataFrame
        `label`, `weight` and `features`.
    counts : mapping of str to int
        Rows of each class, in the order of the labels.
    features : int
    """
    placed = rows.withColumn(UNIT, _hash(*_CONTENT))
    large = sum(counts.values()) * features > NUMBERED_CELLS
    units = placed if large else _numbered(placed)
    with cached(units.select(UNIT, "label")) as narrow:
        groups = _heavy(narrow, counts) if large else []
        if groups:
            alike = F.col(UNIT).isin(groups)
            units = placed.where(~alike).unionByName(_numbered(placed.where(alike)))
            narrow = units.select(UNIT, "label")
        yield units, narrow


def _heavy(narrow: DataFrame, counts: Mapping[str, int]) -> list[int]:
    """Return the units of heavy groups."""
    sizes = {str(i): n for i, n in enumerate(counts.values())}
    found = find_heavy_groups(narrow.select(_code().cast("string").alias("s"), F.col(UNIT).alias("p")), sizes)
    return sorted({p for of in found.values() for p in of})


def _numbered(placed: DataFrame) -> DataFrame:
    """Return rows whose units differ where they were equal."""
    within = Window.partitionBy(UNIT).orderBy(*_CONTENT)
    numbered = placed.withColumn(_NUMBER, F.row_number().over(within))
    return numbered.withColumn(UNIT, _hash(UNIT, _NUMBER)).drop(_NUMBER)


def disjoint_bags(units: DataFrame, narrow: DataFrame, of: Quotas, seed: int) -> DataFrame:
    """Return the rows of all bags, drawn without replacement: bags hold successive ranges of a random order.

    Where a class has too few rows for all bags, the ranges start again in another order. A class of which a bag holds
    all rows is in every bag. `narrow` is read once for the cuts, `units` for the rows.
    """
    rounds, quotas, sizes = dict[int, int](), dict[str, list[int]](), dict[str, int]()
    each = {i: of.counts[c] // n for i, (c, n) in enumerate(of.bag.items())}
    most = min(of.bags, max(each.values()))
    for i, (c, n) in enumerate(of.bag.items()):
        rounds[i] = math.ceil(of.bags / each[i]) if each[i] > 1 or n < of.counts[c] else 1
        ranges = min(each[i], of.bags)
        for r in range(rounds[i]):
            quotas[f"{i}/{r}"] = [n * (k + 1) for k in range(ranges)] + [of.counts[c]] * (most - ranges)
            sizes[f"{i}/{r}"] = of.counts[c]
    label = _code()

    def placed(rows: DataFrame) -> DataFrame:
        drawn = rows.withColumn(_DRAW, F.explode(F.sequence(F.lit(0), of_key(rounds, label) - 1)))
        position = _hash(UNIT, F.lit(seed), F.lit("bags"), _DRAW)
        return drawn.withColumns({_STRATUM: _stratum(label, _DRAW), _POSITION: position})

    found = cuts(placed(narrow), F.col(_POSITION), F.col(_STRATUM), quotas, ties="exact", sizes=sizes)
    inside = _near(placed(units), {s: found[s][min(each[int(s.split("/")[0])], of.bags) - 1] for s in quotas})
    sided = with_side(inside, F.col(_POSITION), F.col(_STRATUM), found, TASK)
    per_round = {i: min(n, of.bags) for i, n in each.items()}
    whole = [i for i, (c, n) in enumerate(of.bag.items()) if n == of.counts[c]]
    in_round = F.col(TASK) < of_key(per_round, label)
    number = F.col(TASK) + F.col(_DRAW) * of_key(per_round, label)
    every = F.sequence(F.lit(0), F.lit(of.bags - 1))
    tasks = F.when(label.isin(whole), every).otherwise(F.array(number)) if whole else F.array(number)
    spread = sided.where(in_round).withColumn(TASK, F.explode(tasks)).where(F.col(TASK) < of.bags)
    return spread.withColumn(PLACE, _hash(UNIT, TASK))


def draws(narrow: DataFrame, of: Quotas, seed: int) -> Draws:
    """Return the draws of bags with replacement; reads the units twice."""
    return Draws.find(narrow, UNIT, _code(), of.counts, of.bag, bags=of.bags, seed=seed)


def drawn_bags(units: DataFrame, found: Draws) -> DataFrame:
    """Return the rows of all bags: a row that is drawn twice is there twice."""
    drawn = found.rows(units, UNIT, _code()).withColumnRenamed(BAG, TASK)
    return drawn.withColumn(PLACE, _hash(UNIT, DRAW))


def bags_of_unit(found: Draws) -> Column:
    """Return the bags that hold a unit, as an array."""
    return found.bags_of(UNIT, _code())


def _near(drawn: DataFrame, last: Mapping[str, Cut]) -> DataFrame:
    """Leave out rows above the last cut of their stratum: most rows of a large class, before anything is compared."""
    return drawn.where(
        F.col(_POSITION) <= of_key({s: min(c.below, 2**HASH_BITS - 1) for s, c in last.items()}, F.col(_STRATUM))
    )


def _code() -> Column:
    return F.col("label").cast("int")


def _stratum(label: Column, part: str) -> Column:
    return F.concat_ws("/", label.cast("string"), F.col(part).cast("string"))


def _hash(*parts: Any) -> Column:
    """Return a 63-bit hash."""
    return F.shiftrightunsigned(F.xxhash64(*parts), 1)


def pool_of(
    units: DataFrame,
    narrow: DataFrame,
    counts: Mapping[str, int],
    bag: Mapping[str, int],
    pool: int | None,
    seed: int,
) -> tuple[dict[str, int], DataFrame]:
    """Return how many rows of each class rounds read, and these rows: all without a pool."""
    if pool is None:
        return dict(counts), units
    kept = {c: min(n, max(pool * min(counts.values()), bag[c])) for c, n in counts.items()}
    return kept, disjoint_bags(units, narrow, Quotas(dict(counts), kept, 1), seed).drop(TASK, PLACE)
