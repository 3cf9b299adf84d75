"""Numbers of one class for `metrics.json`: a function for each interval method."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats, divide
from steelyard.metrics._bootstrap import APPROXIMATE, FROM_RANGES, Estimate, Number, number, undefined
from steelyard.metrics._class_metrics import POSITIVES, ClassMetrics
from steelyard.metrics._counts import CostTotals
from steelyard.metrics._metric import Metric
from steelyard.metrics.registry import all_metrics, metric_names

UNSEEN = 0.6  # weight of a row that no sample has shown yet; by benchmarks/intervals.py
UNEVEN = 0.2  # rows of equal cost that those of a class are worth, by its rows


def class_numbers(one: ClassMetrics) -> dict[str, Number]:
    """Return the metrics of each class as `metrics.json` holds them; all null for a class without rows."""
    if not one.rows:
        return dict(undefined(metric_names(scope="class")))
    return {m.name: class_number(one, m) for m in all_metrics() if m.scope == "class"}


def class_number(one: ClassMetrics, metric: Metric) -> Number:
    """Return a metric of decisions, of the ranking or of costs, with its interval."""
    if metric.kind == "cost" and not one.table.has_costs:
        return number(None)
    found = _METHODS[metric.interval](one, metric)
    loose = metric.kind == "ranking" and metric.bounds is None and not one.table.exact
    return {"note": FROM_RANGES, **found} if loose else found


def _bootstrap(one: ClassMetrics, metric: Metric) -> Number:
    carried = one.carried.get(metric.name) if metric.kind == "counts" else None
    return one.basis.number(one.estimate(metric), metric.range, carried)


def _proportion(one: ClassMetrics, metric: Metric) -> Number:
    return one.proportion(one.estimate(metric), metric.cells)


def _top_k(one: ClassMetrics, metric: Metric) -> Number:
    return _bootstrap(one, metric) | {"k": float(one.table.pos.sum())}


def _unseen_positive(one: ClassMetrics, metric: Metric) -> Number:
    """Return the PR area; its interval allows for one more positive that is ranked last."""
    basis, area = one.basis, one.estimate(metric)
    missing = 1 - area.value
    if basis.note or not missing < 0.5:
        return basis.number(area, metric.range)
    event = UNSEEN * area.value / basis.rows
    _, high = intervals.total_interval(missing, basis.bootstrap.error(area), basis.freedom, event)
    return basis.number(area, metric.range, (1 - high, area.value))


def _ranks(one: ClassMetrics, metric: Metric) -> Number:
    """Return the ROC area with its interval.

    The area is 1 less a mean over the rarer side: of the share of the other side that each row is ranked behind.
    It is taken as a mean of skewed amounts: few rows with a bad rank, or none yet, decide it. The unseen one is
    expected to be ranked as the rows are, with one more added whose rank says nothing.
    """
    basis, t, estimate = one.basis, one.table, one.estimate(metric)
    if basis.note or math.isnan(estimate.value):
        return basis.number(estimate, metric.range)
    own, other = (t.pos, t.neg) if one.worth(*POSITIVES) <= basis.rows else (t.neg[::-1], t.pos[::-1])
    behind = divide(np.cumsum(other) - other / 2, other.sum())
    value = 1 - estimate.value
    if value > 0.5:
        behind, value = 1 - behind, estimate.value
    mean, square = (float(divide(own @ behind**k, own.sum())) for k in (1, 2))
    blank = float(divide(other @ behind**2, other.sum()))
    tied = float(divide(other @ other, other.sum() ** 2))  # with few distinct scores, one rank is far from the next
    event = (basis.rows * square + blank) / (basis.rows * mean + 0.5) / basis.rows * UNSEEN * (1 + tied)
    low, high = intervals.total_interval(value, basis.bootstrap.error(estimate), basis.freedom, event)
    ends = (low, high) if estimate.value < 0.5 else (1 - high, 1 - low)
    return number(estimate, intervals.envelope(ends))


def _best_threshold(one: ClassMetrics, metric: Metric) -> Number:
    """Return a maximum over thresholds with its interval.

    A maximum is biased upwards: the lower limit is that of a value less the bias that resampling shows, and less half a
    standard error more, since resampling shows half of the bias (benchmarks/intervals.py).
    """
    basis, estimate = one.basis, one.estimate(metric)
    if basis.note or math.isnan(estimate.value):
        return basis.number(estimate, metric.range)
    error = basis.bootstrap.error(estimate)
    bias = max(float(np.nanmean(estimate.draws)) - estimate.value, 0.0) + error / 2
    fallback = basis.bootstrap.worth(basis.rows, basis.sizes)
    pair = [
        intervals.unit_interval(value, error, basis.freedom, fallback, most=basis.rows)
        for value in (estimate.value, max(estimate.value - bias, 0.0))
    ]
    return number(estimate, intervals.envelope(*pair))


def _total(one: ClassMetrics, metric: Metric) -> Number:
    """Return a sum of two costs per row. Each has an interval of its own; then these are combined.

    With few errors, the observed costs underestimate the cost of an unseen one; all costs of the class show more. The
    unseen event is given half their mean and half their mean with each counted as often as it costs: simulations
    (benchmarks/intervals.py) held the truth in 91 % of cases with the former alone, in 99 % with the latter.
    """
    cost = _parts(one, metric)
    basis, weights, size = one.basis, one.bootstrap.weights, _sizes(one)
    drawn = divide(weights @ cost, (weights @ size)[:, None])
    means = divide(cost.sum(axis=0), size.sum())
    whole = Estimate(float(means.sum()), drawn.sum(axis=1))
    if basis.note:
        return number(whole, note=basis.note)
    parts = []
    for i, event in enumerate(_unseen(one)):
        mean, error = float(means[i]), basis.bootstrap.error(Estimate(float(means[i]), drawn[:, i]))
        parts.append((mean, intervals.total_interval(mean, error, basis.freedom, event)))
    return number(whole, intervals.sum_interval(parts), note=APPROXIMATE if _uneven(one, cost) else None)


def _sizes(one: ClassMetrics) -> Floats:
    sizes: Floats = (one.buckets.pos + one.buckets.neg).sum(axis=1)
    return sizes


def _parts(one: ClassMetrics, metric: Metric) -> Floats:
    """Return the costs of missed positives and of false alarms per bucket that the metric adds up."""
    missed, alarms, all_missed, all_alarms = one.buckets.cost.T
    none, row = np.zeros(len(missed)), np.ones(len(missed))
    parts = (CostTotals(missed, none, all_missed, none, row), CostTotals(none, alarms, none, all_alarms, row))
    return np.stack([metric.compute(part) for part in parts], axis=1)


def _unseen(one: ClassMetrics) -> list[float]:
    """Return the cost per row of an unseen miss, and of an unseen false alarm."""
    rows, size = (one.rows, one.others), float(_sizes(one).sum())
    totals = [float(one.buckets.cost[:, 2 + i].sum()) for i in (0, 1)]
    squares = [float(of) for of in one.buckets.squares]
    return [(t / n + s / t) / 2 / size if t > 0 else 0.0 for t, n, s in zip(totals, rows, squares, strict=True)]


def _uneven(one: ClassMetrics, cost: Floats) -> bool:
    """Return whether few rows carry most of a cost that is there: a sample without the costliest ones looks cheap."""
    totals, rows = one.buckets.cost[:, 2:].sum(axis=0), np.array([one.rows, one.others])
    few = (totals > 0) & (totals**2 < UNEVEN * rows * one.buckets.squares)
    return bool((few & (cost.sum(axis=0) > 0)).any())


_METHODS: dict[str, Callable[[ClassMetrics, Metric], Number]] = {
    "bootstrap": _bootstrap,
    "proportion": _proportion,
    "top_k": _top_k,
    "unseen_positive": _unseen_positive,
    "ranks": _ranks,
    "best_threshold": _best_threshold,
    "total": _total,
}
