"""What a decision rule promised on validation rows, and what came on other rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from steelyard.deciding._alerts import alerts_observed
from steelyard.deciding._policy import DecisionPolicy
from steelyard.deciding._rules import ALERTS, CONFORMAL, F_BETA, PER_ROW_COST, parsed
from steelyard.kernels.arrays import Floats
from steelyard.kernels.scores import f_beta
from steelyard.metrics import lookup

_FLOORS = {"recall_at_least": "recall", CONFORMAL: "recall", "precision_at_least": "precision"}


def decision_document(
    policy: DecisionPolicy, splits: Mapping[str, Mapping[str, Any]], alerts: Mapping[str, Floats] | None = None
) -> dict[str, Any]:
    """Return `decision` of `metrics.json`.

    Parameters
    ----------
    policy : DecisionPolicy
    splits : mapping
        `validation` and `test`, as `metrics.json` holds them.
    alerts : mapping of str to array, optional
        For rules on alerts: the alerts of each period, for each split.

    Returns
    -------
    dict
        With two classes: `rule`; `promised`: the metric of the rule, its value on validation rows, and the least value
        where the rule has one; `observed`: the same metric on test rows, and whether it reaches that value (`kept`);
        `probabilities`: false where the scores are not probabilities; `cost_ratio`: how many false positives cost as
        much as one false negative, if the threshold is right.
    """
    unknown = {} if policy.probabilities else {"probabilities": False}
    if policy.positive is None or policy.chosen is None:
        return policy.rule | unknown
    name, argument = parsed(policy.chosen.rule)
    metric = _metric(name, argument)
    document: dict[str, Any] = {"rule": policy.chosen.rule, "promised": None, "observed": None}
    if policy.alerts is not None and alerts is not None:
        document |= _of_alerts(policy.alerts, alerts)
    elif name == CONFORMAL:
        argument = argument["recall"]
    if metric is not None:
        floor = {"min": argument} if name in _FLOORS else {}
        seen, came = (_observed(splits[part], metric, argument, policy.positive) for part in ("validation", "test"))
        kept = {"kept": came["value"] is not None and came["value"] >= argument} if floor else {}
        document["promised"] = {"metric": metric, **floor, "value": seen["value"]}
        document["observed"] = {"metric": metric, **came, **kept}
    document |= unknown
    threshold = policy.threshold
    if threshold is not None and policy.probabilities and 0 < threshold < 1:
        document["cost_ratio"] = (1 - threshold) / threshold
    return document


def _of_alerts(rule: Mapping[str, Any], alerts: Mapping[str, Floats]) -> dict[str, Any]:
    seen, came = (alerts_observed(alerts.get(part, np.array([])), rule) for part in ("validation", "test"))
    floor = {"min": rule["confidence"]} if "confidence" in rule else {}
    kept = {"kept": came["value"] is not None and came["value"] >= rule["confidence"]} if floor else {}
    promised = {"metric": ALERTS, **floor, "value": seen["value"], "periods": seen["periods"]}
    return {"promised": promised, "observed": {"metric": ALERTS, **came, **kept}}


def _metric(rule: str, argument: Any) -> str | None:
    if rule == "maximize":
        return F_BETA if isinstance(argument, Mapping) else str(argument)
    return "expected_cost" if rule in ("minimize", PER_ROW_COST) else _FLOORS.get(rule)


def _observed(split: Mapping[str, Any], metric: str, argument: Any, positive: str) -> dict[str, Any]:
    if metric != F_BETA:
        return lookup(split, metric, positive)
    precision, recall = (lookup(split, of, positive)["value"] for of in ("precision", "recall"))
    known = precision is not None and recall is not None
    return {"value": float(f_beta(precision, recall, argument[F_BETA])) if known else None, "ci95": None}
