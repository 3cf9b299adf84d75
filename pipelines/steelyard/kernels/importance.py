"""Importance weights of rows of a source domain, from the probabilities of a domain classifier."""

from __future__ import annotations

import numpy as np

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


def effective_size(total: float, squares: float) -> float:
    """Return Kish's effective sample size of weights: the square of their sum over the sum of their squares.

    Examples
    --------
    >>> effective_size(4.0, 4.0), effective_size(4.0, 16.0)
    (4.0, 1.0)
    """
    return total * total / squares if squares > 0 else 0.0
