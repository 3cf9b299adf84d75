"""Importance weights of rows of a source domain, from the probabilities of a domain classifier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats


def density_ratio(probability: Floats, clip: float) -> Floats:
    """Return the odds p / (1 - p), clipped to [1 / clip, clip].

    Where a classifier saw both domains with the same total weight, the odds that a row is of the target estimate the
    ratio of the densities of target and source (Sugiyama, Suzuki, Kanamori, "Density Ratio Estimation in Machine
    Learning", 2012).

    Examples
    --------
    >>> density_ratio(np.array([0.5, 0.75, 1.0, 0.0]), 20.0).tolist()
    [1.0, 3.0, 20.0, 0.05]
    """
    with np.errstate(divide="ignore"):
        odds = probability / (1.0 - probability)
    return np.clip(odds, 1.0 / clip, clip)


def ranges_meet(low: Floats, high: Floats, missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each feature whether its range in two domains overlaps, or it is missing in some rows of both.

    Parameters
    ----------
    low, high : array of shape (2, n)
        The least and the greatest value of each feature in each domain; NaN where it has none.
    missing : array of bool, of the same shape

    Examples
    --------
    >>> low, high = np.array([[0.0, 0.0, 3.0], [1.0, 2.0, np.nan]]), np.array([[1.0, 1.0, 3.0], [5.0, 2.0, np.nan]])
    >>> ranges_meet(low, high, np.array([[False, False, False], [False, False, True]])).tolist()
    [True, False, False]
    """
    found: NDArray[np.bool_] = (low.max(axis=0) <= high.min(axis=0)) | missing.all(axis=0)
    return found


def effective_size(total: float, squares: float) -> float:
    """Return Kish's effective sample size of weights: the square of their sum over the sum of their squares.

    Examples
    --------
    >>> effective_size(4.0, 4.0), effective_size(4.0, 16.0)
    (4.0, 1.0)
    """
    return total * total / squares if squares > 0 else 0.0
