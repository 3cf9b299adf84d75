"""Rows of other classes near the seeds of new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import internal
from steelyard.frames.caching import checkpointed
from steelyard.frames.neighbors import pairs
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._seeds import CLASS, class_rows
from steelyard.over_sampling.base import SynthesisContext
from steelyard.over_sampling.neighbors import NeighborSampler, own_points
from steelyard.over_sampling.parents import inherited
from steelyard.sampling.plan import Work

N_ENEMIES = internal("n_enemies")

Tally = Mapping[str, Mapping[int, int]]


class BoundarySampler(NeighborSampler):
    """Base of the methods that choose seeds by the number of neighbours of other classes, in the whole table.

    This needs a search, which `plan` runs. The counts are checkpointed.
    """

    def _count_enemies(self, context: SynthesisContext, k: int) -> tuple[DataFrame, Tally]:
        """Count the rows of other classes among the k nearest rows of each row of the over-sampled classes.

        Return these rows with `N_ENEMIES`, and for each class the number of its rows by that count.
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


def _enemy_points(context: SynthesisContext, uses: Column) -> DataFrame:
    """Return the rows of other classes as an index, and seeds as queries, for each over-sampled class."""
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


def enemy_pairs(sampler: NeighborSampler, context: SynthesisContext, uses: Column, k: int | None = None) -> DataFrame:
    """Pair seeds with their `k` nearest rows of other classes, as `pairs` does; categories are the seed's."""
    plan, purpose = context.plan, f"{context.plan.purpose}/rivals"  # part of the draws' hashes
    search = sampler._search(context, _compared(context), k)
    found = pairs(_enemy_points(context, uses), search, seed=plan.seed, purpose=purpose)
    mode = context.seed_categories()
    return found if mode is None else found.withColumn("mode", mode)


def enemy_distances(context: SynthesisContext) -> int:
    """Return how many distances `enemy_pairs` takes; 0 before the seeds are known."""
    return sum(seeds * others for seeds, others in _compared(context).values())


def _compared(context: SynthesisContext) -> dict[str, tuple[int, int]]:
    """Return, for each over-sampled class, the number of seeds and of rows of other classes."""
    total = sum(context.counts.values())
    sizes = context.search.sizes if context.search else {}
    return {c: (n, total - context.counts[c]) for c, (n, _) in sizes.items()}
