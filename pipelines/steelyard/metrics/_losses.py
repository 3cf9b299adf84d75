"""Metrics of probabilities: mean losses, the calibration error, and others from the distribution of scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.kernels import intervals, reliability
from steelyard.kernels.arrays import Floats, divide, sum_in_bins
from steelyard.metrics._bootstrap import FROM_RANGES, Basis, Estimate, Number, mean_of, number
from steelyard.metrics._class_metrics import ClassMetrics
from steelyard.metrics._known import ECE_BINS
from steelyard.metrics._metric import Metric


def probability_number(ones: Sequence[ClassMetrics], metric: Metric, basis: Basis) -> Number:
    """Return a metric of probabilities: of the one class given, or of several classes together."""
    if metric.interval == "debiased":
        return CalibrationError.mean([calibration_error(one, metric) for one in ones]).number(basis)
    found = basis.number(probability_estimate(ones, metric), metric.range)
    loose = metric.kind == "probabilities" and not all(one.table.exact for one in ones)
    return {"note": FROM_RANGES, **found} if loose else found


def probability_estimate(ones: Sequence[ClassMetrics], metric: Metric) -> Estimate | None:
    """Return a metric of probabilities with its draws; a calibration error is not corrected for its bias."""
    if metric.kind == "probabilities":
        return mean_of([_estimate(one, metric) for one in ones])
    own_only = metric.kind == "local_loss" and len(ones) > 1
    return _total([mean_loss(one, metric, own_only=own_only) for one in ones])


def mean_loss(one: ClassMetrics, metric: Metric, *, own_only: bool = False) -> Estimate:
    """Return the mean loss of one class's scores; `own_only` counts the class's rows alone."""
    t = one.table
    middle, at_low, at_high = (_losses(metric, s, own_only=own_only) for s in (t.score, t.low, t.high))
    value = float(reliability.mean_loss(middle, t.pos, t.neg))
    per_bin = (_bin_mean(one, middle[0], t.pos), _bin_mean(one, middle[1], t.neg))
    lost = one.bootstrap.weights @ (one.buckets.pos @ per_bin[0] + one.buckets.neg @ per_bin[1])
    draws = divide(lost, one.draws[0].sum(axis=1) + one.draws[1].sum(axis=1))
    if t.exact:
        return Estimate(value, draws)
    best = float(reliability.mean_loss((at_high[0], at_low[1]), t.pos, t.neg))
    worst = float(reliability.mean_loss((at_low[0], at_high[1]), t.pos, t.neg))
    return Estimate(value, draws, (best, worst))


def _losses(metric: Metric, score: Floats, *, own_only: bool) -> tuple[Floats, Floats]:
    pos, neg = metric.compute(score)
    return (pos, neg * 0.0) if own_only else (pos, neg)


def _total(estimates: Sequence[Estimate]) -> Estimate | None:
    mean, count = mean_of(estimates), len(estimates)
    return mean if mean is None or count == 1 else mean.map(lambda x: x * count)


def _estimate(one: ClassMetrics, metric: Metric) -> Estimate:
    t = one.table
    centre = _bin_mean(one, t.score, t.size)
    value, draws = float(metric.compute(t.score, t.pos, t.neg)), one.draws
    if metric.interval == "debiased":  # its bins of equal mass are those of one sample, so draws go one by one
        return Estimate(value, np.array([metric.compute(centre, *of) for of in zip(*draws, strict=True)]))
    return Estimate(value, metric.compute(centre, *draws))


def _bin_mean(one: ClassMetrics, values: Floats, weights: Floats) -> Floats:
    """Return the mean of values of the score table's rows in each bin of the bucket table."""
    bins, count = one.buckets.assigned, one.buckets.pos.shape[1]
    total = sum_in_bins(bins, values * weights, count)
    return divide(total, sum_in_bins(bins, weights, count), 0.0)


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


def calibration_error(one: ClassMetrics, metric: Metric) -> CalibrationError:
    """Return the expected calibration error over bins of equal mass, with the parts of its interval."""
    t, b = one.table, one.buckets
    value = float(metric.compute(t.score, t.pos, t.neg))
    pos, neg = b.pos.sum(axis=0), b.neg.sum(axis=0)
    coarse = reliability.mass_bins(pos + neg, ECE_BINS)
    centre = _bin_mean(one, t.score, t.size)
    gaps = reliability.calibration_gaps(centre, pos, neg, coarse)
    drawn = reliability.calibration_gaps(centre, *one.draws, coarse)
    errors = np.array([one.bootstrap.error(Estimate(0.0, of)) for of in drawn.T])
    # A bin in which no positive was seen, but some were predicted, has noise that resampling does not see.
    starts = np.flatnonzero(np.diff(coarse, prepend=-1))
    predicted = np.add.reduceat(_bin_mean(one, t.score * (1 - t.score), t.size) * (pos + neg), starts)
    event = float(divide(b.weight_squares.sum(), t.size.sum())) / float(t.size.sum())
    variances = np.minimum(predicted * event / t.size.sum(), errors**2 + event**2)
    deviations = np.sqrt(np.maximum(errors**2, variances))
    loose = 0.0 if t.exact else float(divide(t.size @ (t.high - t.low) / 2, t.size.sum()))
    return CalibrationError(value, gaps, deviations, loose)
