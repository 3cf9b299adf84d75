"""What the decider "always the majority" reaches on a split of `metrics.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.metrics._counts import Majority
from steelyard.metrics._metric import Metric
from steelyard.metrics.registry import get_metric


def majority_class(split: Mapping[str, Any]) -> str:
    """Return the class with the most rows."""
    support: Mapping[str, int] = split["support"]
    return max(support, key=lambda c: support[c])


def class_shares(split: Mapping[str, Any]) -> dict[str, float]:
    """Return each class's share of the rows.

    With row weights, the share of the largest class is weighted (`metrics.json` holds it), and the other classes divide
    the remainder by their rows: exact for two classes.
    """
    support: Mapping[str, int] = split["support"]
    total = sum(support.values()) or 1
    largest = majority_class(split)
    known = split.get("accuracy_always_majority", {}).get("value")
    share = support[largest] / total if known is None else known
    rest = total - support[largest] or 1
    return {c: share if c == largest else n / rest * (1 - share) for c, n in support.items()}


def always_majority(split: Mapping[str, Any], name: str, positive: str | None, mean: str = "macro") -> float | None:
    """Return a metric of the decider that always says the most frequent class.

    Parameters
    ----------
    split : mapping
        One split of `metrics.json`.
    name : str
    positive : str or None
        The class whose metric it is; None for the mean over all classes that have rows.
    mean : {"macro", "weighted"}
        Classes count the same, or by their rows.

    Returns
    -------
    float or None
        None where the metric has no such value.

    Examples
    --------
    >>> split = {"support": {"ok": 70, "defect": 930}}
    >>> round(always_majority(split, "f1", "defect"), 3), always_majority(split, "f1", "ok")
    (0.964, 0.0)
    """
    metric = get_metric(name)
    if positive is None and metric.two_classes_only:
        return None
    if metric.scope != "class" or positive is not None:
        return metric.always_majority(_seen_from(split, positive))
    return _mean(metric, split, mean)


def _mean(metric: Metric, split: Mapping[str, Any], mean: str) -> float | None:
    shares = {c: share for c, share in class_shares(split).items() if split["support"][c]}
    values = {c: metric.always_majority(_seen_from(split, c)) for c in shares}
    weights = shares if mean == "weighted" else dict.fromkeys(shares, 1.0)
    total = sum(weights.values())
    pairs = [(v, weights[c]) for c, v in values.items() if v is not None]
    return sum(v * w for v, w in pairs) / total if len(pairs) == len(values) and total else None


def _seen_from(split: Mapping[str, Any], cls: str | None) -> Majority:
    shares, largest = class_shares(split), majority_class(split)
    costs = (split.get(f"expected_cost_{way}_alarm", {}).get("value") for way in ("never", "always"))
    present = tuple(share for c, share in shares.items() if split["support"][c])
    return Majority(shares[largest if cls is None else cls], cls in (None, largest), present, *costs)
