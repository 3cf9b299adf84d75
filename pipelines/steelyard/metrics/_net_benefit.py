"""Net benefit: what decisions at a threshold are worth, in true positives per row (decision curve analysis)."""

from __future__ import annotations

from typing import Any

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats, divide, sum_in_bins
from steelyard.metrics._bootstrap import Estimate, number
from steelyard.metrics._class_metrics import ClassMetrics

THRESHOLDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def net_benefit(one: ClassMetrics) -> list[dict[str, Any]]:
    """Return the decision curve of a class.

    For each threshold t: `model`, the net benefit TP/n - FP/n t/(1-t) of an alarm on rows with a score of at least t,
    with its interval; `all`, that of an alarm on every row. No alarm at all has 0.

    References
    ----------
    Vickers, Elkin, "Decision curve analysis: a novel method for evaluating prediction models", 2006.
    """
    share = float(divide(one.table.pos.sum(), one.table.size.sum()))
    return [{"threshold": t, "model": _model(one, t), "all": share - (1 - share) * t / (1 - t)} for t in THRESHOLDS]


def _model(one: ClassMetrics, threshold: float) -> dict[str, Any]:
    table, odds = one.table, threshold / (1 - threshold)
    above = (table.low >= threshold).astype(np.float64)
    value = float(divide(above @ table.pos - odds * (above @ table.neg), table.size.sum()))
    pos, neg = one.draws
    drawn = pos @ _share(one, above, table.pos) - odds * (neg @ _share(one, above, table.neg))
    estimate = Estimate(value, divide(drawn, pos.sum(axis=1) + neg.sum(axis=1)))
    basis = one.basis
    if basis.note:
        return number(estimate, note=basis.note)
    half = intervals.t_quantile(basis.freedom) * one.bootstrap.error(estimate)
    return number(estimate, (value - half, value + half))


def _share(one: ClassMetrics, above: Floats, weights: Floats) -> Floats:
    """Return the share of each bin's weight that is above a threshold."""
    bins, count = one.buckets.assigned, one.buckets.pos.shape[1]
    found: Floats = divide(sum_in_bins(bins, above * weights, count), sum_in_bins(bins, weights, count), 0.0)
    return found
