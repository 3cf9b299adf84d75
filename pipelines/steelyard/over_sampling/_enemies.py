"""Rows of other classes around the rows that new ones grow from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import internal
from steelyard.frames.caching import checkpointed
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._seeds import CLASS, class_rows
from steelyard.over_sampling.base import SynthesisContext
from steelyard.over_sampling.neighbors import NeighborSampler, own_points
from steelyard.over_sampling.parents import inherited
from steelyard.sampling.plan import SamplingPlan, Work

N_ENEMIES = internal("n_enemies")

Tally = Mapping[str, Mapping[int, int]]


class BoundarySampler(NeighborSampler):
    """Base of the methods that choose seeds by how many of a row's neighbours are of other classes, in the whole table.

    How often each row is used is known once all of these are found: `plan` runs that search. The counts are kept on
    the executors while the result is referred to.
    """

    def _count_enemies(self, context: SynthesisContext, k: int) -> tuple[DataFrame, Tally]:
        """Count the rivals of each row: others among its k nearest rows of all classes.

        Returns
        -------
        DataFrame
            The rows that grow, with `N_ENEMIES`.
        mapping of str to mapping of int to int
            For each class, how many of its rows have so many rivals.
        """
        distinct = self._distinct(context.space.features)
        around = self._around(context.table, context.plan, context.space, context.counts, distinct=distinct)
        near = around.neighbors(k, list(context.new))
        others = F.size(F.filter("classes", lambda c: c != F.col("own")))
        found = checkpointed(near.select(F.col("row_id").alias(ROW_ID), "own", others.alias(N_ENEMIES)))
        names = list(around.counts)
        tally: dict[str, dict[int, int]] = {c: {} for c in context.new}
        for r in sorted(found.groupBy("own", N_ENEMIES).count().collect()):
            tally[names[r["own"]]][r[N_ENEMIES]] = r["count"]
        return context.rows.join(found.drop("own"), ROW_ID), tally

    def _work(self, context: SynthesisContext) -> Work:
        work = super()._work(context)
        total = sum(context.counts.values())
        asked = sum(context.counts[c] for c in context.new)
        return replace(
            work,
            scans=work.scans + 1,
            shuffles=work.shuffles + 6,
            python=work.python + 1,
            distances=work.distances + asked * total,
            tasks=work.tasks + 1,
        )


def enemy_points(context: SynthesisContext, uses: Column) -> DataFrame:
    """Return the rows of other classes as an index, and seeds as queries, for each class that grows."""
    rows = class_rows(context.table, context.plan, context.space, context.counts, inherited(context.roles))
    within = F.array(*[F.lit(c) for c in context.new])
    others = rows.select(
        F.explode(F.filter(within, lambda c: c != F.col(CLASS))).alias("within"),
        F.col(ROW_ID).alias("row_id"),
        context.space.points(rows).alias("x"),
        F.lit(True).alias("indexed"),
        F.lit(False).alias("queried"),
        F.lit(0).alias("uses"),
        context.row(rows, numbers=True).alias("row"),
    )
    own = own_points(context, uses, numbers=True).drop("carried").withColumn("indexed", F.lit(False))
    return own.where("queried").unionByName(others)


def unlike(plan: SamplingPlan) -> dict[str, int]:
    """Return, for each class that grows, how many rows are of other classes."""
    total = sum(c.before for c in plan.classes.values())
    return {name: total - c.before for name, c in plan.classes.items() if c.new}
