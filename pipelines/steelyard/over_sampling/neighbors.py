"""Base of samplers that pair a row with its neighbours in its class: `NeighborSampler`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import ClassVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.frames.neighbors import Search, pairs, with_cells
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._seeds import CLASS, USES
from steelyard.over_sampling.base import SynthesisContext, SyntheticSampler
from steelyard.over_sampling.parents import on_the_way
from steelyard.sampling.features import Features
from steelyard.sampling.measuring import SearchingSampler
from steelyard.sampling.plan import Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.strategy import check_enough
from steelyard.sampling.survey import Survey


class NeighborSampler(SyntheticSampler, SearchingSampler):
    """Base of samplers that pair a row with a neighbour of its class; the defaults are those of SMOTE.

    Attributes
    ----------
    neighbors : str
        Its parameter for the neighbours of a row in its class.
    """

    neighbors: ClassVar[str] = "k_neighbors"

    def _pairs(self, context: SynthesisContext) -> DataFrame:
        assert context.points is not None and context.search is not None
        numbers = context.space.n_numbers if on_the_way(context.table, context.roles, context.space) else 0
        seed, purpose = context.plan.seed, context.plan.purpose
        return pairs(context.points, context.search, seed=seed, purpose=purpose, numbers=numbers)

    def _seeded(self, context: SynthesisContext) -> SynthesisContext:
        """Add how often each row is a seed, and the search for neighbours."""
        context = super()._seeded(context)
        asked = dict.fromkeys(context.new, 0)
        for stratum, seeds in context.seeds.items():
            asked[self._class_of(stratum)] += seeds.rows
        search = self._search(context, {c: (n, context.counts[c]) for c, n in asked.items()})
        how, recall = self.getOrDefault("search"), self.getOrDefault("recall")
        points = own_points(context, without=on_the_way(context.table, context.roles, context.space))
        search = with_cells(points, search, how=how, recall=recall)
        cells = {c: d.to_json() for c, d in search.divisions.items()}
        return self._recorded(replace(context, points=points, search=search), cells=cells)

    @staticmethod
    def _class_of(stratum: str) -> str:
        """Return the class that a stratum is part of."""
        return stratum

    def _search(self, context: SynthesisContext, sizes: Mapping[str, tuple[int, int]], k: int | None = None) -> Search:
        distinct, wanted = self._distinct(context.space.features), self._k() if k is None else k
        of_space = context.space.searching()
        return Search(wanted, sizes=sizes, distinct=distinct, block_bytes=self._block_bytes(), **of_space)

    def _distinct(self, features: Features) -> bool:
        """Return whether equal rows count as one neighbour: by default unless there are categories.

        Rows of categories repeat by nature; between equal rows of numbers, new rows would be copies.
        """
        asked = self.getOrDefault("distinct_neighbors")
        return not features.categories if asked is None else bool(asked)

    def _k(self) -> int:
        return int(self.getOrDefault(self.neighbors))

    def _new(self, counts: Mapping[str, int]) -> dict[str, int]:
        new = super()._new(counts)
        check_enough(type(self).__name__, self.neighbors, self._k(), {c: counts[c] for c in new})
        return new

    def _watched(self, counts: Mapping[str, int]) -> tuple[list[str], int]:
        return list(self._new(counts)), self._k() + 1

    def _seen(self, df: DataFrame, roles: Roles, features: Features, counts: Mapping[str, int]) -> Survey:
        seen = super()._seen(df, roles, features, counts)
        if self._distinct(features):
            sizes, hint = {c: seen.distinct[c] for c in self._new(counts)}, " (or distinct_neighbors to False)"
            check_enough(type(self).__name__, self.neighbors, self._k(), sizes, "different rows", hint)
        return seen

    def _work(self, context: SynthesisContext) -> Work:
        search = context.search
        if search is None:  # not known yet
            return Work()
        one_block, drawn = search.one_block(), any(s.again for s in context.seeds.values())
        measured, placed = len(search.divisions), bool(search.divisions) and not one_block
        return Work(
            scans=(4 if one_block else 6) + drawn + context.space.scans + len(search.shares) + bool(measured),
            shuffles=(2 if one_block else 8) + drawn + context.plan.provenance + bool(measured),
            python=(1 if one_block else 2) + placed + measured,
            distances=sum(search.comparisons(c) for c in search.sizes),
            tasks=sum(layout.pairs for layout in search.layouts().values()),
        )


def own_points(
    context: SynthesisContext, uses: Column | None = None, *, numbers: bool = False, without: Collection[str] = ()
) -> DataFrame:
    """Return the rows in the form of a search within classes; rows in use are queries.

    Parameters
    ----------
    context : SynthesisContext
    uses : Column, optional
        In place of how often a row is used in all.
    numbers : bool, default False
        Whether rows carry their numbers, as an array ``x``, and their class.
    without : collection of str
        Columns that new rows don't need of their parents.
    """
    used = context.used() if uses is None else context.used().withColumn(USES, uses)
    carried = [context.categories(context.rows).alias("carried")] if context.space.features.categories else []
    return used.select(
        F.col(CLASS).alias("within"),
        F.col(ROW_ID).alias("row_id"),
        context.space.points(context.rows).alias("x"),
        F.lit(True).alias("indexed"),
        (F.col(USES) > 0).alias("queried"),
        F.col(USES).alias("uses"),
        context.row(context.rows, numbers=numbers, without=without).alias("row"),
        *carried,
    )
