"""Compare recipes on the same folds of the training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame

from steelyard.comparing._candidates import Candidate, check_metric
from steelyard.comparing._comparison import Comparison, compared
from steelyard.comparing._judging import Judge, Memory, has_costs, is_local
from steelyard.comparing._rows import Folds, check_rows
from steelyard.comparing._search import halved
from steelyard.config import DecideConfig
from steelyard.dataset import Dataset
from steelyard.domain import Domain
from steelyard.errors import ConfigError


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
        With its classes.
    counts : mapping of str to int
        Training rows of each class.
    candidates : sequence of Candidate
        Among them the plain baseline. Those that are searched are first judged on fewer rows of the larger classes, and
        the better half again on twice as many, until two are left.
    decide : DecideConfig, optional
        Calibration and threshold of all candidates.
    metric : {"auto", "cost", "log_loss", "pr_auc"}, default "auto"
        Cost where costs are given (of more than two classes: their matrix), else log loss. Of more than two classes,
        log loss is that of the row's own class, and PR area the mean of each class against the rest.
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
        For a metric without its costs.
    InputError
        For too few rows of a class.
    """
    folds, kept = folds or Folds(), memory if memory is not None else {}
    costs = has_costs(dataset)
    check_metric(metric, has_costs=costs)
    metric = ("cost" if costs else "log_loss") if metric == "auto" else metric
    check_rows(counts, folds.folds)
    _check_searched(candidates, dataset.domain)
    with Judge(df, dataset, counts, folds, max_rows, decide or DecideConfig(), kept, warn) as job:
        left, rungs = halved(candidates, job.taken, metric, job.judge)
        found = job.judge(left)
    facts = {
        "folds": folds.folds,
        "method": folds.method,
        "counts": dict(counts),
        "taken": job.taken,
        "max_rows": max_rows,
        **({"search": _searched(candidates, left, rungs)} if any(c.searched for c in candidates) else {}),
    }
    return compared(found, left, metric, facts, costs=costs)


def _searched(
    candidates: Sequence[Candidate], left: Sequence[Candidate], rungs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what was searched, as JSON types."""
    recipes = {c.name: c.to_json() for c in candidates if c.searched}
    out = [one["name"] for rung in rungs for one in rung["candidates"] if not one["kept"]]
    return {"recipes": recipes, "rungs": list(rungs), "left": [c.name for c in left if c.searched], "left_out": out}


def _check_searched(candidates: Sequence[Candidate], domain: Domain) -> None:
    """Raise `ConfigError` for a search whose recipes no single task can train."""
    for c in candidates:
        if c.searched and not is_local(c, domain):
            raise ConfigError(
                f"compare.search: {c.recipe.resample.method} resamples a whole table, which rungs are not; search with "
                "resample.method auto, none, random_under_sampler, guided_under_sampler or smote"
            )
