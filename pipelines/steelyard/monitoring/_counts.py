"""Counts of scored rows by bucket, decision, label and score bin: what all estimates are computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Counts, Flags, Floats, sum_in_bins
from steelyard.kernels.calibration import EPSILON

BUCKETS = 200
DRAWS = 500
STEPS = 8
"""Score bins per unit of log odds."""
OFFSET = 277
BINS = 2 * OFFSET
CENTRES: Floats = (np.arange(BINS) - OFFSET + 0.5) / STEPS
"""Log odds in the middle of each bin."""

NEGATIVE, POSITIVE, UNKNOWN = 0, 1, 2
"""Codes of labels."""


def bins_of(score: Floats) -> Counts:
    """Return the bin of each score in [0, 1], ascending with the score.

    Examples
    --------
    >>> (bins_of(np.array([0.0, 0.5, 1.0])) - bins_of(np.array([0.5]))).tolist()
    [-277, 0, 276]
    """
    kept = np.clip(score, EPSILON, 1 - EPSILON)
    found: Counts = np.floor((np.log(kept) - np.log1p(-kept)) * STEPS).astype(np.int64) + OFFSET
    return found


def score_at(edge: int) -> float:
    """Return the score from which on rows are in this bin or a higher one: 0 for the first, 1 beyond the last."""
    if edge <= 0 or edge >= BINS:
        return 0.0 if edge <= 0 else 1.0
    return float(1 / (1 + np.exp((OFFSET - edge) / STEPS)))


@dataclass(frozen=True)
class ScoreCounts:
    """Scored rows in cells.

    Parameters
    ----------
    rows, weight : array of float64, shape (BUCKETS, 2 decisions, 3 labels, BINS)
        Number and weight of the rows. Decisions are (none, alarm), labels (negative, positive, unknown).
    grouped : bool
        Whether buckets hold whole groups of rows that may depend on each other.
    """

    rows: Floats
    weight: Floats
    grouped: bool = False

    @classmethod
    def from_rows(
        cls,
        score: Floats,
        alarm: Flags,
        label: Counts | None = None,
        *,
        bucket: Counts | None = None,
        weight: Floats | None = None,
        grouped: bool = False,
    ) -> ScoreCounts:
        """Return the counts of rows given as arrays; `label` holds codes, 0, 1 and 2 for unknown."""
        place = np.arange(len(score)) % BUCKETS if bucket is None else bucket
        known = np.full(len(score), UNKNOWN) if label is None else label
        cells = ((place * 2 + alarm) * 3 + known) * BINS + bins_of(score)
        size = np.ones(len(score)) if weight is None else weight
        return cls.from_cells(cells, np.ones(len(score)), size, grouped=grouped)

    @classmethod
    def from_cells(cls, cells: Counts, rows: Floats, weight: Floats, *, grouped: bool = False) -> ScoreCounts:
        """Return the counts of cells, numbered in the order of the array's axes; a cell may occur more than once."""
        shape = (BUCKETS, 2, 3, BINS)
        first, second = (sum_in_bins(cells, of, int(np.prod(shape))).reshape(shape) for of in (rows, weight))
        return cls(first, second, grouped)

    def draws(self, seed: int) -> Floats:
        """Return how often each draw takes each bucket: shape (1 + DRAWS, BUCKETS). The first takes each once."""
        used = np.flatnonzero(self.rows.sum(axis=(1, 2, 3)) > 0)
        weights = np.zeros((1 + DRAWS, BUCKETS))
        weights[0] = 1.0
        weights[1:, used] = intervals.multiplicities(len(used), DRAWS, seed)
        return weights

    @property
    def weighted(self) -> bool:
        """Whether any row has another weight than 1."""
        return not np.array_equal(self.rows, self.weight)

    @property
    def used(self) -> int:
        """Number of buckets that hold rows."""
        return int((self.rows.sum(axis=(1, 2, 3)) > 0).sum())

    def effective(self, label: int) -> float:
        """Return how many independent rows the rows of a label are worth."""
        sizes = self.weight[:, :, label].sum(axis=(1, 2))
        number = float(self.rows[:, :, label].sum())
        return min(number, intervals.effective_number(sizes)) if self.grouped else number

    @property
    def freedom(self) -> float:
        """Degrees of freedom of a standard error that the positive rows dominate."""
        return intervals.effective_number(self.weight[:, :, POSITIVE].sum(axis=(1, 2))) - 1
