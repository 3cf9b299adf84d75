"""Guided negative sampling: how likely each row is kept, by the score of a pilot model."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats

FLOOR = 0.2
"""Least weight of a row; a row whose probability is the prior weighs 1."""
MOST = 1 - 1e-12


def keeping_weights(score: Floats, prior: float) -> Floats:
    """Return a number for each row, to which its probability of being kept is proportional.

    The square root of the probability of the positive class [1]_ over the prior, and at least `FLOOR`.

    Parameters
    ----------
    score : array
        Of a pilot model that was trained on as many negatives as positives.
    prior : float
        Share of the positives in the whole table.

    References
    ----------
    .. [1] Wang, Zhang, Wang, "Nonuniform negative sampling and log odds correction with rare events data", NeurIPS
       2021.

    Examples
    --------
    >>> keeping_weights(np.array([0.0, 0.5, 0.9]), 0.01).round(3)
    array([0.2  , 1.   , 2.887])
    """
    bounded = np.minimum(score, MOST)
    odds = bounded / (1 - bounded) * (prior / (1 - prior))
    found: Floats = np.maximum(np.sqrt(odds / (1 + odds) / prior), FLOOR)
    return found


def threshold(weights: Floats, share: float) -> float:
    """Return the t for which the mean of min(1, t · weight) is a share.

    Examples
    --------
    >>> float(threshold(np.array([0.1, 0.1, 0.2, 1.0]), 0.25))
    0.7142857142857143
    >>> float(threshold(np.array([0.5, 1.0]), 1.0))
    2.0
    """
    ordered = np.sort(weights)
    below, n = np.concatenate([[0.0], np.cumsum(ordered)]), len(ordered)
    for kept in range(n):  # this number of the largest weights is always kept
        t = (share * n - kept) / below[n - kept]
        if t * ordered[n - kept - 1] <= 1:
            return float(t)
    return float(1 / ordered[0])
