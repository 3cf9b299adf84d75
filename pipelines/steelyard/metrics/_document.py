"""`metrics.json`: its content, numbers in it by name, and what "always the majority" reaches on a split of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.errors import ConfigError
from steelyard.metrics._counts import Majority
from steelyard.metrics._metric import Metric
from steelyard.metrics.registry import get_metric, metric_names, unknown_metric


def document(
    pipeline: str,
    run_id: str,
    positive: str | None,
    threshold: float | None,
    splits: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str] = (),
    decision: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of `metrics.json`.

    Parameters
    ----------
    pipeline, run_id : str
    positive : str or None
        None with more than two classes, as is `threshold`.
    threshold : float or None
    splits : mapping
        Name of a split → `SplitMetrics.to_json()`.
    notes : sequence of str
        Remarks for readers; left out if there are none.
    decision : mapping, optional
        The decision rule, with what it promised and what came.
    """
    return {
        "pipeline": pipeline,
        "run_id": run_id,
        "positive": positive,
        "threshold": threshold,
        **({"decision": dict(decision)} if decision is not None else {}),
        "splits": {name: dict(split) for name, split in splits.items()},
        **({"notes": list(notes)} if notes else {}),
    }


def lookup(split: Mapping[str, Any], name: str, positive: str | None) -> dict[str, Any]:
    """Return a number of one split: of the positive class (of the macro mean, with several), else of the split.

    Parameters
    ----------
    split : mapping
        One split of `metrics.json`.
    name : str
        For example `pr_auc`, `recall`, `mcc`.
    positive : str or None

    Returns
    -------
    dict
        `value` and `ci95` (a list of two, or None), and further facts about the number.

    Raises
    ------
    ConfigError
        For an unknown metric, with the nearest name, and for one that the file lacks.

    Examples
    --------
    >>> lookup({"per_class": {"1": {"recall": {"value": 0.5, "ci95": None}}}}, "recall", "1")["value"]
    0.5
    """
    own = split["macro"] if positive is None else split["per_class"][positive]
    whole = {key: value for key, value in split.items() if isinstance(value, Mapping) and "value" in value}
    numbers = {**whole, **own}
    if name in numbers:
        return dict(numbers[name])
    if name in metric_names():
        raise ConfigError(f"metrics.json has no {name!r}, which was not known when it was written: run evaluate again")
    raise unknown_metric(name, sorted(numbers))


def majority_class(split: Mapping[str, Any]) -> str:
    """Return the class with the most rows; where rows have weights, the one whose rows weigh most."""
    support: Mapping[str, int] = split["support"]
    named: str | None = split.get("majority")
    return max(support, key=lambda c: support[c]) if named is None else named


def class_shares(split: Mapping[str, Any]) -> dict[str, float]:
    """Return each class's share of the rows.

    With row weights, the largest class has its weighted share, which `metrics.json` holds, and the others divide the
    remainder in proportion to their rows. This is exact for two classes.
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
        The class of the metric; None for the mean over all classes that have rows.
    mean : {"macro", "weighted"}
        Equal weights of classes, or their rows as weights.

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
