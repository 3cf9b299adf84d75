"""Base of samplers that over-sample and then clean."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text
from steelyard.frames.caching import checkpointed
from steelyard.hashing import ROW_ID
from steelyard.over_sampling.base import SynthesisContext
from steelyard.over_sampling.neighbors import NeighborSampler
from steelyard.over_sampling.parents import new_rows
from steelyard.params import Check, Parameter, param, wrong
from steelyard.sampling.neighborhood import IndexedRows, located
from steelyard.sampling.params import HasNeighbors
from steelyard.sampling.plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.strategy import SPELLINGS, Strategy, check_strategy, cleaned


def _classes(name: str, value: object) -> Strategy:
    checked = check_strategy(value)
    if not isinstance(checked, str | list):
        raise wrong(name, "a word or a list of classes", value)
    return checked


class CombinedSampler(HasNeighbors, NeighborSampler):
    """Base of the methods that make rows as SMOTE does, and then drop rows by their neighbours, new rows included.

    Subclasses return the rows to drop from `_dropped`. New rows and the ids of dropped rows are checkpointed, because
    both need a search.
    """

    cleans = True

    cleaning_strategy: Parameter[str | Sequence[str]] = param(
        "classes that may lose rows, by their counts after rows were made: 'all', 'auto' ('not minority'), 'majority', "
        "'not majority', or a list of them",
        Check(_classes, {"anyOf": [{"enum": list(SPELLINGS)}, {"type": "array"}]}),
        default="all",
    )

    @abstractmethod
    def _dropped(self, rows: IndexedRows) -> tuple[DataFrame, Mapping[str, int]]:
        """Return ``row_id`` of the rows to be dropped, computed, and how many of each class they are."""

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return how many rows of each class are made, and how many are dropped. Makes and searches them."""
        return self.resample(df).plan

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan, the new rows that stay, and the ids of the rows of the table that don't."""
        context = self._context(df, *self._looked_at(df))
        before = {c: of.before for c, of in context.plan.classes.items()}
        counts = {c: n + context.new.get(c, 0) for c, n in before.items()}
        made = self._made(context) if context.new else None
        rows = self._rows(context, made, before, counts)
        if not rows.cleaned:
            return self._settled(context, made, None, {})
        dropped, lost = self._dropped(rows)
        return self._settled(context, made, dropped.select(F.col("row_id").alias(ROW_ID)), lost)

    def _made(self, context: SynthesisContext) -> DataFrame:
        pairs = self._pairs(context)
        return checkpointed(
            new_rows(pairs, context.table, context.roles, context.space, context.plan, id_column=ROW_ID)
        )

    def _rows(
        self, context: SynthesisContext, made: DataFrame | None, before: Mapping[str, int], counts: Mapping[str, int]
    ) -> IndexedRows:
        plan, space = context.plan, context.space
        rows = self._around(context.table, plan, space, before, distinct=False)
        if made is not None:
            rows = rows.joined_by(located(made, plan, space, before), counts)
        return replace(rows, cleaned=tuple(cleaned(self.getOrDefault("cleaning_strategy"), counts)))

    def _settled(
        self, context: SynthesisContext, made: DataFrame | None, dropped: DataFrame | None, lost: Mapping[str, int]
    ) -> Resampling:
        """Divide the dropped rows into rows of the table and new ones."""
        fewer: dict[str, int] = {}
        kept, gone = made, dropped
        if made is not None and dropped is not None:
            of_made = made.join(dropped, ROW_ID, "left_semi")
            found = of_made.groupBy(class_text(made, context.plan.label).alias("class")).count().collect()
            fewer = {r["class"]: r["count"] for r in found}
            kept = made.join(dropped, ROW_ID, "left_anti")
            gone = dropped.join(made.select(ROW_ID), ROW_ID, "left_anti")
        old = {c: n - fewer.get(c, 0) for c, n in lost.items()}
        plan = self._final(context, old, fewer)
        return Resampling(
            plan,
            None if kept is None else kept.drop(ROW_ID),
            gone.select(F.col(ROW_ID).alias("row_id")) if gone is not None and any(old.values()) else None,
        )

    def _final(self, context: SynthesisContext, old: Mapping[str, int], fewer: Mapping[str, int]) -> SamplingPlan:
        classes, asked = {}, {}
        for c, of in context.plan.classes.items():
            asked[c], new = of.after, of.new - fewer.get(c, 0)
            lost = old.get(c, 0)
            classes[c] = ClassPlan(of.before, of.before - lost + new, keep="ids" if lost else "all", new=new)
        details = {**context.plan.details, "before_cleaning": asked}
        return replace(context.plan, sampler=self.name, classes=classes, details=details, work=self._work(context))

    def _new_plan(self, roles: Roles, **what: Any) -> SamplingPlan:
        # Rows are made under the name of SMOTE or SMOTENC, so that they equal the rows that these make.
        maker = "smotenc" if what["details"]["categories"] else "smote"
        return replace(super()._new_plan(roles, **what), sampler=maker)

    def _work(self, context: SynthesisContext) -> Work:
        made, total = super()._work(context), sum(of.after for of in context.plan.classes.values())
        return Work(
            scans=made.scans + 1,
            shuffles=made.shuffles + 10,
            python=made.python + 1,
            distances=made.distances + total**2,
            tasks=made.tasks + 1,
        )
