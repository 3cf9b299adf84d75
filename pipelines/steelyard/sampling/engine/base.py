"""Samplers that run imbalanced-learn inside Spark tasks."""

from __future__ import annotations

import importlib.metadata
import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import col, dtype
from steelyard.domain import ColumnDomain, immutable
from steelyard.errors import InputError
from steelyard.hashing import ROW_ID, Cut
from steelyard.labels import class_order
from steelyard.sampling.applying import identified
from steelyard.sampling.engine._cells import by_cells, centroids, task_quotas
from steelyard.sampling.engine._run import EngineResult, check_counts, made_rows, run
from steelyard.sampling.engine._scopes import ClassQuotas, TaskAssignment, by_class, check_size, in_one_task
from steelyard.sampling.features import Features, find_features, listed
from steelyard.sampling.measuring import MeasuringSampler
from steelyard.sampling.neighborhood import CODE, coded
from steelyard.sampling.params import HasEngine
from steelyard.sampling.plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space
from steelyard.sampling.strategy import Kind, added, check_enough, cleaned, resolve

dumps: Any = cloudpickle.dumps  # by value where executors can't import it
_ROUNDS = 3  # of cells that make up for others which failed


@dataclass(frozen=True)
class EngineRequest:
    """The request, complete before any task runs."""

    table: DataFrame
    plan: SamplingPlan
    roles: Roles
    space: Space
    quotas: ClassQuotas


class EngineSampler(HasEngine, MeasuringSampler):
    """Base of the methods whose rows imbalanced-learn chooses or makes.

    A method returns the sampler that runs: `_wrapped`. Results are computed eagerly and checkpointed, because they are
    expensive.

    Attributes
    ----------
    replaces : bool
        Whether rows that are made stand for all rows of their class.
    near : bool
        Whether it squares numbers that may be far from zero: they are then brought near to it, where that takes a
        million times their range.
    neighbors : str, optional
        Its parameter for the neighbours of a row in its class.
    """

    effect = "bends"
    categories = False
    parents = False
    replaces: ClassVar[bool] = False
    near: ClassVar[bool] = False
    neighbors: ClassVar[str | None] = None

    def within(self, domain: Mapping[str, ColumnDomain | Mapping[str, Any]]) -> Self:
        """Return a copy whose new rows obey a domain of features, as `Sampler.within` does."""
        obedient = super().within(domain)
        copied = immutable(obedient._domain)
        if copied and (self.makes_rows or self.replaces):
            raise InputError(
                f"domain.{copied[0]}.immutable: new rows of {type(self).__name__} have no seed row to copy the value "
                "from; take a method that has one, such as smotenc"
            )
        return obedient

    @abstractmethod
    def _wrapped(self) -> Any:
        """Return an object with `fit_resample`, whose strategy and seed are still to be set."""

    @property
    def cleans(self) -> bool:  # type: ignore[override]  # by what it runs, not by class
        """Whether the number of dropped rows depends on the data."""
        return self.sampling_type == "clean-sampling"

    @property
    def _means(self) -> Kind:
        """How `sampling_strategy` is interpreted."""
        return self.sampling_type

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return the dropped and new rows per class. Runs methods whose counts depend on the data."""
        return self.resample(df).plan if self.cleans else self._request(df, *self._looked_at(df)).plan

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan, the new rows and the ids of those that are dropped, all of them computed."""
        request = self._request(df, *self._looked_at(df))
        if not request.quotas.codes:
            return Resampling(request.plan)
        with self._assigned(request) as assignment:
            found = self._found(request, assignment)
        plan = _final_plan(request, assignment, found)
        partly = [list(plan.classes).index(c) for c, of in plan.classes.items() if of.keep == "ids"]
        dropped = found.dropped.where(F.col("code").isin(partly)).select("row_id") if partly else None
        classes = list(request.quotas.counts)
        made = made_rows(found.made, df, request.roles, request.space, classes) if any(found.new.values()) else None
        return Resampling(plan, made, dropped)

    def check_counts(self, counts: Mapping[str, int]) -> None:
        """Raise `InputError` if a class has too few rows for the request. Needs no table."""
        check_size(self._quotas(counts), self.getOrDefault("scope"))

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        return self._request(df, roles, counts).plan

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        return resolve(self.getOrDefault("sampling_strategy"), counts, self._means) if not self.cleans else {}

    def _request(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> EngineRequest:
        self.check_counts(counts)
        quotas = self._quotas(counts)
        space = self._measured(df, roles, counts)
        details = {"columns": roles.to_json(), **space.to_json(), "scope": self.getOrDefault("scope")}
        work = Work(scans=4 + self.makes_rows + space.scans, shuffles=2, python=1, tasks=1)
        after = {c: quotas.wanted.get(i, n) for i, (c, n) in enumerate(counts.items())}
        classes = {c: _class_plan(n, max(n - after[c], 0), max(after[c] - n, 0)) for c, n in counts.items()}
        plan = self._new_plan(roles, classes=classes, details=details, work=work)
        return EngineRequest(df, plan, roles, space, quotas)

    def _features(self, df: DataFrame, roles: Roles) -> Features:
        method, declared = type(self).__name__, self.getOrDefault("categorical_features")
        features = find_features(df, roles.features, method, declared)
        if features.categories and not self.categories:
            kinds = {f: dtype(df, f) for f in features.categories}
            raise InputError(
                f"{method} sees rows as numbers, and these features are categories: "
                f"{listed(features.categories, kinds)}. Take a method that knows categories (smotenc, "
                "edited_nearest_neighbours), encode them, or leave them out of features_col"
            )
        return features

    def _quotas(self, counts: Mapping[str, int]) -> ClassQuotas:
        method, strategy = type(self).__name__, self.getOrDefault("sampling_strategy")
        ordered = {c: counts[c] for c in class_order(counts)}
        if len(ordered) < 2:
            raise InputError(f"{method} compares classes, and the table has only {', '.join(map(repr, ordered))}")
        wanted: dict[str, int] = {}
        if self._means == "clean-sampling":
            loses = cleaned(strategy, ordered)
        else:
            loses, targets = [], resolve(strategy, ordered, self._means)
            wanted = {c: n for c, n in targets.items() if n != ordered[c]}
            if self.hasParam("max_new_rows"):
                added(targets, ordered, self.getOrDefault("max_new_rows"))
        grows = self._means == "over-sampling"
        enough = self._enough()
        if grows and self.neighbors:
            check_enough(method, self.neighbors, enough, {c: ordered[c] for c in wanted})
        codes = {c: i for i, c in enumerate(ordered)}
        by_code, cleaned_codes = {codes[c]: n for c, n in wanted.items()}, tuple(codes[c] for c in loses)
        return ClassQuotas(method, ordered, by_code, cleaned_codes, grows, enough, self.getOrDefault("max_rows"))

    def _enough(self) -> int:
        """Return how many rows of a class are too few, by one, to make others of."""
        return int(self.getOrDefault(self.neighbors)) if self.neighbors else 1

    @contextmanager
    def _assigned(self, request: EngineRequest) -> Iterator[TaskAssignment]:
        """Assign the rows to tasks."""
        scope, points = self.getOrDefault("scope"), _points(request)
        if scope != "cell":
            yield (in_one_task if scope == "one_task" else by_class)(points, request.quotas)
            return
        centres = centroids(request.table, request.roles, request.space, request.quotas)
        with by_cells(points, centres, request.space.scale, request.quotas) as assignment:
            yield assignment

    def _found(self, request: EngineRequest, assignment: TaskAssignment) -> EngineResult:
        """Run the tasks; cells that fail to make rows leave them to the others.

        Raises
        ------
        InputError
            In imbalanced-learn's own words.
        """
        settings = {
            "sampler": dumps(self._wrapped()),
            "n_numbers": request.space.n_numbers,
            "scale": None if request.space.scale is None else list(request.space.scale),
            "counted": not self.cleans,
            "replaces": self.replaces,
            "near": self.near,
            "seed": request.plan.seed,
        }
        failed: dict[int, str] = {}
        found = run(assignment, assignment.task_quotas, settings)
        for _ in range(_ROUNDS if assignment.sizes and request.quotas.grows else 0):
            if not found.failures:
                break
            failed.update(found.failures)
            found = run(assignment, task_quotas(assignment.sizes, request.quotas, failed), settings)
        if found.failures:
            raise InputError(
                f"{request.quotas.method} failed on these rows; imbalanced-learn says: "
                f"{next(iter(found.failures.values()))}"
            )
        if not self.cleans:
            check_counts(found, request.quotas)
        return replace(found, failures=failed)

    def _given(self, *names: str) -> dict[str, Any]:
        """Return the values of parameters that imbalanced-learn has by the same names."""
        return {n: self.getOrDefault(n) for n in names}

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = json.loads(json.dumps(super()._settings(), default=repr))
        return settings


def _points(request: EngineRequest) -> DataFrame:
    """Return the rows for tasks. Shuffles them once, for their ids."""
    rows = coded(identified(request.table, request.plan), request.plan, request.space, request.quotas.counts)
    texts = [F.coalesce(col(f).cast("string"), F.lit("")) for f in request.space.features.categories]
    return rows.select(
        F.col(ROW_ID).alias("row_id"),
        F.col(CODE).alias("code"),
        request.space.numbers(rows).alias("x"),
        (F.array(*texts) if texts else F.array()).cast("array<string>").alias("c"),
    )


def _class_plan(before: int, lost: int, new: int) -> ClassPlan:
    keep: Any = "all" if not lost else "ids" if lost < before else Cut(0, 0)
    return ClassPlan(before, before - lost + new, keep=keep, new=new)


def _final_plan(request: EngineRequest, assignment: TaskAssignment, found: EngineResult) -> SamplingPlan:
    """Return the plan with the counts that tasks returned."""
    counts, work = request.quotas.counts, request.plan.work
    names, cells = list(counts), bool(assignment.sizes)
    numbered = enumerate(counts.items())
    classes = {c: _class_plan(n, found.lost.get(i, 0), found.new.get(i, 0)) for i, (c, n) in numbered}
    details: dict[str, Any] = {
        **request.plan.details,
        "scope": assignment.scope,
        "engine": f"imbalanced-learn {importlib.metadata.version('imbalanced-learn')}",
        "cleaned": [names[c] for c in request.quotas.cleaned],
        "warnings": list(found.warnings),
    }
    if found.failures:
        details["failed"] = {str(t): words for t, words in found.failures.items()}
    partly = any(of.keep == "ids" for of in classes.values())
    work = replace(
        work,
        scans=work.scans + cells,
        shuffles=work.shuffles + 3 * partly,
        python=work.python + cells,
        tasks=assignment.n,
        distances=request.quotas.total**2 // assignment.n,
    )
    return replace(request.plan, classes=classes, details=details, work=work)
