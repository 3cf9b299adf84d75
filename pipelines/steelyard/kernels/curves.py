"""Areas under curves and points on them, from positives and negatives per distinct score.

Every function takes two arrays whose last axis runs over distinct scores from the highest to the lowest: the
weight of the positive and of the negative rows that have that score. So tied rows are always judged together.
Leading axes are independent tables, such as the draws of a bootstrap.
"""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Flags, Floats, divide


def precision_recall(pos: Floats, neg: Floats) -> tuple[Floats, Floats]:
    """Return precision and recall with the threshold at each distinct score."""
    tp, fp = np.cumsum(pos, axis=-1), np.cumsum(neg, axis=-1)
    return divide(tp, tp + fp), divide(tp, tp[..., -1:])


def average_precision(pos: Floats, neg: Floats) -> Floats:
    """Return the area under the precision-recall curve, as the sum of precision times gain in recall.

    Examples
    --------
    >>> float(average_precision(np.array([1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])))
    0.8333333333333333
    """
    precision, _ = precision_recall(pos, neg)
    return divide(np.nansum(pos * precision, axis=-1), pos.sum(axis=-1))


def average_precision_bounds(pos: Floats, neg: Floats, tied: Flags) -> tuple[Floats, Floats]:
    """Return the least and greatest area that is possible if rows which are not `tied` hide an unknown order.

    At best all positives of such a row come first, at one score; at worst all its negatives do, and the
    positives follow one by one: the sum of their precisions is then no less than the integral of
    t / (t + fp) over the positives t.
    """
    tp, fp = np.cumsum(pos, axis=-1), np.cumsum(neg, axis=-1)
    exact = divide(tp, tp + fp)
    best = np.where(tied, exact, divide(tp, tp + fp - neg))
    with np.errstate(divide="ignore", invalid="ignore"):
        integral = pos - np.where(fp > 0, fp * np.log((tp + fp) / (tp - pos + fp)), 0.0)
    worst = np.where(tied, pos * exact, integral)
    total = pos.sum(axis=-1)
    return divide(np.nansum(worst, axis=-1), total), divide(np.nansum(pos * best, axis=-1), total)


def roc_auc(pos: Floats, neg: Floats) -> Floats:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half."""
    above = np.cumsum(pos, axis=-1) - pos / 2
    return divide((neg * above).sum(axis=-1), pos.sum(axis=-1) * neg.sum(axis=-1))


def roc_auc_bounds(pos: Floats, neg: Floats, tied: Flags) -> tuple[Floats, Floats]:
    """Return the least and greatest possible area if rows which are not `tied` hide an unknown order."""
    loose = divide((np.where(tied, 0.0, pos * neg) / 2).sum(axis=-1), pos.sum(axis=-1) * neg.sum(axis=-1))
    middle = roc_auc(pos, neg)
    return middle - loose, middle + loose


def recall_at_precision(pos: Floats, neg: Floats, floor: float) -> Floats:
    """Return the highest recall of a threshold whose precision is at least `floor`; 0 where there is none."""
    precision, recall = precision_recall(pos, neg)
    allowed = np.nan_to_num(precision) >= floor
    return np.where(np.isnan(recall[..., -1]), np.nan, np.where(allowed, recall, 0.0).max(axis=-1))


def recall_at_precision_bound(pos: Floats, neg: Floats, floor: float) -> Floats:
    """Return the highest such recall that is possible if each row hides an unknown order.

    That is where all positives of a row come before its negatives. (The least is `recall_at_precision`.)
    """
    tp, fp = np.cumsum(pos, axis=-1), np.cumsum(neg, axis=-1)
    allowed = np.nan_to_num(divide(tp, tp + fp - neg)) >= floor
    return divide(np.where(allowed, tp, 0.0).max(axis=-1), tp[..., -1])


def precision_at_k(pos: Floats, neg: Floats, k: Floats | float) -> Floats:
    """Return the share of positives among the `k` highest scores, in expectation over ties at the cut."""
    size = pos + neg
    room = np.asarray(k, dtype=np.float64)[..., None] - (np.cumsum(size, axis=-1) - size)
    share = np.clip(divide(room, size), 0.0, 1.0)
    return divide(np.nansum(pos * share, axis=-1), np.asarray(k, dtype=np.float64))


def precision_at_k_bounds(pos: Floats, neg: Floats, k: float, tied: Flags) -> tuple[float, float]:
    """Return the least and greatest possible such share if rows which are not `tied` hide an order."""
    size = pos + neg
    end = np.cumsum(size)
    middle = float(precision_at_k(pos, neg, k))
    at = int(np.searchsorted(end, k))
    if at >= len(size) or tied[at] or not k > 0:
        return middle, middle
    room, before = k - (end[at] - size[at]), pos[:at].sum()
    return float(before + max(0.0, room - neg[at])) / k, float(before + min(room, pos[at])) / k
