"""Bases of samplers that add rows: `OverSampler`, and `SyntheticSampler` for new rows made of others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.frames.neighbors import Search
from steelyard.over_sampling._seeds import CLASS, STRATUM, Seeds, class_rows, share_out, with_uses
from steelyard.over_sampling.parents import fields, inherited, new_rows, packed
from steelyard.sampling.base import Sampler
from steelyard.sampling.features import Features, find_features
from steelyard.sampling.measuring import MeasuringSampler
from steelyard.sampling.params import HasMaxNewRows, HasProvenance
from steelyard.sampling.plan import ClassPlan, Effect, Resampling, SamplingPlan, Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space
from steelyard.sampling.strategy import added


class OverSampler(HasMaxNewRows, Sampler):
    """Base of the methods that add rows."""

    sampling_type = "over-sampling"

    def check_counts(self, counts: Mapping[str, int]) -> None:
        """Raise `InputError` where the rows of each class are too few for what is asked for. Needs no table."""
        self._new(counts)

    def _new(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return the new rows of each class that gets any; `InputError` if there are more than `max_new_rows`."""
        return added(self._targets(counts), counts, self.getOrDefault("max_new_rows"))


@dataclass(frozen=True)
class SynthesisContext:
    """The input of synthesis: table, plan, seeds and neighbours of new rows.

    Parameters
    ----------
    table : DataFrame
        As it was given.
    plan : SamplingPlan
    roles : Roles
    space : Space
    rows : DataFrame
        Rows of the over-sampled classes: id, class and inherited columns, missing values imputed; then `STRATUM`.
    seeds : mapping of str to Seeds
        How often the rows of each stratum are used.
    points : DataFrame, optional
        The rows in the form of a search within classes, where a method searches.
    search : Search, optional
        Of neighbours within each class.
    """

    table: DataFrame
    plan: SamplingPlan
    roles: Roles
    space: Space
    rows: DataFrame
    seeds: Mapping[str, Seeds] = field(default_factory=dict)
    points: DataFrame | None = None
    search: Search | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each class."""
        return {c: of.before for c, of in self.plan.classes.items()}

    @property
    def new(self) -> dict[str, int]:
        """New rows of each class that gets any."""
        return {c: of.new for c, of in self.plan.classes.items() if of.new}

    def used(self) -> DataFrame:
        """Return the rows with how often each is used, as `USES`."""
        return with_uses(self.rows, F.col(STRATUM), self.seeds, self.plan)

    def row(self, rows: DataFrame, *, numbers: bool = False, without: Collection[str] = ()) -> Column:
        """Return what new rows inherit of a row, as a struct; if asked for, its numbers, ``x``, and its class too."""
        more = [self.space.numbers(rows).alias("x"), F.col(CLASS)] if numbers else []
        return packed(rows, {c: f for c, f in fields(self.roles).items() if c not in without}, *more)

    def seed_categories(self) -> Column | None:
        """Return the categories of the row ``seed``, as `categories` does; None where there are no categories."""
        held = [fields(self.roles)[c] for c in self.space.features.categories]
        return F.struct(*[F.col("seed").getField(f).alias(f) for f in held]) if held else None

    def categories(self, rows: DataFrame) -> Column:
        """Return the categories of a row, as a struct."""
        return packed(rows, {c: fields(self.roles)[c] for c in self.space.features.categories})


class SyntheticSampler(HasProvenance, OverSampler, MeasuringSampler):
    """Base of the methods that make rows out of rows.

    A method pairs rows and places each new row, between its parents or elsewhere: `_pairs`. It chooses the seeds, and
    how often each is used: `_strata`; by default each row of a class equally often. It states its cost: `_work`.
    """

    effect: ClassVar[Effect] = "bends"

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return what would be made of each class, and what that costs; makes no rows."""
        return self._context(df, *self._looked_at(df)).plan

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan and the new rows, which are computed when they are used."""
        context = self._context(df, *self._looked_at(df))
        if not context.new:
            return Resampling(context.plan)
        return Resampling(context.plan, new_rows(self._pairs(context), df, context.roles, context.space, context.plan))

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        return self._context(df, roles, counts).plan

    @abstractmethod
    def _pairs(self, context: SynthesisContext) -> DataFrame:
        """Return the parents of each new row: what `steelyard.frames.neighbors.pairs` returns, perhaps a ``point``."""

    @abstractmethod
    def _work(self, context: SynthesisContext) -> Work:
        """Return the costs."""

    def _strata(self, context: SynthesisContext) -> tuple[DataFrame, dict[str, int], dict[str, int]]:
        """Return the rows with their `STRATUM`, and how many new rows and how many rows each stratum has."""
        return context.rows.withColumn(STRATUM, F.col(CLASS)), context.new, {c: context.counts[c] for c in context.new}

    def _features(self, df: DataFrame, roles: Roles) -> Features:
        """Distinguish numbers from categories; other columns that are interpolated must be numbers."""
        numbers = [c for c in (roles.weight, *roles.costs) if c is not None]
        if numbers:
            find_features(df, numbers, type(self).__name__, categories=False)
        return super()._features(df, roles)

    def _context(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SynthesisContext:
        """Return all that is needed to make the new rows."""
        new = self._new(counts)
        space = self._measured(df, roles, counts)
        classes = {c: ClassPlan(n, n + new.get(c, 0), new=new.get(c, 0)) for c, n in counts.items()}
        details = {"columns": roles.to_json(), **space.to_json()}
        plan = self._new_plan(roles, classes=classes, provenance=self.getOrDefault("provenance"), details=details)
        context = SynthesisContext(df, plan, roles, space, class_rows(df, plan, space, new, inherited(roles)))
        return self._seeded(context) if new else context

    def _seeded(self, context: SynthesisContext) -> SynthesisContext:
        """Add how often each row is a seed."""
        rows, wanted, sizes = self._strata(context)
        seeds = share_out(rows, F.col(STRATUM), wanted, sizes, context.plan)
        return self._recorded(
            replace(context, rows=rows, seeds=seeds), seeds={s: of.to_json() for s, of in seeds.items()}
        )

    def _recorded(self, context: SynthesisContext, **details: Any) -> SynthesisContext:
        """Record details and costs in the plan."""
        plan = replace(context.plan, details={**context.plan.details, **details}, work=self._work(context))
        return replace(context, plan=plan)
