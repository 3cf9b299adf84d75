"""What samplers share that make new rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.cells import with_cells
from steelyard.frames.neighbors import pairs
from steelyard.frames.search import Search
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._parents import PROVENANCE, inherited, new_rows, packed
from steelyard.over_sampling._seeds import CLASS, Seeds, class_rows, share_out, with_uses
from steelyard.sampling._base import Sampler
from steelyard.sampling._features import Features, find_features
from steelyard.sampling._params import HasMaxNewRows, HasProvenance, HasSearch
from steelyard.sampling._plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling._roles import Roles
from steelyard.sampling._space import Space, find_space
from steelyard.sampling._strategy import added
from steelyard.sampling._survey import survey


class OverSampler(Sampler, HasMaxNewRows):
    """Base of the methods that add rows."""

    kind = "over-sampling"

    def _new(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return how many rows each class gets, classes without any left out.

        Raises
        ------
        InputError
            If they are more than `max_new_rows`.
        """
        return added(self._targets(counts), counts, self.getOrDefault("max_new_rows"))


@dataclass(frozen=True)
class Growth:
    """What new rows grow from.

    Parameters
    ----------
    table : DataFrame
        As it was given.
    plan : SamplingPlan
    roles : Roles
    space : Space
    rows : DataFrame
        The classes that grow: ids, classes and what new rows inherit, gaps filled; with ``stratum``.
    seeds : mapping of str to Seeds
        How often the rows of each stratum are used.
    search : Search
        Of neighbours within each class.
    """

    table: DataFrame
    plan: SamplingPlan
    roles: Roles
    space: Space
    rows: DataFrame
    seeds: Mapping[str, Seeds]
    search: Search

    @property
    def new(self) -> dict[str, int]:
        """New rows of each class that gets any."""
        return {c: of.new for c, of in self.plan.classes.items() if of.new}

    def points(self, uses: Column | None = None) -> DataFrame:
        """Return the rows as a search within classes wants them; what is used is asked for.

        Parameters
        ----------
        uses : Column, optional
            In place of how often a row is used in all.
        """
        used = with_uses(self.rows, F.col("stratum"), self.seeds, self.plan)
        if uses is not None:
            used = used.withColumn("uses", uses)
        categories = self.space.features.categories
        carried = [packed(self.rows, list(categories)).alias("carried")] if categories else []
        return used.select(
            F.col(CLASS).alias("within"),
            F.col(ROW_ID).alias("row_id"),
            self.space.points(self.rows).alias("x"),
            F.lit(True).alias("indexed"),
            (F.col("uses") > 0).alias("queried"),
            "uses",
            packed(self.rows, inherited(self.roles)).alias("row"),
            *carried,
        )


class SyntheticSampler(OverSampler, HasSearch, HasProvenance):
    """Base of the methods that make rows out of rows of a class and their neighbours in it.

    As it stands it is SMOTE: every row is a seed equally often, and new rows lie between a seed and one of its k
    nearest. A method overrides `_strata` (which rows are seeds, and how often), `_pairs` (whom they are paired with,
    and where the new row lies), or both.

    Attributes
    ----------
    neighbors : str
        Its parameter for the neighbours of a row in its class.
    """

    effect = "bends"
    numeric = True
    neighbors: ClassVar[str] = "k_neighbors"

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return what would be made of each class, and what that costs; makes no rows.

        Where neighbours are searched by cells, the cells are found, and their recall is measured.
        """
        return self._grown(df).plan

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan and the new rows, which are computed when they are used."""
        grown = self._grown(df)
        if not grown.new:
            return Resampling(grown.plan)
        return Resampling(grown.plan, new_rows(self._pairs(grown), df, grown.roles, grown.space, grown.plan))

    def _strata(self, grown: Growth) -> tuple[DataFrame, dict[str, int], dict[str, int]]:
        """Return the rows with their ``stratum``, and how many new rows and how many rows each stratum has."""
        sizes = {c: grown.plan.classes[c].before for c in grown.new}
        return grown.rows.withColumn("stratum", F.col(CLASS)), grown.new, sizes

    def _pairs(self, grown: Growth) -> DataFrame:
        """Return a pair of parents for each new row: what `steelyard.frames.neighbors.pairs` returns."""
        return pairs(grown.points(), grown.search, seed=grown.plan.seed, purpose=grown.plan.purpose)

    def _k(self) -> int:
        return int(self.getOrDefault(self.neighbors))

    def _features(self, df: DataFrame, roles: Roles) -> Features:
        method, declared = type(self).__name__, self.getOrDefault("categorical_features")
        numbers = [c for c in (roles.weight, *roles.costs) if c is not None]
        if numbers:
            find_features(df, numbers, method, categories=False)
        taken = [c for c in PROVENANCE if c in df.columns]
        if self.getOrDefault("provenance") and taken:
            raise InputError(f"provenance adds {', '.join(PROVENANCE)}, and the table has {', '.join(taken)} already")
        return find_features(df, roles.features, method, declared, categories=self.categories)

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        return self._found(df, roles, counts).plan

    def _grown(self, df: DataFrame) -> Growth:
        """Find out all that is needed to make the new rows."""
        roles, counts = self._looked_at(df)
        return self._found(df, roles, counts)

    def _found(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> Growth:
        features, new = self._features(df, roles), self._new(counts)
        self._check_sizes(new, counts, "rows")
        gaps = self.getOrDefault("missing") == "impute"
        seen = survey(df, roles.label, features, type(self).__name__, list(new), self._k() + 1, gaps=gaps)
        if self.getOrDefault("distinct_neighbors"):
            self._check_sizes(new, seen.distinct, "different rows")
        space = find_space(df, roles, features, seen, counts, scale=self.getOrDefault("scale"))
        classes = {c: ClassPlan(n, n + new.get(c, 0), new=new.get(c, 0)) for c, n in counts.items()}
        details = {"columns": roles.to_json(), **space.to_json()}
        plan = self._new_plan(roles, classes=classes, provenance=self.getOrDefault("provenance"), details=details)
        rows = class_rows(df, plan, space, new, inherited(roles))
        return self._seeded(Growth(df, plan, roles, space, rows, {}, self._search(space, {})))

    def _seeded(self, grown: Growth) -> Growth:
        """Add who is a seed how often, and how neighbours are searched."""
        if not grown.new:
            return grown
        rows, wanted, sizes = self._strata(grown)
        seeds = share_out(rows, F.col("stratum"), wanted, sizes, grown.plan)
        asked = {c: sum(s.rows for name, s in seeds.items() if self._class_of(name) == c) for c in grown.new}
        search = self._search(grown.space, {c: (n, grown.plan.classes[c].before) for c, n in asked.items()})
        grown = replace(grown, rows=rows, seeds=seeds, search=search)
        how, recall = self.getOrDefault("search"), self.getOrDefault("recall")
        grown = replace(grown, search=with_cells(grown.points(), search, how=how, recall=recall))
        found = {
            "seeds": {s: of.to_json() for s, of in seeds.items()},
            "cells": {c: d.to_json() for c, d in grown.search.divisions.items()},
        }
        plan = replace(grown.plan, details={**grown.plan.details, **found}, work=self._work(grown))
        return replace(grown, plan=plan)

    @staticmethod
    def _class_of(stratum: str) -> str:
        """Return the class that a stratum is part of."""
        return stratum

    def _search(self, space: Space, sizes: Mapping[str, tuple[int, int]]) -> Search:
        distinct = self.getOrDefault("distinct_neighbors")
        return Search(self._k(), sizes=sizes, distinct=distinct, block_bytes=self._block_bytes(), **space.searching())

    def _check_sizes(self, new: Mapping[str, int], sizes: Mapping[str, int], what: str) -> None:
        method, name, k = type(self).__name__, self.neighbors, self._k()
        for c in new:
            if sizes[c] <= k:
                smaller = f"set {name} to {sizes[c] - 1} or less, or " if sizes[c] > 1 else ""
                equal = " (or distinct_neighbors to False)" if what == "different rows" else ""
                raise InputError(
                    f"{method} with {name}={k} needs at least {k + 1} {what} of a class, and class {c!r} has "
                    f"{sizes[c]:,}: {smaller}leave the class out of sampling_strategy{equal}"
                )

    def _work(self, grown: Growth) -> Work:
        search, one_block = grown.search, grown.search.one_block()
        drawn, space = any(s.again for s in grown.seeds.values()), grown.space
        measured, placed = len(search.divisions), bool(search.divisions) and not one_block
        sampled = (space.scale is not None) + bool(space.features.categories or space.fills)
        return Work(
            scans=(4 if one_block else 6) + drawn + sampled + bool(measured),
            shuffles=(2 if one_block else 9) + drawn + grown.plan.provenance + 2 * bool(measured),
            python=(1 if one_block else 2) + placed + measured,
            distances=sum(search.comparisons(c) for c in search.sizes),
            tasks=sum(layout.pairs for layout in search.layouts().values()),
        )

    def _block_bytes(self) -> int:
        return int(self.getOrDefault("block_mb")) * 2**20
