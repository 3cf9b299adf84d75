"""Rows of other classes around the rows that new ones grow from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import internal
from steelyard.frames.caching import held
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._base import Growth
from steelyard.over_sampling._neighbors import NeighborSampler, own_points
from steelyard.over_sampling._parents import inherited
from steelyard.over_sampling._seeds import CLASS, class_rows
from steelyard.sampling._plan import SamplingPlan, Work

RIVALS = internal("rivals")

Tally = Mapping[str, Mapping[int, int]]


class RivalSampler(NeighborSampler):
    """Base of the methods that choose seeds by how many of a row's neighbours are of other classes, in the whole table.

    How often each row is used is known once all of these are found: `plan` runs that search. The counts are kept on
    the executors while the result is referred to.
    """

    def _tallied(self, grown: Growth, k: int) -> tuple[DataFrame, Tally]:
        """Count the rivals of each row: others among its k nearest rows of all classes.

        Returns
        -------
        DataFrame
            The rows that grow, with `RIVALS`.
        mapping of str to mapping of int to int
            For each class, how many of its rows have so many rivals.
        """
        distinct = self._distinct(grown.space.features)
        around = self._around(grown.table, grown.plan, grown.space, grown.counts, distinct=distinct)
        near = around.neighbors(k, list(grown.new))
        others = F.size(F.filter("classes", lambda c: c != F.col("own")))
        found = held(near.select(F.col("row_id").alias(ROW_ID), "own", others.alias(RIVALS)))
        names = list(around.counts)
        tally: dict[str, dict[int, int]] = {c: {} for c in grown.new}
        for r in sorted(found.groupBy("own", RIVALS).count().collect()):
            tally[names[r["own"]]][r[RIVALS]] = r["count"]
        return grown.rows.join(found.drop("own"), ROW_ID), tally

    def _work(self, grown: Growth) -> Work:
        work = super()._work(grown)
        total = sum(grown.counts.values())
        asked = sum(grown.counts[c] for c in grown.new)
        return replace(
            work,
            scans=work.scans + 1,
            shuffles=work.shuffles + 6,
            python=work.python + 1,
            distances=work.distances + asked * total,
            tasks=work.tasks + 1,
        )


def rival_points(grown: Growth, uses: Column) -> DataFrame:
    """Return the rows of other classes as an index, and seeds as queries, for each class that grows."""
    rows = class_rows(grown.table, grown.plan, grown.space, grown.counts, inherited(grown.roles))
    within = F.array(*[F.lit(c) for c in grown.new])
    others = rows.select(
        F.explode(F.filter(within, lambda c: c != F.col(CLASS))).alias("within"),
        F.col(ROW_ID).alias("row_id"),
        grown.space.points(rows).alias("x"),
        F.lit(True).alias("indexed"),
        F.lit(False).alias("queried"),
        F.lit(0).alias("uses"),
        grown.row(rows, numbers=True).alias("row"),
    )
    own = own_points(grown, uses, numbers=True).drop("carried").withColumn("indexed", F.lit(False))
    return own.where("queried").unionByName(others)


def unlike(plan: SamplingPlan) -> dict[str, int]:
    """Return, for each class that grows, how many rows are of other classes."""
    total = sum(c.before for c in plan.classes.values())
    return {name: total - c.before for name, c in plan.classes.items() if c.new}
