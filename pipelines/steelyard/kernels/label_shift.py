"""Estimate the prevalence among unlabelled rows from scores, assuming label shift, and check the assumption.

Label shift: the classes' shares change, the distribution of scores within each class does not. All functions work on
counts in score bins, for many draws of a bootstrap at once: arrays of shape (draws, bins).

References
----------
Saerens, Latinne, Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural
Computation 14, 2002.
Lipton, Wang, Smola, "Detecting and correcting for label shift with black box predictors", ICML 2018.
Alexandari, Kundaje, Shrikumar, "Maximum likelihood with bias-corrected calibration is hard-to-beat at label shift
adaptation", ICML 2020.
"""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats, divide

_HALVINGS = 50
_NEWTON_STEPS = 40
_LARGEST_STEP = 4.0


def logistic_probabilities(z: Floats, pos: Floats, neg: Floats) -> Floats:
    """Return the probability of the positive class in each bin, by a logistic regression on `z` in each draw.

    Platt's smoothed targets keep the slope finite where the classes do not overlap.

    Parameters
    ----------
    z : array of float64, shape (bins,)
        Log odds of the score.
    pos, neg : array of float64, shape (draws, bins)
        Weight of positive and negative rows.
    """
    from scipy.special import expit  # tenths of a second of each command's start

    positives, negatives = pos.sum(axis=1, keepdims=True), neg.sum(axis=1, keepdims=True)
    size, hits = pos + neg, pos * (positives + 1) / (positives + 2) + neg / (negatives + 2)
    total = size.sum(axis=1)
    centre = divide(size @ z, total, 0.0)[:, None]
    x = z[None, :] - centre
    rate = divide(hits.sum(axis=1), total, 0.5)
    slope, intercept = np.zeros(len(pos)), np.log(rate) - np.log1p(-rate)
    for _ in range(_NEWTON_STEPS):
        p = expit(slope[:, None] * x + intercept[:, None])
        curvature = size * p * (1 - p)
        error = hits - size * p
        g0, g1 = error.sum(axis=1), (error * x).sum(axis=1)
        h0, h1, h2 = curvature.sum(axis=1), (curvature * x).sum(axis=1), (curvature * x * x).sum(axis=1)
        determinant = h0 * h2 - h1 * h1
        steps = divide(h0 * g1 - h1 * g0, determinant, 0.0), divide(h2 * g0 - h1 * g1, determinant, 0.0)
        limited = [np.clip(s, -_LARGEST_STEP, _LARGEST_STEP) for s in steps]
        slope, intercept = slope + limited[0], intercept + limited[1]
        if max(np.abs(s).max(initial=0.0) for s in limited) < 1e-10:
            break
    found: Floats = expit(slope[:, None] * x + intercept[:, None])
    return found


def likelihood_prevalence(p: Floats, prevalence: Floats, new: Floats) -> Floats:
    """Return the prevalence that maximises the likelihood of the new rows' scores, in each draw.

    The log likelihood of a prevalence q is the sum of ln(q·p/π + (1 - q)·(1 - p)/(1 - π)). It is concave, so its
    derivative is bisected. Where it falls or rises everywhere, the prevalence is exactly 0 or 1.

    Parameters
    ----------
    p : array of float64, shape (draws, bins)
        Probability of the positive class at the reference's prevalence π.
    prevalence : array of float64, shape (draws,)
        π, in (0, 1).
    new : array of float64, shape (draws, bins)
        Weight of the new rows.
    """
    one, other = p / prevalence[:, None], (1 - p) / (1 - prevalence[:, None])
    difference = one - other
    low, high = np.zeros(len(p)), np.ones(len(p))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = (new * difference / (other + middle[:, None] * difference)).sum(axis=1)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    return np.where(low == 0, 0.0, np.where(high == 1, 1.0, (low + high) / 2))


def threshold_prevalence(alarms: Floats, recall: Floats, false_alarms: Floats) -> Floats:
    """Return the prevalence by one threshold (BBSE): (q - FPR) / (TPR - FPR), which may be outside [0, 1].

    Parameters
    ----------
    alarms, recall, false_alarms : array of float64
        Share of alarms among the new rows, among the reference's positive and among its negative rows.

    Examples
    --------
    >>> float(threshold_prevalence(np.array([0.1]), np.array([0.8]), np.array([0.02]))[0].round(4))
    0.1026
    """
    gap = recall - false_alarms
    return np.where(np.abs(gap) > 0, divide(alarms - false_alarms, np.abs(gap)) * np.sign(gap), np.nan)
