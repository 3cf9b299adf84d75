"""What samplers share that pair a row with its neighbours in its class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import ClassVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.cells import with_cells
from steelyard.frames.neighbors import pairs
from steelyard.frames.search import Search
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._base import Growth, SyntheticSampler
from steelyard.over_sampling._parents import on_the_way
from steelyard.over_sampling._seeds import CLASS, USES
from steelyard.sampling._features import Features
from steelyard.sampling._measuring import SearchingSampler
from steelyard.sampling._plan import Work
from steelyard.sampling._roles import Roles
from steelyard.sampling._survey import Survey


class NeighborSampler(SyntheticSampler, SearchingSampler):
    """Base of SMOTE and those like it; as it stands it is SMOTE.

    Attributes
    ----------
    neighbors : str
        Its parameter for the neighbours of a row in its class.
    """

    neighbors: ClassVar[str] = "k_neighbors"

    def _pairs(self, grown: Growth) -> DataFrame:
        assert grown.points is not None and grown.search is not None
        numbers = grown.space.n_numbers if on_the_way(grown.table, grown.space) else 0
        seed, purpose = grown.plan.seed, grown.plan.purpose
        return pairs(grown.points, grown.search, seed=seed, purpose=purpose, numbers=numbers)

    def _seeded(self, grown: Growth) -> Growth:
        """Add who is a seed how often, and how neighbours are searched."""
        grown = super()._seeded(grown)
        asked = dict.fromkeys(grown.new, 0)
        for stratum, seeds in grown.seeds.items():
            asked[self._class_of(stratum)] += seeds.rows
        search = self._search(grown, {c: (n, grown.counts[c]) for c, n in asked.items()})
        how, recall = self.getOrDefault("search"), self.getOrDefault("recall")
        points = own_points(grown, without=on_the_way(grown.table, grown.space))
        search = with_cells(points, search, how=how, recall=recall)
        cells = {c: d.to_json() for c, d in search.divisions.items()}
        return self._recorded(replace(grown, points=points, search=search), cells=cells)

    @staticmethod
    def _class_of(stratum: str) -> str:
        """Return the class that a stratum is part of."""
        return stratum

    def _search(self, grown: Growth, sizes: Mapping[str, tuple[int, int]], k: int | None = None) -> Search:
        distinct, wanted = self._distinct(grown.space.features), self._k() if k is None else k
        of_space = grown.space.searching()
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
        self._check_sizes(new, counts, "rows")
        return new

    def _watched(self, counts: Mapping[str, int]) -> tuple[list[str], int]:
        return list(self._new(counts)), self._k() + 1

    def _seen(self, df: DataFrame, roles: Roles, features: Features, counts: Mapping[str, int]) -> Survey:
        seen = super()._seen(df, roles, features, counts)
        if self._distinct(features):
            self._check_sizes(self._new(counts), seen.distinct, "different rows", " (or distinct_neighbors to False)")
        return seen

    def _check_sizes(self, new: Mapping[str, int], sizes: Mapping[str, int], what: str, hint: str = "") -> None:
        method, name, k = type(self).__name__, self.neighbors, self._k()
        for c in new:
            if sizes[c] <= k:
                smaller = f"set {name} to {sizes[c] - 1} or less, or " if sizes[c] > 1 else ""
                raise InputError(
                    f"{method} with {name}={k} needs at least {k + 1} {what} of a class, and class {c!r} has "
                    f"{sizes[c]:,}: {smaller}leave the class out of sampling_strategy{hint}"
                )

    def _work(self, grown: Growth) -> Work:
        search = grown.search
        if search is None:  # not known yet
            return Work()
        one_block, drawn = search.one_block(), any(s.again for s in grown.seeds.values())
        measured, placed = len(search.divisions), bool(search.divisions) and not one_block
        return Work(
            scans=(4 if one_block else 6) + drawn + grown.space.scans + len(search.shares) + bool(measured),
            shuffles=(2 if one_block else 8) + drawn + grown.plan.provenance + bool(measured),
            python=(1 if one_block else 2) + placed + measured,
            distances=sum(search.comparisons(c) for c in search.sizes),
            tasks=sum(layout.pairs for layout in search.layouts().values()),
        )


def own_points(
    grown: Growth, uses: Column | None = None, *, numbers: bool = False, without: Collection[str] = ()
) -> DataFrame:
    """Return the rows as a search within classes wants them; what is used is asked for.

    Parameters
    ----------
    grown : Growth
    uses : Column, optional
        In place of how often a row is used in all.
    numbers : bool, default False
        Whether rows carry their numbers, as an array ``x``, and their class.
    without : collection of str
        Columns that new rows don't need of their parents.
    """
    used = grown.used() if uses is None else grown.used().withColumn(USES, uses)
    carried = [grown.categories(grown.rows).alias("carried")] if grown.space.features.categories else []
    return used.select(
        F.col(CLASS).alias("within"),
        F.col(ROW_ID).alias("row_id"),
        grown.space.points(grown.rows).alias("x"),
        F.lit(True).alias("indexed"),
        (F.col(USES) > 0).alias("queried"),
        F.col(USES).alias("uses"),
        grown.row(grown.rows, numbers=numbers, without=without).alias("row"),
        *carried,
    )
