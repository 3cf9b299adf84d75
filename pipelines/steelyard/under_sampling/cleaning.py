"""Base of samplers that drop rows whose neighbours are of other classes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.caching import checkpointed
from steelyard.params import NEIGHBORS, Parameter, one_of, param
from steelyard.sampling.measuring import SearchingSampler
from steelyard.sampling.neighborhood import IndexedRows
from steelyard.sampling.params import COUNTED
from steelyard.sampling.plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space
from steelyard.sampling.strategy import cleaned


class CleaningSampler(SearchingSampler):
    """Base of the methods that drop rows by their neighbours in the whole table.

    Subclasses return the rows to drop from `_dropped`. Their number is known after the search only, so `plan` runs it.
    Their ids are checkpointed, because a search is expensive.
    """

    sampling_type = "clean-sampling"
    effect = "bends"
    cleans = True
    seeded = False

    distinct_neighbors: Parameter[bool] = COUNTED  # type: ignore[assignment]  # None has no meaning here

    @abstractmethod
    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame | None, Mapping[str, int]]:
        """Return ``row_id`` of the rows to be dropped, computed, and how many of each class they are."""

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return how many rows of each class are dropped. Runs the search."""
        return self.resample(df).plan

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan and the ids of the rows that are dropped."""
        roles, before = self._looked_at(df)
        plan, space = self._found(df, roles, before)
        rows = self._around(df, plan, space, before, distinct=self.getOrDefault("distinct_neighbors"))
        rows = replace(rows, cleaned=tuple(plan.details["cleaned"]))
        dropped, lost = self._dropped(rows) if rows.cleaned else (None, {})
        classes = {c: ClassPlan(n, n - lost.get(c, 0), "ids" if lost.get(c) else "all") for c, n in before.items()}
        return Resampling(replace(plan, classes=classes), dropped=dropped if any(lost.values()) else None)

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        return self._found(df, roles, counts)[0]

    def _found(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> tuple[SamplingPlan, Space]:
        if len(counts) < 2:
            method = type(self).__name__
            raise InputError(f"{method} compares classes, and the table has only {', '.join(map(repr, counts))}")
        space = self._measured(df, roles, counts)
        allowed = cleaned(self.getOrDefault("sampling_strategy"), counts)
        details = {"columns": roles.to_json(), **space.to_json(), "cleaned": allowed}
        work = Work(scans=4 + space.scans, shuffles=5, python=1, distances=sum(counts.values()) ** 2, tasks=1)
        classes = {c: ClassPlan(n, n) for c, n in counts.items()}
        return self._new_plan(roles, classes=classes, details=details, work=work), space

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {}


def settled(verdicts: DataFrame, rows: IndexedRows) -> tuple[DataFrame, dict[str, int]]:
    """Compute which rows are dropped, and count them by class.

    Parameters
    ----------
    verdicts : DataFrame
        ``row_id`` and ``own`` class of rows to be dropped.
    rows : IndexedRows
    """
    dropped = checkpointed(verdicts.select("row_id", "own"))
    names = list(rows.counts)
    lost = {names[r["own"]]: r["count"] for r in dropped.groupBy("own").count().collect()}
    return dropped.select("row_id"), lost


def outvoted(kind_sel: str) -> Column:
    """Return whether a row is contradicted by its neighbours: by any ("all" must agree), or by the commonest class.

    Of equally common classes the first counts, as in imbalanced-learn.
    """
    own, near = F.col("own"), F.col("classes")
    if kind_sel == "all":
        return F.exists(near, lambda c: c != own)
    return commonest(near) != own


def commonest(classes: Column) -> Column:
    """Return the commonest of a list of class codes; of equally common ones the smallest."""
    votes = F.transform(
        F.array_distinct(classes),
        lambda c: F.struct(F.size(F.filter(classes, lambda other: other == c)).alias("n"), (-c).alias("c")),
    )
    return -F.array_max(votes).getField("c")


def edited(rows: IndexedRows, k: int, kind_sel: str) -> tuple[DataFrame, dict[str, int]]:
    """Drop what the k nearest rows contradict: Wilson's editing."""
    near = rows.neighbors(k, rows.cleaned)
    return settled(near.where(outvoted(kind_sel)), rows)


def linked(rows: IndexedRows) -> tuple[DataFrame, dict[str, int]]:
    """Drop the rows in Tomek links."""
    near, other = rows.neighbors(1, list(rows.counts)), F.get("neighbors", F.lit(0))
    rivals = near.where(F.get("classes", F.lit(0)) != F.col("own"))
    # Rows of a link name each other, so that their pair is there twice.
    pair = F.least("row_id", other).alias("one"), F.greatest("row_id", other).alias("other")
    pairs = rivals.groupBy(*pair).agg(F.collect_list(F.struct("row_id", "own")).alias("rows"))
    links = pairs.where(F.size("rows") == 2).select(F.inline("rows"))
    return settled(links.where(F.col("own").isin(rows.codes(rows.cleaned))), rows)


class Editing(CleaningSampler):
    """Base of Wilson's editing and its repetitions."""

    n_neighbors: Parameter[int] = param("number of nearest rows that vote", NEIGHBORS, default=3)
    kind_sel: Parameter[str] = param(
        "a row stays if 'all' of its neighbours are of its class, or if the commonest class among them, their 'mode', "
        "is its own",
        one_of("all", "mode"),
        default="all",
    )

    def _edited(self, rows: IndexedRows, k: int) -> tuple[DataFrame, dict[str, int]]:
        """Drop what the k nearest rows contradict."""
        return edited(rows, k, self.getOrDefault("kind_sel"))

    def _in_rounds(
        self, rows: IndexedRows, ks: Iterable[int], *, allow_minority: bool, converging: bool
    ) -> tuple[DataFrame | None, dict[str, int]]:
        """Drop in rounds, each from what the one before has left."""
        floor = rows.counts[rows.rarest]
        dropped: DataFrame | None = None
        lost = dict.fromkeys(rows.counts, 0)
        for k in ks:
            rest = rows.without(dropped, lost)
            # As in imbalanced-learn: which class is the rarest, and so isn't cleaned, is decided again in each round.
            rest = replace(rest, cleaned=tuple(cleaned(self.getOrDefault("sampling_strategy"), rest.counts)))
            now, fewer = self._edited(rest, k)
            dropped = now if dropped is None else checkpointed(dropped.unionByName(now))
            lost = {c: n + fewer.get(c, 0) for c, n in lost.items()}
            left = {c: n - lost[c] for c, n in rows.counts.items()}
            others = [n for c, n in left.items() if c != rows.rarest]
            if converging and not any(fewer.values()):
                break
            if not all(left.values()) or (not allow_minority and min(others) < floor):
                break
        return dropped, lost
