"""Scores of decisions, from counts (or weights) of right and wrong ones.

Arrays broadcast, so that a leading axis may run over the draws of a bootstrap or over thresholds. An undefined score is
NaN, except where scikit-learn gives 0: MCC with one class only.
"""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats, divide


def f_beta(precision: Floats, recall: Floats, beta: float) -> Floats:
    """Return the weighted harmonic mean of precision and recall; recall counts `beta` times as much."""
    return divide((1 + beta**2) * precision * recall, beta**2 * precision + recall, 0.0)


def accuracy(hits: Floats, support: Floats) -> Floats:
    """Return the share of rows whose class was decided correctly; the last axis runs over classes."""
    return divide(hits.sum(axis=-1), support.sum(axis=-1))


def balanced_accuracy(hits: Floats, support: Floats) -> Floats:
    """Return the mean recall over the classes that have rows."""
    present = np.maximum((support > 0).sum(axis=-1), 1)
    mean: Floats = np.nansum(divide(hits, support), axis=-1) / present
    return mean


def g_mean(hits: Floats, support: Floats) -> Floats:
    """Return the geometric mean of the recalls of the classes that have rows."""
    present = np.maximum((support > 0).sum(axis=-1), 1)
    recall = divide(hits, support)
    product = np.where(support > 0, np.nan_to_num(recall), 1.0).prod(axis=-1)
    mean: Floats = product ** (1.0 / present)
    return mean


def mcc(hits: Floats, predicted: Floats, support: Floats) -> Floats:
    """Return Matthews' correlation of decided and actual class.

    Parameters
    ----------
    hits, predicted, support : array, shape (..., classes)
        For each class: rows decided correctly, rows decided to be of it, rows of it.

    References
    ----------
    Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004.
    """
    total = support.sum(axis=-1, keepdims=True)
    spread_predicted = (predicted * (total - predicted)).sum(axis=-1)
    spread_support = (support * (total - support)).sum(axis=-1)
    return divide(_covariance(hits, predicted, support), np.sqrt(spread_predicted * spread_support), 0.0)


def kappa(hits: Floats, predicted: Floats, support: Floats) -> Floats:
    """Return Cohen's kappa; parameters are those of `mcc`."""
    total = support.sum(axis=-1, keepdims=True)
    chance = (predicted * (total - support)).sum(axis=-1)
    return divide(_covariance(hits, predicted, support), chance)


def _covariance(hits: Floats, predicted: Floats, support: Floats) -> Floats:
    total = support.sum(axis=-1, keepdims=True)
    covariance: Floats = (hits * total - predicted * support).sum(axis=-1)
    return covariance


def index_balanced_accuracy(recall: Floats, specificity: Floats, alpha: float = 0.1) -> Floats:
    """Return the squared G-mean, weighted by how much recall exceeds specificity.

    References
    ----------
    García, Mollineda, Sánchez, "Index of balanced accuracy", IbPRIA 2009.
    """
    return (1 + alpha * (recall - specificity)) * recall * specificity
