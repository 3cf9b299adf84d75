"""What methods share that drop the rows which their neighbours contradict."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text
from steelyard.errors import InputError
from steelyard.frames.caching import held
from steelyard.frames.cells import with_cells
from steelyard.frames.neighbors import nearest
from steelyard.frames.search import Search
from steelyard.hashing import ROW_ID
from steelyard.params import one_of, param, whole
from steelyard.sampling._apply import identified
from steelyard.sampling._base import Sampler
from steelyard.sampling._numeric import check_numeric, feature_scale, matrix, survey
from steelyard.sampling._params import HasSearch
from steelyard.sampling._plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling._roles import Roles
from steelyard.sampling._strategy import class_order, cleaned

_EVERYBODY = "all"


@dataclass(frozen=True)
class Rows:
    """A table as its neighbourhoods see it.

    Parameters
    ----------
    points : DataFrame
        ``row_id``, ``class`` (int, by place in `counts`) and ``x`` of each row.
    counts : mapping of str to int
        Rows of each class, classes in the order of their labels.
    cleaned : tuple of str
        Classes that may lose rows.
    search : Search
        Of all rows among all; k and sizes are to be set.
    """

    points: DataFrame
    counts: Mapping[str, int]
    cleaned: tuple[str, ...]
    search: Search

    @property
    def rarest(self) -> str:
        """The class with the fewest rows; of equal ones the first."""
        return min(self.counts, key=self.counts.__getitem__)

    def codes(self, classes: Sequence[str]) -> list[int]:
        """Return the codes of some classes."""
        return [i for i, c in enumerate(self.counts) if c in set(classes)]

    def without(self, dropped: DataFrame | None, lost: Mapping[str, int]) -> Rows:
        """Return what is left without some rows."""
        if dropped is None:
            return self
        left = self.points.join(dropped, "row_id", "left_anti")
        return replace(self, points=left, counts={c: n - lost.get(c, 0) for c, n in self.counts.items()})


class CleaningSampler(Sampler, HasSearch):
    """Base of the methods that drop rows by their neighbours in the whole table.

    A method says which rows it drops: `_dropped`. How many these are is known once they are found: `plan` runs the
    search. Their ids are kept on the executors while the result is referred to, since a search is dear.
    """

    kind = "clean-sampling"
    effect = "bends"
    numeric = True

    @abstractmethod
    def _dropped(self, rows: Rows) -> tuple[DataFrame | None, Mapping[str, int]]:
        """Return ``row_id`` of the rows to be dropped, computed, and how many of each class they are."""

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return how many rows of each class are dropped. Runs the search."""
        return self.resample(df).plan

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan and the ids of the rows that are dropped."""
        plan = super().plan(df)
        before = {c: of.before for c, of in plan.classes.items()}
        rows = self._rows(df, plan, before)
        dropped, lost = self._dropped(rows) if rows.cleaned else (None, {})
        classes = {
            c: ClassPlan(n, n - lost[c], keep="ids") if lost.get(c) else ClassPlan(n, n) for c, n in before.items()
        }
        return Resampling(replace(plan, classes=classes), dropped=dropped if any(lost.values()) else None)

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        method = type(self).__name__
        check_numeric(df, roles.features, method)
        if len(counts) < 2:
            raise InputError(f"{method} compares classes, and the table has only {', '.join(map(repr, counts))}")
        found = survey(df, roles.label, roles.features, method, [], 0)
        total, how = sum(counts.values()), self.getOrDefault("scale")
        details = {
            "columns": roles.to_json(),
            "n_features": found.n_features,
            "scale": feature_scale(df, roles.identity, roles.features, how, total, found.n_features),
            "cleaned": cleaned(self.getOrDefault("sampling_strategy"), counts),
        }
        work = Work(scans=3 + (how != "none"), shuffles=6, python=1, distances=total * total, tasks=1)
        return self._new_plan(
            roles, classes={c: ClassPlan(n, n) for c, n in counts.items()}, details=details, work=work
        )

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {}

    def _rows(self, df: DataFrame, plan: SamplingPlan, counts: Mapping[str, int]) -> Rows:
        roles = Roles.from_json(plan.details["columns"])
        ordered = {c: counts[c] for c in class_order(counts)}
        pairs = [F.lit(v) for i, c in enumerate(ordered) for v in (c, i)]
        code = F.try_element_at(F.create_map(*pairs), class_text(df, plan.label))
        points = identified(df, plan).select(
            F.col(ROW_ID).alias("row_id"), code.alias("class"), matrix(df, roles.features).alias("x")
        )
        scale = plan.details["scale"]
        search = Search(
            1,
            plan.details["n_features"],
            {},
            scale=None if scale is None else tuple(scale),
            distinct=self.getOrDefault("distinct_neighbors"),
            block_bytes=int(self.getOrDefault("block_mb")) * 2**20,
        )
        return Rows(points, ordered, tuple(plan.details["cleaned"]), search)

    def _neighbors(self, rows: Rows, k: int, queried: Sequence[str]) -> DataFrame:
        """Return, for each row of some classes, ``row_id``, ``own`` class, and ids and classes of its neighbours."""
        code = F.col("class")
        points = rows.points.select(
            F.lit(_EVERYBODY).alias("within"),
            "row_id",
            "x",
            F.lit(True).alias("indexed"),
            code.isin(rows.codes(queried)).alias("queried"),
            code.alias("carried"),
        )
        total, asked = sum(rows.counts.values()), sum(rows.counts[c] for c in queried)
        search = replace(rows.search, k=k, sizes={_EVERYBODY: (asked, total)})
        search = with_cells(points, search, how=self.getOrDefault("search"), recall=self.getOrDefault("recall"))
        found = nearest(points, search)
        return found.select("row_id", "own", F.col("carried").alias("classes"), "neighbors")


def settled(verdicts: DataFrame, rows: Rows) -> tuple[DataFrame, dict[str, int]]:
    """Compute which rows are dropped, and count them by class.

    Parameters
    ----------
    verdicts : DataFrame
        ``row_id`` and ``own`` class of rows to be dropped.
    rows : Rows
    """
    dropped = held(verdicts.select("row_id", "own"))
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


class Editing(CleaningSampler):
    """Base of Wilson's editing and its repetitions."""

    n_neighbors = param("n_neighbors", "how many nearest rows have a say", whole(1))
    kind_sel = param(
        "kind_sel", "a row stays if 'all' of its neighbours, or their 'mode', is of its class", one_of("all", "mode")
    )

    def _edited(self, rows: Rows, k: int) -> tuple[DataFrame, dict[str, int]]:
        """Drop what the k nearest rows contradict."""
        near = self._neighbors(rows, k, rows.cleaned)
        return settled(near.where(outvoted(self.getOrDefault("kind_sel"))), rows)

    def _in_rounds(
        self, rows: Rows, ks: Iterable[int], *, allow_minority: bool, converging: bool
    ) -> tuple[DataFrame | None, dict[str, int]]:
        """Drop in rounds, each from what the one before has left."""
        floor = rows.counts[rows.rarest]
        dropped: DataFrame | None = None
        lost = dict.fromkeys(rows.counts, 0)
        for k in ks:
            rest = rows.without(dropped, lost)
            # As in imbalanced-learn: which class is the rarest, and so isn't cleaned, is asked anew in each round.
            rest = replace(rest, cleaned=tuple(cleaned(self.getOrDefault("sampling_strategy"), rest.counts)))
            now, fewer = self._edited(rest, k)
            dropped = now if dropped is None else held(dropped.unionByName(now))
            lost = {c: n + fewer.get(c, 0) for c, n in lost.items()}
            left = {c: n - lost[c] for c, n in rows.counts.items()}
            others = [n for c, n in left.items() if c != rows.rarest]
            if converging and not any(fewer.values()):
                break
            if not all(left.values()) or (not allow_minority and min(others) < floor):
                break
        return dropped, lost
