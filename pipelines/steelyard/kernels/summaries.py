"""Summaries of features within classes, and bounded samples of rows, that merge to the same bits in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.exact import exact_sums

Hashes = NDArray[np.uint64]


@dataclass(slots=True)
class Figures:
    """The summary of one feature in some rows; `low` and `high` are NaN where no value is known.

    Parameters
    ----------
    known, infinite : int
        Values that are not missing, and infinite ones among them.
    low, high : float
    total, squares : int
        Exact sums of the finite values, as from `exact_sums`.
    """

    known: int
    infinite: int
    low: float
    high: float
    total: int
    squares: int

    def add(self, other: Figures) -> None:
        """Add the summary of other rows."""
        self.known += other.known
        self.infinite += other.infinite
        self.low = float(np.fmin(self.low, other.low))
        self.high = float(np.fmax(self.high, other.high))
        self.total += other.total
        self.squares += other.squares


def summarize(values: Floats, starts: NDArray[np.intp]) -> list[Figures]:
    """Return the summary of each group of adjacent values; see `exact_sums`. NaN is a missing value."""
    values = values + 0.0  # -0.0 becomes 0.0: the minimum of both is the first
    known = np.diff([*starts, len(values)])
    infinite = np.zeros_like(known)
    low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    finite = np.isfinite(values)
    if not finite.all():
        known = np.add.reduceat(~np.isnan(values), starts, dtype=np.int64)
        infinite = known - np.add.reduceat(finite, starts, dtype=np.int64)
        values = np.where(finite, values, 0.0)
    parts = (known.tolist(), infinite.tolist(), low.tolist(), high.tolist(), *exact_sums(values, starts))
    return [Figures(*of) for of in zip(*parts, strict=True)]


@dataclass(frozen=True)
class Sample:
    """Rows with the smallest hashes; equal rows are one, with their number.

    Parameters
    ----------
    hashes : array of uint64, shape (n,)
    copies : array of int, shape (n,)
    values : array, shape (n, features)
    """

    hashes: Hashes
    copies: Counts
    values: Floats


def smallest(samples: Sequence[Sample], most: int) -> Sample:
    """Return the rows with the `most` smallest hashes among samples that hold their own `most` smallest."""
    hashes = np.concatenate([s.hashes for s in samples])
    copies = np.concatenate([s.copies for s in samples])
    found, first, place = np.unique(hashes, return_index=True, return_inverse=True)
    added = np.bincount(place, copies, len(found)).astype(np.int64)
    values = np.concatenate([s.values for s in samples])[first[:most]]
    return Sample(found[:most], added[:most], values)


def with_heavy(sample: Sample, rows: int, values: Floats, copies: Sequence[int]) -> tuple[Floats, Floats]:
    """Return values and weights of a sample of `rows` rows in which frequent rows have exactly their share.

    `values` are all rows with more than 10 copies and more than a thousandth of the rows, `copies` their counts.
    """
    light = sample.copies <= max(10, rows // 1000)
    weights = sample.copies[light].astype(np.float64)
    weights *= (rows - sum(copies)) / max(weights.sum(), 1.0)
    return np.concatenate([sample.values[light], values]), np.concatenate([weights, copies])


def quantiles(values: Floats, copies: Counts | Floats, at: Sequence[float]) -> Floats:
    """Return lower quantiles, shape (len(at), features); each row counts `copies` times, and NaN are left out."""
    found = np.full((len(at), values.shape[1]), np.nan)
    for i, column in enumerate(np.ascontiguousarray(values.T)):
        order = np.argsort(column, kind="stable")[: len(column) - int(np.isnan(column).sum())]  # NaN come last
        if len(order):
            below = np.cumsum(copies[order])
            places = np.searchsorted(below, np.asarray(at) * below[-1] - 1e-9)
            found[:, i] = column[order[places]]
    return found + 0.0


def mixed(hashes: Hashes, values: Floats) -> Hashes:
    """Return the hashes of rows with one more value; -0.0 counts as 0.0."""
    found = (hashes ^ (values + 0.0).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
    found ^= found >> np.uint64(29)
    return found


def finished(hashes: Hashes) -> Hashes:
    """Return evenly distributed hashes; the map is one to one."""
    found = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))
