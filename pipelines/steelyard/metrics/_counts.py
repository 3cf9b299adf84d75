"""Counts of decisions and sums of costs: the arguments of a metric's formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.kernels import scores
from steelyard.kernels.arrays import Floats, divide


@dataclass(frozen=True)
class ConfusionCounts:
    """Right and wrong decisions about one class against the rest, in row weight.

    The four arrays have one shape: one entry per bucket, per draw of the bootstrap or per threshold.

    Parameters
    ----------
    tp, fp, fn, tn : array of float
    """

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats

    @property
    def precision(self) -> Floats:
        """Share of the alarms that are right; 0 without alarms."""
        return divide(self.tp, self.tp + self.fp, 0.0)

    @property
    def recall(self) -> Floats:
        """Share of the positives that are found; NaN without positives."""
        return divide(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> Floats:
        """Share of the negatives without an alarm; NaN without negatives."""
        return divide(self.tn, self.tn + self.fp)

    def f_beta(self, beta: float) -> Floats:
        """Return the F score that weights recall `beta` times as much as precision."""
        return scores.f_beta(self.precision, self.recall, beta)

    def by_class(self) -> MulticlassCounts:
        """Return the same decisions as counts of the negative and the positive class."""
        return MulticlassCounts(
            hits=np.stack([self.tn, self.tp], axis=-1),
            predicted=np.stack([self.tn + self.fn, self.tp + self.fp], axis=-1),
            support=np.stack([self.tn + self.fp, self.tp + self.fn], axis=-1),
        )

    def flipped(self) -> ConfusionCounts:
        """Return the decisions about the other class."""
        return ConfusionCounts(self.tn, self.fn, self.fp, self.tp)

    def weighted(self, weights: Floats) -> ConfusionCounts:
        """Return sums over buckets with these weights: one entry for each row of `weights`."""
        return ConfusionCounts(weights @ self.tp, weights @ self.fp, weights @ self.fn, weights @ self.tn)


@dataclass(frozen=True)
class MulticlassCounts:
    """Decisions about all classes at once, in row weight.

    Parameters
    ----------
    hits, predicted, support : array, shape (..., classes)
        For each class: rows decided correctly, rows decided to be of it, rows of it. Metrics leave classes without
        rows out.
    """

    hits: Floats
    predicted: Floats
    support: Floats


@dataclass(frozen=True)
class CostTotals:
    """Sums of costs, for two classes.

    Parameters
    ----------
    missed, alarms : array of float
        Cost of the missed positives and of the false alarms.
    all_missed, all_alarms : array of float
        Cost of missing every positive, and of an alarm on every negative.
    rows : array of float
        Weight of all rows.
    """

    missed: Floats
    alarms: Floats
    all_missed: Floats
    all_alarms: Floats
    rows: Floats
