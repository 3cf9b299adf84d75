"""The quality of scores as probabilities: losses, and predicted against observed shares."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Counts, Floats, divide
from steelyard.kernels.random import normal


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
    """Return the bin of each row of a table; bins have about equal weight."""
    middle = np.cumsum(size) - size / 2
    total = size.sum()
    return np.minimum((middle / (total if total > 0 else 1.0) * bins).astype(np.int64), bins - 1)


def calibration_gaps(score: Floats, pos: Floats, neg: Floats, assigned: Counts) -> Floats:
    """Return, for each bin, share of positives - mean score, times the bin's share of all rows.

    With a rare class, bins of equal width would leave nearly all rows in the first: see `mass_bins`. Leading axes of
    `pos` and `neg` are draws.
    """
    size = pos + neg
    starts = np.flatnonzero(np.diff(assigned, prepend=-1))
    gaps = np.add.reduceat(pos - size * score, starts, axis=-1)
    return divide(gaps, size.sum(axis=-1, keepdims=True))


def calibration_error(score: Floats, pos: Floats, neg: Floats, assigned: Counts) -> Floats:
    """Return the expected calibration error: the sum of the bins' absolute gaps (see `calibration_gaps`)."""
    total: Floats = np.abs(calibration_gaps(score, pos, neg, assigned)).sum(axis=-1)
    return total


def debiased_error(gaps: Floats, deviations: Floats, draws: int = 500) -> tuple[float, float, float]:
    """Return the share of a calibration error that is not noise: the median-unbiased estimate, and its 95 % interval.

    Gaps of calibrated scores are noise, and their absolute values add up. A multiple of the observed gaps plus noise,
    with the given standard deviations, has a distribution of errors. Returned are the multiples for which the observed
    error is its median, its 97.5 % and its 2.5 % quantile. For calibrated scores the lower limit is 0.
    """
    seen = float(np.abs(gaps).sum())
    if not seen > 0:
        return 0.0, 0.0, 0.0
    noise = np.ascontiguousarray((deviations * normal(np.arange(draws), 0, "calibration", len(gaps))).T)

    def multiple(share: float) -> float:
        below, part = divmod(share * (draws - 1), 1)
        places = (int(below), int(below) + 1)
        low, high = 0.0, 1 + 5 * float(deviations.sum()) / seen
        for _ in range(45):
            middle = (low + high) / 2
            errors = np.abs(middle * gaps[:, None] + noise).sum(axis=0)
            lower, upper = np.partition(errors, places)[list(places)]  # np.quantile takes five times as long
            low, high = (low, middle) if lower + part * (upper - lower) >= seen else (middle, high)
        return low if low > 1e-6 else 0.0

    # With gaps as small as the noise, that limit is too low: it is at least 1.645 standard errors above.
    least = 1 + 1.645 * float(np.sqrt(deviations @ deviations)) / seen
    return multiple(0.5), multiple(0.975), max(multiple(0.025), least)
