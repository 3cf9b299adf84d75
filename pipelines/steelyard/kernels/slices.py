"""Slices of a table on which decisions are worse than elsewhere, from counts of rows and errors by class.

Each class weighs the same: an error on a rare class counts as much more as the class is rarer. The error of a slice is
then the share of the weight of its rows that is decided wrongly; of the whole table it is 1 less the balanced accuracy.

References
----------
Sagadeeva, Boehm, "SliceLine: fast, linear-algebra-based slice finding for ML model debugging", SIGMOD 2021 (the score).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from steelyard.kernels.arrays import Counts, Floats, divide

ALPHA = 0.95
"""Weight of the error in the score; the rest is the weight of the size."""

FEWEST = 32
"""Rows of a slice that is looked at."""


@dataclass(frozen=True)
class SliceErrors:
    """The errors of some slices; arrays of shape (slices,).

    Parameters
    ----------
    error : array of float
        Share of the weight that is decided wrongly.
    score : array of float
        Of SliceLine: above 0 where the error is larger than that of the table by more than the slice is small.
    p_value : array of float
        One-sided, of as many errors or more on the rows of some class if these were decided wrongly as often as in the
        table; corrected for the number of classes, not for that of slices.
    """

    error: Floats
    score: Floats
    p_value: Floats


def slice_errors(rows: Counts, wrong: Counts, all_rows: Counts, all_wrong: Counts, alpha: float = ALPHA) -> SliceErrors:
    """Return the errors of slices.

    Parameters
    ----------
    rows, wrong : array of int, shape (slices, classes)
        Rows of a slice, and those of them that are decided wrongly.
    all_rows, all_wrong : array of int, shape (classes,)
        The same of the whole table.
    alpha : float

    Examples
    --------
    >>> rows, wrong = np.array([[90, 10], [10, 10]]), np.array([[0, 1], [0, 9]])
    >>> found = slice_errors(rows, wrong, rows.sum(axis=0), wrong.sum(axis=0))
    >>> found.error.round(2).tolist(), (found.p_value < 0.05).tolist()
    ([0.04, 0.75], [False, True])
    """
    weight = divide(1.0, all_rows, 0.0)
    mass, lost = rows @ weight, wrong @ weight
    overall = float(divide(all_wrong @ weight, all_rows @ weight, 0.0))
    error = divide(lost, mass, 0.0)
    size = divide(all_rows.sum(), rows.sum(axis=1), math.inf)
    score = alpha * (error / overall - 1) - (1 - alpha) * (size - 1) if overall > 0 else np.full(len(error), -math.inf)
    return SliceErrors(error, score, _p_value(rows, wrong, all_rows, all_wrong))


def _p_value(rows: Counts, wrong: Counts, all_rows: Counts, all_wrong: Counts) -> Floats:
    """Return the binomial tail of the class with the most unlikely errors, times the number of classes.

    Exact, since a slice often has one or two rows of the rare class; rows drawn without replacement vary less.
    """
    from scipy.special import betainc

    rate = divide(all_wrong, all_rows, 0.0)
    tail = np.where(wrong > 0, betainc(np.maximum(wrong, 1), rows - wrong + 1, rate), 1.0)
    found: Floats = np.minimum(tail.min(axis=1) * len(rate), 1.0)
    return found
