"""Compare recipes on the same folds of the training rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame

from steelyard.classifier import draw_rows, fewer_of_the_largest
from steelyard.comparing._candidates import PLAIN, Candidate
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
    if len(dataset.classes) != 2:
        raise ConfigError(f"compare takes two classes, and the label has {len(dataset.classes)}: leave the section out")
    check_rows(counts, folds.folds)
    taken = fewer_of_the_largest(counts, int(max_rows / folds.largest))
    shares = {c: taken[c] / n for c, n in counts.items()}
    due = [c for c in candidates if c.name not in kept and is_local(c)]
    for other in candidates:
        if other.name not in kept and other not in due and warn is not None:
            warn(f"{other.name} is left out: it is not trained in one task")
    if due:
        rows = draw_rows(df, dataset, counts, int(max_rows / folds.largest), seed=folds.seed).rows
        plan = folds.plan(rows, dataset, taken)
        prepared, _ = in_folds(rows, dataset, plan, folds)
        with cached(prepared) as ready:
            _judge(ready, due, dataset, shares, folds, decide or DecideConfig(), kept, warn)
    found = {c.name: [FoldScores.from_json(of) for of in kept[c.name]] for c in candidates if c.name in kept}
    facts = {"folds": folds.folds, "method": folds.method, "counts": dict(counts), "taken": taken, "max_rows": max_rows}
    return compared(found, candidates, metric, facts, costs=dataset.cost.given)


def _metric(metric: str, dataset: Dataset) -> str:
    if metric == "auto":
        return "cost" if dataset.cost.given else "log_loss"
    if metric == "cost" and not dataset.cost.given:
        raise ConfigError("compare.metric is cost, which needs data.cost")
    return metric


def _judge(
    rows: DataFrame,
    due: Sequence[Candidate],
    dataset: Dataset,
    shares: Mapping[str, float],
    folds: Folds,
    decide: DecideConfig,
    kept: Memory,
    warn: Callable[[str], None] | None,
) -> None:
    """Judge candidates, several at once: each is a job of one task for each fold."""
    cost = asdict(dataset.cost) if dataset.cost.given else {}
    rates = tuple(float(dataset.sampling_rate.get(c, 1.0)) for c in dataset.classes)
    each = for_tasks(rows)

    def judged(candidate: Candidate) -> list[Any]:
        recipe = {**candidate.to_json(), "decide": decide.model_dump(mode="json")}
        setting = Setting(recipe, dataset.classes, folds.held, tuple(shares[c] for c in dataset.classes), rates, cost)  # type: ignore[arg-type]
        worker = in_worker("steelyard.comparing._worker", "compare", **asdict(setting))
        found = one_task_each(each, folds.folds).mapInArrow(worker, "task int, scores string").collect()
        if len(found) < folds.folds:
            raise InputError(f"{folds.folds - len(found)} of {folds.folds} folds have no rows")
        return [json.loads(row["scores"]) for row in sorted(found, key=lambda row: row["task"])]

    rows.count()
    with _pool(len(due)) as pool:
        jobs = {pool.submit(judged, candidate): candidate for candidate in due}
        for job in as_completed(jobs):
            candidate = jobs[job]
            try:
                kept[candidate.name] = job.result()
            except SteelyardError as error:
                if candidate.name == PLAIN or warn is None:
                    raise
                warn(f"{candidate.name} is left out: {error}")


@contextmanager
def _pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Return threads that submit jobs; after a failure or an interrupt, those that wait are not started."""
    pool = ThreadPoolExecutor(max(jobs, 1))
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def is_local(candidate: Candidate) -> bool:
    """Whether one task can train a candidate."""
    how, resample = candidate.recipe.train, candidate.recipe.resample
    trainer = get_trainer(how.model, how.params, how.class_weight, None, how.seed, how.loss)
    simple = how.class_weight != "cost_matrix" and not how.cost_weights
    return simple and trainer.fits_arrays and Sampling.knows(resample.method, resample.params)
