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
    """Return the bin of each row of a table, so that the bins weigh about the same and never divide a row."""
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
    """Return which share of a calibration error is real: the median-unbiased estimate, and its 95 % interval.

    Gaps of calibrated scores are not 0 but noise, and their absolute values add up. Gaps that are a multiple of those
    seen, plus noise, give a distribution of errors; the multiples are returned at which the error that was seen is the
    median, the 97.5 % and the 2.5 % quantile of it. For calibrated scores the lower limit is 0.

    Parameters
    ----------
    gaps : array, shape (bins,)
    deviations : array, shape (bins,)
        Standard errors of the gaps.
    draws : int
        Of the noise.
    """
    seen = float(np.abs(gaps).sum())
    if not seen > 0:
        return 0.0, 0.0, 0.0
    noise = deviations * normal(np.arange(draws), 0, "calibration", len(gaps))

    def multiple(share: float) -> float:
        low, high = 0.0, 1 + 5 * float(deviations.sum()) / seen
        for _ in range(45):
            middle = (low + high) / 2
            reached = np.quantile(np.abs(middle * gaps + noise).sum(axis=1), share) >= seen
            low, high = (low, middle) if reached else (middle, high)
        return low if low > 1e-6 else 0.0

    # Noise that is added to gaps of its own size leaves that limit too low: 1.645 standard errors are the least.
    least = 1 + 1.645 * float(np.sqrt(deviations @ deviations)) / seen
    return multiple(0.5), multiple(0.975), max(multiple(0.025), least)
