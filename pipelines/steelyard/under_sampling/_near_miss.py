"""NearMiss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.caching import checkpointed
from steelyard.frames.neighbors import Search, Sizes, farthest, nearest, with_cells
from steelyard.frames.ranking import ranked
from steelyard.labels import class_order
from steelyard.params import NEIGHBORS, Parameter, param, whole
from steelyard.sampling.features import Features
from steelyard.sampling.measuring import SearchingSampler
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.sampling.params import COUNTED
from steelyard.sampling.plan import SamplingPlan, Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space
from steelyard.sampling.survey import Survey
from steelyard.under_sampling.choosing import ChoosingSampler

_RARE = "rare"


class NearMiss(ChoosingSampler, SearchingSampler):
    """Keep an exact number of the rows of a class by their distance to the rarest class [1]_.

    Version 1 keeps the rows with the smallest mean distance to their `n_neighbors` nearest rows of the rarest class.
    Version 2 keeps those with the smallest mean distance to their `n_neighbors` farthest rows. Version 3 first selects
    the `n_neighbors_ver3` nearest rows of the class to each row of the rarest, and of these keeps the ones with the
    **largest** mean distance to their `n_neighbors` nearest rows of the rarest. Keeps exactly the rows of
    imbalanced-learn, unless distances tie; equal means are ordered by row id.

    If version 3 selects fewer rows than requested, an error with both numbers is raised when rows are resampled;
    imbalanced-learn warns, and returns fewer. Neighbours as objects, which imbalanced-learn accepts for `n_neighbors`,
    have no counterpart.

    Costs three scans of the table (label; features; rows), one more with `scale` and one with categories or missing
    values; one shuffle for ids of rows; one search of the reduced classes among the rarest, with one crossing into
    Python, one shuffle (two if the rarest class fills several blocks) and rows × rows of the rarest distances, spread
    over tasks, or fewer in cells (not for version 2). Version 3 reads the rows and searches a second time, in the other
    direction, and joins ids twice. One narrow crossing and two to four narrow aggregations find the rows to keep; no
    class is sorted. To apply the result, ids are computed again (one shuffle of the table) and joined to the ids of the
    dropped rows.

    References
    ----------
    .. [1] Mani, Zhang, "kNN approach to unbalanced data distributions: a case study involving information extraction",
       Workshop on learning from imbalanced datasets, ICML, 2003.

    Examples
    --------
    >>> resampled = NearMiss(label_col="is_fraud", sampling_strategy=0.1, version=2).fit_resample(df)
    """

    name = "near_miss"
    seeded = False

    version: Parameter[int] = param(
        "1: smallest mean distance to the nearest rows of the rarest class; 2: to its farthest rows; 3: of pre- "
        "selected rows, the largest mean distance",
        whole(1, 3),
        default=1,
    )
    n_neighbors: Parameter[int] = param(
        "number of rows of the rarest class over which distances are averaged; the class needs as many",
        NEIGHBORS,
        default=3,
    )
    n_neighbors_ver3: Parameter[int] = param(
        "number of rows of a class that each row of the rarest class selects; a reduced class needs as many",
        NEIGHBORS,
        default=3,
    )
    distinct_neighbors: Parameter[bool] = COUNTED  # type: ignore[assignment]  # None has no meaning here

    def _ranked(self, df: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int]) -> DataFrame:
        version, k = self.getOrDefault("version"), self.getOrDefault("n_neighbors")
        rows = self._around(df, plan, space, counts, distinct=self.getOrDefault("distinct_neighbors"))
        reduced = [c for c, of in plan.classes.items() if of.after < of.before]
        if version == 3:
            return checkpointed(self._of_preselected(rows, reduced, k))
        points = _towards_rarest(rows, F.col("class").isin(rows.codes(reduced)))
        sizes = {_RARE: (sum(counts[c] for c in reduced), counts[rows.rarest])}
        if version == 2:
            return checkpointed(ranked(_with_values(farthest(points, _searching(rows, k, sizes)), F.col("distances"))))
        return checkpointed(ranked(self._distances(rows, points, k, sizes)))

    def _distances(self, rows: IndexedRows, points: DataFrame, k: int, sizes: Sizes) -> DataFrame:
        """Return the distances of rows to their nearest ones in the rarest class; its own rows are near themselves."""
        found = nearest(points, with_cells(points, _searching(rows, k, sizes), how=rows.how, recall=rows.recall))
        itself = F.concat(F.array(F.lit(0.0)), F.slice("distances", 1, k - 1))
        rare = F.col("own") == rows.codes([rows.rarest])[0]
        return _with_values(found, F.when(rare, itself).otherwise(F.col("distances")))

    def _of_preselected(self, rows: IndexedRows, reduced: list[str], k: int) -> DataFrame:
        asked = rows.points.where(F.col("class").isin(rows.codes(reduced))).select("row_id", "class")
        selected = self._preselected(rows, reduced)
        known = replace(rows, points=rows.points.join(selected, "row_id", "left"))
        points = _towards_rarest(known, F.coalesce("selected", F.lit(False)))
        most = sum(
            min(rows.counts[c], rows.counts[rows.rarest] * self.getOrDefault("n_neighbors_ver3")) for c in reduced
        )
        near = self._distances(rows, points, k, {_RARE: (most, rows.counts[rows.rarest])})
        places = ranked(near, descending=True).select((F.col("row_id") + 0).alias("row_id"), "position")
        return asked.withColumnRenamed("class", "own").join(places, "row_id", "left")

    def _preselected(self, rows: IndexedRows, reduced: list[str]) -> DataFrame:
        """Return the rows that are nearest to some row of the rarest class, as ``row_id`` and ``selected``."""
        rare, code = rows.codes([rows.rarest])[0], F.col("class")
        # The nearest row to a row of the rarest class within it is the row itself: all of them are selected.
        itself = rows.points.where((code == rare) & F.lit(rows.rarest in reduced)).select("row_id")
        others = [c for c in reduced if c != rows.rarest]
        sets = [str(c) for c in rows.codes(others)]
        if not others:
            return itself.withColumn("selected", F.lit(True))
        theirs = rows.points.where(code.isin(rows.codes(others))).withColumn("within", code.cast("string"))
        asking = rows.points.where(code == rare).withColumn("within", F.explode(F.lit(sets)))
        both = theirs.unionByName(asking).select(
            "within", "row_id", "x", (code != rare).alias("indexed"), (code == rare).alias("queried")
        )
        counts = {str(i): n for i, n in enumerate(rows.counts.values())}
        search = _searching(
            rows, self.getOrDefault("n_neighbors_ver3"), {s: (counts[str(rare)], counts[s]) for s in sets}
        )
        near = nearest(both, with_cells(both, search, how=rows.how, recall=rows.recall))
        found = near.select(F.explode("neighbors").alias("row_id")).distinct()
        return found.unionByName(itself).withColumn("selected", F.lit(True))

    def _watched(self, counts: Mapping[str, int]) -> tuple[list[str], int]:
        return [_rarest(counts)], self.getOrDefault("n_neighbors") + 1

    def _seen(self, df: DataFrame, roles: Roles, features: Features, counts: Mapping[str, int]) -> Survey:
        seen = super()._seen(df, roles, features, counts)
        self.check_counts(counts)
        rare, k = _rarest(counts), self.getOrDefault("n_neighbors")
        if self.getOrDefault("distinct_neighbors"):
            self._needs("n_neighbors", k, rare, seen.distinct[rare] - 1, "different rows besides one that equals it")
        return seen

    def check_counts(self, counts: Mapping[str, int]) -> None:
        """Raise `InputError` where the rows of each class are too few for what is asked for. Needs no table."""
        rare, k, kept = _rarest(counts), self.getOrDefault("n_neighbors"), self.getOrDefault("n_neighbors_ver3")
        self._needs("n_neighbors", k, rare, counts[rare], "rows")
        for c, n in self._targets(counts).items() if self.getOrDefault("version") == 3 else ():
            if n < counts[c] and c != rare:
                self._needs("n_neighbors_ver3", kept, c, counts[c], "rows")

    @staticmethod
    def _needs(name: str, k: int, of: str, there: int, what: str) -> None:
        if there < k:
            raise InputError(
                f"NearMiss with {name}={k} needs {k} {what} of class {of!r}, and it has {there:,}: "
                f"set {name} to {there} or less"
            )

    def _too_few(self, name: str, found: int, wanted: int) -> str:
        kept = self.getOrDefault("n_neighbors_ver3")
        return (
            f"NearMiss version 3 with n_neighbors_ver3={kept} selects {found:,} rows of class {name!r} to choose from, "
            f"and {wanted:,} are to be kept: raise n_neighbors_ver3, or ask for fewer rows"
        )

    def _work(self, space: Space, counts: Mapping[str, int], reduced: Mapping[str, int]) -> Work:
        rare, twice = counts[_rarest(counts)], self.getOrDefault("version") == 3
        asked = sum(counts[c] for c in reduced)
        sizes = {_RARE: (asked, rare)}
        search = Search(self.getOrDefault("n_neighbors"), space.n_features, sizes, block_bytes=self._block_bytes())
        return Work(
            scans=4 + twice + (space.scale is not None) + bool(space.features.categories or space.fills),
            shuffles=5 + (not search.one_block()) + 4 * twice,
            python=2 + twice,
            distances=asked * rare * (1 + twice),
            tasks=search.layouts()[_RARE].pairs * (1 + twice),
        )


def _rarest(counts: Mapping[str, int]) -> str:
    return min(class_order(counts), key=counts.__getitem__)


def _searching(rows: IndexedRows, k: int, sizes: Sizes) -> Search:
    return replace(rows.search, k=k, sizes=sizes, penalties={})


def _towards_rarest(rows: IndexedRows, queried: Column) -> DataFrame:
    """Return rows to be searched for in the rarest class; carry their class."""
    indexed = F.col("class") == rows.codes([rows.rarest])[0]
    points = rows.points.where(indexed | queried).withColumn("indexed", indexed).withColumn("queried", queried)
    return points.select(
        F.lit(_RARE).alias("within"), "row_id", "x", "indexed", "queried", F.col("class").alias("carried")
    )


def _with_values(found: DataFrame, values: Column) -> DataFrame:
    return found.select("row_id", "own", values.alias("values"))
