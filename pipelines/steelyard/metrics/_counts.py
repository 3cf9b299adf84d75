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


@dataclass(frozen=True)
class Majority:
    """The decider that always says the most frequent class, as one class sees it.

    Its score is the same for all rows. Shares are of row weights.

    Parameters
    ----------
    share : float
        Share of the class in question; it counts as the positive class.
    chosen : bool
        Whether that class is the most frequent one.
    shares : tuple of float
        Shares of all classes that have rows.
    missed, alarms : float, optional
        With costs: cost per row of missing every positive, and of an alarm on every negative.
    """

    share: float
    chosen: bool
    shares: tuple[float, ...]
    missed: float | None = None
    alarms: float | None = None

    @property
    def counts(self) -> ConfusionCounts:
        """Its decisions about the class in question."""
        yes, no = np.array(self.share), np.array(1.0 - self.share)
        none = np.array(0.0)
        return ConfusionCounts(yes, no, none, none) if self.chosen else ConfusionCounts(none, none, yes, no)

    @property
    def class_counts(self) -> MulticlassCounts:
        """Its decisions about all classes."""
        support = np.array(self.shares)
        largest = np.arange(len(support)) == np.argmax(support)
        return MulticlassCounts(support * largest, largest * support.sum(), support)

    @property
    def costs(self) -> CostTotals | None:
        """Its costs per row; None where costs are not known."""
        if self.missed is None or self.alarms is None:
            return None
        missed, alarms, none = np.array(self.missed), np.array(self.alarms), np.array(0.0)
        own = (none, alarms) if self.chosen else (missed, none)
        return CostTotals(*own, missed, alarms, np.array(1.0))
