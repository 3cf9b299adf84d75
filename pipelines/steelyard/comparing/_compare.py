"""Compare recipes on the same folds of the training rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession

from steelyard.classifier import draw_rows, fewer_of_the_largest
from steelyard.comparing._by_spark import judged_by_spark
from steelyard.comparing._candidates import PLAIN, Candidate, check_two
from steelyard.comparing._comparison import Comparison, compared
from steelyard.comparing._fold_scores import FoldScores
from steelyard.comparing._resample import Sampling
from steelyard.comparing._rows import Folds, check_rows, for_tasks, in_folds
from steelyard.comparing._worker import Setting
from steelyard.config import DecideConfig
from steelyard.dataset import Dataset
from steelyard.errors import ConfigError, InputError, SteelyardError
from steelyard.frames.caching import cached
from steelyard.frames.workers import in_worker
from steelyard.learning import get_trainer
from steelyard.learning.tasks import one_task_each

Memory = MutableMapping[str, Any]
"""Scores of candidates that are judged already, by name, as JSON types."""


def compare(
    df: DataFrame,
    dataset: Dataset,
    counts: Mapping[str, int],
    candidates: Sequence[Candidate],
    *,
    decide: DecideConfig | None = None,
    metric: str = "auto",
    folds: Folds | None = None,
    max_rows: int = 1_000_000,
    memory: Memory | None = None,
    warn: Callable[[str], None] | None = None,
) -> Comparison:
    """Return candidates with paired differences on the same folds, and the one to take.

    Each candidate's model of each fold is trained, decided and judged in one Spark task, many tasks at once.

    Parameters
    ----------
    df : DataFrame
        Training rows. Must be stable.
    dataset : Dataset
        With its two classes.
    counts : mapping of str to int
        Training rows of each class.
    candidates : sequence of Candidate
        Among them the plain baseline.
    decide : DecideConfig, optional
        Calibration and threshold of all candidates.
    metric : {"auto", "cost", "log_loss", "pr_auc"}, default "auto"
        Cost where costs are given, else log loss.
    folds : Folds, optional
    max_rows : int, default 1,000,000
        Rows that a fold's model is trained on at most: others are left out by their hashes, alike for all candidates,
        and the rest is weighted.
    memory : mutable mapping, optional
        Scores of an earlier, interrupted comparison; new ones are added as soon as a candidate is judged.
    warn : callable, optional
        Takes notes on candidates that are left out.

    Raises
    ------
    ConfigError
        For more than two classes, or a metric without its costs.
    InputError
        For too few rows of a class.
    """
    folds, kept = folds or Folds(), memory if memory is not None else {}
    metric = _metric(metric, dataset)
    check_two(dataset.classes)
    check_rows(counts, folds.folds)
    taken = fewer_of_the_largest(counts, int(max_rows / folds.largest))
    shares = {c: taken[c] / n for c, n in counts.items()}
    due = [c for c in candidates if c.name not in kept]
    if due:
        drawn = draw_rows(df, dataset, counts, int(max_rows / folds.largest), seed=folds.seed)
        plan = folds.plan(df, dataset, counts)
        job = _Job(dataset, shares, folds, decide or DecideConfig(), kept, warn)
        local = [c for c in due if is_local(c)]
        if local:
            with cached(in_folds(drawn.rows, dataset, plan, folds)) as ready:
                job.judge_in_tasks(ready, local)
        weighted = dataset if drawn.weight is None else replace(dataset, weight=drawn.weight)
        for candidate in due:
            if candidate not in local:
                with job.keeping(candidate):
                    kept[candidate.name] = judged_by_spark(candidate, drawn.rows, weighted, plan, folds, job.decide)
    found = {c.name: [FoldScores.from_json(of) for of in kept[c.name]] for c in candidates if c.name in kept}
    facts = {"folds": folds.folds, "method": folds.method, "counts": dict(counts), "taken": taken, "max_rows": max_rows}
    return compared(found, candidates, metric, facts, costs=dataset.cost.given)


def _metric(metric: str, dataset: Dataset) -> str:
    if metric == "auto":
        return "cost" if dataset.cost.given else "log_loss"
    if metric == "cost" and not dataset.cost.given:
        raise ConfigError("compare.metric is cost, which needs data.cost")
    return metric


@dataclass(frozen=True)
class _Job:
    """What judging a candidate needs."""

    dataset: Dataset
    shares: Mapping[str, float]
    folds: Folds
    decide: DecideConfig
    kept: Memory
    warn: Callable[[str], None] | None

    def judge_in_tasks(self, rows: DataFrame, due: Sequence[Candidate]) -> None:
        """Judge candidates, several at once: each is a job of one task for each fold."""
        each = for_tasks(rows)
        rows.count()  # fills the cache once, before the jobs read it at the same time
        with _pool(rows.sparkSession, len(due)) as pool:
            jobs = {pool.submit(self._judged, each, candidate): candidate for candidate in due}
            for job in as_completed(jobs):
                with self.keeping(jobs[job]):
                    self.kept[jobs[job].name] = job.result()

    def _judged(self, each: DataFrame, candidate: Candidate) -> list[Any]:
        setting = self._setting(candidate)
        worker = in_worker("steelyard.comparing._worker", "compare", **asdict(setting))
        tasks = self.folds.folds
        found = one_task_each(each, tasks).mapInArrow(worker, "task int, scores string").collect()
        if len(found) < tasks:
            raise InputError(f"{tasks - len(found)} of {tasks} folds have no rows")
        scores = [json.loads(row["scores"]) for row in sorted(found, key=lambda row: row["task"])]
        for of in scores:
            if "error" in of:
                raise InputError(of["error"])
        return scores

    def _setting(self, candidate: Candidate) -> Setting:
        data = self.dataset
        first, second = data.classes
        return Setting(
            recipe={**candidate.to_json(), "decide": self.decide.model_dump(mode="json")},
            classes=(first, second),
            held=self.folds.held,
            thinned=(self.shares[first], self.shares[second]),
            rates=(float(data.sampling_rate.get(first, 1.0)), float(data.sampling_rate.get(second, 1.0))),
            cost=asdict(data.cost) if data.cost.given else {},
        )

    @contextmanager
    def keeping(self, candidate: Candidate) -> Iterator[None]:
        """Leave out a candidate that these rows do not allow, with a note; the plain baseline must go through."""
        try:
            yield
        except SteelyardError as error:
            if candidate.name == PLAIN or self.warn is None:
                raise
            self.warn(f"{candidate.name} is left out: {error}")


@contextmanager
def _pool(spark: SparkSession, jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Return threads that submit jobs; after a failure or an interrupt, their jobs are cancelled."""
    tag = f"steelyard-compare-{uuid4().hex}"
    mark, cancel = _tagging(spark)
    pool = ThreadPoolExecutor(max(jobs, 1), initializer=mark, initargs=(tag,))
    try:
        yield pool
    except BaseException:
        with suppress(Exception):  # the session may be gone
            cancel(tag)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _tagging(spark: SparkSession) -> tuple[Callable[[str], object], Callable[[str], object]]:
    """Return what marks the jobs of a thread, and what cancels them.

    The tags of a classic session are those of its context: `SparkSession.addTag` leaves something in the session that
    cannot be sent to executors, and Spark ML's models with a training summary send their session along.
    """
    from pyspark.sql.utils import is_remote

    if is_remote():
        return spark.addTag, spark.interruptTag
    return spark.sparkContext.addJobTag, spark.sparkContext.cancelJobsWithTag


def is_local(candidate: Candidate) -> bool:
    """Whether one task can train a candidate."""
    how, resample = candidate.recipe.train, candidate.recipe.resample
    trainer = get_trainer(how.model, how.params, how.class_weight, None, how.seed, how.loss)
    simple = how.class_weight != "cost_matrix" and not how.cost_weights
    return simple and trainer.fits_arrays and Sampling.knows(resample.method, resample.params)
