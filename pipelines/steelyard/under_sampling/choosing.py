"""Base of samplers that keep an exact number of rows of a class: the first in an order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import DataFrame

from steelyard.errors import InputError
from steelyard.frames.caching import checkpointed
from steelyard.frames.ranking import before, find_lines
from steelyard.labels import class_order
from steelyard.sampling.measuring import MeasuringSampler
from steelyard.sampling.plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space


class ChoosingSampler(MeasuringSampler):
    """Base of the methods that keep the rows of a class that come first in an order of their own.

    Subclasses define the order in `_ranked`. Classes are coded by their place in the order of their labels. Ids of the
    rows that are not kept are checkpointed, because the order is expensive.
    """

    sampling_type = "under-sampling"
    effect = "bends"

    @abstractmethod
    def _ranked(self, df: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int]) -> DataFrame:
        """Return ``row_id``, ``own`` class and ``position`` of all rows of the reduced classes, computed.

        Rows without a position can't be kept.
        """

    @abstractmethod
    def _work(self, space: Space, counts: Mapping[str, int], reduced: Mapping[str, int]) -> Work:
        """Return what it costs to reduce some classes."""

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan and the ids of the rows that are not kept."""
        roles, counts = self._looked_at(df)
        plan, space = self._found(df, roles, counts)
        reduced = _reduced(plan)
        if not reduced:
            return Resampling(plan)
        ranked = self._ranked(df, plan, space, counts)
        names = class_order(counts)
        lines = find_lines(ranked, {names.index(c): n for c, n in reduced.items()})
        for code, line in lines.items():
            if line.count < reduced[names[code]]:
                raise InputError(self._too_few(names[code], line.count, reduced[names[code]]))
        return Resampling(plan, dropped=checkpointed(ranked.where(~before(lines)).select("row_id")))

    def _too_few(self, name: str, found: int, wanted: int) -> str:
        return f"{type(self).__name__} can keep {found:,} rows of class {name!r}, and {wanted:,} are asked for"

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        return self._found(df, roles, counts)[0]

    def _found(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> tuple[SamplingPlan, Space]:
        reduced = {c: n for c, n in self._targets(counts).items() if n < counts[c]}
        space = self._measured(df, roles, counts)
        classes = {c: ClassPlan(n, reduced.get(c, n), "ids" if c in reduced else "all") for c, n in counts.items()}
        details = {"columns": roles.to_json(), **space.to_json()}
        plan = self._new_plan(roles, classes=classes, details=details)
        return replace(plan, work=self._work(space, counts, reduced) if reduced else Work(scans=3)), space


def _reduced(plan: SamplingPlan) -> dict[str, int]:
    """Return the rows that are kept of each class that loses some."""
    return {c: of.after for c, of in plan.classes.items() if of.after < of.before}
