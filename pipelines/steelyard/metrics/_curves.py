"""Curves of one class for people to look at: a few hundred points each, as JSON types."""

from __future__ import annotations

from typing import Any

import numpy as np

from steelyard.kernels.arrays import Counts, Floats, sum_in_bins
from steelyard.kernels.reliability import mass_bins
from steelyard.metrics._tables import ScoreTable

POINTS = 400
CALIBRATION_BINS = 15
HISTOGRAM_BINS = 40


def class_curves(table: ScoreTable, threshold: float | None = None) -> dict[str, Any]:
    """Return the curves of a class.

    `prevalence`; `pr` (`recall`, `precision`); `roc` (`fpr`, `tpr`); `thresholds` (`threshold`, `precision`, `recall`,
    `alarms` as a share of all rows, and with costs `expected_cost` per row), in descending order and with the chosen
    one; `calibration` (`predicted`, `observed`, `share`); `histogram` (`edges`, and shares of the rows of each class
    per bin: `positive`, `negative`).
    """
    positives, negatives = float(table.pos.sum()), float(table.neg.sum())
    if not (positives > 0 and negatives > 0):
        return {}
    tp, fp = np.cumsum(table.pos), np.cumsum(table.neg)
    at = _picked(table, threshold)
    total = positives + negatives
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.nan_to_num(tp / (tp + fp))
    thresholds = {
        "threshold": table.low[at],
        "precision": precision[at],
        "recall": tp[at] / positives,
        "alarms": (tp + fp)[at] / total,
    }
    if table.has_costs:
        missed = table.cost_fn.sum() - np.cumsum(table.cost_fn)
        thresholds["expected_cost"] = ((missed + np.cumsum(table.cost_fp)) / total)[at]
    curves = {
        "pr": {"recall": tp[at] / positives, "precision": precision[at]},
        "roc": {"fpr": np.append(0.0, fp[at] / negatives), "tpr": np.append(0.0, tp[at] / positives)},
        "thresholds": thresholds,
        "calibration": _calibration(table),
        "histogram": _histogram(table),
    }
    listed = {name: {key: values.tolist() for key, values in part.items()} for name, part in curves.items()}
    return {"prevalence": positives / total, **listed}


def _picked(table: ScoreTable, threshold: float | None) -> Counts:
    """Return the rows that curves show: both ends, steps of equal mass in each class, the chosen threshold."""
    ends = np.flatnonzero(np.diff(table.bins(POINTS - 3), append=-1))
    chosen = [] if threshold is None else [int(np.flatnonzero(table.low >= threshold).max(initial=0))]
    return np.unique(np.concatenate([[0], ends, chosen]).astype(np.int64))


def _calibration(table: ScoreTable) -> dict[str, Floats]:
    """Return bins of equal mass, half of them for the tenth of the rows with the highest scores."""
    size = table.size
    top = np.cumsum(size) - size / 2 <= size.sum() / 10
    bins = np.where(top, 0, CALIBRATION_BINS) + 0
    for part in (top, ~top):
        if part.any():
            bins[part] += mass_bins(size[part], CALIBRATION_BINS)
    count = 2 * CALIBRATION_BINS
    mass = sum_in_bins(bins, size, count)
    full = mass > 0
    predicted, observed = (sum_in_bins(bins, v, count)[full] / mass[full] for v in (size * table.score, table.pos))
    return {"predicted": predicted, "observed": observed, "share": mass[full] / mass.sum()}


def _histogram(table: ScoreTable) -> dict[str, Floats]:
    low, high = min(0.0, float(table.low.min())), max(1.0, float(table.high.max()))
    unit = max(-low, high)  # a difference of huge scores would be infinite
    edges = np.linspace(low / unit, high / unit, HISTOGRAM_BINS + 1) * unit
    bins = np.clip(np.searchsorted(edges, table.score, side="right") - 1, 0, HISTOGRAM_BINS - 1)
    sides = {"positive": table.pos, "negative": table.neg}
    return {"edges": edges} | {k: sum_in_bins(bins, v, HISTOGRAM_BINS) / v.sum() for k, v in sides.items()}
