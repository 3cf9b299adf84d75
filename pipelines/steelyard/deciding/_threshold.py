"""Choosing the score from which on a row is decided to be positive."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.errors import ConfigError, InputError, closest
from steelyard.kernels.arrays import Floats
from steelyard.metrics import ConfusionCounts, ScoreTable, get_metric, metric_names

RULES = ("maximize", "minimize", "precision_at_least", "recall_at_least", "value")
_SHOWN = 10


@dataclass(frozen=True)
class Threshold:
    """A row is decided to be positive if its score is at least `value`.

    Parameters
    ----------
    value : float
    rule : dict
        The rule that chose it.
    achieved : dict
        On the rows it was chosen on: `precision`, `recall`, `f1`, `f2`, `alarms` (share of the rows), the metric of
        the rule, and `expected_cost` per row where costs are known.
    note : str, optional
        Where the rule couldn't be kept.
    """

    value: float
    rule: dict[str, Any]
    achieved: dict[str, float]
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"value": self.value, "rule": self.rule, "achieved": self.achieved, "note": self.note}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Threshold:
        """Rebuild what `to_json` gave."""
        return cls(document["value"], dict(document["rule"]), dict(document["achieved"]), document.get("note"))


def check_rule(rule: Mapping[str, Any], *, has_costs: bool | None = None) -> tuple[str, str | float]:
    """Return the name and the argument of a rule for probabilities.

    Parameters
    ----------
    rule : mapping
        One of `{"maximize": metric}`, see `metric_names(maximize=True)`; `{"minimize": "cost"}`;
        `{"precision_at_least": p}`, `{"recall_at_least": r}`; `{"value": x}`, with a probability x.
    has_costs : bool, optional
        Whether costs are known; None: not asked.

    Raises
    ------
    ConfigError
        For any other rule, and for `minimize` without costs.
    """
    name, argument = _parsed(rule, has_costs)
    if name == "value" and not 0 <= float(argument) <= 1:
        raise ConfigError(f"threshold.value: must be a probability, from 0 to 1. Got {rule['value']} instead.")
    return name, argument


def _parsed(rule: Mapping[str, Any], has_costs: bool | None) -> tuple[str, str | float]:
    """Return the name and the argument of a rule for scores of any range."""
    if len(rule) != 1:
        raise ConfigError(f"threshold: give one rule of {', '.join(RULES)}, not {dict(rule)}")
    name, argument = next(iter(rule.items()))
    if name not in RULES:
        raise ConfigError(f"threshold: there is no rule {name!r}.{closest(name, RULES)} There are: {', '.join(RULES)}")
    if name in ("maximize", "minimize"):
        known = metric_names(maximize=True) if name == "maximize" else ["cost"]
        if argument not in known:
            why = f"{argument!r} is none of {', '.join(known)}.{closest(str(argument), known)}"
            if name == "maximize" and argument in metric_names():
                why = f"a threshold cannot maximize {argument}; it can maximize {', '.join(known)}"
            raise ConfigError(f"threshold.{name}: {why}")
        if name == "minimize" and has_costs is False:
            costs = "data.cost.false_negative or data.cost.false_positive"
            raise ConfigError(f"threshold.minimize: no costs are given; set {costs}")
        return name, str(argument)
    numeric = isinstance(argument, int | float) and not isinstance(argument, bool) and math.isfinite(argument)
    if not numeric or (name != "value" and not 0 < argument <= 1):
        allowed = "a number" if name == "value" else "a number above 0 and up to 1"
        raise ConfigError(f"threshold.{name}: must be {allowed}, got {argument!r}")
    return name, float(argument)


def check_two_classes(threshold: Mapping[str, Any] | None, classes: Sequence[str], *, has_costs: bool = False) -> None:
    """Raise `ConfigError` for a threshold rule or costs if there are more than two classes, which have neither."""
    if len(classes) <= 2 or (threshold is None and not has_costs):
        return
    what, names = ("decide.threshold is", "it") if threshold is not None else ("data.cost: costs of errors are", "them")
    shown = ", ".join(map(repr, classes[:_SHOWN])) + (", …" if len(classes) > _SHOWN else "")
    raise ConfigError(
        f"{what} for two classes, and the label has {len(classes)}: {shown}. Leave {names} out: the class "
        "with the greatest probability is chosen, times its weight if train.class_weight is set"
    )


def choose_threshold(table: ScoreTable, rule: Mapping[str, Any]) -> Threshold:
    """Return the threshold of a rule on the rows of a score table.

    Candidates are the scores that were seen; among equally good ones the highest is taken. Of the rules with a
    floor, `precision_at_least` takes the highest recall above it and `recall_at_least` the highest precision;
    where no threshold is precise enough, the most precise one is taken, and the note says so. With
    `minimize: cost`, no alarm at all is a candidate too.

    Parameters
    ----------
    table : ScoreTable
        Of validation rows, with exactly the scores that will be compared with the threshold: calibrated by Spark,
        because NumPy's exponential may differ in the last digit.
    rule : mapping
        See `check_rule`; the value of `{"value": x}` may be any number here, as scores may.

    Raises
    ------
    ConfigError
        For a rule that doesn't exist, or needs costs where there are none.
    InputError
        If there are no positive or no negative rows.
    """
    name, argument = _parsed(rule, table.has_costs)
    candidates = _Candidates.of(table)
    if name == "value":
        chosen, note = candidates.at(float(argument)), None
        return Threshold(float(argument), dict(rule), candidates.achieved(chosen), note)
    if not (table.pos.sum() > 0 and table.neg.sum() > 0):
        raise InputError("a threshold can't be chosen: the validation rows are all of one class")
    chosen, note = candidates.best(name, argument)
    extra = {str(argument): float(candidates.metric(str(argument))[chosen])} if name == "maximize" else {}
    return Threshold(float(candidates.threshold[chosen]), dict(rule), candidates.achieved(chosen) | extra, note)


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

    def metric(self, name: str) -> Floats:
        return get_metric(name).of_decisions(self.counts)

    def best(self, name: str, argument: str | float) -> tuple[int, str | None]:
        if name == "minimize" and self.cost is not None:
            return _first_best(-self.cost), None
        if name == "maximize":
            return 1 + _first_best(self.metric(str(argument))[1:]), None
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
