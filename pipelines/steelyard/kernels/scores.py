"""Scores of decisions, from counts (or weights) of what was decided.

Arrays broadcast, so that a leading axis may run over the draws of a bootstrap. What is undefined is NaN, but
for what scikit-learn sets to 0: precision without alarms, and MCC with one class only.
"""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats, divide


def f_beta(precision: Floats, recall: Floats, beta: float) -> Floats:
    """Return the weighted harmonic mean of precision and recall; recall counts `beta` times as much."""
    return divide((1 + beta**2) * precision * recall, beta**2 * precision + recall, 0.0)


def class_scores(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> dict[str, Floats]:
    """Return precision, recall, F1, F2 and specificity of one class against the rest."""
    precision, recall = divide(tp, tp + fp, 0.0), divide(tp, tp + fn)
    return {
        "precision": precision,
        "recall": recall,
        "f1": f_beta(precision, recall, 1.0),
        "f2": f_beta(precision, recall, 2.0),
        "specificity": divide(tn, tn + fp),
    }


def decision_scores(hits: Floats, predicted: Floats, support: Floats) -> dict[str, Floats]:
    """Return accuracy, balanced accuracy, G-mean, MCC and Cohen's kappa over all classes.

    Parameters
    ----------
    hits, predicted, support : array, shape (..., classes)
        For each class: rows decided rightly, rows decided to be of it, rows that are of it. A class without
        support is left out of the means.

    References
    ----------
    Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004 (MCC).
    """
    total = support.sum(axis=-1, keepdims=True)
    recall = divide(hits, support)
    classes = np.maximum((support > 0).sum(axis=-1), 1)
    product = np.where(support > 0, np.nan_to_num(recall), 1.0).prod(axis=-1)
    covariance = (hits * total - predicted * support).sum(axis=-1)
    spread_predicted = (predicted * (total - predicted)).sum(axis=-1)
    spread_support = (support * (total - support)).sum(axis=-1)
    chance = (predicted * (total - support)).sum(axis=-1)
    return {
        "accuracy": divide(hits.sum(axis=-1), total[..., 0]),
        "balanced_accuracy": np.nansum(recall, axis=-1) / classes,
        "g_mean": product ** (1.0 / classes),
        "mcc": divide(covariance, np.sqrt(spread_predicted * spread_support), 0.0),
        "kappa": divide(covariance, chance),
    }


def index_balanced_accuracy(recall: Floats, specificity: Floats, alpha: float = 0.1) -> Floats:
    """Return the squared G-mean, weighted by how much recall exceeds specificity.

    References
    ----------
    García, Mollineda, Sánchez, "Index of balanced accuracy", IbPRIA 2009.
    """
    return (1 + alpha * (recall - specificity)) * recall * specificity
