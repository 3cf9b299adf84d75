"""The two small tables that all metrics are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steelyard.kernels.arrays import Counts, Flags, Floats, sum_in_bins
from steelyard.kernels.reliability import mass_bins
from steelyard.metrics._counts import ConfusionCounts

BUCKETS = 200
_COUNTS = ("count_pos", "count_neg")
_PAIRS = (("pos", "neg"), _COUNTS, ("cost_fn", "cost_fp"))
_OTHER_CLASS = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}


@dataclass(frozen=True)
class ScoreTable:
    """Weights, counts and costs per distinct score of one class, from the highest score to the lowest.

    Where there are too many distinct scores, a row stands for a short range of them.

    Parameters
    ----------
    low, high : array of float
        The least and the greatest score of a row; equal where it stands for one score.
    pos, neg : array of float
        Weight of the positive and of the negative rows that have the score.
    count_pos, count_neg : array of int
        Their number.
    cost_fn, cost_fp : array of float
        What it costs to miss all those positives, and to raise an alarm on all those negatives.
    has_costs : bool
        Whether costs were given.
    """

    low: Floats
    high: Floats
    pos: Floats
    neg: Floats
    count_pos: Counts
    count_neg: Counts
    cost_fn: Floats
    cost_fp: Floats
    has_costs: bool = False

    @classmethod
    def from_rows(
        cls,
        score: Floats,
        positive: Flags,
        weight: Floats | None = None,
        cost_fn: Floats | None = None,
        cost_fp: Floats | None = None,
    ) -> ScoreTable:
        """Return the table of rows given as arrays; costs are per row."""
        truth = np.asarray(positive, dtype=np.bool_)
        size = np.ones(len(truth)) if weight is None else np.asarray(weight, dtype=np.float64)
        pos, neg = size * truth, size * ~truth
        missed = pos * (0.0 if cost_fn is None else cost_fn)
        alarms = neg * (0.0 if cost_fp is None else cost_fp)
        counts = truth.astype(np.int64), (~truth).astype(np.int64)
        has_costs = cost_fn is not None or cost_fp is not None
        return cls(score, score, pos, neg, *counts, missed, alarms, has_costs).moved(score)

    def __len__(self) -> int:
        return len(self.low)

    @property
    def score(self) -> Floats:
        """The score that stands for each row."""
        return self.low + (self.high - self.low) / 2

    @property
    def tied(self) -> Flags:
        """Whether all rows behind a row of the table have the same score."""
        return np.equal(self.low, self.high)

    @property
    def exact(self) -> bool:
        """Whether every row stands for one score."""
        return bool(self.tied.all())

    @property
    def size(self) -> Floats:
        """Weight of all rows that have the score."""
        return self.pos + self.neg

    def bins(self, most: int) -> Counts:
        """Return a bin for each row, ascending without gaps, with about equal shares of both classes."""
        mass = self.pos / max(self.pos.sum(), 1e-300) + self.neg / max(self.neg.sum(), 1e-300)
        if len(self) <= most or not mass.sum() > 0:
            return np.minimum(np.arange(len(self)), most - 1)
        return np.unique(mass_bins(mass, most), return_inverse=True)[1].astype(np.int64)

    def moved(self, score: Floats) -> ScoreTable:
        """Return the table with another score for each row; rows with equal scores are merged."""
        distinct, place = np.unique(-np.asarray(score, dtype=np.float64), return_inverse=True)
        totals: dict[str, Any] = {n: sum_in_bins(place, getattr(self, n), len(distinct)) for n in _OTHER_CLASS}
        totals |= {name: totals[name].astype(np.int64) for name in _COUNTS}
        return replace(self, low=-distinct, high=-distinct, **totals)

    def flipped(self) -> ScoreTable:
        """Return the table of the other class: positives become negatives, and the order of scores is reversed."""
        swapped = {name: getattr(self, other)[::-1] for name, other in _OTHER_CLASS.items()}
        return replace(self, low=-self.high[::-1], high=-self.low[::-1], **swapped)


@dataclass(frozen=True)
class BucketTable:
    """The rows of a score table, in bins, divided among the buckets that are resampled for intervals.

    Parameters
    ----------
    assigned : array of int, shape (rows of the score table,)
        The bin of each row.
    pos, neg : array, shape (buckets, bins)
        Weights, bins from the highest score to the lowest.
    counts : ConfusionCounts
        Per bucket.
    cost : array, shape (buckets, 4)
        Costs of missed positives, of false alarms, of missing all positives, of alarms on all negatives.
    squares : array, shape (2,)
        Sums of squares of the last two over single rows: how much one row may cost.
    weight_squares : array, shape (4,)
        Sums of squares of the weights of single rows: of hits, false alarms, misses, and rows rightly passed.
    rivals : array, shape (buckets, other thresholds)
        Costs of the errors that each of some other thresholds would make.
    """

    assigned: Counts
    pos: Floats
    neg: Floats
    counts: ConfusionCounts
    cost: Floats
    squares: Floats
    weight_squares: Floats
    rivals: Floats

    @classmethod
    def from_rows(
        cls,
        table: ScoreTable,
        score: Floats,
        positive: Flags,
        alarm: Flags,
        bucket: Counts,
        *,
        weight: Floats | None = None,
        cost_fn: Floats | None = None,
        cost_fp: Floats | None = None,
        bins: int = 500,
        rivals: Sequence[float] = (),
    ) -> BucketTable:
        """Return the table of rows given as arrays; `table` is their exact score table."""
        assigned = table.bins(bins)
        size = np.ones(len(score)) if weight is None else weight
        pos, neg = size * positive, size * ~positive
        costs = [side * (0.0 if cost is None else cost) for side, cost in ((pos, cost_fn), (neg, cost_fp))]
        sums = {"pos": pos, "neg": neg, "cost_fn": costs[0], "cost_fp": costs[1]}
        squares = {"square_pos": pos**2, "square_neg": neg**2, "squares": np.array([(c**2).sum() for c in costs])}
        cells = assigned[np.searchsorted(-table.low, -score)]
        wrong = [np.where(score >= t, costs[1], costs[0]) for t in rivals]
        return cls.from_cells(assigned, cells, bucket, alarm, **sums, **squares, rivals=wrong)

    @classmethod
    def from_cells(
        cls,
        assigned: Counts,
        bins: Counts,
        buckets: Counts,
        alarm: Flags,
        *,
        pos: Floats,
        neg: Floats,
        cost_fn: Floats,
        cost_fp: Floats,
        square_pos: Floats,
        square_neg: Floats,
        squares: Floats,
        rivals: Sequence[Floats] = (),
    ) -> BucketTable:
        """Return the table of cells, each of which lies in one bin and one bucket, and has one decision."""
        last = int(assigned[-1]) if len(assigned) else 0

        def grid(values: Floats) -> Floats:
            flat = sum_in_bins(buckets * (last + 1) + bins, values, BUCKETS * (last + 1))
            return flat.reshape(BUCKETS, last + 1)

        def line(values: Floats) -> Floats:
            return sum_in_bins(buckets, values, BUCKETS)

        counts = ConfusionCounts(line(pos * alarm), line(neg * alarm), line(pos * ~alarm), line(neg * ~alarm))
        cost = [line(cost_fn * ~alarm), line(cost_fp * alarm), line(cost_fn), line(cost_fp)]
        decided = (square_pos[alarm], square_neg[alarm], square_pos[~alarm], square_neg[~alarm])
        weight_squares = np.array([float(of.sum()) for of in decided])
        other = np.array([line(of) for of in rivals]).reshape(len(rivals), BUCKETS).T
        return cls(assigned, grid(pos), grid(neg), counts, np.stack(cost, axis=1), squares, weight_squares, other)

    def flipped(self) -> BucketTable:
        """Return the table of the other class."""
        last = self.assigned[-1] if len(self.assigned) else 0
        return BucketTable(
            last - self.assigned[::-1],
            self.neg[:, ::-1],
            self.pos[:, ::-1],
            self.counts.flipped(),
            self.cost[:, [1, 0, 3, 2]],
            self.squares[::-1],
            self.weight_squares[::-1],
            self.rivals,
        )
