"""Intervals of metrics that are functions of recalls and class shares, from the intervals of these.

If a class's recall is 0 or 1, the bootstrap shows no error, and the metric's standard error is far too small: with all
of 40 positives found, the true recall may still be 0.91. The recall's own interval allows for that, and is carried
through the metric's formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats, divide
from steelyard.kernels.intervals import Interval
from steelyard.metrics._counts import ConfusionCounts, MulticlassCounts

Limits = Sequence[Interval]
Formulas = Mapping[str, Callable[..., Floats]]
Metric = Callable[[Floats, Floats], dict[str, Floats]]


def carried_decisions(
    recalls: Floats, shares: Floats, errors: Floats, limits: Limits, formulas: Formulas
) -> dict[str, Interval]:
    """Return intervals of metrics of all classes' decisions: functions of `MulticlassCounts`, by name.

    `recalls` and `shares` are 0 for classes without rows; `limits` are those of the recalls, then of the shares.
    `errors`, shape (classes, classes), are rows by actual and decided class; the diagonal is ignored.
    """
    spread = _spread(errors, shares)

    def metric(recall: Floats, share: Floats) -> dict[str, Floats]:
        hits = recall * share
        counts = MulticlassCounts(hits, hits + ((1 - recall) * share) @ spread, share)
        return {name: formula(counts) for name, formula in formulas.items()}

    return _carried(metric, recalls, shares, limits)


def carried_scores(
    recall: float, specificity: float, share: float, limits: Limits, formulas: Formulas
) -> dict[str, Interval]:
    """Return intervals of metrics of one class's decisions: functions of `ConfusionCounts`, by name.

    `limits` are those of recall, specificity and share.
    """

    def metric(recalls: Floats, shares: Floats) -> dict[str, Floats]:
        hits, misses = recalls * shares, (1 - recalls) * shares
        counts = ConfusionCounts(hits[:, 1], misses[:, 0], misses[:, 1], hits[:, 0])
        return {name: formula(counts) for name, formula in formulas.items()}

    both = [limits[1], limits[0], (1 - limits[2][1], 1 - limits[2][0]), limits[2]]
    return _carried(metric, np.array([specificity, recall]), np.array([1 - share, share]), both)


def _spread(errors: Floats, shares: Floats) -> Floats:
    """Return the shares of the other classes in a class's errors: as observed, or without errors as in all rows."""
    other = ~np.eye(len(shares), dtype=bool)
    seen = errors * other
    guess = other * shares
    rows = np.where(seen.sum(axis=1, keepdims=True) > 0, seen, guess)
    return divide(rows, rows.sum(axis=1, keepdims=True), 0.0)


def _carried(metric: Metric, recalls: Floats, shares: Floats, limits: Limits) -> dict[str, Interval]:
    """Move each recall and each share but the largest to its limits; other shares keep their proportions."""
    count, largest = len(recalls), int(shares.argmax())
    moved = [i for i in range(2 * count) if shares[i % count] > 0 and i != count + largest]
    recall = np.tile(recalls, (1 + 2 * len(moved), 1))
    share = np.tile(shares, (1 + 2 * len(moved), 1))
    for row, (i, side) in enumerate(((i, side) for i in moved for side in (0, 1)), start=1):
        limit = limits[i][side]
        if i < count:
            recall[row, i] = limit
        else:
            k = i - count
            share[row] *= (1 - limit) / (1 - shares[k])
            share[row, k] = limit
    found = metric(recall, share)
    return {
        name: intervals.carried_interval(float(values[0]), np.nan_to_num(values[1:], nan=values[0]).reshape(-1, 2))
        for name, values in found.items()
    }
