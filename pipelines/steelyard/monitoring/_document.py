"""Assemble the content of `monitor.json` from counts. No Spark here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Counts, Floats, divide
from steelyard.monitoring._alerts import Limits, alerts
from steelyard.monitoring._counts import NEGATIVE, POSITIVE, ScoreCounts
from steelyard.monitoring._features import Feature
from steelyard.monitoring._label_shift import expected, label_shift
from steelyard.monitoring._labelled import labels_document
from steelyard.monitoring._scores import score_drift

WIDTH = 0.5
_DIGITS = 9


def document(
    reference: ScoreCounts | None,
    new: ScoreCounts,
    *,
    positive: str | None,
    features: Sequence[tuple[Feature, Counts]] = (),
    limits: Limits | None = None,
    costs: tuple[Floats, Floats] | None = None,
    fixed: bool = True,
    width: float = WIDTH,
) -> dict[str, Any]:
    """Return the content of `monitor.json` but for the names of its sources.

    Parameters
    ----------
    reference : ScoreCounts, optional
        Labelled rows that the model did not learn from; None with more than two classes, where only features and
        decisions are compared.
    new : ScoreCounts
        New rows, some of them perhaps with labels.
    positive : str, optional
    features : sequence of (Feature, array of int)
        With the new rows in the cells of each.
    limits : Limits, optional
    costs : tuple of array of float64, optional
        As for `expected`.
    fixed : bool, default True
        Whether the decision on a row depends on that row alone.
    width : float, default 0.5
        As for `labels_document`.
    """
    used = limits or Limits()
    found: dict[str, Any] = {
        "positive": positive,
        "rows": int(new.rows.sum()),
        "reference": _reference(reference),
        "score": None,
        "features": [
            {"name": of.name, **of.drift(counts, len(features))} for of, counts in features if counts.sum() > 0
        ],
        "label_shift": None,
        "expected": None,
        "labels": None,
    }
    if reference is not None and new.rows.sum() > 0:
        shift = label_shift(reference, new)
        found |= {
            "score": score_drift(reference, new),
            "label_shift": shift.to_json(),
            "expected": expected(shift, costs, fixed=fixed),
            "labels": None if new.weighted else labels_document(shift, width),  # which count rows
        }
    found["features"].sort(key=lambda of: (-of["psi"], of["name"]))
    found["limits"] = {name: getattr(used, name) for name in ("psi", "prevalence", "recall_drop")}
    found["alerts"] = alerts(found, used)
    rounded: dict[str, Any] = _rounded(found)
    return rounded


def _reference(counts: ScoreCounts | None) -> dict[str, Any]:
    if counts is None:
        return {"rows": None, "positives": None, "recall": None, "recall_ci95": None, "precision": None}
    hits, wrong = (float(counts.weight[:, 1, label].sum()) for label in (POSITIVE, NEGATIVE))
    recall, positives = _share(hits, float(counts.weight[:, :, POSITIVE].sum())), counts.effective(POSITIVE)
    return {
        "rows": int(counts.rows.sum()),
        "positives": int(counts.rows[:, :, POSITIVE].sum()),
        "recall": recall,
        "recall_ci95": None if recall is None or not positives else list(intervals.wilson(recall, positives)),
        "precision": _share(hits, hits + wrong),
    }


def _share(part: float, whole: float) -> float | None:
    return float(divide(part, whole)) if whole > 0 else None


def _rounded(value: Any) -> Any:
    """Return numbers with nine digits, null for undefined ones: sums of weights depend on their order beyond that."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
