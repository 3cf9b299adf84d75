"""One class against the rest: its tables, and the estimates that its metrics are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from steelyard.kernels.arrays import Floats, divide
from steelyard.kernels.intervals import Interval
from steelyard.metrics._bootstrap import Basis, Bootstrap, Estimate, Number, proportion
from steelyard.metrics._carried import carried_scores
from steelyard.metrics._counts import ConfusionCounts, CostTotals
from steelyard.metrics._metric import Metric
from steelyard.metrics._tables import BucketTable, ScoreTable
from steelyard.metrics.registry import all_metrics

_CELLS = ("tp", "fp", "fn", "tn")
POSITIVES, NEGATIVES = ("tp", "fn"), ("fp", "tn")


@dataclass(frozen=True)
class ClassMetrics:
    """A class, its tables and the draws of the bootstrap."""

    table: ScoreTable
    buckets: BucketTable
    bootstrap: Bootstrap

    @property
    def rows(self) -> int:
        """Rows of the class."""
        return int(self.table.count_pos.sum())

    @property
    def others(self) -> int:
        """Rows of all other classes."""
        return int(self.table.count_neg.sum())

    def flipped(self) -> ClassMetrics:
        """Return the other class, where there are two."""
        return ClassMetrics(self.table.flipped(), self.buckets.flipped(), self.bootstrap)

    def worth(self, *cells: str) -> float:
        """Return how many rows of equal weight the rows in some cells of the confusion matrix are worth (Kish)."""
        decided, places = self.buckets.counts, [_CELLS.index(cell) for cell in cells]
        total = sum(float(getattr(decided, cell).sum()) for cell in cells)
        squares = float(self.buckets.weight_squares[places].sum())
        return total**2 / squares if squares > 0 else 0.0

    @cached_property
    def draws(self) -> tuple[Floats, Floats]:
        """Weights of positives and negatives per bin, one row for each draw."""
        return self.bootstrap.weights @ self.buckets.pos, self.bootstrap.weights @ self.buckets.neg

    @cached_property
    def counts(self) -> ConfusionCounts:
        """The decisions of all rows."""
        return self.buckets.counts.weighted(np.ones(len(self.buckets.counts.tp)))

    @cached_property
    def drawn_counts(self) -> ConfusionCounts:
        """The decisions in each draw."""
        return self.buckets.counts.weighted(self.bootstrap.weights)

    @property
    def basis(self) -> Basis:
        """Rows behind metrics that need both the class and the rest."""
        pos, neg = self.buckets.pos.sum(axis=1), self.buckets.neg.sum(axis=1)
        sides = self.worth(*POSITIVES), self.worth(*NEGATIVES)
        return Basis(self.bootstrap, min(sides), pos if sides[0] <= sides[1] else neg)

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Metrics of each class, with their draws."""
        return {m.name: self.estimate(m) for m in all_metrics() if m.scope == "class"}

    def estimate(self, metric: Metric) -> Estimate:
        """Return a metric of decisions, of the ranking or of costs, with its draws."""
        if metric.kind == "cost":
            columns = np.column_stack([self.buckets.cost, (self.buckets.pos + self.buckets.neg).sum(axis=1)])
            total, drawn = columns.sum(axis=0), self.bootstrap.weights @ columns
            return Estimate(float(metric.compute(CostTotals(*total))), metric.compute(CostTotals(*drawn.T)))
        if metric.kind == "counts":
            return Estimate(float(metric.compute(self.counts)), metric.compute(self.drawn_counts))
        pos, neg = self.table.pos, self.table.neg
        bounds = None
        if metric.bounds is not None and not self.table.exact:
            low, high = metric.bounds(pos, neg, self.table.tied)
            bounds = float(low), float(high)
        return Estimate(float(metric.compute(pos, neg)), metric.compute(*self.draws), bounds)

    def proportion(self, estimate: Estimate, cells: tuple[str, ...]) -> Number:
        """Return a share of the rows in some cells of the confusion matrix."""
        sizes = sum(getattr(self.buckets.counts, cell) for cell in cells)
        return proportion(self.bootstrap, estimate, self.worth(*cells), sizes)

    @cached_property
    def recall(self) -> Number:
        """The share of the class's rows that is found."""
        return self.proportion(Estimate(float(self.counts.recall), self.drawn_counts.recall), POSITIVES)

    @cached_property
    def specificity(self) -> Number:
        """The share of the other rows without an alarm."""
        return self.proportion(Estimate(float(self.counts.specificity), self.drawn_counts.specificity), NEGATIVES)

    @cached_property
    def share(self) -> Number:
        """The share of the class among all rows."""
        pos, size = self.buckets.pos.sum(axis=1), (self.buckets.pos + self.buckets.neg).sum(axis=1)
        weights = self.bootstrap.weights
        estimate = Estimate(float(divide(pos.sum(), size.sum())), divide(weights @ pos, weights @ size))
        return proportion(self.bootstrap, estimate, self.worth(*_CELLS), size)

    @cached_property
    def carried(self) -> Mapping[str, Interval]:
        """Intervals that recall, specificity and share imply for metrics of decisions; none where one has none."""
        parts = [self.recall, self.specificity, self.share]
        limits = [part["ci95"] for part in parts if part["ci95"] is not None]
        if len(limits) < len(parts):
            return {}
        recall, specificity, share = (float(part["value"]) for part in parts)
        formulas = {m.name: m.compute for m in all_metrics() if m.kind == "counts" and m.interval == "bootstrap"}
        return carried_scores(recall, specificity, share, limits, formulas)
