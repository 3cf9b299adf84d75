"""A threshold whose recall is guaranteed on rows that are exchangeable with the calibration rows."""

from __future__ import annotations

import math

import numpy as np

from steelyard.deciding._rules import CONFORMAL
from steelyard.errors import InputError
from steelyard.metrics import ScoreTable


def conformal_threshold(table: ScoreTable, recall: float, confidence: float | None = None) -> float:
    """Return the greatest threshold that keeps a recall.

    Parameters
    ----------
    table : ScoreTable
        Of rows that neither trained the model nor stopped its training. Counts decide, not weights.
    recall : float
    confidence : float, optional
        The probability that the recall is at least this on many new rows, over calibration sets. By default it is so on
        average over calibration sets.

    Raises
    ------
    InputError
        If there are too few positive rows.

    References
    ----------
    Vovk, "Conditional validity of inductive conformal predictors", 2012.
    """
    n = int(table.count_pos.sum())
    rank = conformal_rank(n, recall, confidence)
    if rank < 1:
        least = math.ceil(1 / (1 - recall) - 1 - 1e-9)
        if confidence is not None:
            least = math.ceil(math.log(1 - confidence) / math.log(recall) - 1e-9)
        raise InputError(
            f"decide.threshold.{CONFORMAL}: a recall of {recall:g} needs at least {least:,} positive rows that the "
            f"training did not use, and there are {n:,}; raise split.validation, or ask for less"
        )
    ascending = np.cumsum(table.count_pos[::-1])
    return float(table.low[::-1][int(np.searchsorted(ascending, rank))])


def conformal_rank(n: int, recall: float, confidence: float | None = None) -> int:
    """Return the rank, from the smallest, of the positive score that is the threshold; 0 where n is too small.

    With the k-th smallest of n scores, the recall on new rows is distributed as Beta(n + 1 - k, k).

    Examples
    --------
    >>> conformal_rank(19, 0.95), conformal_rank(18, 0.95), conformal_rank(199, 0.9), conformal_rank(199, 0.9, 0.95)
    (1, 0, 20, 13)
    """
    if confidence is None:
        return math.floor((1 - recall) * (n + 1) + 1e-9)
    from scipy.special import betainc  # tenths of a second of each command's start

    ranks = np.arange(1, n + 1)
    kept = 1 - betainc(n + 1 - ranks, ranks, recall) >= confidence
    return int(kept.sum())  # it falls as the rank rises
