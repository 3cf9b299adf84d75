"""The rules that decide for or against the positive class: their names, arguments and checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.dataset import Cost
from steelyard.errors import ConfigError, closest
from steelyard.metrics import metric_names

PER_ROW_COST = "per_row_cost"
"""The rule without an argument: each row has the threshold that its own costs give."""

ALERTS, CONFORMAL = "alerts", "conformal_recall"
RULES = (ALERTS, CONFORMAL, "maximize", "minimize", PER_ROW_COST, "precision_at_least", "recall_at_least", "value")
F_BETA = "f_beta"
PERIODS = ("hour", "day", "week")
CONFIDENCE = 0.9
_SHOWN = 10

Rule = str | Mapping[str, Any]


def check_rule(rule: Rule, *, cost: Cost | None = None) -> tuple[str, Any]:
    """Return the name and the argument of a rule for probabilities.

    Parameters
    ----------
    rule : str or mapping
        `per_row_cost`, or one of `{"maximize": metric}`, see `metric_names(maximize=True)`;
        `{"maximize": {"f_beta": b}}`; `{"minimize": "cost"}`; `{"precision_at_least": p}`, `{"recall_at_least": r}`;
        `{"value": x}`, with a probability x; `{"alerts": {"per": "day", "at_most": k, "confidence": c}}`,
        `{"alerts": {"per": "day", "top": k}}`; `{"conformal_recall": r}`,
        `{"conformal_recall": {"recall": r, "confidence": c}}`.
    cost : Cost, optional
        The known costs; None: not asked.

    Raises
    ------
    ConfigError
        For any other rule, and for `minimize` and `per_row_cost` without their costs.
    """
    name, argument = parsed(rule)
    if name == "value" and not 0 <= float(argument) <= 1:
        raise ConfigError(f"threshold.value: must be a probability, from 0 to 1. Got {argument:g} instead.")
    if cost is not None:
        _check_costs(name, cost)
    return name, argument


def parsed(rule: Rule) -> tuple[str, Any]:
    """Return the name and the argument of a rule for scores of any range."""
    if rule == PER_ROW_COST:
        return PER_ROW_COST, None
    if isinstance(rule, str):
        raise ConfigError(
            f"threshold: must be {PER_ROW_COST} or a map such as {{value: 0.2}}, got {rule!r}.{closest(rule, RULES)}"
        )
    if len(rule) != 1:
        raise ConfigError(f"threshold: give one rule of {', '.join(RULES)}, not {dict(rule)}")
    name, argument = next(iter(rule.items()))
    if name not in RULES:
        raise ConfigError(f"threshold: there is no rule {name!r}.{closest(name, RULES)} There are: {', '.join(RULES)}")
    if name == PER_ROW_COST:
        raise ConfigError(f"threshold.{name}: takes no argument; write 'threshold: {name}'")
    if name in ("maximize", "minimize"):
        return name, _goal(name, argument)
    if name == ALERTS:
        return name, _alerts(argument)
    if name == CONFORMAL:
        return name, _conformal(argument)
    if not _is_number(argument) or (name != "value" and not 0 < argument <= 1):
        allowed = "a number" if name == "value" else "a number above 0 and up to 1"
        raise ConfigError(f"threshold.{name}: must be {allowed}, got {argument!r}")
    return name, float(argument)


def _goal(name: str, argument: Any) -> Any:
    """Return what `maximize` or `minimize` names."""
    if name == "maximize" and isinstance(argument, Mapping) and set(argument) == {F_BETA}:
        beta = argument[F_BETA]
        if not _is_number(beta) or not 0 < beta <= 1000:
            raise ConfigError(f"threshold.maximize.{F_BETA}: must be a number above 0 and up to 1000, got {beta!r}")
        return {F_BETA: float(beta)}
    known = metric_names(maximize=True) if name == "maximize" else ["cost"]
    if isinstance(argument, str) and argument in known:
        return argument
    also = f", {{{F_BETA}: b}}" if name == "maximize" else ""
    why = f"{argument!r} is none of {', '.join(known)}{also}.{closest(str(argument), known)}"
    if name == "maximize" and argument in metric_names():
        why = f"a threshold cannot maximize {argument}; it can maximize {', '.join(known)}{also}"
    raise ConfigError(f"threshold.{name}: {why}")


def _alerts(argument: Any) -> dict[str, Any]:
    """Return the argument of `alerts`, with its defaults."""
    where = f"threshold.{ALERTS}"
    if not isinstance(argument, Mapping) or ("at_most" in argument) == ("top" in argument):
        raise ConfigError(f"{where}: must be a map with per, and at_most or top, got {argument!r}")
    known = ("per", "at_most", "confidence") if "at_most" in argument else ("per", "top")
    for key in argument:
        if key not in known:
            raise ConfigError(f"{where}.{key}: unknown key.{closest(str(key), known)} Known are {', '.join(known)}")
    if argument.get("per") not in PERIODS:
        raise ConfigError(f"{where}.per: must be one of {', '.join(PERIODS)}, got {argument.get('per')!r}")
    most = argument[known[1]]
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ConfigError(f"{where}.{known[1]}: must be a whole number from 1, got {most!r}")
    if known[1] == "top":
        return dict(argument)
    confidence = argument.get("confidence", CONFIDENCE)
    _check_open_share(f"{where}.confidence", confidence)
    return {**argument, "confidence": float(confidence)}


def _conformal(argument: Any) -> dict[str, Any]:
    """Return the argument of `conformal_recall` as a map."""
    where, given = f"threshold.{CONFORMAL}", argument if isinstance(argument, Mapping) else {"recall": argument}
    known = ("recall", "confidence")
    for key in given:
        if key not in known:
            raise ConfigError(f"{where}.{key}: unknown key.{closest(str(key), known)} Known are {', '.join(known)}")
    _check_open_share(f"{where}.recall" if given is argument else where, given.get("recall"))
    if "confidence" in given:
        _check_open_share(f"{where}.confidence", given["confidence"])
    return {key: float(value) for key, value in given.items()}


def _check_open_share(where: str, value: Any) -> None:
    if not _is_number(value) or not 0 < value < 1:
        raise ConfigError(f"{where}: must be a number above 0 and below 1, got {value!r}")


def check_matrix(cost: Cost, classes: Sequence[str]) -> None:
    """Raise `ConfigError` for a cost matrix that does not name each wrong decision, or another class."""
    if cost.matrix is None:
        return
    for name in [*cost.matrix, *(d for costs in cost.matrix.values() for d in costs)]:
        if name not in classes:
            known = ", ".join(map(repr, classes[:_SHOWN]))
            raise ConfigError(
                f"data.cost.matrix: the label has no class {name!r}.{closest(name, classes)} It has {known}"
            )
    for actual in classes:
        missing = [d for d in classes if d != actual and d not in cost.matrix.get(actual, {})]
        if missing:
            raise ConfigError(f"data.cost.matrix: the cost of deciding {missing[0]!r} for class {actual!r} is missing")


def check_time(rule: Rule | None, time: str | None) -> None:
    """Raise `ConfigError` for a rule on alerts without a time column."""
    if isinstance(rule, Mapping) and ALERTS in rule and time is None:
        raise ConfigError(f"decide.threshold.{ALERTS}: needs data.time, the column that says when a row came")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_costs(name: str, cost: Cost) -> None:
    both = "data.cost.false_negative {} data.cost.false_positive"
    if name == "minimize" and not cost.known:
        raise ConfigError(f"threshold.minimize: no costs are given; set {both.format('or')}")
    one = cost.false_negative is None or cost.false_positive is None
    if name == PER_ROW_COST and one and cost.matrix is None:
        raise ConfigError(f"threshold.{PER_ROW_COST}: needs both costs; set {both.format('and')}")
    if name == PER_ROW_COST and not cost.columns:
        raise ConfigError(
            f"threshold.{PER_ROW_COST}: both costs are numbers, so all rows have the same threshold; use "
            "{minimize: cost}"
        )


def check_two_classes(threshold: Rule | None, classes: Sequence[str], *, has_costs: bool = False) -> None:
    """Raise `ConfigError` for a threshold rule or costs if there are more than two classes, which have neither."""
    if len(classes) <= 2 or (threshold is None and not has_costs):
        return
    what, names = ("decide.threshold is", "it") if threshold is not None else ("data.cost: costs of errors are", "them")
    shown = ", ".join(map(repr, classes[:_SHOWN])) + (", …" if len(classes) > _SHOWN else "")
    raise ConfigError(
        f"{what} for two classes, and the label has {len(classes)}: {shown}. Leave {names} out: the class "
        "with the greatest probability is chosen, times its weight if train.class_weight is set"
    )
