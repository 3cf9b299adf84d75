"""The two small tables that all metrics are computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from steelyard.kernels.arrays import Counts, Flags, Floats, sum_in_bins
from steelyard.kernels.reliability import mass_bins
from steelyard.metrics._counts import ConfusionCounts

BUCKETS = 200


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
        """Return the table of rows that are at hand as arrays; costs are per row."""
        distinct, place = np.unique(-np.asarray(score, dtype=np.float64), return_inverse=True)
        truth = np.asarray(positive, dtype=np.bool_)
        size = np.ones(len(truth)) if weight is None else np.asarray(weight, dtype=np.float64)

        def total(values: ArrayLike) -> Floats:
            return sum_in_bins(place, values, len(distinct))

        def cost(values: Floats | None, side: Flags) -> Floats:
            return total(side * size * (0.0 if values is None else values))

        return cls(
            low=-distinct,
            high=-distinct,
            pos=total(size * truth),
            neg=total(size * ~truth),
            count_pos=total(truth).astype(np.int64),
            count_neg=total(~truth).astype(np.int64),
            cost_fn=cost(cost_fn, truth),
            cost_fp=cost(cost_fp, ~truth),
            has_costs=cost_fn is not None or cost_fp is not None,
        )

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
        """Return the table of other scores, one for each row; rows of which they are equal become one."""
        distinct, place = np.unique(-np.asarray(score, dtype=np.float64), return_inverse=True)

        def total(values: ArrayLike) -> Floats:
            return sum_in_bins(place, values, len(distinct))

        return ScoreTable(
            low=-distinct,
            high=-distinct,
            pos=total(self.pos),
            neg=total(self.neg),
            count_pos=total(self.count_pos).astype(np.int64),
            count_neg=total(self.count_neg).astype(np.int64),
            cost_fn=total(self.cost_fn),
            cost_fp=total(self.cost_fp),
            has_costs=self.has_costs,
        )

    def flipped(self) -> ScoreTable:
        """Return the table of the other class: positives become negatives, and the order of scores turns."""
        return ScoreTable(
            -self.high[::-1],
            -self.low[::-1],
            self.neg[::-1],
            self.pos[::-1],
            self.count_neg[::-1],
            self.count_pos[::-1],
            self.cost_fp[::-1],
            self.cost_fn[::-1],
            self.has_costs,
        )


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
    """

    assigned: Counts
    pos: Floats
    neg: Floats
    counts: ConfusionCounts
    cost: Floats
    squares: Floats
    weight_squares: Floats

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
    ) -> BucketTable:
        """Return the table of rows given as arrays; `table` is their exact score table."""
        assigned = table.bins(bins)
        size = np.ones(len(score)) if weight is None else weight
        pos, neg = size * positive, size * ~positive
        costs = [side * (0.0 if cost is None else cost) for side, cost in ((pos, cost_fn), (neg, cost_fp))]
        return cls.from_cells(
            assigned,
            assigned[np.searchsorted(-table.low, -score)],
            bucket,
            alarm,
            pos=pos,
            neg=neg,
            cost_fn=costs[0],
            cost_fp=costs[1],
            square_pos=pos**2,
            square_neg=neg**2,
            squares=np.array([float((cost**2).sum()) for cost in costs]),
        )

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
        return cls(assigned, grid(pos), grid(neg), counts, np.stack(cost, axis=1), squares, weight_squares)

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
        )
