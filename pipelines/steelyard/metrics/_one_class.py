"""Metrics of one class against the rest, from its two tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from steelyard.kernels import curves, intervals, reliability, scores
from steelyard.kernels.arrays import Floats, divide, sum_in_bins
from steelyard.kernels.intervals import Interval
from steelyard.metrics._carried import carried_scores
from steelyard.metrics._resampling import Basis, Estimate, Number, Resampler, number, proportion, undefined
from steelyard.metrics._tables import BucketTable, ScoreTable

PER_CLASS = ("precision", "recall", "f1", "f2", "specificity", "pr_auc", "roc_auc")
PRECISION_FLOOR = 0.9
UNSEEN = 0.6  # weight of a row that no sample has shown yet; by benchmarks/intervals.py
_CELLS = ("tp", "fp", "fn", "tn")
POSITIVES, NEGATIVES, ALARMS = ("tp", "fn"), ("fp", "tn"), ("tp", "fp")
ECE_BINS = 15


@dataclass(frozen=True)
class CalibrationError:
    """An expected calibration error, biased upwards as it is, with the bins' gaps and their standard errors.

    `loose` is how far the error may be off because the score table holds ranges of scores.
    """

    value: float
    gaps: Floats
    deviations: Floats
    loose: float = 0.0

    @classmethod
    def mean(cls, errors: Sequence[CalibrationError]) -> CalibrationError:
        """Return the mean of several classes' errors."""
        count = len(errors)
        return cls(
            sum(e.value for e in errors) / count,
            np.concatenate([e.gaps for e in errors]) / count,
            np.concatenate([e.deviations for e in errors]) / count,
            sum(e.loose for e in errors) / count,
        )

    def number(self, basis: Basis) -> Number:
        """Return the error less its bias, with an interval that reaches 0 for calibrated scores."""
        wider = intervals.t_quantile(basis.freedom) / intervals.t_quantile(math.inf)
        real, low, high = reliability.debiased_error(self.gaps, self.deviations * wider)
        value = real * self.value
        bounds = (real * max(self.value - self.loose, 0.0), real * (self.value + self.loose)) if self.loose else None
        ci95 = None if basis.note else (low * self.value, max(high * self.value, value))
        return number(Estimate(value, np.array([]), bounds), ci95, note=basis.note)


@dataclass(frozen=True)
class OneClass:
    """A class and its tables."""

    table: ScoreTable
    buckets: BucketTable
    resampler: Resampler

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
        return OneClass(self.table.flipped(), self.buckets.flipped(), self.resampler)

    def worth(self, *cells: str) -> float:
        """Return how many rows of equal weight the rows in some cells of the confusion matrix are worth (Kish)."""
        decided, places = self.buckets.decisions, [_CELLS.index(cell) for cell in cells]
        total = sum(float(getattr(decided, cell).sum()) for cell in cells)
        squares = float(self.buckets.weight_squares[places].sum())
        return total**2 / squares if squares > 0 else 0.0

    @cached_property
    def draws(self) -> tuple[Floats, Floats]:
        """Weights of positives and negatives per bin, one row for each draw."""
        return self.resampler.weights @ self.buckets.pos, self.resampler.weights @ self.buckets.neg

    @property
    def basis(self) -> Basis:
        """What stands behind metrics that need both the class and the rest."""
        pos, neg = self.buckets.pos.sum(axis=1), self.buckets.neg.sum(axis=1)
        sides = self.worth(*POSITIVES), self.worth(*NEGATIVES)
        return Basis(self.resampler, min(sides), pos if sides[0] <= sides[1] else neg)

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
        found, basis = self.estimates, self.basis
        return {
            **self.proportions,
            **{name: basis.unit(found[name], self.carried.get(name)) for name in ("f1", "f2")},
            "pr_auc": basis.unit(found["pr_auc"], self._unseen(found["pr_auc"])),
            "roc_auc": self.roc_number(found["roc_auc"]),
        }

    @cached_property
    def proportions(self) -> dict[str, Number]:
        """Precision, recall and specificity: proportions of alarms, of positives, of negatives."""
        decided = self.buckets.decisions
        cells = {"precision": ALARMS, "recall": POSITIVES, "specificity": NEGATIVES}
        return {
            name: proportion(
                self.resampler, self.estimates[name], self.worth(*of), sum(getattr(decided, cell) for cell in of)
            )
            for name, of in cells.items()
        }

    @cached_property
    def share(self) -> Number:
        """The share of the class among all rows."""
        pos, size = self.buckets.pos.sum(axis=1), (self.buckets.pos + self.buckets.neg).sum(axis=1)
        weights = self.resampler.weights
        estimate = Estimate(float(divide(pos.sum(), size.sum())), divide(weights @ pos, weights @ size))
        return proportion(self.resampler, estimate, self.worth(*_CELLS), size)

    @cached_property
    def carried(self) -> dict[str, Interval]:
        """Intervals of F1, F2 and IBA that recall, specificity and share imply; none where one has no interval."""
        parts = [self.proportions["recall"], self.proportions["specificity"], self.share]
        limits = [part["ci95"] for part in parts if part["ci95"] is not None]
        if len(limits) < len(parts):
            return {}
        recall, specificity, share = (float(part["value"]) for part in parts)
        return carried_scores(recall, specificity, share, limits)

    def _unseen(self, area: Estimate) -> Interval | None:
        """Return the interval of the PR area from what is missing to 1, with one more positive ranked last."""
        basis, missing = self.basis, 1 - area.value
        if basis.note or not missing < 0.5:
            return None
        event = UNSEEN * area.value / basis.rows
        _, high = intervals.total_interval(missing, basis.resampler.error(area), basis.freedom, event)
        return 1 - high, area.value

    def roc_number(self, estimate: Estimate) -> Number:
        """Return the ROC area with its interval.

        The area is 1 less a mean over the rarer side: of the share of the other side that each row is ranked behind.
        It is taken as a mean of skewed amounts: few rows with a bad rank, or none yet, decide it. The unseen one is
        expected to be ranked as the rows are, with one more added whose rank says nothing.
        """
        basis, t = self.basis, self.table
        if basis.note or math.isnan(estimate.value):
            return basis.unit(estimate)
        own, other = (t.pos, t.neg) if self.worth(*POSITIVES) <= self.worth(*NEGATIVES) else (t.neg[::-1], t.pos[::-1])
        behind = divide(np.cumsum(other) - other / 2, other.sum())
        value = 1 - estimate.value
        if value > 0.5:
            behind, value = 1 - behind, estimate.value
        mean, square = (float(divide(own @ behind**k, own.sum())) for k in (1, 2))
        blank = float(divide(other @ behind**2, other.sum()))
        tied = float(divide(other @ other, other.sum() ** 2))  # with few distinct scores, one rank is far from the next
        event = (basis.rows * square + blank) / (basis.rows * mean + 0.5) / basis.rows * UNSEEN * (1 + tied)
        low, high = intervals.total_interval(value, basis.resampler.error(estimate), basis.freedom, event)
        ends = (low, high) if estimate.value < 0.5 else (1 - high, 1 - low)
        return number(estimate, intervals.envelope(ends))

    def best_recall(self) -> Number:
        """Return the highest recall of a threshold with a precision of at least 0.9, with its interval.

        A maximum over thresholds is biased upwards: the lower limit is that of a value less the bias that resampling
        shows, and less half a standard error more, since resampling shows half of the bias (benchmarks/intervals.py).
        """
        basis, estimate = self.basis, self.recall_at_precision()
        if basis.note or math.isnan(estimate.value):
            return basis.unit(estimate)
        error = basis.resampler.error(estimate)
        bias = max(float(np.nanmean(estimate.draws)) - estimate.value, 0.0) + error / 2
        fallback = basis.resampler.worth(basis.rows, basis.sizes)
        pair = [
            intervals.unit_interval(value, error, basis.freedom, fallback, most=basis.rows)
            for value in (estimate.value, max(estimate.value - bias, 0.0))
        ]
        return number(estimate, intervals.envelope(*pair))

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

    def calibration_error(self) -> CalibrationError:
        """Return the expected calibration error over bins of equal mass, and what its interval needs."""
        t, b = self.table, self.buckets
        value = float(reliability.calibration_error(t.score, t.pos, t.neg, reliability.mass_bins(t.size, ECE_BINS)))
        pos, neg = b.pos.sum(axis=0), b.neg.sum(axis=0)
        coarse = reliability.mass_bins(pos + neg, ECE_BINS)
        centre = self._bin_mean(t.score, t.size)
        gaps = reliability.calibration_gaps(centre, pos, neg, coarse)
        drawn = reliability.calibration_gaps(centre, *self.draws, coarse)
        errors = np.array([self.resampler.error(Estimate(0.0, of)) for of in drawn.T])
        # A bin in which no positive was seen, but some were predicted, has noise that resampling does not see.
        starts = np.flatnonzero(np.diff(coarse, prepend=-1))
        predicted = np.add.reduceat(self._bin_mean(t.score * (1 - t.score), t.size) * (pos + neg), starts)
        event = float(divide(b.weight_squares.sum(), t.size.sum())) / float(t.size.sum())
        variances = np.minimum(predicted * event / t.size.sum(), errors**2 + event**2)
        deviations = np.sqrt(np.maximum(errors**2, variances))
        loose = 0.0 if t.exact else float(divide(t.size @ (t.high - t.low) / 2, t.size.sum()))
        return CalibrationError(value, gaps, deviations, loose)

    def _bin_mean(self, values: Floats, weights: Floats) -> Floats:
        """Return the mean of values of the score table's rows in each bin of the bucket table."""
        bins, count = self.buckets.assigned, self.buckets.pos.shape[1]
        total = sum_in_bins(bins, values * weights, count)
        return divide(total, sum_in_bins(bins, weights, count), 0.0)


def _estimate(value: Floats, draws: Floats, bounds: tuple[Floats, Floats] | None) -> Estimate:
    return Estimate(float(value), draws, None if bounds is None else (float(bounds[0]), float(bounds[1])))
