"""Metrics of one class against the rest, from its two tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from steelyard.kernels import curves, reliability, scores
from steelyard.kernels.arrays import Floats, divide, sum_in_bins
from steelyard.metrics._resampling import Basis, Estimate, Number, Resampler, proportion, undefined
from steelyard.metrics._tables import BucketTable, ScoreTable

PER_CLASS = ("precision", "recall", "f1", "f2", "specificity", "pr_auc", "roc_auc")
PRECISION_FLOOR = 0.9
ECE_BINS = 15


@dataclass(frozen=True)
class OneClass:
    """A class, its tables, and how many rows were decided to be of it."""

    table: ScoreTable
    buckets: BucketTable
    resampler: Resampler
    alarms: int

    @property
    def rows(self) -> int:
        """Rows of the class."""
        return int(self.table.count_pos.sum())

    @property
    def others(self) -> int:
        """Rows of all other classes."""
        return int(self.table.count_neg.sum())

    def flipped(self) -> OneClass:
        """Return the other class, where there are two."""
        alarms = self.rows + self.others - self.alarms
        return OneClass(self.table.flipped(), self.buckets.flipped(), self.resampler, alarms)

    @cached_property
    def draws(self) -> tuple[Floats, Floats]:
        """Weights of positives and negatives per bin, one row for each draw."""
        return self.resampler.weights @ self.buckets.pos, self.resampler.weights @ self.buckets.neg

    @property
    def basis(self) -> Basis:
        """What stands behind metrics that need both the class and the rest."""
        pos, neg = self.buckets.pos.sum(axis=1), self.buckets.neg.sum(axis=1)
        rare = self.rows <= self.others
        return Basis(self.resampler, min(self.rows, self.others), pos if rare else neg)

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """The metrics of `PER_CLASS`, each with its draws."""
        decided = self.buckets.decisions
        drawn = decided.weighted(self.resampler.weights)
        total = decided.weighted(np.ones(len(decided.tp)))
        values = scores.class_scores(total.tp, total.fp, total.fn, total.tn)
        draws = scores.class_scores(drawn.tp, drawn.fp, drawn.fn, drawn.tn)
        found = {name: Estimate(float(values[name]), draws[name]) for name in values}
        return found | {"pr_auc": self._pr_auc(), "roc_auc": self._roc_auc()}

    def _pr_auc(self) -> Estimate:
        t = self.table
        bounds = None if t.exact else curves.average_precision_bounds(t.pos, t.neg, t.tied)
        return _estimate(curves.average_precision(t.pos, t.neg), curves.average_precision(*self.draws), bounds)

    def _roc_auc(self) -> Estimate:
        t = self.table
        bounds = None if t.exact else curves.roc_auc_bounds(t.pos, t.neg, t.tied)
        return _estimate(curves.roc_auc(t.pos, t.neg), curves.roc_auc(*self.draws), bounds)

    def numbers(self) -> dict[str, Number]:
        """Return the metrics of `PER_CLASS` as `metrics.json` holds them; all null for a class without rows."""
        if not self.rows:
            return dict(undefined(PER_CLASS))
        found, decided = self.estimates, self.buckets.decisions
        behind = {
            "precision": (self.alarms, decided.tp + decided.fp),
            "recall": (self.rows, decided.tp + decided.fn),
            "specificity": (self.others, decided.tn + decided.fp),
        }
        return {
            name: proportion(self.resampler, found[name], *behind[name])
            if name in behind
            else self.basis.unit(found[name])
            for name in PER_CLASS
        }

    def recall_at_precision(self) -> Estimate:
        """Return the highest recall of a threshold with a precision of at least 0.9."""
        t = self.table
        value = curves.recall_at_precision(t.pos, t.neg, PRECISION_FLOOR)
        best = curves.recall_at_precision_bound(t.pos, t.neg, PRECISION_FLOOR)
        draws = curves.recall_at_precision(*self.draws, PRECISION_FLOOR)
        return _estimate(value, draws, None if t.exact else (value, np.maximum(value, best)))

    def precision_at_k(self) -> Estimate:
        """Return the share of positives among as many of the highest scores as there are positives."""
        t, k = self.table, float(self.table.pos.sum())
        draws = curves.precision_at_k(*self.draws, self.draws[0].sum(axis=1))
        bounds = None if t.exact else curves.precision_at_k_bounds(t.pos, t.neg, k, t.tied)
        return Estimate(float(curves.precision_at_k(t.pos, t.neg, k)), draws, bounds)

    def brier(self) -> Estimate:
        """Return the mean squared error of the scores."""
        t = self.table
        return self._loss(*(reliability.squared_losses(s) for s in (t.score, t.low, t.high)))

    def log_loss(self, *, positives_only: bool = False) -> Estimate:
        """Return the mean logarithmic loss; of several classes, each adds that of its own rows."""
        t = self.table
        kinds = (reliability.log_losses(s) for s in (t.score, t.low, t.high))
        return self._loss(*((pos, neg * 0.0) if positives_only else (pos, neg) for pos, neg in kinds))

    def _loss(self, *losses: tuple[Floats, Floats]) -> Estimate:
        t, (middle, at_low, at_high) = self.table, losses
        value = float(reliability.mean_loss(middle, t.pos, t.neg))
        per_bin = (self._bin_mean(middle[0], t.pos), self._bin_mean(middle[1], t.neg))
        weights = self.resampler.weights
        lost = weights @ (self.buckets.pos @ per_bin[0] + self.buckets.neg @ per_bin[1])
        draws = divide(lost, self.draws[0].sum(axis=1) + self.draws[1].sum(axis=1))
        if t.exact:
            return Estimate(value, draws)
        best = float(reliability.mean_loss((at_high[0], at_low[1]), t.pos, t.neg))
        worst = float(reliability.mean_loss((at_low[0], at_high[1]), t.pos, t.neg))
        return Estimate(value, draws, (best, worst))

    def calibration_error(self) -> Estimate:
        """Return the expected calibration error over bins of equal mass."""
        t = self.table
        assigned = reliability.mass_bins(t.size, ECE_BINS)
        value = float(reliability.calibration_error(t.score, t.pos, t.neg, assigned))
        centre = self._bin_mean(t.score, t.size)
        coarse = reliability.mass_bins(self.buckets.pos.sum(axis=0) + self.buckets.neg.sum(axis=0), ECE_BINS)
        draws = reliability.calibration_error(centre, *self.draws, coarse)
        if t.exact:
            return Estimate(value, draws)
        loose = float(divide(t.size @ (t.high - t.low) / 2, t.size.sum()))
        return Estimate(value, draws, (max(value - loose, 0.0), value + loose))

    def _bin_mean(self, values: Floats, weights: Floats) -> Floats:
        """Return the mean of values of the score table's rows in each bin of the bucket table."""
        bins, count = self.buckets.assigned, self.buckets.pos.shape[1]
        total = sum_in_bins(bins, values * weights, count)
        return divide(total, sum_in_bins(bins, weights, count), 0.0)


def _estimate(value: Floats, draws: Floats, bounds: tuple[Floats, Floats] | None) -> Estimate:
    return Estimate(float(value), draws, None if bounds is None else (float(bounds[0]), float(bounds[1])))
