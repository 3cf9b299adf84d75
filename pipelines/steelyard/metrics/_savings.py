"""Money saved: the costs of the decisions against those of other decisions on the same rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats, divide
from steelyard.metrics._bootstrap import Basis, Estimate, Number, number
from steelyard.metrics._class_metrics import POSITIVES, ClassMetrics

NO_MODEL, SAME_CLASS = "no_model", "same_class"


def savings(one: ClassMetrics, rivals: Mapping[str, float]) -> dict[str, Number]:
    """Return what the decisions save on all rows, with paired intervals; empty without costs.

    Parameters
    ----------
    one : ClassMetrics
        Of the positive class. Its buckets hold the costs of the other thresholds, in the order of `rivals`.
    rivals : mapping of str to float
        Other thresholds by their names. `no_model` is added: no alarm on any row.

    Returns
    -------
    dict
        Name → number; less than 0 where the decisions cost more. Each draw of the bootstrap takes the same rows for
        both sides of a difference, so that the interval is that of the difference.
    """
    if not one.table.has_costs:
        return {}
    missed, alarms, all_missed, _ = one.buckets.cost.T
    model = missed + alarms
    found = {NO_MODEL: _difference(one, all_missed - model)}
    for (name, threshold), cost in zip(rivals.items(), one.buckets.rivals.T, strict=True):
        found[name] = _difference(one, cost - model) | {"threshold": threshold}
    return found


def matrix_numbers(
    ones: Mapping[str, ClassMetrics], matrix: Mapping[str, Mapping[str, float]]
) -> dict[str, Number | dict[str, Number]]:
    """Return the expected cost of decisions among several classes, and what they save.

    `saved` compares with the cheapest single class for all rows, which these very rows choose.
    """
    some = min((one for one in ones.values() if one.rows), key=lambda one: one.worth(*POSITIVES))
    cost = _matrix_cost(ones)
    basis = Basis(some.bootstrap, some.worth(*POSITIVES), some.buckets.pos.sum(axis=1))
    support = {a: one.buckets.pos.sum(axis=1) for a, one in ones.items()}
    each = {d: np.sum([of * matrix.get(a, {}).get(d, 0.0) for a, of in support.items()], axis=0) for d in ones}
    best = min(each, key=lambda d: float(each[d].sum()))
    saved = _difference(some, each[best] - cost) | {"class": best}
    return {"expected_cost": basis.number(matrix_estimate(ones), (0.0, np.inf)), "saved": {SAME_CLASS: saved}}


def matrix_estimate(ones: Mapping[str, ClassMetrics]) -> Estimate:
    """Return the mean cost of decisions among several classes, with its draws."""
    cost, one = _matrix_cost(ones), next(iter(ones.values()))
    size, weights = (one.buckets.pos + one.buckets.neg).sum(axis=1), one.bootstrap.weights
    return Estimate(float(divide(cost.sum(), size.sum())), divide(weights @ cost, weights @ size))


def _matrix_cost(ones: Mapping[str, ClassMetrics]) -> Floats:
    """Return the cost of the decisions in each bucket."""
    total: Floats = np.sum([one.buckets.cost[:, 0] for one in ones.values()], axis=0)
    return total


def _difference(one: ClassMetrics, saved: Floats) -> Number:
    weights, size = one.bootstrap.weights, (one.buckets.pos + one.buckets.neg).sum(axis=1)
    total = float(size.sum())
    estimate = Estimate(float(saved.sum()), divide(weights @ saved, weights @ size) * total)
    basis = one.basis
    if basis.note:
        return number(estimate, note=basis.note)
    error = 0.0 if not np.any(saved) else one.bootstrap.error(estimate)
    half = intervals.t_quantile(basis.freedom) * error
    return number(estimate, (estimate.value - half, estimate.value + half))
