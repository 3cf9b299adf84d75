"""How good scores are as probabilities: losses, and what was predicted beside what came true."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Counts, Floats, divide


def squared_losses(score: Floats) -> tuple[Floats, Floats]:
    """Return the squared error of each score if the row is positive, and if it is negative."""
    return (1 - score) ** 2, score**2


def log_losses(score: Floats) -> tuple[Floats, Floats]:
    """Return the logarithmic loss of each score if the row is positive, and if it is negative.

    Scores are kept away from 0 and 1 by one machine epsilon, as scikit-learn does.
    """
    epsilon = np.finfo(np.float64).eps
    clipped = np.clip(score, epsilon, 1 - epsilon)
    return -np.log(clipped), -np.log1p(-clipped)


def mean_loss(losses: tuple[Floats, Floats], pos: Floats, neg: Floats) -> Floats:
    """Return the mean of a loss over rows; leading axes of `pos` and `neg` are draws."""
    total = pos.sum(axis=-1) + neg.sum(axis=-1)
    return divide(pos @ losses[0] + neg @ losses[1], total)


def mass_bins(size: Floats, bins: int) -> Counts:
    """Return the bin of each row of a table, so that the bins weigh about the same and never divide a row."""
    middle = np.cumsum(size) - size / 2
    total = size.sum()
    return np.minimum((middle / (total if total > 0 else 1.0) * bins).astype(np.int64), bins - 1)


def calibration_error(score: Floats, pos: Floats, neg: Floats, assigned: Counts) -> Floats:
    """Return the expected calibration error: per bin, |share of positives - mean score|, weighted by the bin.

    With a rare class, bins of equal width would leave nearly all rows in the first: see `mass_bins`.
    """
    size = pos + neg
    starts = np.flatnonzero(np.diff(assigned, prepend=-1))
    gap = np.add.reduceat(pos - size * score, starts, axis=-1)
    total = size.sum(axis=-1)
    return divide(np.abs(gap).sum(axis=-1), total)
