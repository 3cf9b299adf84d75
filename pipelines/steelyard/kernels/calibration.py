"""Fitting maps from scores to probabilities, on positives and negatives per distinct score."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats

EPSILON = 1e-15


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


def fit_platt(score: Floats, pos: Floats, neg: Floats, steps: int = 100) -> tuple[float, float]:
    """Return slope and intercept of a logistic regression of the smoothed targets on the scores' log odds.

    Newton's method; a step that doesn't lessen the loss is halved.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999; Lin, Lin, Weng, "A note on Platt's
    probabilistic outputs for support vector machines", Machine Learning 2007.
    """
    from scipy.special import expit  # tenths of a second of each command's start

    low, high = smoothed_targets(float(pos.sum()), float(neg.sum()))
    design = np.stack([log_odds(score), np.ones_like(score)], axis=1)
    size, hits = pos + neg, pos * high + neg * low
    rate = float(hits.sum() / size.sum())
    fit = np.array([0.0, np.log(rate / (1 - rate))])
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
    return float(fit[0]), float(fit[1])


def _logistic_loss(z: Floats, size: Floats, hits: Floats) -> float:
    return float(size @ np.logaddexp(0.0, z) - hits @ z)
