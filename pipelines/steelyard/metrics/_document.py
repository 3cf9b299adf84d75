"""`metrics.json`, and reading a number in it by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.errors import ConfigError
from steelyard.metrics.registry import metric_names, unknown_metric


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
        Name of a split → what `SplitMetrics.to_json` gave.
    notes : sequence of str
        What readers should know; the document has `notes` only where there are any.
    decision : mapping, optional
        How several classes were decided among.
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
        `value` and `ci95` (a list of two, or None), and what else is known of the number.

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
