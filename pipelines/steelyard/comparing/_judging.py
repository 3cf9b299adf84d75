"""Judge candidates: each is a job of one Spark task for each fold, several jobs at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from pyspark.sql import DataFrame

from steelyard.classifier import DrawnRows, draw_rows, fewer_of_the_largest
from steelyard.comparing._by_spark import judged_by_spark
from steelyard.comparing._candidates import PLAIN, Candidate
from steelyard.comparing._fold_scores import FoldScores
from steelyard.comparing._jobs import at_once, fill, job_threads
from steelyard.comparing._resample import Sampling
from steelyard.comparing._rows import Folds, fewer_rows, for_tasks, in_folds, preprocessing
from steelyard.comparing._worker import Setting
from steelyard.config import DecideConfig
from steelyard.dataset import Dataset
from steelyard.domain import Domain
from steelyard.errors import InputError, SteelyardError
from steelyard.frames.caching import cached
from steelyard.frames.workers import in_worker
from steelyard.learning import get_trainer, trainer_class
from steelyard.splitting import FoldPlan

Memory = MutableMapping[str, Any]
"""Scores of candidates that are judged already, by name, as JSON types."""


@dataclass
class Judge:
    """Judges candidates on the same folds. A context: it caches rows when a candidate first needs them.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    counts : mapping of str to int
    folds : Folds
    max_rows : int
    decide : DecideConfig
    kept : mutable mapping
        Scores that are there already; new ones are added as soon as a candidate is judged.
    warn : callable, optional
    """

    df: DataFrame
    dataset: Dataset
    counts: Mapping[str, int]
    folds: Folds
    max_rows: int
    decide: DecideConfig
    kept: Memory
    warn: Callable[[str], None] | None = None
    scope: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.scope.close()

    @property
    def most(self) -> int:
        """Rows of all folds together."""
        return int(self.max_rows / self.folds.largest)

    @cached_property
    def taken(self) -> dict[str, int]:
        """Rows of each class that the folds divide."""
        return fewer_of_the_largest(self.counts, self.most)

    def judge(self, candidates: Sequence[Candidate], rows: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Return the scores of candidates by name; those that the rows do not allow are left out.

        Parameters
        ----------
        candidates : sequence of Candidate
        rows : mapping of str to int, optional
            How many of the taken rows of each class, for candidates that one task can train. Default: all.
        """
        rung = self.taken if rows is None else dict(rows)
        names = {c.name: self._key(c, rung) for c in candidates}
        due = [c for c in candidates if names[c.name] not in self.kept and self._takes_classes(c)]
        local = [c for c in due if is_local(c, self.dataset.domain)]
        if local:
            self._judge_in_tasks(local, rung)
        for candidate in due:
            if candidate not in local:
                with self._allowing(candidate):
                    self.kept[candidate.name] = self._by_spark(candidate)
        known = {name: self.kept[key] for name, key in names.items() if key in self.kept}
        return {name: [FoldScores.from_json(of) for of in scores] for name, scores in known.items()}

    def _key(self, candidate: Candidate, rung: Mapping[str, int]) -> str:
        return candidate.name if rung == self.taken else f"{candidate.name}, {sum(rung.values())} rows"

    @cached_property
    def _drawn(self) -> DrawnRows:
        return draw_rows(self.df, self.dataset, self.counts, self.most, seed=self.folds.seed)

    @cached_property
    def _plan(self) -> FoldPlan:
        return self.folds.plan(self.df, self.dataset, self.counts)

    @cached_property
    def _narrow(self) -> DataFrame:
        rows = self._drawn.rows
        with job_threads(rows.sparkSession, 1) as pool:  # both read the table, and Spark plans one while the other runs
            plan = pool.submit(lambda: self._plan)
            prepared = preprocessing(rows, self.dataset)
            return in_folds(rows, self.dataset, prepared, plan.result(), self.folds)

    def _rows(self, rung: Mapping[str, int]) -> DataFrame:
        if rung == self.taken:
            return self._narrow
        return fewer_rows(self.scope.enter_context(cached(self._narrow)), self.dataset, self.taken, rung)

    def _by_spark(self, candidate: Candidate) -> list[Any]:
        drawn = self._drawn
        weighted = self.dataset if drawn.weight is None else replace(self.dataset, weight=drawn.weight)
        return judged_by_spark(candidate, drawn.rows, weighted, self.counts, self._plan, self.folds, self.decide)

    def _judge_in_tasks(self, due: Sequence[Candidate], rung: Mapping[str, int]) -> None:
        tasks = self.folds.folds
        rows = for_tasks(self._rows(rung), tasks)
        with cached(rows) as each, job_threads(rows.sparkSession, at_once(rows.sparkSession, len(due), tasks)) as pool:
            fill(each)  # once, before the jobs read it at the same time
            costly = sorted(due, key=lambda c: c.simplicity, reverse=True)  # first, so that no core is idle at the end
            jobs = {pool.submit(self._judged, each, candidate, rung): candidate for candidate in costly}
            for job in as_completed(jobs):
                with self._allowing(jobs[job]):
                    self.kept[self._key(jobs[job], rung)] = job.result()

    def _judged(self, each: DataFrame, candidate: Candidate, rung: Mapping[str, int]) -> list[Any]:
        worker = in_worker("steelyard.comparing._worker", "compare", **asdict(self._setting(candidate, rung)))
        tasks = self.folds.folds
        found = each.mapInArrow(worker, "task int, scores string").collect()
        if len(found) < tasks:
            raise InputError(f"{tasks - len(found)} of {tasks} folds have no rows")
        scores = [json.loads(row["scores"]) for row in sorted(found, key=lambda row: row["task"])]
        for of in scores:
            if "error" in of:
                raise InputError(of["error"])
        return scores

    def _setting(self, candidate: Candidate, rung: Mapping[str, int]) -> Setting:
        data = self.dataset
        return Setting(
            recipe={**candidate.to_json(), "decide": self.decide.model_dump(mode="json")},
            classes=data.classes,
            held=self.folds.held,
            thinned=tuple(rung[c] / self.counts[c] for c in data.classes),
            rates=tuple(float(data.sampling_rate.get(c, 1.0)) for c in data.classes),
            cost=asdict(data.cost) if has_costs(data) else {},
            whole=dict(self.counts),
        )

    def _takes_classes(self, candidate: Candidate) -> bool:
        how = candidate.recipe.train
        with self._allowing(candidate):
            trainer_class(how.model).check_classes(list(self.dataset.classes), how.loss)
            return True
        return False

    @contextmanager
    def _allowing(self, candidate: Candidate) -> Iterator[None]:
        """Leave out a candidate that these rows do not allow, with a note; the plain baseline must go through."""
        try:
            yield
        except SteelyardError as error:
            if candidate.name == PLAIN or self.warn is None:
                raise
            self.warn(f"{candidate.name} is left out: {error}")


def has_costs(data: Dataset) -> bool:
    """Whether decisions among the classes have costs: of two those of the errors, of several the matrix."""
    return data.cost.given if len(data.classes) == 2 else data.cost.matrix is not None


def is_local(candidate: Candidate, domain: Domain) -> bool:
    """Whether one task can train a candidate, with a domain of features."""
    how, resample = candidate.recipe.train, candidate.recipe.resample
    trainer = get_trainer(how.model, how.params, how.class_weight, None, how.seed, how.loss)
    simple = how.class_weight != "cost_matrix" and not how.cost_weights
    return simple and trainer.fits_arrays and Sampling.knows(resample.method, resample.params, domain)
