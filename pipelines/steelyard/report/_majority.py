"""What the model that always says "the majority" would reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.report._numbers import value

_NEVER = {"recall": 0.0, "f1": 0.0, "f2": 0.0, "specificity": 1.0, "recall_at_precision_0.9": 0.0}
_EITHER = {"roc_auc": 0.5, "balanced_accuracy": 0.5, "g_mean": 0.0, "mcc": 0.0, "kappa": 0.0, "iba": 0.0}


def majority_class(split: Mapping[str, Any]) -> str:
    """Return the class with the most rows."""
    support: Mapping[str, int] = split["support"]
    return max(support, key=lambda c: support[c])


def prevalence(split: Mapping[str, Any], cls: str) -> float:
    """Return a class's share of the rows."""
    support: Mapping[str, int] = split["support"]
    return support.get(cls, 0) / (sum(support.values()) or 1)


def always_majority(split: Mapping[str, Any], name: str, positive: str) -> float | None:
    """Return a metric of always saying "the majority", for two classes; None where it isn't defined.

    Its score is the same for all rows, so that its areas are those of guessing.
    """
    share = prevalence(split, positive)
    alarms = majority_class(split) == positive
    if name in _EITHER:
        return _EITHER[name]
    if name in ("pr_auc", "precision_at_k"):
        return share
    if name == "accuracy":
        return value(split.get("accuracy_always_majority"))
    if name == "expected_cost":
        return value(split.get(f"expected_cost_{'always' if alarms else 'never'}_alarm"))
    if alarms:
        f = {"f1": 2 * share / (1 + share), "f2": 5 * share / (1 + 4 * share)}
        return {"precision": share, "recall": 1.0, "specificity": 0.0, **f}.get(name)
    return _NEVER.get(name)
