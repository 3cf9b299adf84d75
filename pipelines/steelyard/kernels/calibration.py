"""Fitting maps from scores to probabilities, on positives and negatives per distinct score."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats

EPSILON = 1e-15
LEAST_SLOPE = 1e-6
"""Slope of maps that would be flat or fall, so that they keep the order of the scores."""


def log_odds(p: Floats) -> Floats:
    """Return the log odds, with `p` kept away from 0 and 1."""
    from scipy.special import logit  # tenths of a second of each command's start

    found: Floats = logit(np.clip(p, EPSILON, 1 - EPSILON))
    return found


def smoothed_targets(positives: float, negatives: float) -> tuple[float, float]:
    """Return Platt's targets of negative and positive rows, which no finite sample makes 0 or 1.

    Examples
    --------
    >>> smoothed_targets(2, 8)
    (0.1, 0.75)
    """
    return 1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0)


def fit_platt(score: Floats, pos: Floats, neg: Floats) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression on the scores' log odds.

    Where the slope is not above 0, it is `LEAST_SLOPE`, and the intercept alone is fitted.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999; Lin, Lin, Weng, "A note on Platt's
    probabilistic outputs for support vector machines", Machine Learning 2007.
    """
    design = np.stack([log_odds(score), np.ones_like(score)], axis=1)
    slope, intercept = fit_logistic(design, pos, neg)
    if slope < LEAST_SLOPE:
        slope, intercept = LEAST_SLOPE, fit_logistic(design[:, 1:], pos, neg)[0]
    return float(slope), float(intercept)


def fit_temperature(score: Floats, pos: Floats, neg: Floats) -> float:
    """Return what the scores' log odds are multiplied by: one over the temperature.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    return float(fit_logistic(log_odds(score)[:, None], pos, neg)[0])


def fit_beta(score: Floats, pos: Floats, neg: Floats) -> tuple[float, float, float]:
    """Return a, b and c of the log odds a ln s - b ln(1 - s) + c. A slope below 0 is set to 0, and the rest fitted.

    Where both would be 0, they are `LEAST_SLOPE`.

    References
    ----------
    Kull, Silva Filho, Flach, "Beta calibration", AISTATS 2017.
    """
    kept = np.clip(score, EPSILON, 1 - EPSILON)
    design = np.stack([np.log(kept), -np.log1p(-kept), np.ones_like(kept)], axis=1)
    columns = [0, 1, 2]
    while True:
        found = np.zeros(3)
        found[columns] = fit_logistic(design[:, columns], pos, neg)
        falling = [i for i in columns[:-1] if found[i] < 0]
        if not falling:
            a, b, c = map(float, found)
            return (a, b, c) if max(a, b) > LEAST_SLOPE else (LEAST_SLOPE, LEAST_SLOPE, c)
        columns.remove(min(falling, key=lambda i: float(found[i])))


def fit_quadratic(score: Floats, pos: Floats, neg: Floats) -> tuple[float, float, float] | None:
    """Return a, b and c of the log odds a z² + b z + c, z those of the score; None where they fall between scores."""
    z = log_odds(score)
    a, b, c = fit_logistic(np.stack([np.square(z), z, np.ones_like(z)], axis=1), pos, neg)
    there = z[(pos + neg) > 0]
    rising = all(2 * a * end + b > 0 for end in (there.min(), there.max()))
    return (float(a), float(b), float(c)) if rising else None


def fit_logistic(design: Floats, pos: Floats, neg: Floats, steps: int = 100) -> Floats:
    """Return the coefficients of a logistic regression of Platt's smoothed targets.

    Newton's method; a step that doesn't lessen the loss is halved. It starts at the intercept alone where the last
    column is one.

    Parameters
    ----------
    design : array of float64, shape (n, d)
    pos, neg : array of float64, shape (n,)
        Weight of the positive and of the negative rows of each row of the design.
    steps : int, default 100
        At most.
    """
    from scipy.special import expit  # tenths of a second of each command's start

    low, high = smoothed_targets(float(pos.sum()), float(neg.sum()))
    size, hits = pos + neg, pos * high + neg * low
    rate = float(hits.sum() / size.sum())
    fit = np.zeros(design.shape[1])
    if (design[:, -1] == 1).all():
        fit[-1] = np.log(rate / (1 - rate))
    loss = _logistic_loss(design @ fit, size, hits)
    for _ in range(steps):
        p = expit(design @ fit)
        gradient = design.T @ (size * p - hits)
        curvature = (design * (size * p * (1 - p))[:, None]).T @ design
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        if float(gradient @ step) <= 1e-14 * float(size.sum()):
            break
        scale = 1.0
        while (new := _logistic_loss(design @ (fit - scale * step), size, hits)) > loss and scale > 1e-10:
            scale /= 2
        fit, loss = fit - scale * step, new
    found: Floats = fit
    return found


def _logistic_loss(z: Floats, size: Floats, hits: Floats) -> float:
    return float(size @ np.logaddexp(0.0, z) - hits @ z)
