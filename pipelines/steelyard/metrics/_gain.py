"""How much better some decisions are than others about the same rows: a paired difference with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from steelyard.errors import ConfigError
from steelyard.kernels import intervals
from steelyard.metrics._bootstrap import Basis, Estimate, Number, mean_of, number
from steelyard.metrics._class_metrics import ClassMetrics
from steelyard.metrics._losses import probability_estimate
from steelyard.metrics._metric import Metric
from steelyard.metrics._savings import matrix_estimate
from steelyard.metrics._split import class_metrics, decided_estimate, rarest_basis
from steelyard.metrics._tables import BucketTable, ScoreTable
from steelyard.metrics.registry import get_metric


@dataclass(frozen=True)
class ScoredSplit:
    """The tables of one split, from which metrics are compared with those of other scores.

    `tables` are those of the positive class, or of each class of several. `has_matrix` says whether the buckets hold
    the costs of decisions among several classes.
    """

    classes: Sequence[str]
    positive: str | None
    tables: Mapping[str, tuple[ScoreTable, BucketTable]]
    grouped: bool
    has_matrix: bool = False
    not_probabilities: str | None = None

    @cached_property
    def ones(self) -> dict[str, ClassMetrics]:
        """Each class against the rest."""
        return class_metrics(self.classes, self.positive, self.tables, grouped=self.grouped)

    @property
    def basis(self) -> Basis:
        """The rows that decide how sure a metric is."""
        return rarest_basis(self.ones) if self.positive is None else self.ones[self.positive].basis

    def estimate(self, metric: Metric) -> Estimate | None:
        """Return a metric with its draws, None where there is none."""
        ones = list(self.ones.values())
        if metric.kind == "class_counts":
            return decided_estimate(self.ones, metric)
        if metric.needs == "probabilities":
            own = ones if self.positive is None else [self.ones[self.positive]]
            return None if self.not_probabilities else probability_estimate(own, metric)
        if metric.kind == "cost":
            return self._cost(metric)
        if self.positive is not None:
            return self.ones[self.positive].estimate(metric)
        return None if metric.two_classes_only else mean_of([one.estimate(metric) for one in ones if one.rows])

    def _cost(self, metric: Metric) -> Estimate | None:
        if self.positive is not None:
            one = self.ones[self.positive]
            return one.estimate(metric) if one.table.has_costs else None
        return matrix_estimate(self.ones) if self.has_matrix and metric.name == "expected_cost" else None


def gain(one: ScoredSplit, other: ScoredSplit, name: str) -> Number:
    """Return by how much a metric is better on one side, see `SplitMetrics.gain_over`.

    Raises
    ------
    ConfigError
        For an unknown metric, and for sides that do not hold the same rows.
    """
    metric = get_metric(name)
    if any(one.ones[c].rows != other.ones[c].rows for c in one.classes):
        raise ConfigError("metrics can be compared only on the same rows")
    ours, theirs = one.estimate(metric), other.estimate(metric)
    if ours is None or theirs is None or not np.isfinite([ours.value, theirs.value]).all():
        return number(None)
    sign = 1.0 if metric.greater_is_better else -1.0
    difference = Estimate(sign * (ours.value - theirs.value), sign * (ours.draws - theirs.draws))
    basis = one.basis
    if basis.note:
        return number(difference, note=basis.note)
    # Equal in every draw: the decisions or scores are the same, and so is any sample's difference.
    error = basis.bootstrap.error(difference) if np.any(np.nan_to_num(difference.draws)) else 0.0
    half = intervals.t_quantile(basis.freedom) * error
    return number(difference, (difference.value - half, difference.value + half))
