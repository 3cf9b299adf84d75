"""Notes on metrics: scores that are not probabilities, or that rank the other class higher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.metrics._rows import Summary
from steelyard.metrics.registry import all_metrics, get_metric


def notes_on(
    split: Mapping[str, Any],
    classes: Sequence[str],
    positive: str | None,
    summary: Summary,
    not_probabilities: str | None = None,
) -> tuple[str, ...]:
    """Return the notes on one split."""
    notes = [
        _on_probabilities(summary, not_probabilities),
        None if positive is None else _on_ranking(split, classes, positive),
    ]
    return tuple(note for note in notes if note is not None)


def _on_probabilities(summary: Summary, given: str | None) -> str | None:
    names = ", ".join(m.label for m in all_metrics() if m.needs == "probabilities")
    if given is not None:
        return f"{given}; these metrics are null: {names}"
    reason = summary.not_probabilities
    if reason is None:
        return None
    return f"{reason} (they are from {summary.low:g} to {summary.high:g}); these metrics are null: {names}"


def _on_ranking(split: Mapping[str, Any], classes: Sequence[str], positive: str) -> str | None:
    """Return a note where the ROC area is below 0.5 beyond chance."""
    area = split["per_class"][positive]["roc_auc"]
    if area["ci95"] is None or area["ci95"][1] >= 0.5:
        return None
    other = next(name for name in classes if name != positive)
    shown = f"{get_metric('roc_auc').label} of class {positive!r}: {area['value']:.3f}"
    higher = f"the scores rank class {other!r} higher ({shown})"
    return f"{higher}; if they are scores of class {other!r}, make it the positive class"
