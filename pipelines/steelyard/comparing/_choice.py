"""Choosing among compared candidates: the best metric, then the simplest that is as good within one standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.comparing._candidates import Candidate
from steelyard.comparing._estimates import METRICS, Draws, Value, values_of
from steelyard.comparing._fold_scores import FoldScores


@dataclass(frozen=True)
class Contender:
    """A candidate with its metrics.

    Parameters
    ----------
    name : str
    simplicity : tuple of int
        The less, the simpler.
    rows : int
        That its models were trained on: the fewer, the cheaper.
    values : mapping of str to Value
    """

    name: str
    simplicity: tuple[int, ...]
    rows: int
    values: Mapping[str, Value]

    @classmethod
    def of(cls, candidate: Candidate, folds: Sequence[FoldScores], draws: Draws) -> Contender:
        """Return a candidate with the metrics of its folds."""
        rows = sum(int(fold.facts["rows"]) for fold in folds)
        return cls(candidate.name, candidate.simplicity, rows, values_of(folds, draws))


@dataclass(frozen=True)
class Chosen:
    """The name of the candidate, and why."""

    name: str
    reason: str


def choose(contenders: Sequence[Contender], metric: str, draws: Draws) -> Chosen:
    """Return the candidate to take.

    1. The best value of the metric.
    2. All that are within one paired standard error of it.
    3. Where the metric is log loss: of these, the best PR area, and all within one paired standard error of that.
    4. The simplest of them; among equally simple ones the one that trains on the fewest rows.

    Parameters
    ----------
    contenders : sequence of Contender
    metric : str
        A key of `METRICS`.
    draws : Draws
    """
    best, near = _near(contenders, metric, draws)
    steps = [f"{best.name} has the best {_words(metric)}"]
    if metric == "log_loss" and len(near) > 1:
        leader, near = _near(near, "pr_auc", draws)
        if leader.name != best.name:
            steps.append(f"{leader.name} has the best PR area within one standard error of it")
        best = leader
    taken = min(near, key=lambda c: (c.simplicity, c.rows, c.name))
    if taken.name != best.name:
        steps.append(f"{taken.name} is within one standard error and simpler or cheaper")
    return Chosen(taken.name, "; ".join(steps))


def _near(contenders: Sequence[Contender], metric: str, draws: Draws) -> tuple[Contender, list[Contender]]:
    """Return the best contender by a metric, and all within one standard error of it, itself included."""
    sign = 1.0 if METRICS[metric] else -1.0
    best = max(contenders, key=lambda c: (sign * c.values[metric].value, _reversed(c)))
    own = best.values[metric]

    def is_near(other: Contender) -> bool:
        gap = own.minus(other.values[metric])
        return sign * gap.value <= max(gap.error(draws), 0.0)

    return best, [c for c in contenders if c.name == best.name or is_near(c)]


def _reversed(of: Contender) -> tuple[float, ...]:
    return tuple(-x for x in (*of.simplicity, of.rows))


def _words(metric: str) -> str:
    return {"cost": "expected cost", "log_loss": "log loss", "pr_auc": "PR area"}[metric]
