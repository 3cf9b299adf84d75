"""Choosing the score from which on a row is decided to be positive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.deciding._rules import ALERTS, CONFORMAL, F_BETA, PER_ROW_COST, Rule, parsed
from steelyard.errors import ConfigError, InputError
from steelyard.kernels.arrays import Floats
from steelyard.metrics import ConfusionCounts, ScoreTable, get_metric

_COSTS = "data.cost.false_negative or data.cost.false_positive"


@dataclass(frozen=True)
class Threshold:
    """A row is decided to be positive if its score is at least `value`.

    Parameters
    ----------
    value : float or None
        None where each row has a threshold of its own.
    rule : str or dict
        The rule that chose it.
    achieved : dict
        On the rows it was chosen on: `precision`, `recall`, `f1`, `f2`, `alarms` (share of the rows), the metric of
        the rule, and `expected_cost` per row where costs are known.
    note : str, optional
        Where the rule couldn't be kept.
    """

    value: float | None
    rule: str | dict[str, Any]
    achieved: dict[str, float]
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"value": self.value, "rule": self.rule, "achieved": self.achieved, "note": self.note}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Threshold:
        """Rebuild what `to_json` gave."""
        rule = document["rule"]
        kept = rule if isinstance(rule, str) else dict(rule)
        return cls(document["value"], kept, dict(document["achieved"]), document.get("note"))


def choose_threshold(table: ScoreTable, rule: Rule) -> Threshold:
    """Return the threshold of a rule on the rows of a score table.

    Candidates are the scores that were seen; among equally good ones the highest is taken. Of the rules with a
    floor, `precision_at_least` takes the highest recall above it and `recall_at_least` the highest precision;
    where no threshold is precise enough, the most precise one is taken, and the note says so. With
    `minimize: cost`, no alarm at all is a candidate too. `per_row_cost` has no threshold: its value is None.

    Parameters
    ----------
    table : ScoreTable
        Of validation rows, with exactly the scores that will be compared with the threshold: calibrated by Spark,
        because NumPy's exponential may differ in the last digit.
    rule : str or mapping
        See `check_rule`; the value of `{"value": x}` may be any number here, as scores may.

    Raises
    ------
    ConfigError
        For a rule that doesn't exist, or needs costs where there are none.
    InputError
        If there are no positive or no negative rows.
    """
    name, argument = parsed(rule)
    if name in ("minimize", PER_ROW_COST) and not table.has_costs:
        raise ConfigError(f"threshold.{name}: no costs are given; set {_COSTS}")
    if isinstance(rule, str):
        return Threshold(None, rule, {})
    if name in (ALERTS, CONFORMAL):
        raise ConfigError(f"threshold.{name}: needs rows, not only a score table; see fit_policy")
    if name == "value":
        return threshold_at(table, float(argument), rule)
    candidates = _Candidates.of(table)
    if not (table.pos.sum() > 0 and table.neg.sum() > 0):
        raise InputError("a threshold can't be chosen: the validation rows are all of one class")
    chosen, note = candidates.best(name, argument)
    goal = F_BETA if isinstance(argument, Mapping) else str(argument)
    extra = {goal: float(candidates.metric(argument)[chosen])} if name == "maximize" else {}
    return Threshold(float(candidates.threshold[chosen]), dict(rule), candidates.achieved(chosen) | extra, note)


def threshold_at(table: ScoreTable, value: float, rule: Mapping[str, Any]) -> Threshold:
    """Return a given threshold, with what it achieves on the rows of a score table."""
    candidates = _Candidates.of(table)
    return Threshold(value, dict(rule), candidates.achieved(candidates.at(value)))


@dataclass(frozen=True)
class _Candidates:
    """Thresholds from high to low, the first of which raises no alarm, and what each would decide."""

    threshold: Floats
    counts: ConfusionCounts
    cost: Floats | None

    @classmethod
    def of(cls, table: ScoreTable) -> _Candidates:
        above = np.nextafter(table.high.max(), np.inf)
        tp, fp = (np.append(0.0, np.cumsum(side)) for side in (table.pos, table.neg))
        cost = None
        if table.has_costs:
            missed = np.append(0.0, np.cumsum(table.cost_fn))
            false = np.append(0.0, np.cumsum(table.cost_fp))
            cost = (missed[-1] - missed + false) / table.size.sum()
        return cls(np.append(above, table.low), ConfusionCounts(tp, fp, tp[-1] - tp, fp[-1] - fp), cost)

    def at(self, value: float) -> int:
        """Return the candidate that decides as `value` does."""
        return int((self.threshold >= value).sum()) - 1 if value <= self.threshold[0] else 0

    def metric(self, goal: str | Mapping[str, float]) -> Floats:
        if isinstance(goal, Mapping):
            return self.counts.f_beta(goal[F_BETA])
        return get_metric(goal).of_decisions(self.counts)

    def best(self, name: str, argument: Any) -> tuple[int, str | None]:
        if name == "minimize" and self.cost is not None:
            return _first_best(-self.cost), None
        if name == "maximize":
            return 1 + _first_best(self.metric(argument)[1:]), None
        precision, recall = self.metric("precision")[1:], self.metric("recall")[1:]
        held, wanted = (precision, recall) if name == "precision_at_least" else (recall, precision)
        allowed = held >= float(argument)
        if allowed.any():
            return 1 + _first_best(np.where(allowed, wanted, -1.0)), None
        best = precision.max()
        note = f"no threshold reaches a precision of {argument:g}; the highest there is, {best:.4g}, was taken"
        return 1 + _first_best(np.where(precision == best, recall, -1.0)), note

    def achieved(self, i: int) -> dict[str, float]:
        found = {name: float(self.metric(name)[i]) for name in ("precision", "recall", "f1", "f2")}
        of = self.counts
        alarms, total = of.tp[i] + of.fp[i], of.tp[i] + of.fp[i] + of.fn[i] + of.tn[i]
        cost = {} if self.cost is None else {"expected_cost": float(self.cost[i])}
        return found | {"alarms": float(alarms / total)} | cost


def _first_best(values: Floats) -> int:
    """Return the first of the greatest values: candidates fall, so the highest threshold wins a tie."""
    return int(np.argmax(np.where(np.isnan(values), -np.inf, values)))
