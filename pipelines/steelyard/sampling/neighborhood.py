"""A search index of all rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_code, class_text, internal
from steelyard.frames.neighbors import Search, nearest, with_cells
from steelyard.hashing import ROW_ID
from steelyard.labels import class_order
from steelyard.sampling.applying import identified
from steelyard.sampling.plan import SamplingPlan
from steelyard.sampling.space import Space

_EVERYBODY = "all"
CODE = internal("code")


@dataclass(frozen=True)
class IndexedRows:
    """A table, indexed for neighbour searches.

    Parameters
    ----------
    points : DataFrame
        ``row_id``, ``class`` (its place in `counts`) and ``x`` of each row.
    counts : mapping of str to int
        Rows of each class, classes in the order of their labels.
    search : Search
        Settings for a search among all rows, without k and sizes.
    how : {"auto", "exact", "cells"}, default "auto"
    recall : float, default 0.95
        As for `steelyard.frames.neighbors.with_cells`.
    cleaned : tuple of str
        Classes that may lose rows.
    """

    points: DataFrame
    counts: Mapping[str, int]
    search: Search
    how: str = "auto"
    recall: float = 0.95
    cleaned: tuple[str, ...] = ()

    @property
    def rarest(self) -> str:
        """The class with the fewest rows; of equal ones the first."""
        return min(self.counts, key=self.counts.__getitem__)

    def codes(self, classes: Sequence[str]) -> list[int]:
        """Return the codes of some classes."""
        return [i for i, c in enumerate(self.counts) if c in set(classes)]

    def without(self, dropped: DataFrame | None, lost: Mapping[str, int]) -> IndexedRows:
        """Return the index without dropped rows; `lost` are their counts by class."""
        if dropped is None:
            return self
        left = self.points.join(dropped, "row_id", "left_anti")
        return replace(self, points=left, counts={c: n - lost.get(c, 0) for c, n in self.counts.items()})

    def joined_by(self, new: DataFrame, counts: Mapping[str, int]) -> IndexedRows:
        """Return the index with new rows; `counts` are those of all rows."""
        ordered = {c: counts[c] for c in self.counts}
        return replace(self, points=self.points.unionByName(new), counts=ordered)

    def neighbors(self, k: int, queried: Sequence[str]) -> DataFrame:
        """Return the k nearest rows of each row of some classes.

        Returns
        -------
        DataFrame
            ``row_id``, ``own`` class, and the ids and classes of neighbours, nearest first: ``neighbors``, ``classes``.
        """
        code = F.col("class")
        points = self.points.select(
            F.lit(_EVERYBODY).alias("within"),
            "row_id",
            "x",
            F.lit(True).alias("indexed"),
            code.isin(self.codes(queried)).alias("queried"),
            code.alias("carried"),
        )
        total, asked = sum(self.counts.values()), sum(self.counts[c] for c in queried)
        search = replace(self.search, k=k, sizes={_EVERYBODY: (asked, total)}, penalties={})
        found = nearest(points, with_cells(points, search, how=self.how, recall=self.recall))
        return found.select("row_id", "own", F.col("carried").alias("classes"), "neighbors")


def index_rows(
    df: DataFrame,
    plan: SamplingPlan,
    space: Space,
    counts: Mapping[str, int],
    *,
    distinct: bool = False,
    block_bytes: int,
    how: str = "auto",
    recall: float = 0.95,
) -> IndexedRows:
    """Return all rows of a table, indexed for neighbour searches. Shuffles them once, for their ids.

    Parameters
    ----------
    df : DataFrame
    plan : SamplingPlan
        Names the columns that identify a row.
    space : Space
    counts : mapping of str to int
        Rows of each class.
    distinct, block_bytes, how, recall
        Settings of the search.
    """
    ordered = {c: counts[c] for c in class_order(counts)}
    points = located(identified(df, plan), plan, space, counts)
    search = Search(1, sizes={}, distinct=distinct, block_bytes=block_bytes, **space.searching())
    return IndexedRows(points, ordered, search, how, recall)


def located(rows: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int]) -> DataFrame:
    """Return ``row_id``, ``class`` and ``x`` of rows that have their ids."""
    filled = coded(rows, plan, space, counts)
    return filled.select(F.col(ROW_ID).alias("row_id"), F.col(CODE).alias("class"), space.points(filled).alias("x"))


def coded(rows: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int]) -> DataFrame:
    """Return rows with gaps filled, and the code of their class as `CODE`: its place in the order of labels."""
    known = rows.withColumn(CODE, class_code(rows, plan.label, class_order(counts)))
    return space.filled(known, class_text(rows, plan.label))
