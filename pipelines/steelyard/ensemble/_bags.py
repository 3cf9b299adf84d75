"""Bags: which rows each member of an ensemble is trained on, drawn by hash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import add
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from steelyard.columns import combined, internal, of_key
from steelyard.ensemble._quotas import Quotas
from steelyard.hashing import HASH_BITS, Cut, cuts, find_heavy_groups, with_side
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


def with_units(rows: DataFrame, counts: Mapping[str, int], features: int) -> DataFrame:
    """Add a number that identifies each row, by its content: the same from any partitioning.

    Equal rows are numbered, so that they are drawn independently. In tables of more than `NUMBERED_CELLS`, those of
    heavy groups alone are (see `steelyard.hashing`), and only their rows are shuffled; other equal rows, at most ten or
    a thousandth of their class, are drawn together.

    Parameters
    ----------
    rows : DataFrame
        `label`, `weight` and `features`.
    counts : mapping of str to int
        Rows of each class, in the order of the labels.
    features : int
    """
    placed = rows.withColumn(UNIT, _hash(*_CONTENT))
    if sum(counts.values()) * features <= NUMBERED_CELLS:
        return _numbered(placed)
    sizes = {str(i): n for i, n in enumerate(counts.values())}
    strata = F.col("label").cast("int").cast("string")
    heavy = find_heavy_groups(placed.select(strata.alias("s"), F.col(UNIT).alias("p")), sizes)
    groups = sorted({p for of in heavy.values() for p in of})
    if not groups:
        return placed
    alike = F.col(UNIT).isin(groups)
    return placed.where(~alike).unionByName(_numbered(placed.where(alike)))


def _numbered(placed: DataFrame) -> DataFrame:
    """Return rows whose units differ where they were equal."""
    within = Window.partitionBy(UNIT).orderBy(*_CONTENT)
    numbered = placed.withColumn(_NUMBER, F.row_number().over(within))
    return numbered.withColumn(UNIT, _hash(UNIT, _NUMBER)).drop(_NUMBER)


def disjoint_bags(units: DataFrame, of: Quotas, seed: int) -> DataFrame:
    """Return the rows of all bags, drawn without replacement: bags hold successive ranges of a random order.

    Where a class has too few rows for all bags, the ranges start again in another order. A class of which a bag holds
    all rows is in every bag.
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
    label = F.col("label").cast("int")
    drawn = units.withColumn(_DRAW, F.explode(F.sequence(F.lit(0), of_key(rounds, label) - 1)))
    drawn = drawn.withColumns(
        {_STRATUM: _stratum(label, _DRAW), _POSITION: _hash(UNIT, F.lit(seed), F.lit("bags"), _DRAW)}
    )
    found = cuts(drawn, F.col(_POSITION), F.col(_STRATUM), quotas, ties="exact", sizes=sizes)
    inside = _near(drawn, {s: found[s][min(each[int(s.split("/")[0])], of.bags) - 1] for s in quotas})
    sided = with_side(inside, F.col(_POSITION), F.col(_STRATUM), found, TASK)
    per_round = {i: min(n, of.bags) for i, n in each.items()}
    whole = [i for i, (c, n) in enumerate(of.bag.items()) if n == of.counts[c]]
    in_round = F.col(TASK) < of_key(per_round, label)
    number = F.col(TASK) + F.col(_DRAW) * of_key(per_round, label)
    every = F.sequence(F.lit(0), F.lit(of.bags - 1))
    tasks = F.when(label.isin(whole), every).otherwise(F.array(number)) if whole else F.array(number)
    spread = sided.where(in_round).withColumn(TASK, F.explode(tasks)).where(F.col(TASK) < of.bags)
    return spread.withColumn(PLACE, _hash(UNIT, TASK))


@dataclass(frozen=True)
class Bootstrap:
    """Draws with replacement: exact counts of each class for each bag.

    How often a row is drawn for all bags together is a Poisson number by its hash, and each draw goes to one bag by
    another hash. Rates are a little too high, and an exact cut keeps the wanted number of draws in each bag: given
    their number, Poisson draws are uniform draws with replacement.
    """

    quotas: Quotas
    seed: int
    slack: float
    cuts: dict[str, list[Cut]] = field(default_factory=dict)

    @classmethod
    def of(cls, units: DataFrame, of: Quotas, seed: int) -> Bootstrap:
        """Find the cuts; reads the units twice."""
        wanted = {f"{i}/{b}": [n] for i, n in enumerate(of.bag.values()) for b in range(of.bags)}
        slack = 6.0
        while True:
            made = cls(of, seed, slack)
            found = cuts(made._drawn(units), F.col(_POSITION), F.col(_STRATUM), wanted, ties="exact")
            if all(cut.count == wanted[s][0] for s, [cut] in found.items()):
                return replace(made, cuts=found)
            slack *= 2  # a bag has too few draws once in a hundred million bags

    def bags(self, units: DataFrame) -> DataFrame:
        """Return the rows of all bags: a row that is drawn twice is there twice."""
        drawn = with_side(self._drawn(units), F.col(_POSITION), F.col(_STRATUM), self.cuts, _NUMBER)
        return drawn.where(F.col(_NUMBER) == 0).withColumn(PLACE, _hash(UNIT, _DRAW))

    def tasks(self) -> Column:
        """Return the bags that hold a unit, as an array."""
        label, last = F.col("label").cast("int"), {s: cut.below - 1 for s, [cut] in self.cuts.items()}

        def bag(draw: Column) -> Column:
            task = self._bag(draw)
            limit = of_key(last, F.concat_ws("/", label.cast("string"), task.cast("string")))
            return F.when(self._position(draw) <= limit, task)

        draws = F.when(self._times(label) > 0, F.sequence(F.lit(1), self._times(label)))
        return F.coalesce(F.array_compact(F.transform(draws, bag)), F.array().cast("array<int>"))

    def _drawn(self, units: DataFrame) -> DataFrame:
        """Return one row for each draw, with its bag."""
        label = F.col("label").cast("int")
        counted = units.withColumn(_NUMBER, self._times(label)).where(F.col(_NUMBER) > 0)
        draws = counted.withColumn(_DRAW, F.explode(F.sequence(F.lit(1), F.col(_NUMBER))))
        placed = draws.withColumns({TASK: self._bag(F.col(_DRAW)), _POSITION: self._position(F.col(_DRAW))})
        return placed.withColumn(_STRATUM, _stratum(label, TASK))

    def _times(self, label: Column) -> Column:
        """Return how often a unit is drawn, before the cuts."""
        of, times, position = self.quotas, F.lit(0), _hash(UNIT, F.lit(self.seed), F.lit("times"))
        for i, (c, n) in enumerate(of.bag.items()):
            mean = of.bags * (n + self.slack * math.sqrt(n) + self.slack) / of.counts[c]
            times = F.when(label == i, _poisson(position, mean)).otherwise(times)
        return times

    def _bag(self, draw: Column) -> Column:
        place = _hash(UNIT, F.lit(self.seed), F.lit("bag"), draw)
        return F.pmod(place, F.lit(self.quotas.bags)).cast("int")

    def _position(self, draw: Column) -> Column:
        return _hash(UNIT, F.lit(self.seed), F.lit("draw"), draw)


def _poisson(position: Column, mean: float) -> Column:
    """Return a Poisson number of a uniform position: in how many of the distribution's steps it lies above."""
    steps, below = list[int](), 0.0
    for k in range(int(mean + 12 * math.sqrt(mean) + 30)):
        below += math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        steps.append(int(below * 2**HASH_BITS))
    return combined(add, [(position >= step).cast("int") for step in steps if step < 2**HASH_BITS])


def _near(drawn: DataFrame, last: Mapping[str, Cut]) -> DataFrame:
    """Leave out rows above the last cut of their stratum: most rows of a large class, before anything is compared."""
    return drawn.where(
        F.col(_POSITION) <= of_key({s: min(c.below, 2**HASH_BITS - 1) for s, c in last.items()}, F.col(_STRATUM))
    )


def _stratum(label: Column, part: str) -> Column:
    return F.concat_ws("/", label.cast("string"), F.col(part).cast("string"))


def _hash(*parts: Any) -> Column:
    """Return a 63-bit hash."""
    return F.shiftrightunsigned(F.xxhash64(*parts), 1)
