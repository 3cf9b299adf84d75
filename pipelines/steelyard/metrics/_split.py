"""All metrics of one split, from score and bucket tables. No Spark here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats, divide
from steelyard.kernels.intervals import Interval
from steelyard.metrics._bootstrap import Basis, Bootstrap, Estimate, Number, mean_of, number, proportion, undefined
from steelyard.metrics._carried import carried_decisions
from steelyard.metrics._class_intervals import class_number, class_numbers
from steelyard.metrics._class_metrics import NEGATIVES, POSITIVES, ClassMetrics
from steelyard.metrics._counts import MulticlassCounts
from steelyard.metrics._losses import probability_number
from steelyard.metrics._metric import Metric
from steelyard.metrics._net_benefit import net_benefit
from steelyard.metrics._rows import NO_PROBABILITY
from steelyard.metrics._savings import matrix_numbers, savings
from steelyard.metrics._tables import BucketTable, ScoreTable
from steelyard.metrics.registry import all_metrics, metric_names

Classes = Mapping[str, ClassMetrics]
Confusion = Mapping[str, Mapping[str, int]]
Tables = Mapping[str, tuple[ScoreTable, BucketTable]]


def split_document(
    classes: Sequence[str],
    positive: str | None,
    confusion: Confusion,
    tables: Tables,
    *,
    grouped: bool,
    not_probabilities: str | None = None,
    rivals: Mapping[str, float] | None = None,
    matrix: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, Any]:
    """Return one split of `metrics.json`.

    Parameters
    ----------
    classes : sequence of str
    positive : str or None
        None where there are more than two classes.
    confusion : mapping
        Actual class → decided class → rows.
    tables : mapping
        The tables of the positive class; of each class where there are more than two.
    grouped : bool
        Whether the buckets hold whole groups.
    not_probabilities : str, optional
        The reason why the scores are not probabilities, if so: metrics of probabilities are then null.
    rivals : mapping of str to float, optional
        Other thresholds, whose costs the buckets hold: with costs, `saved` compares the decisions with theirs.
    matrix : mapping, optional
        With more than two classes: actual class → decided class → cost. The buckets then hold the costs of decisions.
    """
    ones = class_metrics(classes, positive, tables, grouped=grouped)
    support = {name: one.rows for name, one in ones.items()}
    document: dict[str, Any] = {
        "n": sum(support.values()),
        "support": support,
        **_majority(ones, support),
        "absent_classes": [name for name, rows in support.items() if not rows],
        "confusion": {a: {d: confusion.get(a, {}).get(d, 0) for d in classes} for a in classes},
        "per_class": {name: class_numbers(one) for name, one in ones.items()},
        **_decisions(ones, confusion),
        **(_positive_numbers(ones[positive]) if positive is not None else undefined(metric_names(scope="positive"))),
        **_probabilities(ones, positive, not_probabilities or _beyond_one(tables)),
    }
    if positive is None:
        return document | _means(ones) | (matrix_numbers(ones, matrix) if matrix is not None else {})
    one, no_probabilities = ones[positive], not_probabilities or _beyond_one(tables)
    if not one.rows:
        return document
    saved = savings(one, rivals or {})
    benefit = [] if no_probabilities else net_benefit(one)
    return document | ({"saved": saved} if saved else {}) | ({"net_benefit": benefit} if benefit else {})


def class_metrics(
    classes: Sequence[str], positive: str | None, tables: Tables, *, grouped: bool
) -> dict[str, ClassMetrics]:
    """Return each class against the rest, with the same draws for all."""
    sizes = next(iter(tables.values()))[1]
    bootstrap = Bootstrap.over(sizes.pos.sum(axis=1) + sizes.neg.sum(axis=1), grouped=grouped)
    ones = {name: ClassMetrics(*tables[name], bootstrap) for name in tables}
    if positive is not None:
        negative = next(name for name in classes if name != positive)
        ones[negative] = ones[positive].flipped()
    return {name: ones[name] for name in classes}


def _beyond_one(tables: Tables) -> str | None:
    inside = all(not len(table) or (table.low.min() >= 0 and table.high.max() <= 1) for table, _ in tables.values())
    return None if inside else NO_PROBABILITY


def _bucket_counts(ones: Classes) -> MulticlassCounts:
    """Return the decisions about all classes: shape (buckets, classes)."""
    decided = [one.buckets.counts for one in ones.values()]
    return MulticlassCounts(
        np.stack([d.tp for d in decided], axis=1),
        np.stack([d.tp + d.fp for d in decided], axis=1),
        np.stack([d.tp + d.fn for d in decided], axis=1),
    )


def _heaviest(ones: Classes) -> str:
    """Return the class whose rows weigh most: the one that "always the majority" decides for."""
    return max(ones, key=lambda name: float(ones[name].table.pos.sum()))


def _majority(ones: Classes, support: Mapping[str, int]) -> dict[str, str]:
    """Return the majority where weights make it another class than that of the most rows."""
    heaviest = _heaviest(ones)
    return {} if heaviest == max(support, key=support.__getitem__) else {"majority": heaviest}


def _largest_share(ones: Classes, support: Floats) -> Number:
    """Return the share of the class whose rows weigh most: the accuracy of "always the majority"."""
    first, total = next(iter(ones.values())), support.sum(axis=1)
    own, weights = support[:, list(ones).index(_heaviest(ones))], first.bootstrap.weights
    share = Estimate(float(divide(own.sum(), total.sum())), divide(weights @ own, weights @ total))
    return proportion(first.bootstrap, share, first.worth("tp", "fp", "fn", "tn"), total)


def _decisions(ones: Classes, confusion: Confusion) -> dict[str, Number]:
    """Return the metrics of all classes' decisions at once."""
    metrics = [m for m in all_metrics() if m.kind == "class_counts"]
    counts, first = _bucket_counts(ones), next(iter(ones.values()))
    carried = _carried(ones, confusion, [m for m in metrics if m.interval != "proportion"])
    numbers = {"accuracy_always_majority": _largest_share(ones, counts.support)}
    for m in metrics:
        estimate = decided_estimate(ones, m)
        if m.interval == "proportion":
            rows = first.worth("tp", "fp", "fn", "tn")
            numbers[m.name] = proportion(first.bootstrap, estimate, rows, counts.support.sum(axis=1))
        else:
            basis = rarest_basis(ones) if m.interval == "class_mean" else whole_basis(ones)
            numbers[m.name] = basis.number(estimate, m.range, carried.get(m.name))
    return numbers


def decided_estimate(ones: Classes, metric: Metric) -> Estimate:
    """Return a metric of all classes' decisions, with its draws."""
    counts, first = _bucket_counts(ones), next(iter(ones.values()))
    parts = (counts.hits, counts.predicted, counts.support)
    total = MulticlassCounts(*(part.sum(axis=0) for part in parts))
    drawn = MulticlassCounts(*(first.bootstrap.weights @ part for part in parts))
    return Estimate(float(metric.compute(total)), metric.compute(drawn))


def _carried(ones: Classes, confusion: Confusion, metrics: Sequence[Metric]) -> Mapping[str, Interval]:
    """Return the intervals that the classes' recalls and shares imply; none where one of these has no interval."""
    of_recalls = [one.recall for one in ones.values()]
    of_shares = [one.share for one in ones.values()]
    limits = []
    for part, one in zip([*of_recalls, *of_shares], [*ones.values()] * 2, strict=True):
        if part["ci95"] is None and one.rows:
            return {}
        limits.append(part["ci95"] or (0.0, 0.0))
    errors = np.array([[float(confusion.get(a, {}).get(d, 0)) for d in ones] for a in ones])
    recalls, shares = (np.array([part["value"] or 0.0 for part in parts]) for parts in (of_recalls, of_shares))
    return carried_decisions(recalls, shares, errors, limits, {m.name: m.compute for m in metrics})


def whole_basis(ones: Classes) -> Basis:
    """Return the rows behind metrics over all rows: all classes but the largest."""
    largest = max(ones, key=lambda name: ones[name].rows)
    one = ones[largest]
    return Basis(one.bootstrap, one.worth(*NEGATIVES), one.buckets.neg.sum(axis=1))


def rarest_basis(ones: Classes) -> Basis:
    """Return the rows behind means over classes: those of the rarest class that has rows."""
    one = min((one for one in ones.values() if one.rows), key=lambda one: one.worth(*POSITIVES))
    return Basis(one.bootstrap, one.worth(*POSITIVES), one.buckets.pos.sum(axis=1))


def _positive_numbers(one: ClassMetrics) -> dict[str, Number]:
    """Return the metrics of the positive class alone."""
    if not one.rows:
        return dict(undefined(metric_names(scope="positive")))
    return {m.name: class_number(one, m) for m in all_metrics() if m.scope == "positive"}


def _probabilities(ones: Classes, positive: str | None, reason: str | None) -> dict[str, Number]:
    """Return the metrics of probabilities; null where the scores are none."""
    metrics = [m for m in all_metrics() if m.needs == "probabilities"]
    if positive is not None and not ones[positive].rows:
        return dict(undefined([m.name for m in metrics]))
    if reason is not None:
        return {m.name: number(None, note=reason) for m in metrics}
    parts, basis = (
        ([ones[positive]], ones[positive].basis) if positive is not None else ([*ones.values()], whole_basis(ones))
    )
    return {m.name: probability_number(parts, m, basis) for m in metrics}


def _means(ones: Classes) -> dict[str, dict[str, Number]]:
    """Return the means over the classes that have rows."""
    present = [one for one in ones.values() if one.rows]
    support = [float(one.table.pos.sum()) for one in present]
    return {
        "macro": _mean(present, None, rarest_basis(ones)),
        "weighted": _mean(present, support, whole_basis(ones)),
    }


def _mean(ones: Sequence[ClassMetrics], weights: Sequence[float] | None, basis: Basis) -> dict[str, Number]:
    parts = [class_numbers(one) for one in ones]
    return {
        m.name: basis.number(
            mean_of([one.estimates[m.name] for one in ones], weights),
            m.range,
            _mean_interval([p[m.name] for p in parts], weights, m.range),
        )
        for m in all_metrics()
        if m.scope == "class"
    }


def _mean_interval(parts: Sequence[Number], weights: Sequence[float] | None, limits: Interval) -> Interval | None:
    """Return the interval of a mean that the intervals of its parts imply; a part without one may be anything."""
    shares = [1.0] * len(parts) if weights is None else weights
    there = [(p, w) for p, w in zip(parts, shares, strict=True) if p["value"] is not None]
    total = sum(w for _, w in there)
    if not total > 0:
        return None
    ends = [(p["value"], p["ci95"] or limits, w / total) for p, w in there]
    return intervals.sum_interval([(v * w, (low * w, high * w)) for v, (low, high), w in ends])
